// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_MUTATION_DAMAGED_STORE_HPP
#define AGENTSTORE_CONFORMANCE_MUTATION_DAMAGED_STORE_HPP

/// \file
/// A store underneath which records can be spoilt, and which says so: what mutants are made of for
/// the rule about damage.

#include <agentstore/conformance/check/show.hpp>
#include <agentstore/testing/forwarding_directories.hpp>

#include <algorithm>
#include <mutex>

namespace agentstore::conformance {

/// The texts by which the spoilt records of a space are known.
class DamagedRecords {
public:
  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
  }
  bool are_none() const {
    const std::lock_guard lock(mutex_);
    return texts_.empty();
  }
  template <class Answer>
  bool are_in(const Answer& answer) const {
    const detail::ShowsWhole whole;
    const std::string shown = show(answer);
    const std::lock_guard lock(mutex_);
    return std::any_of(texts_.begin(), texts_.end(), [&shown](const std::string& text) {
      return shown.find(text) != std::string::npos;
    });
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

/// Throws `corrupted` instead of an answer that has a spoilt record in it.
class DamagedStore final : public ForwardingStore {
public:
  DamagedStore(InnerStore inner, std::shared_ptr<const DamagedRecords> damaged)
      : ForwardingStore(std::move(inner)), damaged_(std::move(damaged)) {}

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    auto call = ForwardingStore::get_session(session_id);
    return checked("get_session", std::move(session_id), std::move(call));
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    auto call = ForwardingStore::get_conversation_history(session_id, limit);
    return checked("get_conversation_history", std::move(session_id), std::move(call));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    auto call = ForwardingStore::get_checkpoint(thread_id, std::move(checkpoint_id));
    return checked("get_checkpoint", std::move(thread_id), std::move(call));
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    auto call = ForwardingStore::list_checkpoints(thread_id, limit);
    return checked("list_checkpoints", std::move(thread_id), std::move(call));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    auto call = ForwardingStore::get_writes(thread_id, std::move(checkpoint_id));
    return checked("get_writes", std::move(thread_id), std::move(call));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    auto call = ForwardingStore::get_task_context(session_id);
    return checked("get_task_context", std::move(session_id), std::move(call));
  }
  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    auto call = ForwardingStore::list_sessions(user_id, std::move(page));
    return checked("list_sessions", std::move(user_id), std::move(call));
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints_before(std::string thread_id,
                                                             std::string checkpoint_id,
                                                             std::size_t limit) override {
    auto call =
        ForwardingStore::list_checkpoints_before(thread_id, std::move(checkpoint_id), limit);
    return checked("list_checkpoints_before", std::move(thread_id), std::move(call));
  }
  awaitable<ThreadHead> get_thread_head(std::string thread_id, std::size_t limit) override {
    auto call = ForwardingStore::get_thread_head(thread_id, limit);
    return checked("get_thread_head", std::move(thread_id), std::move(call));
  }

private:
  template <class Answer>
  awaitable<Answer> checked(const char* operation, std::string key, awaitable<Answer> call) const {
    if (damaged_->are_none()) {
      return call;
    }
    return checked(damaged_, operation, std::move(key), std::move(call));
  }

  template <class Answer>
  static awaitable<Answer> checked(std::shared_ptr<const DamagedRecords> damaged,
                                   const char* operation, std::string key, awaitable<Answer> call) {
    Answer answer = co_await std::move(call);
    if (damaged->are_in(answer)) {
      throw StorageError(errc::corrupted, operation, key, "a record is spoilt");
    }
    co_return answer;
  }

  const std::shared_ptr<const DamagedRecords> damaged_;
};

} // namespace agentstore::conformance

#endif
