// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_CONNECTION_HPP
#define AGENTSTORE_DETAIL_REDIS_CONNECTION_HPP

// A connection on which commands are sent as they come, and replies come in the same order. hiredis
// writes the one and reads the other; the stream is Asio's.
//
// Invariant: an idle connection has no handler on the executor, so that the executor can run out of
// work.

#include <agentstore/detail/deadline.hpp>
#include <agentstore/detail/redis/confirmation.hpp>
#include <agentstore/detail/redis/pending_request.hpp>
#include <agentstore/detail/redis/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <deque>
#include <unordered_set>

namespace agentstore::detail::redis {

class Connection : public std::enable_shared_from_this<Connection> {
public:
  using Clock = PendingRequest::Clock;

  /// The owner hears, on the strand, what happens on the connection.
  class Owner {
  public:
    virtual ~Owner() = default;
    /// No request is on the connection any more.
    virtual void on_idle(const std::shared_ptr<Connection>& connection) = 0;
    /// The connection is lost, and with it these requests, the oldest first.
    virtual void on_lost(const std::shared_ptr<Connection>& connection,
                         std::vector<PendingPtr> requests) = 0;
  };

  /// \param replicas how many replicas are to have a script's writes before the script has its
  /// reply.
  Connection(boost::asio::any_io_executor strand, std::chrono::milliseconds time_for_answer,
             std::size_t replicas)
      : strand_(strand), time_for_answer_(time_for_answer), replicas_(replicas), stream_(strand),
        timer_(strand), reader_(::redisReaderCreate()) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() = default;

  boost::asio::any_io_executor strand() const { return strand_; }
  Stream& stream() { return stream_; }
  void set_owner(std::weak_ptr<Owner> owner) { owner_ = std::move(owner); }

  bool is_idle() const { return slots_.empty() && unconfirmed_.empty(); }
  bool is_closed() const { return is_closed_; }
  /// Takes no further request.
  bool is_retiring() const { return is_retiring_; }
  void retire() { is_retiring_ = true; }
  /// Why it was closed.
  Failure failure() const { return Failure(errc::unavailable, reason_, cause_); }

  /// Whether the server still holds an idle connection. To know it takes a system call, so a
  /// connection that has just answered is taken to be usable.
  bool is_usable() {
    if (is_closed_ || is_retiring_) {
      return false;
    }
    if (!is_idle() || Clock::now() - last_heard_ < std::chrono::milliseconds(1)) {
      return true;
    }
    return stream_.is_quiet();
  }

  void send(PendingPtr request) {
    if (is_closed_) {
      return request->fail(failure());
    }
    request->mark_sent(weak_from_this(), deadline_after(Clock::now(), time_for_answer_));
    for (std::size_t i = 0; i < request->request.commands.size(); ++i) {
      write(request, i, false);
    }
    flush();
    read();
    arm_timer(request->deadline());
  }

  /// Cancels a request of the connection's own, while the connection is being opened.
  void cancel(const PendingPtr& request) { request->fail(Failure::cancellation()); }

  /// Ends the connection at once. The requests on it are forgotten, not finished.
  void close(std::string reason, boost::system::error_condition cause = {}) {
    if (is_closed_) {
      return;
    }
    is_closed_ = true;
    reason_ = std::move(reason);
    cause_ = cause;
    stream_.close();
    timer_.cancel();
    slots_.clear();
    unconfirmed_.clear();
  }

  /// Closes a connection that is of no further use, and hands its requests back.
  void lose(std::string reason, boost::system::error_condition cause = {});

private:
  /// A command whose reply is to come.
  class Slot {
  public:
    Slot(PendingPtr of, std::size_t at, bool is_announced = false)
        : request(std::move(of)), index(at), is_announcement(is_announced) {}

    PendingPtr request;
    std::size_t index;
    /// Whether the reply is to the ASKING before the command. That reply says nothing.
    bool is_announcement;
  };

  class FreeReader {
  public:
    void operator()(redisReader* reader) const { ::redisReaderFree(reader); }
  };

  /// Held by a handler while it waits. Requests and their connection own each other through the
  /// coroutines that wait. If the io_context is destroyed first, the destructor breaks the cycle.
  class Waiting {
  public:
    explicit Waiting(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
    Waiting(Waiting&&) = default;
    Waiting& operator=(Waiting&&) = delete;
    ~Waiting() {
      if (connection_) {
        const auto abandoned = std::exchange(connection_->slots_, {});
        const auto unconfirmed = std::exchange(connection_->unconfirmed_, {});
      }
    }

    std::shared_ptr<Connection> end() { return std::move(connection_); }

  private:
    std::shared_ptr<Connection> connection_;
  };

  // Writing

  void write(const PendingPtr& request, std::size_t index, bool with_text) {
    const Command& command = request->request.commands[index];
    if (command.asks_importer) {
      words_.assign(1, "ASKING");
      append_words();
      slots_.emplace_back(request, index, true);
    }
    words_.clear();
    const std::string keys = std::to_string(command.keys);
    if (command.script != nullptr) {
      words_.emplace_back(with_text ? "EVAL" : "EVALSHA");
      words_.emplace_back(with_text ? command.script->text : command.script->digest);
      words_.emplace_back(keys);
    }
    words_.insert(words_.end(), command.words.begin(), command.words.end());
    append_words();
    slots_.emplace_back(request, index);
    if (replicas_ != 0 && command.writes()) {
      request->expect_confirmation();
      unconfirmed_.push_back(request);
    }
  }

  /// One question is under way at a time. The next question serves all that was written until then.
  void ask_replicas() {
    if (unconfirmed_.empty() || !confirmation_.expired()) {
      return;
    }
    const auto limit = std::max(time_for_answer_ / 2, std::chrono::milliseconds(1));
    const auto question =
        std::make_shared<Confirmation>(std::exchange(unconfirmed_, {}), replicas_, limit);
    question->mark_sent(weak_from_this(), deadline_after(Clock::now(), time_for_answer_));
    write(question, 0, false);
    confirmation_ = question;
    arm_timer(question->deadline());
  }

  void append_words() {
    pointers_.clear();
    sizes_.clear();
    for (const std::string_view word : words_) {
      pointers_.push_back(word.data());
      sizes_.push_back(word.size());
    }
    char* formatted = nullptr;
    const auto size = ::redisFormatCommandArgv(&formatted, static_cast<int>(pointers_.size()),
                                               pointers_.data(), sizes_.data());
    if (size < 0) {
      throw std::bad_alloc();
    }
    const std::unique_ptr<char, decltype(&::redisFreeCommand)> owner(formatted, &redisFreeCommand);
    next_.append(formatted, static_cast<std::size_t>(size));
  }

  void flush() {
    if (is_writing_ || is_closed_) {
      return;
    }
    ask_replicas();
    if (next_.empty()) {
      return;
    }
    is_writing_ = true;
    writing_.clear();
    if (writing_.capacity() > large_bytes) {
      writing_.shrink_to_fit();
    }
    std::swap(writing_, next_);
    stream_.async_write(boost::asio::buffer(writing_),
                        [waiting = Waiting(shared_from_this())](
                            const boost::system::error_code& error, std::size_t) mutable {
                          const auto self = waiting.end();
                          self->is_writing_ = false;
                          if (error) {
                            self->lose(error.message());
                          } else {
                            self->flush();
                            self->read();
                          }
                        });
  }

  // Reading

  void read() {
    if (is_reading_ || is_idle() || is_closed_) {
      return;
    }
    is_reading_ = true;
    stream_.async_read_some(boost::asio::buffer(buffer_),
                            [waiting = Waiting(shared_from_this())](
                                const boost::system::error_code& error, std::size_t size) mutable {
                              const auto self = waiting.end();
                              self->is_reading_ = false;
                              self->on_read(error, size);
                            });
  }

  void on_read(const boost::system::error_code& error, std::size_t size) {
    if (is_closed_) {
      return;
    }
    if (error) {
      return lose(error == boost::asio::error::eof ? "the server closed the connection"
                                                   : error.message());
    }
    last_heard_ = Clock::now();
    ::redisReaderFeed(reader_.get(), buffer_.data(), size);
    while (!is_closed_) {
      void* reply = nullptr;
      if (::redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
        return lose("the server does not speak Redis' protocol: " + std::string(reader_->errstr));
      }
      if (reply == nullptr) {
        break;
      }
      take(Reply(reply));
    }
    flush(); // scripts whose text the server did not have
    read();
    if (is_idle() && !is_closed_) {
      timer_.cancel();
      armed_for_.reset();
      if (const auto owner = owner_.lock()) {
        owner->on_idle(shared_from_this());
      }
    }
  }

  void take(Reply reply) {
    if (slots_.empty()) {
      // What a server says before it ends a connection that it does not want.
      return lose(reply.root().is_error() ? failure_of(reply.root().bytes()).reason
                                          : "the server answers what was not asked");
    }
    const Slot slot = std::move(slots_.front());
    slots_.pop_front();
    if (slot.is_announcement) {
      return;
    }
    if (reply.root().is_error()) {
      const Failure failure = failure_of(reply.root().bytes());
      const Command& command = slot.request->request.commands[slot.index];
      is_retiring_ = is_retiring_ || failure.retires_connection;
      if (failure.lacks_script && command.script != nullptr) {
        return write(slot.request, slot.index, true);
      }
    }
    slot.request->take(slot.index, std::move(reply));
  }

  /// Sets the timer for a request. A request that was redirected or is sent once more has less time
  /// left than others that were sent before it.
  void arm_timer(Clock::time_point deadline) {
    if (is_closed_ || (armed_for_ && *armed_for_ <= deadline)) {
      return; // it comes early enough, and is set anew then
    }
    armed_for_ = deadline;
    timer_.expires_at(deadline);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!error && self && !self->is_closed_) {
        self->armed_for_.reset();
        self->on_timer();
      }
    });
  }

  /// A request whose time is over ends alone. Its reply, if it comes, is dropped. Once all requests
  /// are late, the server or the network is taken to be silent for good.
  void on_timer() {
    const auto now = Clock::now();
    const Failure late = Failure::late("no answer in time");
    std::optional<Clock::time_point> next;
    bool one_is_late = false;
    for (const Slot& slot : slots_) {
      const Clock::time_point deadline = slot.request->deadline();
      if (deadline <= now) {
        one_is_late = true;
        slot.request->fail(late);
      } else {
        next = std::min(deadline, next.value_or(deadline));
      }
    }
    is_retiring_ = is_retiring_ || one_is_late;
    if (next) {
      arm_timer(*next);
    } else if (!is_idle()) {
      lose(late.reason, late.cause);
    }
  }

  static constexpr std::size_t large_bytes = std::size_t{1} << 20u;

  const boost::asio::any_io_executor strand_;
  const std::chrono::milliseconds time_for_answer_;
  const std::size_t replicas_;
  Stream stream_;
  boost::asio::steady_timer timer_;
  std::optional<Clock::time_point> armed_for_;
  std::unique_ptr<redisReader, FreeReader> reader_;
  std::weak_ptr<Owner> owner_;
  std::deque<Slot> slots_;
  /// Writes that replicas were not asked about yet.
  std::vector<PendingPtr> unconfirmed_;
  /// The question that has no answer yet; a slot holds it.
  std::weak_ptr<Confirmation> confirmation_;
  std::string next_;    // what is to be written
  std::string writing_; // what is being written
  std::array<char, 65'536> buffer_ = {};
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool is_retiring_ = false;
  bool is_closed_ = false;
  std::string reason_;
  boost::system::error_condition cause_;
  Clock::time_point last_heard_ = Clock::now();
  // Kept from one command to the next for their memory.
  std::vector<std::string_view> words_;
  std::vector<const char*> pointers_;
  std::vector<std::size_t> sizes_;
};

inline void Connection::lose(std::string reason, boost::system::error_condition cause) {
  if (is_closed_) {
    return;
  }
  std::vector<PendingPtr> lost;
  std::unordered_set<const PendingRequest*> seen;
  const auto add = [&](const PendingPtr& request) {
    if (seen.insert(request.get()).second) {
      lost.push_back(request);
    }
  };
  for (const Slot& slot : slots_) {
    add(slot.request);
  }
  std::for_each(unconfirmed_.begin(), unconfirmed_.end(), add);
  close(std::move(reason), cause);
  if (const auto owner = owner_.lock()) {
    owner->on_lost(shared_from_this(), std::move(lost));
  } else {
    for (const PendingPtr& each : lost) {
      each->fail(failure());
    }
  }
}

} // namespace agentstore::detail::redis

#endif
