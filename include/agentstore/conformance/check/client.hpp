// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CHECK_CLIENT_HPP
#define AGENTSTORE_CONFORMANCE_CHECK_CLIENT_HPP

/// \file
/// A handle on a store, with each method of its interfaces as a plain function.

#include <agentstore/conformance/harness.hpp>
#include <agentstore/conformance/runner/coroutine_driver.hpp>

namespace agentstore::conformance {

/// Every call is driven to its end and goes into the transcript with its arguments and its
/// outcome, so that a broken rule can say what was done. Works on whatever interfaces the handle
/// has; a rule asks only for what it needs. Copies are the same handle.
class Client {
public:
  Client(Handle handle, Driver& driver)
      : handle_(new Handle(std::move(handle)), HandleDeleter(driver)), driver_(&driver) {}

  Handle& handle() { return *handle_; }
  Driver& driver() { return *driver_; }

  /// The same handle, used from the thread of another driver.
  Client on(Driver& driver) const {
    Client other = *this;
    other.driver_ = &driver;
    return other;
  }

  bool has_sessions() const { return handle_->sessions != nullptr; }

  // ISessionStorage
  Session create_session(std::string session_id, std::string user_id = "user",
                         Document metadata = Document::object()) {
    return run("create_session", handle_->sessions, &ISessionStorage::create_session,
               std::move(session_id), std::move(user_id), std::move(metadata));
  }
  std::optional<Session> get_session(std::string session_id) {
    return run("get_session", handle_->sessions, &ISessionStorage::get_session,
               std::move(session_id));
  }
  bool update_session(std::string session_id, SessionUpdate update) {
    return run("update_session", handle_->sessions, &ISessionStorage::update_session,
               std::move(session_id), std::move(update));
  }
  bool end_session(std::string session_id, std::string status = "completed") {
    return run("end_session", handle_->sessions, &ISessionStorage::end_session,
               std::move(session_id), std::move(status));
  }

  // IConversationStorage
  bool add_message(std::string session_id, std::string role, std::string content,
                   Document metadata = Document::object()) {
    return run("add_conversation_message", handle_->conversations,
               &IConversationStorage::add_conversation_message, std::move(session_id),
               std::move(role), std::move(content), std::move(metadata));
  }
  std::vector<Message> history(std::string session_id, std::size_t limit = all) {
    return run("get_conversation_history", handle_->conversations,
               &IConversationStorage::get_conversation_history, std::move(session_id), limit);
  }

  // ICheckpointStorage, or ICheckpointerBackend if that is all there is
  bool store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                        Document metadata = Document::object()) {
    return handle_->checkpoints == nullptr
               ? put_checkpoint(std::move(thread_id), std::move(checkpoint_id), std::move(data),
                                std::move(metadata))
               : run("store_checkpoint", handle_->checkpoints,
                     &ICheckpointStorage::store_checkpoint, std::move(thread_id),
                     std::move(checkpoint_id), std::move(data), std::move(metadata));
  }
  std::optional<Checkpoint>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id = std::nullopt) {
    return handle_->checkpoints == nullptr
               ? run("get_checkpoint", handle_->checkpointer, &ICheckpointerBackend::get_checkpoint,
                     std::move(thread_id), std::move(checkpoint_id))
               : run("get_checkpoint", handle_->checkpoints, &ICheckpointStorage::get_checkpoint,
                     std::move(thread_id), std::move(checkpoint_id));
  }
  std::vector<Checkpoint> list_checkpoints(std::string thread_id, std::size_t limit = all) {
    return handle_->checkpoints == nullptr
               ? run("list_checkpoints", handle_->checkpointer,
                     &ICheckpointerBackend::list_checkpoints, std::move(thread_id), limit)
               : run("list_checkpoints", handle_->checkpoints,
                     &ICheckpointStorage::list_checkpoints, std::move(thread_id), limit);
  }

  // ICheckpointerBackend
  bool put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                      Document metadata = Document::object()) {
    return run("put_checkpoint", handle_->checkpointer, &ICheckpointerBackend::put_checkpoint,
               std::move(thread_id), std::move(checkpoint_id), std::move(data),
               std::move(metadata));
  }
  bool put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                  std::vector<ChannelWrite> writes) {
    return run("put_writes", handle_->checkpointer, &ICheckpointerBackend::put_writes,
               std::move(thread_id), std::move(checkpoint_id), std::move(task_id),
               std::move(writes));
  }
  std::vector<PendingWrite> get_writes(std::string thread_id, std::string checkpoint_id) {
    return run("get_writes", handle_->checkpointer, &ICheckpointerBackend::get_writes,
               std::move(thread_id), std::move(checkpoint_id));
  }

  // ITaskContextStorage
  std::optional<json> get_task_context(std::string session_id) {
    return run("get_task_context", handle_->contexts, &ITaskContextStorage::get_task_context,
               std::move(session_id));
  }
  bool store_task_context(std::string session_id, Document context) {
    return run("store_task_context", handle_->contexts, &ITaskContextStorage::store_task_context,
               std::move(session_id), std::move(context));
  }

  // ISessionDirectory
  SessionPage list_sessions(std::string user_id, Page page = Page()) {
    return run("list_sessions", handle_->session_directory, &ISessionDirectory::list_sessions,
               std::move(user_id), std::move(page));
  }
  bool delete_session(std::string session_id) {
    return run("delete_session", handle_->session_directory, &ISessionDirectory::delete_session,
               std::move(session_id));
  }

  // IThreadDirectory
  ThreadPage list_threads(std::string prefix = "", Page page = Page()) {
    return run("list_threads", handle_->thread_directory, &IThreadDirectory::list_threads,
               std::move(prefix), std::move(page));
  }
  bool delete_thread(std::string thread_id) {
    return run("delete_thread", handle_->thread_directory, &IThreadDirectory::delete_thread,
               std::move(thread_id));
  }
  bool copy_thread(std::string source, std::string target) {
    return run("copy_thread", handle_->thread_directory, &IThreadDirectory::copy_thread,
               std::move(source), std::move(target));
  }
  std::uint64_t prune_thread(std::string thread_id, std::size_t keep) {
    return run("prune_thread", handle_->thread_directory, &IThreadDirectory::prune_thread,
               std::move(thread_id), keep);
  }
  std::vector<Checkpoint> list_before(std::string thread_id, std::string checkpoint_id,
                                      std::size_t limit = all) {
    return run("list_checkpoints_before", handle_->thread_directory,
               &IThreadDirectory::list_checkpoints_before, std::move(thread_id),
               std::move(checkpoint_id), limit);
  }
  ThreadHead get_thread_head(std::string thread_id, std::size_t limit = all) {
    return run("get_thread_head", handle_->thread_directory, &IThreadDirectory::get_thread_head,
               std::move(thread_id), limit);
  }

  // The life cycles of IStorageBackend and IPermanentStorageBackend, of which a store of several
  // objects has two
  bool initialize() {
    return (handle_->backend == nullptr ||
            run("initialize", handle_->backend, &IStorageBackend::initialize)) &&
           (handle_->archive == nullptr ||
            run("initialize", handle_->archive, &IPermanentStorageBackend::initialize));
  }
  void close() {
    if (handle_->backend != nullptr) {
      run("close", handle_->backend, &IStorageBackend::close);
    }
    if (handle_->archive != nullptr) {
      run("close", handle_->archive, &IPermanentStorageBackend::close);
    }
  }
  void close_if_possible() {
    if (has_life_cycle()) {
      close();
    }
  }
  bool has_life_cycle() const { return handle_->backend != nullptr || handle_->archive != nullptr; }
  Health health_check() {
    return run("health_check", handle_->backend, &IStorageBackend::health_check);
  }
  Metrics get_metrics() {
    return run("get_metrics", handle_->backend, &IStorageBackend::get_metrics);
  }
  std::uint64_t cleanup(std::chrono::microseconds max_idle) {
    return run("cleanup_expired_sessions", handle_->backend,
               &IStorageBackend::cleanup_expired_sessions, max_idle);
  }

  /// The reads of a session's other data, if the store has them.
  std::vector<Message> history_if_any(const std::string& session_id) {
    return handle_->conversations != nullptr ? history(session_id) : std::vector<Message>();
  }
  void context_if_any(const std::string& session_id) {
    if (handle_->contexts != nullptr) {
      get_task_context(session_id);
    }
  }

  /// Drives any awaitable, as the methods above do.
  template <class T>
  T call(std::string description, awaitable<T> operation) {
    return driver_->finish(driver_->start(std::move(description), std::move(operation)));
  }

  /// A call as a reader would write it.
  template <class... Arguments>
  static std::string text(const char* method, const Arguments&... arguments) {
    std::string result = std::string(method) + "(";
    std::size_t count = 0;
    ((result += (count++ == 0 ? "" : ", ") + show(arguments)), ...);
    return result + ")";
  }

private:
  static constexpr std::size_t all = std::size_t{1} << 20u;

  /// Makes the call of a method and drives it to its end. Its text comes first, because the call
  /// may block where it is made.
  template <class T, class Interface, class... Parameters>
  T run(const char* method, Interface* object, awaitable<T> (Interface::*function)(Parameters...),
        std::type_identity_t<Parameters>... arguments) {
    std::string description = text(method, shown(arguments)...);
    driver_->transcript().announce(description);
    return call(std::move(description), (object->*function)(std::move(arguments)...));
  }
  template <class T>
  static const T& shown(const T& argument) {
    return argument; // NOLINT(bugprone-return-const-ref-from-parameter): for one expression
  }
  static std::uint64_t shown(std::size_t argument) { return argument; }

  /// The destructors of a backend can block like its calls, wherever the last user of a handle is.
  class HandleDeleter {
  public:
    explicit HandleDeleter(Driver& driver)
        : deadline_(&driver.deadline()), transcript_(&driver.transcript()) {}
    void operator()(Handle* handle) const {
      deadline_->beat();
      transcript_->during("the destructor of a handle on " + show(handle->space),
                          [handle] { delete handle; });
      deadline_->beat();
    }

  private:
    Deadline* deadline_;
    Transcript* transcript_;
  };

  std::shared_ptr<Handle> handle_;
  Driver* driver_;
};

} // namespace agentstore::conformance

#endif
