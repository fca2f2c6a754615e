// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_PIPELINED_CONNECTION_HPP
#define AGENTSTORE_DETAIL_POSTGRES_PIPELINED_CONNECTION_HPP

// A connection in libpq's pipeline mode. Requests are sent as they come, and their responses come
// in the same order. Each request is a transaction of its own: up to a Sync message, or with its
// own BEGIN and COMMIT if the connection has no session.
//
// Invariant: no statement runs here that this connection did not send itself. A pooler may hand the
// connection to another server, or to a server where others have left statements. The name of a
// statement therefore says what it is, and counts only when its preparation was seen to succeed.
//
// Invariant: an idle connection has no handler on the executor, so that the executor can run out of
// work.

#include <agentstore/detail/postgres/cancel_request.hpp>
#include <agentstore/detail/postgres/connection.hpp>
#include <agentstore/detail/postgres/pending_request.hpp>
#include <agentstore/detail/postgres/pool_decisions.hpp>
#include <agentstore/detail/postgres/statement_name.hpp>

#include <deque>
#include <unordered_map>

namespace agentstore::detail::postgres {

class PipelinedConnection : public std::enable_shared_from_this<PipelinedConnection> {
public:
  /// The owner hears, on the strand, what happens on the connection.
  class Owner {
  public:
    virtual ~Owner() = default;
    /// The server has answered. A failure may be one that is worth a second attempt.
    virtual void on_response(PipelinedConnection& connection,
                             std::shared_ptr<PendingRequest> request, Response response) = 0;
    /// A request has ended, so that there is room for another one.
    virtual void on_room(PipelinedConnection& connection) = 0;
    /// The connection is lost, and with it these requests, the oldest first.
    virtual void on_lost(PipelinedConnection& connection,
                         std::vector<std::shared_ptr<PendingRequest>> requests) = 0;
  };

  /// Takes over an open connection. Throws Failure.
  PipelinedConnection(std::shared_ptr<Connection> connection, std::string schema,
                      std::weak_ptr<Owner> owner)
      : connection_(std::move(connection)), owner_(std::move(owner)) {
    char* const quoted = PQescapeIdentifier(connection_->get(), schema.data(), schema.size());
    if (quoted == nullptr || PQenterPipelineMode(connection_->get()) == 0) {
      PQfreemem(quoted);
      throw Failure(errc::unavailable,
                    "libpq cannot pipeline requests on a connection: " + connection_->error());
    }
    schema_ = quoted;
    PQfreemem(quoted);
  }

  /// How many requests are on the connection.
  std::size_t depth() const { return depth_; }
  bool is_idle() const { return segments_.empty(); }
  /// Asks the server to stop what it is at for this connection.
  /// Requires: the connection is not closed.
  void interrupt() {
    if (!cancel_request_) {
      cancel_request_.emplace(connection_->get());
    }
    cancel_request_->send();
  }
  bool is_closed() const { return connection_->is_closed(); }
  bool has_session() const { return connection_->has_session(); }
  bool uses_tls() const { return PQsslInUse(connection_->get()) != 0; }
  int server_version() const { return PQserverVersion(connection_->get()); }

  /// Until when the oldest request waits for its response.
  std::optional<PendingRequest::Clock::time_point> deadline() const {
    return segments_.empty() ? std::nullopt : std::optional(segments_.front().request->deadline());
  }

  /// Since when the oldest request waits for its response alone, those before it being done.
  PendingRequest::Clock::time_point waits_since() const { return waits_since_; }
  /// How many small requests came after the last large one.
  std::size_t small_ones_since() const { return small_ones_; }
  bool has_grown() const { return has_grown_; }

  /// The time of the oldest request begins now.
  void restart_time(PendingRequest::Clock::time_point deadline) {
    if (!segments_.empty()) {
      segments_.front().request->set_deadline(deadline);
    }
  }

  /// Whether the server still holds an idle connection. To know it takes two system calls, so a
  /// connection that has just answered is taken to be usable.
  bool is_usable() const {
    const bool has_just_answered =
        PendingRequest::Clock::now() - idle_since < std::chrono::milliseconds(1);
    return !connection_->is_closed() && (has_just_answered || connection_->is_alive());
  }

  void send(std::shared_ptr<PendingRequest> request) {
    if (is_idle()) {
      waits_since_ = PendingRequest::Clock::now();
    }
    Segment& segment = segments_.emplace_back();
    segment.request = std::move(request);
    ++depth_;
    const bool is_sent = connection_->has_session()
                             ? send_in_session(segment) && sync(segment)
                             : send_without_session(segment) && sync(segment) &&
                                   send_control("COMMIT", "") && sync(segment);
    if (!is_sent) {
      return lose();
    }
    flush();
    read();
  }

  /// Takes in what the TLS library holds back, which no wait for the socket sees.
  void poll() {
    if (!is_idle() && uses_tls()) {
      on_readable();
    }
  }

  /// Why it was closed.
  Failure failure() const { return connection_->failure(); }

  /// Ends the connection at once. The requests on it are forgotten, not finished.
  void close(const std::string& reason, boost::system::error_condition cause = {}) {
    connection_->close(reason, cause);
    segments_.clear();
    depth_ = 0;
  }

  std::vector<std::shared_ptr<PendingRequest>> requests() const {
    std::vector<std::shared_ptr<PendingRequest>> all;
    for (const Segment& segment : segments_) {
      all.push_back(segment.request);
    }
    return all;
  }

  /// For the pool: nothing more is sent on it, and it is closed when it is idle.
  bool is_retiring = false;
  /// For the pool: the server was asked to stop what the connection is at.
  bool was_interrupted = false;
  /// For the pool: the server is being asked to stop, again and again.
  bool is_being_interrupted = false;
  PendingRequest::Clock::time_point idle_since = PendingRequest::Clock::now();

private:
  using Wait = boost::asio::posix::stream_descriptor;

  /// A statement as this connection sends it.
  class Known {
  public:
    enum class State {
      unnamed,  ///< the server has no name for it
      sent,     ///< its preparation is on its way
      prepared, ///< the server has prepared it
    };
    std::string sql;
    std::string name;
    State state = State::unnamed;
  };

  /// A request with all that is sent for it. The server's results come in the order of the members.
  class Segment {
  public:
    std::shared_ptr<PendingRequest> request;
    std::vector<Known*> preparations;
    /// Statements that begin the transaction.
    std::size_t controls = 0;
    std::size_t results = 0;
    std::size_t bytes = 0;
    /// How many Sync messages the server has yet to answer.
    unsigned syncs = 0;
    Response response;
  };

  Known& know(const Statement& statement) {
    Known& known = known_[&statement];
    if (known.sql.empty()) {
      known.sql = with_schema(statement.sql, schema_);
      known.name = statement_name(known.sql, statement.types);
    }
    return known;
  }

  bool send_in_session(Segment& segment) {
    // A preparation goes up to the same Sync as the execution, which the server skips if the
    // preparation fails.
    for (const auto& [statement, parameters] : segment.request->request.steps) {
      Known& known = know(*statement);
      if (known.state == Known::State::unnamed) {
        if (PQsendPrepare(connection_->get(), known.name.c_str(), known.sql.c_str(),
                          static_cast<int>(statement->types.size()),
                          statement->types.data()) == 0) {
          return false;
        }
        known.state = Known::State::sent;
        segment.preparations.push_back(&known);
      }
    }
    return execute_all(segment);
  }

  /// Sets for the transaction what Connection::open sets for a session.
  bool send_without_session(Segment& segment) {
    segment.controls = 2;
    return send_control("BEGIN ISOLATION LEVEL READ COMMITTED", "") &&
           send_control(Connection::local_settings, connection_->statement_timeout().c_str()) &&
           execute_all(segment);
  }

  bool send_control(const char* sql, const char* parameter) {
    return PQsendQueryParams(connection_->get(), sql, *parameter == '\0' ? 0 : 1, nullptr,
                             &parameter, nullptr, nullptr, 0) != 0;
  }

  bool execute_all(const Segment& segment) {
    return std::all_of(
        segment.request->request.steps.begin(), segment.request->request.steps.end(),
        [this, &segment](const auto& step) { return execute(segment, *step.first, step.second); });
  }

  bool execute(const Segment& segment, const Statement& statement, const Parameters& parameters) {
    const std::size_t count = parameters.values().size();
    values_.clear();
    lengths_.clear();
    formats_.assign(count, 1); // all binary
    for (const std::string& value : parameters.values()) {
      values_.push_back(value.data());
      lengths_.push_back(static_cast<int>(value.size()));
    }
    Known& known = know(statement);
    // A name whose preparation is still on its way with an earlier request does not count yet.
    const bool is_named = known.state == Known::State::prepared ||
                          std::find(segment.preparations.begin(), segment.preparations.end(),
                                    &known) != segment.preparations.end();
    if (is_named) {
      return PQsendQueryPrepared(connection_->get(), known.name.c_str(), static_cast<int>(count),
                                 values_.data(), lengths_.data(), formats_.data(), 1) != 0;
    }
    return PQsendQueryParams(connection_->get(), known.sql.c_str(), static_cast<int>(count),
                             statement.types.data(), values_.data(), lengths_.data(),
                             formats_.data(), 1) != 0;
  }

  bool sync(Segment& segment) {
    ++segment.syncs;
    return PQpipelineSync(connection_->get()) != 0;
  }

  void flush() {
    const int left = PQflush(connection_->get());
    if (left < 0) {
      return lose();
    }
    if (left > 0 && !is_writing_) {
      is_writing_ = true;
      connection_->async_wait(Wait::wait_write,
                              [self = shared_from_this()](const boost::system::error_code&) {
                                self->is_writing_ = false;
                                if (!self->connection_->is_closed()) {
                                  self->flush();
                                }
                              });
    }
  }

  void read() {
    if (is_reading_ || is_idle() || connection_->is_closed()) {
      return;
    }
    is_reading_ = true;
    connection_->async_wait(Wait::wait_read,
                            [self = shared_from_this()](const boost::system::error_code&) {
                              self->is_reading_ = false;
                              if (!self->connection_->is_closed()) {
                                self->on_readable();
                              }
                            });
  }

  void on_readable() {
    const bool is_whole = connection_->consume();
    // Results that came before a connection broke count too.
    take_results();
    if (connection_->is_closed()) {
      return;
    }
    if (!is_whole || PQstatus(connection_->get()) == CONNECTION_BAD) {
      return lose();
    }
    // `poll` may have taken in the last response while a wait for the socket was still on.
    if (is_idle() && (is_writing_ || is_reading_)) {
      connection_->cancel_waits();
    }
    read();
  }

  void take_results() {
    const auto self = shared_from_this(); // the owner may let go of it
    unsigned nulls = 0;
    while (!connection_->is_closed() && !is_idle() && PQisBusy(connection_->get()) == 0) {
      Rows rows(PQgetResult(connection_->get()));
      if (rows.get() == nullptr) {
        // One null ends the results of a statement. A second one says that no more have come.
        if (++nulls > 1) {
          return;
        }
        continue;
      }
      nulls = 0;
      take(std::move(rows));
    }
  }

  void take(Rows rows) {
    Segment& segment = segments_.front();
    const ExecStatusType status = PQresultStatus(rows.get());
    if (status == PGRES_PIPELINE_SYNC) {
      if (--segment.syncs == 0) {
        finish_segment();
      }
      return;
    }
    const std::size_t at = segment.results++;
    segment.bytes += PQresultMemorySize(rows.get());
    const std::size_t first = segment.preparations.size() + segment.controls;
    const bool is_success = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!is_success) {
      // After a failure the server skips the rest, and ends a transaction without applying it.
      if (status != PGRES_PIPELINE_ABORTED && !segment.response.failure) {
        segment.response.failure = failure_of(rows.get());
      }
    } else if (at < segment.preparations.size()) {
      segment.preparations[at]->state = Known::State::prepared;
    } else if (at >= first && at < first + segment.request->request.steps.size()) {
      segment.response.rows.push_back(std::move(rows));
    }
  }

  void finish_segment() {
    Segment segment = std::move(segments_.front());
    segments_.pop_front();
    for (Known* const each : segment.preparations) {
      if (each->state == Known::State::sent) {
        each->state = Known::State::unnamed;
      }
    }
    --depth_;
    for (const auto& [statement, parameters] : segment.request->request.steps) {
      segment.bytes += parameters.bytes();
    }
    const bool is_large = segment.bytes >= large_bytes;
    has_grown_ = has_grown_ || is_large;
    small_ones_ = is_large ? 0 : small_ones_ + 1;
    waits_since_ = PendingRequest::Clock::now();
    if (is_idle()) {
      idle_since = waits_since_;
    }
    if (const auto owner = owner_.lock()) {
      owner->on_response(*this, std::move(segment.request), std::move(segment.response));
      owner->on_room(*this);
    }
  }

  /// Closes a connection that has failed, and hands its requests back.
  void lose() {
    const auto self = shared_from_this();
    std::vector<std::shared_ptr<PendingRequest>> lost = requests();
    Failure why = connection_->failure();
    for (const Segment& segment : segments_) {
      if (segment.response.failure) {
        why = *segment.response.failure; // the server said why it ends the connection
        break;
      }
    }
    if (why.reason.empty()) {
      why.reason = "the connection is lost";
    }
    close(why.reason, why.cause);
    if (const auto owner = owner_.lock()) {
      owner->on_lost(*this, std::move(lost));
    }
  }

  std::shared_ptr<Connection> connection_;
  std::weak_ptr<Owner> owner_;
  std::string schema_;
  std::optional<CancelRequest> cancel_request_;
  std::unordered_map<const Statement*, Known> known_; // its elements stay where they are
  std::deque<Segment> segments_;
  std::size_t depth_ = 0;
  std::size_t small_ones_ = 0;
  bool has_grown_ = false;
  PendingRequest::Clock::time_point waits_since_;
  bool is_reading_ = false;
  bool is_writing_ = false;
  // Kept from one call to the next for their memory.
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

} // namespace agentstore::detail::postgres

#endif
