// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_FORWARDING_DIRECTORIES_HPP
#define AGENTSTORE_TESTING_FORWARDING_DIRECTORIES_HPP

/// \file
/// The bases of decorators of directories, and of a whole backend that is also both directories.

#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/testing/forwarding_backend.hpp>

namespace agentstore {

/// A shared backend of any class that is an InnerBackend and both directories. Made from a
/// `std::shared_ptr` to the backend, which must not be null.
class InnerStore : public InnerBackend {
public:
  template <class Store>
    requires std::constructible_from<InnerBackend, std::shared_ptr<Store>> &&
                 std::derived_from<Store, ISessionDirectory> &&
                 std::derived_from<Store, IThreadDirectory>
  InnerStore(std::shared_ptr<Store> store) // NOLINT(google-explicit-constructor)
      : InnerBackend(store), sessions_(store), threads_(std::move(store)) {}

  const InnerBackend& backend() const noexcept { return *this; }
  const std::shared_ptr<ISessionDirectory>& session_directory() const noexcept { return sessions_; }
  const std::shared_ptr<IThreadDirectory>& thread_directory() const noexcept { return threads_; }

private:
  std::shared_ptr<ISessionDirectory> sessions_;
  std::shared_ptr<IThreadDirectory> threads_;
};

/// Hands every call on to another directory. Derive from it, and from ForwardingBackend if the
/// store is more than a directory, and override the methods that are to differ.
///
/// \par Lifetime, threads, executor, cancellation, errors
/// As in ForwardingBackend.
class ForwardingSessionDirectory : public ISessionDirectory {
public:
  explicit ForwardingSessionDirectory(std::shared_ptr<ISessionDirectory> inner)
      : inner_(std::move(inner)) {}

  awaitable<SessionPage> list_sessions(std::string user_id, Page page = Page()) override {
    return inner_->list_sessions(std::move(user_id), std::move(page));
  }
  awaitable<bool> delete_session(std::string session_id) override {
    return inner_->delete_session(std::move(session_id));
  }

protected:
  ISessionDirectory& inner() const noexcept { return *inner_; }

private:
  std::shared_ptr<ISessionDirectory> inner_;
};

/// The same of a directory of threads.
class ForwardingThreadDirectory : public IThreadDirectory {
public:
  explicit ForwardingThreadDirectory(std::shared_ptr<IThreadDirectory> inner)
      : inner_(std::move(inner)) {}

  awaitable<ThreadPage> list_threads(std::string prefix = "", Page page = Page()) override {
    return inner_->list_threads(std::move(prefix), std::move(page));
  }
  awaitable<bool> delete_thread(std::string thread_id) override {
    return inner_->delete_thread(std::move(thread_id));
  }
  awaitable<bool> copy_thread(std::string source, std::string target) override {
    return inner_->copy_thread(std::move(source), std::move(target));
  }
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    return inner_->prune_thread(std::move(thread_id), keep);
  }
  awaitable<std::vector<Checkpoint>>
  list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                          std::size_t limit = default_checkpoint_limit) override {
    return inner_->list_checkpoints_before(std::move(thread_id), std::move(checkpoint_id), limit);
  }
  awaitable<ThreadHead> get_thread_head(std::string thread_id,
                                        std::size_t limit = default_checkpoint_limit) override {
    return inner_->get_thread_head(std::move(thread_id), limit);
  }

protected:
  IThreadDirectory& inner() const noexcept { return *inner_; }

private:
  std::shared_ptr<IThreadDirectory> inner_;
};

/// Hands every call on to another backend that is both directories.
class ForwardingStore : public ForwardingBackend,
                        public ForwardingSessionDirectory,
                        public ForwardingThreadDirectory {
public:
  explicit ForwardingStore(InnerStore inner)
      : ForwardingBackend(inner.backend()), ForwardingSessionDirectory(inner.session_directory()),
        ForwardingThreadDirectory(inner.thread_directory()) {}
};

} // namespace agentstore

#endif
