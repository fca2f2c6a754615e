// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_PIPELINE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_PIPELINE_HPP

// A connection in libpq's pipeline mode: operations are sent as they come, each with a sync of its
// own, so that each is a transaction of its own, and answered in that order.
//
// While nothing is under way there is nothing on the executor either.

#include <agentstore/detail/postgres/link.hpp>
#include <agentstore/detail/postgres/operation.hpp>

#include <deque>
#include <unordered_map>

namespace agentstore::detail::postgres {

class Pipeline : public std::enable_shared_from_this<Pipeline> {
public:
  /// Who hears of it, on the strand.
  class Owner {
  public:
    virtual ~Owner() = default;
    /// The server has answered. A failure may be one that is worth a second try.
    virtual void answered(Pipeline& pipeline, std::shared_ptr<Operation> operation,
                          Answer answer) = 0;
    /// Something has come to an end: there is room again.
    virtual void progressed(Pipeline& pipeline) = 0;
    /// The connection is gone, with these operations on it.
    virtual void broke(Pipeline& pipeline, std::vector<std::shared_ptr<Operation>> operations) = 0;
  };

  Pipeline(std::shared_ptr<Link> link, std::string schema, std::weak_ptr<Owner> owner)
      : link_(std::move(link)), owner_(std::move(owner)) {
    char* const quoted = PQescapeIdentifier(link_->get(), schema.data(), schema.size());
    if (quoted == nullptr || PQenterPipelineMode(link_->get()) == 0) {
      PQfreemem(quoted);
      throw Failure(errc::unavailable, link_->error());
    }
    schema_ = quoted;
    PQfreemem(quoted);
  }

  /// How many operations are under way.
  std::size_t depth() const { return operations_; }
  bool is_idle() const { return under_way_.empty(); }
  int server_process() const { return PQbackendPID(link_->get()); }
  bool uses_tls() const { return PQsslInUse(link_->get()) != 0; }
  int server_version() const { return PQserverVersion(link_->get()); }

  /// Until when the oldest operation under way waits for its answer.
  std::optional<Operation::Clock::time_point> deadline() const {
    for (const Unit& unit : under_way_) {
      if (unit.operation) {
        return unit.operation->deadline;
      }
    }
    return std::nullopt;
  }

  /// An idle connection that the server has closed meanwhile is found out by a look at its socket,
  /// which one that has only just answered is spared.
  bool is_usable() const {
    const bool has_just_answered =
        Operation::Clock::now() - idle_since < std::chrono::milliseconds(1);
    return !link_->is_shut() && (has_just_answered || link_->is_alive());
  }

  void send(std::shared_ptr<Operation> operation) {
    for (const auto& [statement, parameters] : operation->request.steps) {
      if (!names_.contains(statement) && !prepare(*statement)) {
        return broken_with(std::move(operation));
      }
    }
    for (const auto& [statement, parameters] : operation->request.steps) {
      if (!execute(*statement, parameters)) {
        return broken_with(std::move(operation));
      }
    }
    Unit unit;
    unit.operation = std::move(operation);
    under_way_.push_back(std::move(unit));
    ++operations_;
    if (PQpipelineSync(link_->get()) == 0) {
      return break_off();
    }
    flush();
    read();
  }

  /// Takes in what a TLS library may have kept to itself.
  void look() {
    if (!is_idle() && uses_tls()) {
      on_readable();
    }
  }

  /// Why it was shut.
  const std::string& reason() const { return link_->reason(); }

  /// Ends the connection at once, whatever is under way.
  void shut(const std::string& reason) {
    link_->shut(reason);
    under_way_.clear();
    operations_ = 0;
  }

  std::vector<std::shared_ptr<Operation>> operations() const {
    std::vector<std::shared_ptr<Operation>> all;
    for (const Unit& unit : under_way_) {
      if (unit.operation) {
        all.push_back(unit.operation);
      }
    }
    return all;
  }

  /// For the pool: no new operation is to be sent, the connection goes when it is idle.
  bool is_retiring = false;
  Operation::Clock::time_point idle_since = Operation::Clock::now();

private:
  using Wait = boost::asio::posix::stream_descriptor;

  /// What is sent up to one sync: an operation, or a statement to prepare.
  class Unit {
  public:
    std::shared_ptr<Operation> operation;
    const Statement* prepared = nullptr;
    Answer answer;
  };

  /// A sync of its own, so that no failure of an operation takes it along.
  bool prepare(const Statement& statement) {
    const std::string name = "agentstore_" + std::to_string(++last_name_);
    const std::string sql = with_schema(statement.sql, schema_);
    if (PQsendPrepare(link_->get(), name.c_str(), sql.c_str(),
                      static_cast<int>(statement.types.size()), statement.types.data()) == 0 ||
        PQpipelineSync(link_->get()) == 0) {
      return false;
    }
    names_[&statement] = name;
    Unit unit;
    unit.prepared = &statement;
    under_way_.push_back(std::move(unit));
    return true;
  }

  bool execute(const Statement& statement, const Parameters& parameters) {
    const std::size_t count = parameters.values().size();
    values_.clear();
    lengths_.clear();
    formats_.assign(count, 1); // all binary
    for (const std::string& value : parameters.values()) {
      values_.push_back(value.data());
      lengths_.push_back(static_cast<int>(value.size()));
    }
    return PQsendQueryPrepared(link_->get(), names_[&statement].c_str(), static_cast<int>(count),
                               values_.data(), lengths_.data(), formats_.data(), 1) != 0;
  }

  void flush() {
    const int left = PQflush(link_->get());
    if (left < 0) {
      return break_off();
    }
    if (left > 0 && !is_writing_) {
      is_writing_ = true;
      link_->async_wait(Wait::wait_write,
                        [self = shared_from_this()](const boost::system::error_code&) {
                          self->is_writing_ = false;
                          if (!self->link_->is_shut()) {
                            self->flush();
                          }
                        });
    }
  }

  void read() {
    if (is_reading_ || is_idle() || link_->is_shut()) {
      return;
    }
    is_reading_ = true;
    link_->async_wait(Wait::wait_read,
                      [self = shared_from_this()](const boost::system::error_code&) {
                        self->is_reading_ = false;
                        if (!self->link_->is_shut()) {
                          self->on_readable();
                        }
                      });
  }

  void on_readable() {
    const bool is_whole = link_->consume();
    // Also of a connection that has just broken: what came before counts.
    take_results();
    if (link_->is_shut()) {
      return;
    }
    if (!is_whole || PQstatus(link_->get()) == CONNECTION_BAD) {
      return break_off();
    }
    // A look from outside may have taken in what a wait is still under way for.
    if (is_idle() && (is_writing_ || is_reading_)) {
      link_->cancel_waits();
    }
    read();
  }

  void take_results() {
    const auto self = shared_from_this(); // the owner may let go of it
    unsigned nothing = 0;
    while (!link_->is_shut() && !is_idle() && PQisBusy(link_->get()) == 0) {
      Rows rows(PQgetResult(link_->get()));
      if (rows.get() == nullptr) {
        // One stands between two statements; more than that, and there is nothing to come.
        if (++nothing > 1) {
          return;
        }
        continue;
      }
      nothing = 0;
      take(std::move(rows));
    }
  }

  void take(Rows rows) {
    Unit& unit = under_way_.front();
    switch (PQresultStatus(rows.get())) {
    case PGRES_PIPELINE_SYNC:
      finish_unit();
      break;
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      unit.answer.rows.push_back(std::move(rows));
      break;
    case PGRES_PIPELINE_ABORTED:
      break; // what came before it has the reason
    default:
      if (!unit.answer.failure) {
        unit.answer.failure = failure_of(rows.get());
      }
      break;
    }
  }

  void finish_unit() {
    Unit unit = std::move(under_way_.front());
    under_way_.pop_front();
    if (unit.prepared != nullptr) {
      if (unit.answer.failure) {
        names_.erase(unit.prepared);
        prepare_failure_ = unit.answer.failure->reason;
      }
      return;
    }
    --operations_;
    if (unit.answer.failure && !prepare_failure_.empty()) {
      unit.answer.failure->reason = std::exchange(prepare_failure_, std::string());
    }
    if (is_idle()) {
      idle_since = Operation::Clock::now();
    }
    if (const auto owner = owner_.lock()) {
      owner->answered(*this, std::move(unit.operation), std::move(unit.answer));
      owner->progressed(*this);
    }
  }

  void broken_with(std::shared_ptr<Operation> operation) {
    Unit unit;
    unit.operation = std::move(operation);
    under_way_.push_back(std::move(unit));
    break_off();
  }

  /// The connection is of no use any more.
  void break_off() {
    const auto self = shared_from_this();
    std::vector<std::shared_ptr<Operation>> lost = operations();
    std::string reason;
    for (const Unit& unit : under_way_) {
      if (unit.answer.failure) {
        reason = unit.answer.failure->reason; // the server said why it goes
        break;
      }
    }
    if (reason.empty()) {
      reason = link_->error();
    }
    if (reason.empty()) {
      reason = "the connection is lost";
    }
    shut(reason);
    if (const auto owner = owner_.lock()) {
      owner->broke(*this, std::move(lost));
    }
  }

  std::shared_ptr<Link> link_;
  std::weak_ptr<Owner> owner_;
  std::string schema_;
  std::unordered_map<const Statement*, std::string> names_;
  std::uint64_t last_name_ = 0;
  std::string prepare_failure_;
  std::deque<Unit> under_way_;
  std::size_t operations_ = 0;
  bool is_reading_ = false;
  bool is_writing_ = false;
  // Kept for their memory.
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

} // namespace agentstore::detail::postgres

#endif
