// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CLIENT_HPP
#define AGENTSTORE_CONFORMANCE_CLIENT_HPP

/// \file
/// A handle on a store, with each method of its interfaces as a plain function.

#include <agentstore/conformance/driver.hpp>
#include <agentstore/conformance/harness.hpp>

namespace agentstore::conformance {

/// Every call is driven to its end and goes into the transcript with its arguments and its
/// outcome, so that a broken rule can say what was done. Works on whatever interfaces the handle
/// has; a rule asks only for what it needs. Copies are the same handle.
class Client {
public:
  Client(Handle handle, Driver& driver)
      : handle_(new Handle(std::move(handle)), LetsGo(driver)), driver_(&driver) {}

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
                         json metadata = json::object()) {
    std::string description = announced("create_session", session_id, user_id, metadata);
    return call(std::move(description),
                handle_->sessions->create_session(std::move(session_id), std::move(user_id),
                                                  std::move(metadata)));
  }
  std::optional<Session> get_session(std::string session_id) {
    std::string description = announced("get_session", session_id);
    return call(std::move(description), handle_->sessions->get_session(std::move(session_id)));
  }
  bool update_session(std::string session_id, SessionUpdate update) {
    std::string description = announced("update_session", session_id, update);
    return call(std::move(description),
                handle_->sessions->update_session(std::move(session_id), std::move(update)));
  }
  bool end_session(std::string session_id, std::string status = "completed") {
    std::string description = announced("end_session", session_id, status);
    return call(std::move(description),
                handle_->sessions->end_session(std::move(session_id), std::move(status)));
  }

  // IConversationStorage
  bool add_message(std::string session_id, std::string role, std::string content,
                   json metadata = json::object()) {
    std::string description =
        announced("add_conversation_message", session_id, role, content, metadata);
    return call(std::move(description), handle_->conversations->add_conversation_message(
                                            std::move(session_id), std::move(role),
                                            std::move(content), std::move(metadata)));
  }
  std::vector<Message> history(std::string session_id, std::size_t limit = std::size_t{1} << 20u) {
    std::string description =
        announced("get_conversation_history", session_id, std::uint64_t{limit});
    return call(std::move(description),
                handle_->conversations->get_conversation_history(std::move(session_id), limit));
  }

  // ICheckpointStorage, or ICheckpointerBackend where that is all there is
  bool store_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                        json metadata = json::object()) {
    if (handle_->checkpoints == nullptr) {
      return put_checkpoint(std::move(thread_id), std::move(checkpoint_id), std::move(data),
                            std::move(metadata));
    }
    std::string description =
        announced("store_checkpoint", thread_id, checkpoint_id, data, metadata);
    return call(std::move(description), handle_->checkpoints->store_checkpoint(
                                            std::move(thread_id), std::move(checkpoint_id),
                                            std::move(data), std::move(metadata)));
  }
  std::optional<Checkpoint>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id = std::nullopt) {
    std::string description = announced("get_checkpoint", thread_id, checkpoint_id);
    return call(std::move(description), handle_->checkpoints != nullptr
                                            ? handle_->checkpoints->get_checkpoint(
                                                  std::move(thread_id), std::move(checkpoint_id))
                                            : handle_->checkpointer->get_checkpoint(
                                                  std::move(thread_id), std::move(checkpoint_id)));
  }
  std::vector<Checkpoint> list_checkpoints(std::string thread_id,
                                           std::size_t limit = std::size_t{1} << 20u) {
    std::string description = announced("list_checkpoints", thread_id, std::uint64_t{limit});
    return call(std::move(description),
                handle_->checkpoints != nullptr
                    ? handle_->checkpoints->list_checkpoints(std::move(thread_id), limit)
                    : handle_->checkpointer->list_checkpoints(std::move(thread_id), limit));
  }

  // ICheckpointerBackend
  bool put_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                      json metadata = json::object()) {
    std::string description = announced("put_checkpoint", thread_id, checkpoint_id, data, metadata);
    return call(std::move(description), handle_->checkpointer->put_checkpoint(
                                            std::move(thread_id), std::move(checkpoint_id),
                                            std::move(data), std::move(metadata)));
  }
  bool put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                  std::vector<ChannelWrite> writes) {
    std::string description = announced("put_writes", thread_id, checkpoint_id, task_id, writes);
    return call(std::move(description),
                handle_->checkpointer->put_writes(std::move(thread_id), std::move(checkpoint_id),
                                                  std::move(task_id), std::move(writes)));
  }
  std::vector<PendingWrite> get_writes(std::string thread_id, std::string checkpoint_id) {
    std::string description = announced("get_writes", thread_id, checkpoint_id);
    return call(std::move(description),
                handle_->checkpointer->get_writes(std::move(thread_id), std::move(checkpoint_id)));
  }

  // ITaskContextStorage
  std::optional<json> get_task_context(std::string session_id) {
    std::string description = announced("get_task_context", session_id);
    return call(std::move(description), handle_->contexts->get_task_context(std::move(session_id)));
  }
  bool store_task_context(std::string session_id, json context) {
    std::string description = announced("store_task_context", session_id, context);
    return call(std::move(description),
                handle_->contexts->store_task_context(std::move(session_id), std::move(context)));
  }

  // ISessionDirectory
  SessionPage list_sessions(std::string user_id, Page page = Page()) {
    std::string description = announced("list_sessions", user_id, page);
    return call(std::move(description),
                handle_->session_directory->list_sessions(std::move(user_id), std::move(page)));
  }
  bool delete_session(std::string session_id) {
    std::string description = announced("delete_session", session_id);
    return call(std::move(description),
                handle_->session_directory->delete_session(std::move(session_id)));
  }

  // IThreadDirectory
  ThreadPage list_threads(std::string prefix = "", Page page = Page()) {
    std::string description = announced("list_threads", prefix, page);
    return call(std::move(description),
                handle_->thread_directory->list_threads(std::move(prefix), std::move(page)));
  }
  bool delete_thread(std::string thread_id) {
    std::string description = announced("delete_thread", thread_id);
    return call(std::move(description),
                handle_->thread_directory->delete_thread(std::move(thread_id)));
  }
  bool copy_thread(std::string source, std::string target) {
    std::string description = announced("copy_thread", source, target);
    return call(std::move(description),
                handle_->thread_directory->copy_thread(std::move(source), std::move(target)));
  }
  std::uint64_t prune_thread(std::string thread_id, std::size_t keep) {
    std::string description = announced("prune_thread", thread_id, std::uint64_t{keep});
    return call(std::move(description),
                handle_->thread_directory->prune_thread(std::move(thread_id), keep));
  }
  std::vector<Checkpoint> list_before(std::string thread_id, std::string checkpoint_id,
                                      std::size_t limit = std::size_t{1} << 20u) {
    std::string description =
        announced("list_checkpoints_before", thread_id, checkpoint_id, std::uint64_t{limit});
    return call(std::move(description), handle_->thread_directory->list_checkpoints_before(
                                            std::move(thread_id), std::move(checkpoint_id), limit));
  }

  // The life cycles of IStorageBackend and IPermanentStorageBackend, of which a store of several
  // objects has two
  bool initialize() {
    const auto opens = [this](auto* object) {
      std::string description = announced("initialize");
      return call(std::move(description), object->initialize());
    };
    return (handle_->backend == nullptr || opens(handle_->backend)) &&
           (handle_->archive == nullptr || opens(handle_->archive));
  }
  void close() {
    const auto closes = [this](auto* object) {
      std::string description = announced("close");
      call(std::move(description), object->close());
    };
    if (handle_->backend != nullptr) {
      closes(handle_->backend);
    }
    if (handle_->archive != nullptr) {
      closes(handle_->archive);
    }
  }
  void close_if_possible() {
    if (has_life_cycle()) {
      close();
    }
  }
  bool has_life_cycle() const { return handle_->backend != nullptr || handle_->archive != nullptr; }
  Health health_check() {
    std::string description = announced("health_check");
    return call(std::move(description), handle_->backend->health_check());
  }
  Metrics get_metrics() {
    std::string description = announced("get_metrics");
    return call(std::move(description), handle_->backend->get_metrics());
  }
  std::uint64_t cleanup(std::chrono::microseconds max_idle) {
    std::string description = announced("cleanup_expired_sessions", max_idle);
    return call(std::move(description), handle_->backend->cleanup_expired_sessions(max_idle));
  }

  /// The reads of a session's other data, where the store has them.
  void history_if_any(const std::string& session_id) {
    if (handle_->conversations != nullptr) {
      history(session_id);
    }
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
  /// The text of a call that is about to be made: it may block where it is made.
  template <class... Arguments>
  std::string announced(const char* method, const Arguments&... arguments) {
    std::string result = text(method, arguments...);
    driver_->transcript().announce(result);
    return result;
  }

  /// The destructors of a backend can block like its calls, wherever the last user of a handle is.
  class LetsGo {
  public:
    explicit LetsGo(Driver& driver)
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
