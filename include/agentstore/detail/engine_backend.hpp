// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_ENGINE_BACKEND_HPP
#define AGENTSTORE_DETAIL_ENGINE_BACKEND_HPP

// What the backends of this library are: all interfaces over an engine that the including file need
// not know. A template whose members are defined elsewhere is what makes separate compilation work
// without a macro in every declaration: header-only programs include the definitions after the
// class, and agentstore::compiled has them instantiated (see src/).

#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/detail/construct.hpp>
#include <agentstore/detail/spread_owner.hpp>
#include <agentstore/storage_backend.hpp>

#include <memory>

namespace agentstore::detail {

/// A backend whose calls share the ownership of its engine with it, so that they may outlive it.
/// Engine has, as static functions that take a `std::shared_ptr<Engine>` first, `open`, `close`,
/// `health`, and `call<Call>` for each of calls.hpp.
template <class Engine>
class EngineBackend : public IStorageBackend,
                      public ICheckpointerBackend,
                      public ISessionDirectory,
                      public IThreadDirectory {
public:
  // IStorageBackend
  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<Health> health_check() override;
  awaitable<Metrics> get_metrics() override;
  awaitable<std::uint64_t>
  cleanup_expired_sessions(std::chrono::microseconds max_idle = default_max_idle) override;

  // ISessionStorage
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata = Document::object()) override;
  awaitable<std::optional<Session>> get_session(std::string session_id) override;
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override;
  awaitable<bool> end_session(std::string session_id, std::string status = "completed") override;

  // IConversationStorage
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content,
                                           Document metadata = Document::object()) override;
  awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id,
                           std::size_t limit = default_history_limit) override;

  // ICheckpointStorage and ICheckpointerBackend
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata = Document::object()) override;
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata = Document::object()) override;
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) override;
  awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) override;
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override;
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override;

  // ITaskContextStorage
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override;
  awaitable<bool> store_task_context(std::string session_id, Document context) override;

  // ISessionDirectory
  awaitable<SessionPage> list_sessions(std::string user_id, Page page = Page()) override;
  awaitable<bool> delete_session(std::string session_id) override;

  // IThreadDirectory
  awaitable<ThreadPage> list_threads(std::string prefix = "", Page page = Page()) override;
  awaitable<bool> delete_thread(std::string thread_id) override;
  awaitable<bool> copy_thread(std::string source, std::string target) override;
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override;
  awaitable<std::vector<Checkpoint>>
  list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                          std::size_t limit = default_checkpoint_limit) override;
  awaitable<ThreadHead> get_thread_head(std::string thread_id,
                                        std::size_t limit = default_checkpoint_limit) override;

protected:
  explicit EngineBackend(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

private:
  template <class Call, class... Arguments>
  awaitable<typename Call::Result> call(Arguments... arguments) const;

  SpreadOwner<Engine> engine_;
};

} // namespace agentstore::detail

#endif
