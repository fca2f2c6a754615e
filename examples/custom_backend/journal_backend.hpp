// SPDX-License-Identifier: Apache-2.0
#ifndef EXAMPLE_JOURNAL_BACKEND_HPP
#define EXAMPLE_JOURNAL_BACKEND_HPP

#include "journal_store.hpp"

#include <agentstore/agentstore.hpp>
#include <agentstore/authoring/offload.hpp>

#include <boost/asio/thread_pool.hpp>

namespace example {

/// A store in a journal: a file to which every change is appended as a line of JSON, and which is
/// replayed into memory when it is opened. Durable, and safe from a kill -9 at any moment; one
/// handle at a time. The file only ever grows.
///
/// All work is done on one thread of the backend's own, so that a call never blocks its caller
/// (ASY-05) and no data is ever locked. A call keeps that thread and all data alive by itself.
class JournalBackend final : public IStorageBackend, public ICheckpointerBackend {
public:
  explicit JournalBackend(std::filesystem::path directory, Clock clock = system_clock())
      : state_(std::make_shared<State>(std::move(directory), std::move(clock))) {}

  // ISessionStorage
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    json metadata = json::object()) override {
    return run(&JournalStore::create_session, std::move(session_id), std::move(user_id),
               std::move(metadata));
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return run(&JournalStore::get_session, std::move(session_id));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    return run(&JournalStore::update_session, std::move(session_id), std::move(update));
  }
  awaitable<bool> end_session(std::string session_id, std::string status = "completed") override {
    return run(&JournalStore::end_session, std::move(session_id), std::move(status));
  }

  // IConversationStorage
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content,
                                           json metadata = json::object()) override {
    return run(&JournalStore::add_conversation_message, std::move(session_id), std::move(role),
               std::move(content), std::move(metadata));
  }
  awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id,
                           std::size_t limit = default_history_limit) override {
    return run(&JournalStore::get_conversation_history, std::move(session_id), limit);
  }

  // ICheckpointStorage and ICheckpointerBackend
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                   json metadata = json::object()) override {
    return run(&JournalStore::put_checkpoint, "store_checkpoint", std::move(thread_id),
               std::move(checkpoint_id), std::move(data), std::move(metadata));
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                 json metadata = json::object()) override {
    return run(&JournalStore::put_checkpoint, "put_checkpoint", std::move(thread_id),
               std::move(checkpoint_id), std::move(data), std::move(metadata));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) override {
    return run(&JournalStore::get_checkpoint, std::move(thread_id), std::move(checkpoint_id));
  }
  awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) override {
    return run(&JournalStore::list_checkpoints, std::move(thread_id), limit);
  }
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    return run(&JournalStore::put_writes, std::move(thread_id), std::move(checkpoint_id),
               std::move(task_id), std::move(writes));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return run(&JournalStore::get_writes, std::move(thread_id), std::move(checkpoint_id));
  }

  // ITaskContextStorage
  awaitable<std::optional<json>> get_task_context(std::string session_id) override {
    return run(&JournalStore::get_task_context, std::move(session_id));
  }
  awaitable<bool> store_task_context(std::string session_id, json context) override {
    return run(&JournalStore::store_task_context, std::move(session_id), std::move(context));
  }

  // IStorageBackend
  awaitable<bool> initialize() override { return run(&JournalStore::initialize); }
  awaitable<void> close() override { return run(&JournalStore::close); }
  awaitable<Health> health_check() override { return run(&JournalStore::health_check); }
  awaitable<Metrics> get_metrics() override { return run(&JournalStore::get_metrics); }
  awaitable<std::uint64_t>
  cleanup_expired_sessions(std::chrono::microseconds max_idle = default_max_idle) override {
    return run(&JournalStore::cleanup_expired_sessions, max_idle);
  }

private:
  class State {
  public:
    State(std::filesystem::path directory, Clock clock)
        : store(std::move(directory), std::move(clock)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    // Never on its own thread: the last owner is the backend or a call, which ends at its caller's.
    ~State() { thread.join(); }

    JournalStore store;
    boost::asio::thread_pool thread{1};
  };

  template <class Result, class... Parameters, class... Arguments>
  awaitable<Result> run(Result (JournalStore::*method)(Parameters...), Arguments... arguments) {
    return offload(state_->thread.get_executor(),
                   [state = state_, method, ... arguments = std::move(arguments)]() mutable {
                     return (state->store.*method)(std::move(arguments)...);
                   });
  }

  std::shared_ptr<State> state_;
};

} // namespace example

#endif
