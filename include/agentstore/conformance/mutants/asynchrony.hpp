// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_MUTANTS_ASYNCHRONY_HPP
#define AGENTSTORE_CONFORMANCE_MUTANTS_ASYNCHRONY_HPP

/// \file
/// Stores that begin too early, end in the wrong place, or block. What each does wrong stands in
/// the table at the end.

#include <agentstore/conformance/mutants/parts.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <future>
#include <thread>

namespace agentstore::conformance {

std::vector<Mutant> asynchrony_mutants();

// Only machinery below this line.

namespace mutants::asynchrony {

// ASY-01

/// Runs a call that does not suspend, at once; what it gives is only the answer.
template <class T>
awaitable<T> done_already(awaitable<T> call) {
  std::optional<T> value;
  std::exception_ptr error;
  boost::asio::io_context context;
  auto keep = [](awaitable<T> running, std::optional<T>* to) -> awaitable<void> {
    T result = co_await std::move(running);
    *to = std::move(result);
  };
  boost::asio::co_spawn(context, keep(std::move(call), &value),
                        [&error](std::exception_ptr thrown) { error = std::move(thrown); });
  context.run();
  auto give = [](std::optional<T> result, std::exception_ptr thrown) -> awaitable<T> {
    if (thrown) {
      std::rethrow_exception(thrown);
    }
    co_return *std::move(result);
  };
  return give(std::move(value), std::move(error));
}

class StoresAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, json context) override {
    return done_already(
        ForwardingBackend::store_task_context(std::move(session_id), std::move(context)));
  }
};

class CreatesAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    json metadata) override {
    return done_already(ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                                          std::move(metadata)));
  }
};

class ArchivesAtTheCall : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                    json metadata, std::optional<Timestamp> created_at) override {
    return done_already(
        ForwardingArchive::append_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata), created_at));
  }
};

/// Commits when the frame of the call goes, awaited or not.
class CommitsWhenDropped : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    return at_the_end(std::make_unique<Transaction>(ForwardingBackend::put_writes(
        std::move(thread_id), std::move(checkpoint_id), std::move(task_id), std::move(writes))));
  }

private:
  class Transaction {
  public:
    explicit Transaction(awaitable<bool> call) : call_(std::move(call)) {}
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction() {
      if (call_.valid()) {
        boost::asio::io_context context;
        boost::asio::co_spawn(context, std::move(call_), boost::asio::detached);
        context.run();
      }
    }
    awaitable<bool> commit() { return std::move(call_); }

  private:
    awaitable<bool> call_;
  };

  static awaitable<bool> at_the_end(std::unique_ptr<Transaction> transaction) {
    co_return co_await transaction->commit();
  }
};

/// Appends on a thread of its own, from the moment of the call.
class AppendsInTheBackground : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;
  ~AppendsInTheBackground() override { pool_.join(); }

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, json metadata) override {
    auto done = std::make_shared<std::promise<bool>>();
    boost::asio::co_spawn(
        pool_,
        ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                    std::move(content), std::move(metadata)),
        [done](const std::exception_ptr& error, bool stored) {
          error ? done->set_exception(error) : done->set_value(stored);
        });
    return wait(done->get_future());
  }

private:
  static awaitable<bool> wait(std::future<bool> done) {
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      co_await step_aside();
    }
    co_return done.get();
  }

  boost::asio::thread_pool pool_{1};
};

// ASY-02

/// What a reference to an argument finds that has died: memory that serves another purpose.
template <class T>
class Dying {
public:
  explicit Dying(T value) : value_(std::make_shared<T>(std::move(value))) {}
  Dying(const Dying&) = delete;
  Dying& operator=(const Dying&) = delete;
  ~Dying() { *value_ = buried(*value_); }

  /// What a coroutine keeps that takes it by reference.
  std::shared_ptr<const T> reference() const { return value_; }

private:
  static std::string buried(const std::string& text) { return std::string(text.size(), '#'); }
  static json buried(const json&) { return "#"; }

  std::shared_ptr<T> value_;
};

class RefersToContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, json context) override {
    const Dying<json> argument(std::move(context));
    return store(std::move(session_id), argument.reference());
  }

private:
  awaitable<bool> store(std::string session_id, std::shared_ptr<const json> context) {
    co_return co_await ForwardingBackend::store_task_context(std::move(session_id), *context);
  }
};

class RefersToThread : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                 json metadata) override {
    const Dying<std::string> argument(std::move(thread_id));
    return put(argument.reference(), std::move(checkpoint_id), std::move(data),
               std::move(metadata));
  }

private:
  awaitable<bool> put(std::shared_ptr<const std::string> thread_id, std::string checkpoint_id,
                      json data, json metadata) {
    co_return co_await ForwardingBackend::put_checkpoint(*thread_id, std::move(checkpoint_id),
                                                         std::move(data), std::move(metadata));
  }
};

class RefersToIdOfRead : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    const Dying<std::string> argument(std::move(thread_id));
    return list(argument.reference(), limit);
  }

private:
  awaitable<std::vector<Checkpoint>> list(std::shared_ptr<const std::string> thread_id,
                                          std::size_t limit) {
    co_return co_await ForwardingBackend::list_checkpoints(*thread_id, limit);
  }
};

class RefersToContent : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_conversation_message(std::string session_id, std::string role,
                                              std::string content, json metadata,
                                              std::optional<Timestamp> created_at) override {
    const Dying<std::string> argument(std::move(content));
    return append(std::move(session_id), std::move(role), argument.reference(), std::move(metadata),
                  created_at);
  }

private:
  awaitable<bool> append(std::string session_id, std::string role,
                         std::shared_ptr<const std::string> content, json metadata,
                         std::optional<Timestamp> created_at) {
    co_return co_await ForwardingArchive::append_conversation_message(
        std::move(session_id), std::move(role), *content, std::move(metadata), created_at);
  }
};

// ASY-03

/// Goes on on a thread of its own, and stays there.
class Elsewhere {
public:
  Elsewhere() = default;
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;
  ~Elsewhere() { pool_.join(); }

  awaitable<void> go() {
    auto initiate = [this](auto handler) {
      boost::asio::post(pool_, [handler = std::move(handler)]() mutable { handler(); });
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        initiate, boost::asio::use_awaitable);
  }

private:
  boost::asio::thread_pool pool_{1};
};

class EndsElsewhere : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                   json metadata) override {
    const bool done = co_await ForwardingBackend::store_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
    co_await elsewhere_.go();
    co_return done;
  }

private:
  Elsewhere elsewhere_;
};

class ThrowsElsewhere : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    std::exception_ptr error;
    try {
      co_return co_await ForwardingBackend::end_session(std::move(session_id), std::move(status));
    } catch (const StorageError&) {
      error = std::current_exception();
    }
    co_await elsewhere_.go();
    std::rethrow_exception(error);
  }

private:
  Elsewhere elsewhere_;
};

class CountsElsewhere : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Metrics> get_metrics() override {
    const Metrics metrics = co_await ForwardingBackend::get_metrics();
    co_await elsewhere_.go();
    co_return metrics;
  }

private:
  Elsewhere elsewhere_;
};

class FindsNothingElsewhere : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<json>> get_task_context(std::string session_id) override {
    const auto found = co_await ForwardingBackend::get_task_context(std::move(session_id));
    if (!found) {
      co_await elsewhere_.go();
    }
    co_return found;
  }

private:
  Elsewhere elsewhere_;
};

// ASY-04

class BoundToOpener : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> initialize() override {
    opener_ = std::this_thread::get_id();
    return ForwardingBackend::initialize();
  }
  awaitable<bool> store_task_context(std::string session_id, json context) override {
    if (std::this_thread::get_id() != opener_) {
      return refused<bool>(errc::unavailable, "store_task_context", session_id,
                           "the connection belongs to another thread");
    }
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }

private:
  std::atomic<std::thread::id> opener_;
};

/// Prepares what it stores in one buffer for all threads.
class OneBuffer : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                 json metadata) override {
    buffer_.set("id", thread_id);
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    co_return co_await ForwardingBackend::put_checkpoint(
        *buffer_.get("id"), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }

private:
  Kept<std::string> buffer_;
};

class OneAtATime : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (!busy_.enter()) {
      throw StorageError(errc::unavailable, "end_session", session_id,
                         "another operation is in progress");
    }
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    const bool done =
        co_await ForwardingBackend::end_session(std::move(session_id), std::move(status));
    busy_.leave();
    co_return done;
  }

private:
  Busy busy_;
};

// ASY-05

class SleepsInWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    co_return co_await ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class SleepsInReads : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    co_return co_await ForwardingBackend::get_writes(std::move(thread_id),
                                                     std::move(checkpoint_id));
  }
};

class WaitsForAFuture : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, json metadata) override {
    co_await step_aside(); // looks asynchronous
    std::async(std::launch::async, [] {
      std::this_thread::sleep_for(std::chrono::milliseconds(4));
    }).get();
    co_return co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }
};

class FlushesInTheCallersThread : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, json payload,
                                       std::optional<Timestamp> created_at) override {
    const bool done = co_await ForwardingArchive::append_session_event(
        std::move(session_id), std::move(user_id), std::move(event_type), std::move(payload),
        created_at);
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    co_return done;
  }
};

// The calls that are about no record, and calls that meet each other

class CleansUpAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    return done_already(ForwardingBackend::cleanup_expired_sessions(max_idle));
  }
};

class RefusesAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    if (session_id.empty()) {
      throw StorageError(errc::invalid_argument, "get_conversation_history", session_id, "no id");
    }
    return ForwardingBackend::get_conversation_history(std::move(session_id), limit);
  }
};

class CleansUpElsewhere : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    const std::uint64_t removed = co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
    co_await elsewhere_.go();
    co_return removed;
  }

private:
  Elsewhere elsewhere_;
};

/// Long enough for others to come meanwhile.
constexpr std::chrono::microseconds a_while(200);

/// Hangs where it meets a list on its way.
class StuckBesideAList : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, json metadata) override {
    co_await round_trip(a_while);
    is_stuck_ = is_stuck_ || is_listing_;
    while (is_stuck_) {
      co_await round_trip(a_while);
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    is_listing_ = true;
    co_await round_trip(a_while);
    is_listing_ = false;
    co_return co_await ForwardingBackend::list_checkpoints(std::move(thread_id), limit);
  }

private:
  std::atomic<bool> is_listing_ = false;
  std::atomic<bool> is_stuck_ = false;
};

class SleepsInCleanUp : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    co_return co_await ForwardingBackend::cleanup_expired_sessions(max_idle);
  }
};

class SleepsBesideAnother : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (busy_.enter()) {
      co_await round_trip(a_while);
      busy_.leave();
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(4));
    }
    co_return co_await ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }

private:
  Busy busy_;
};

} // namespace mutants::asynchrony

inline std::vector<Mutant> asynchrony_mutants() {
  using namespace mutants::asynchrony;
  return {
      mutant<StoresAtTheCall>("ASY-01", "stores_at_the_call",
                              "a context is stored when the method is called",
                              "store_task_context(context) whose awaitable was dropped"),
      mutant<CreatesAtTheCall>("ASY-01", "creates_at_the_call",
                               "a session is created when the method is called",
                               "create_session(metadata) whose awaitable was dropped"),
      mutant<ArchivesAtTheCall>("ASY-01", "archives_at_the_call",
                                "a checkpoint is archived when the method is called",
                                "append_checkpoint(data) whose awaitable was dropped"),
      mutant<CommitsWhenDropped>("ASY-01", "commits_when_dropped",
                                 "a transaction commits when its awaitable is destroyed",
                                 "put_writes(value) whose awaitable was dropped"),
      mutant<AppendsInTheBackground>("ASY-01", "appends_in_the_background",
                                     "an append begins on a thread of the store at the call",
                                     // It may be there before or after the awaitable is dropped.
                                     "add_conversation_message(metadata)"),
      mutant<RefersToContext>("ASY-02", "refers_to_context",
                              "the context is taken by reference and read at the await",
                              "store_task_context(context): the value read"),
      mutant<RefersToThread>("ASY-02", "refers_to_thread",
                             "the thread id is taken by reference and read at the await",
                             "put_checkpoint(data): the value"),
      mutant<RefersToIdOfRead>("ASY-02", "refers_to_id_of_read", "a read takes its id by reference",
                               "to find what is there"),
      mutant<RefersToContent>("ASY-02", "refers_to_content",
                              "the archive takes the content by reference",
                              "append_conversation_message(content): the value read"),
      mutant<EndsElsewhere>("ASY-03", "ends_elsewhere", "a store ends on the thread that did it",
                            "store_checkpoint(\"k"),
      mutant<ThrowsElsewhere>("ASY-03", "throws_elsewhere", "values come home, exceptions do not",
                              "end_session(\"\""),
      mutant<CountsElsewhere>("ASY-03", "counts_elsewhere", "get_metrics ends on another thread",
                              "get_metrics() to end on the executor of the caller"),
      mutant<FindsNothingElsewhere>("ASY-03", "finds_nothing_elsewhere",
                                    "a read that finds nothing ends on another thread",
                                    "get_task_context(\"k1\") to end on the executor"),
      mutant<BoundToOpener>("ASY-04", "bound_to_opener", "only the thread that opened may store",
                            "the connection belongs to another thread"),
      mutant<OneBuffer>("ASY-04", "one_buffer", "threads share the buffer for the key",
                        "put_checkpoint("),
      mutant<OneAtATime>("ASY-04", "one_at_a_time", "two calls at once are too many",
                         "another operation is in progress"),
      mutant<SleepsInWrites>("ASY-05", "sleeps_in_writes", "an update blocks for milliseconds",
                             "update_session(updates) never to block"),
      mutant<SleepsInReads>("ASY-05", "sleeps_in_reads", "a read blocks for milliseconds",
                            "get_writes never to block"),
      mutant<WaitsForAFuture>("ASY-05", "waits_for_a_future",
                              "an append waits for a thread of the store with future::get",
                              "add_conversation_message(metadata) never to block"),
      mutant<FlushesInTheCallersThread>("ASY-05", "flushes_in_the_callers_thread",
                                        "an archive waits for the disk in the caller's thread",
                                        "append_session_event(payload) never to block"),
      mutant<CleansUpAtTheCall>("ASY-01", "cleans_up_at_the_call",
                                "a clean-up is made when the method is called",
                                "after cleanup_expired_sessions(0us) whose awaitable was dropped"),
      mutant<RefusesAtTheCall>("ASY-01", "refuses_at_the_call",
                               "a bad id is thrown out of the method, before the await",
                               "and nothing before it is awaited"),
      mutant<CleansUpElsewhere>("ASY-03", "cleans_up_elsewhere",
                                "a clean-up ends on another thread",
                                "cleanup_expired_sessions() to end on the executor of the caller"),
      mutant<StuckBesideAList>("ASY-04", "stuck_beside_a_list",
                               "an append that meets a list never ends",
                               "an end of add_conversation_message"),
      mutant<SleepsInCleanUp>("ASY-05", "sleeps_in_clean_up", "a clean-up blocks for milliseconds",
                              "cleanup_expired_sessions never to block"),
      mutant<SleepsBesideAnother>("ASY-05", "sleeps_beside_another",
                                  "an update that has to wait its turn blocks its thread",
                                  "three at once, never to block its thread"),
  };
}

} // namespace agentstore::conformance

#endif
