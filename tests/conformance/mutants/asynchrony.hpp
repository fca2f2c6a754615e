// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_ASYNCHRONY_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_ASYNCHRONY_HPP

/// \file
/// Stores that begin too early, end in the wrong place, or block. What each does wrong stands in
/// the table at the end.

#include "conformance/mutants/another_thread.hpp"

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <future>
#include <thread>

namespace agentstore::conformance {

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

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return done_already(
        ForwardingBackend::store_task_context(std::move(session_id), std::move(context)));
  }
};

class CreatesAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return done_already(ForwardingBackend::create_session(std::move(session_id), std::move(user_id),
                                                          std::move(metadata)));
  }
};

class ArchivesAtTheCall : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata,
                                    std::optional<Timestamp> created_at) override {
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
                                           std::string content, Document metadata) override {
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
  static Document buried(const Document&) { return "#"; }

  std::shared_ptr<T> value_;
};

class RefersToContext : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    const Dying<Document> argument(std::move(context));
    return store(std::move(session_id), argument.reference());
  }

private:
  awaitable<bool> store(std::string session_id, std::shared_ptr<const Document> context) {
    co_return co_await ForwardingBackend::store_task_context(std::move(session_id), *context);
  }
};

class RefersToThread : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    const Dying<std::string> argument(std::move(thread_id));
    return put(argument.reference(), std::move(checkpoint_id), std::move(data),
               std::move(metadata));
  }

private:
  awaitable<bool> put(std::shared_ptr<const std::string> thread_id, std::string checkpoint_id,
                      Document data, Document metadata) {
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
                                              std::string content, Document metadata,
                                              std::optional<Timestamp> created_at) override {
    const Dying<std::string> argument(std::move(content));
    return append(std::move(session_id), std::move(role), argument.reference(), std::move(metadata),
                  created_at);
  }

private:
  awaitable<bool> append(std::string session_id, std::string role,
                         std::shared_ptr<const std::string> content, Document metadata,
                         std::optional<Timestamp> created_at) {
    co_return co_await ForwardingArchive::append_conversation_message(
        std::move(session_id), std::move(role), *content, std::move(metadata), created_at);
  }
};

// ASY-03

class EndsElsewhere : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    const bool done = co_await ForwardingBackend::store_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
    co_await elsewhere_.go();
    co_return done;
  }

private:
  AnotherThread elsewhere_;
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
  AnotherThread elsewhere_;
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
  AnotherThread elsewhere_;
};

class FindsNothingElsewhere : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    const auto found = co_await ForwardingBackend::get_task_context(std::move(session_id));
    if (!found) {
      co_await elsewhere_.go();
    }
    co_return found;
  }

private:
  AnotherThread elsewhere_;
};

// ASY-04

class BoundToOpener : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> initialize() override {
    opener_ = std::this_thread::get_id();
    return ForwardingBackend::initialize();
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
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

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    buffer_.set("id", thread_id);
    others_.meet();
    co_return co_await ForwardingBackend::put_checkpoint(
        *buffer_.get("id"), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }

private:
  Kept<std::string> buffer_;
  Encounter others_;
};

class OneAtATime : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    if (!busy_.enter()) {
      throw StorageError(errc::unavailable, "end_session", session_id,
                         "another operation is in progress");
    }
    busy_.stay();
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
                                           std::string content, Document metadata) override {
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
                                       std::string event_type, Document payload,
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

/// Looks at values in a function that only makes the coroutine.
class RefusesValuesAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    check("store_task_context", session_id, limits_).value("context", context);
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }

protected:
  Limits limits_ = of_two_mib();

private:
  static Limits of_two_mib() {
    Limits limits;
    limits.max_value_bytes = std::size_t{2} << 20u;
    return limits;
  }
};

class RefusesPatchesAtTheCall : public RefusesValuesAtTheCall {
public:
  using RefusesValuesAtTheCall::RefusesValuesAtTheCall;

  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return ForwardingBackend::store_task_context(std::move(session_id), std::move(context));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    if (update.metadata_patch() && update.metadata_patch()->is_object()) {
      check("update_session", session_id, limits_).object("updates", *update.metadata_patch());
    }
    return ForwardingBackend::update_session(std::move(session_id), std::move(update));
  }
};

class RefusesTextsAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    check("add_conversation_message", session_id, Limits()).text("content", content);
    return ForwardingBackend::add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
};

class RefusesDepthAtTheCall : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    if (data.fault() == Document::Fault::none) {
      check("put_checkpoint", thread_id, Limits()).value("data", data);
    }
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
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
  AnotherThread elsewhere_;
};

/// Hangs where it meets a list on its way.
class StuckBesideAList : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    is_stuck_ = appends_.come() || is_stuck_;
    while (is_stuck_) {
      co_await round_trip();
    }
    co_return co_await ForwardingBackend::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    appends_.wait();
    co_return co_await ForwardingBackend::list_checkpoints(std::move(thread_id), limit);
  }

private:
  Encounter appends_;
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
      co_await step_far_aside();
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

} // namespace agentstore::conformance

#endif
