// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTING_DIRECTORIES_HPP
#define AGENTSTORE_TESTING_INTERCEPTING_DIRECTORIES_HPP

#include <agentstore/testing/forwarding_directories.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

namespace agentstore {

/// Runs the hooks of an Interceptor around every call of another directory.
///
/// \par Lifetime, threads, executor
/// As in InterceptingBackend.
class InterceptingSessionDirectory : public ForwardingSessionDirectory {
public:
  InterceptingSessionDirectory(std::shared_ptr<ISessionDirectory> inner,
                               std::shared_ptr<Interceptor> interceptor)
      : ForwardingSessionDirectory(std::move(inner)), interceptor_(std::move(interceptor)) {}

  awaitable<SessionPage> list_sessions(std::string user_id, Page page = Page()) override;
  awaitable<bool> delete_session(std::string session_id) override;

private:
  std::shared_ptr<Interceptor> interceptor_;
};

/// The same of a directory of threads.
class InterceptingThreadDirectory : public ForwardingThreadDirectory {
public:
  InterceptingThreadDirectory(std::shared_ptr<IThreadDirectory> inner,
                              std::shared_ptr<Interceptor> interceptor)
      : ForwardingThreadDirectory(std::move(inner)), interceptor_(std::move(interceptor)) {}

  awaitable<ThreadPage> list_threads(std::string prefix = "", Page page = Page()) override;
  awaitable<bool> delete_thread(std::string thread_id) override;
  awaitable<bool> copy_thread(std::string source, std::string target) override;
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override;
  awaitable<std::vector<Checkpoint>>
  list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                          std::size_t limit = default_checkpoint_limit) override;

private:
  std::shared_ptr<Interceptor> interceptor_;
};

/// The same of a whole backend that is both directories.
class InterceptingStore : public InterceptingBackend,
                          public InterceptingSessionDirectory,
                          public InterceptingThreadDirectory {
public:
  InterceptingStore(InnerStore inner, const std::shared_ptr<Interceptor>& interceptor)
      : InterceptingBackend(inner.backend(), interceptor),
        InterceptingSessionDirectory(inner.session_directory(), interceptor),
        InterceptingThreadDirectory(inner.thread_directory(), interceptor) {}
};

// Only machinery below this line.

inline awaitable<SessionPage> InterceptingSessionDirectory::list_sessions(std::string user_id,
                                                                          Page page) {
  std::string key = user_id;
  return detail::intercept(interceptor_, "list_sessions", std::move(key),
                           inner().list_sessions(std::move(user_id), std::move(page)));
}

inline awaitable<bool> InterceptingSessionDirectory::delete_session(std::string session_id) {
  std::string key = session_id;
  return detail::intercept(interceptor_, "delete_session", std::move(key),
                           inner().delete_session(std::move(session_id)));
}

inline awaitable<ThreadPage> InterceptingThreadDirectory::list_threads(std::string prefix,
                                                                       Page page) {
  std::string key = prefix;
  return detail::intercept(interceptor_, "list_threads", std::move(key),
                           inner().list_threads(std::move(prefix), std::move(page)));
}

inline awaitable<bool> InterceptingThreadDirectory::delete_thread(std::string thread_id) {
  std::string key = thread_id;
  return detail::intercept(interceptor_, "delete_thread", std::move(key),
                           inner().delete_thread(std::move(thread_id)));
}

inline awaitable<bool> InterceptingThreadDirectory::copy_thread(std::string source,
                                                                std::string target) {
  std::string key = source;
  return detail::intercept(interceptor_, "copy_thread", std::move(key),
                           inner().copy_thread(std::move(source), std::move(target)));
}

inline awaitable<std::uint64_t> InterceptingThreadDirectory::prune_thread(std::string thread_id,
                                                                          std::size_t keep) {
  std::string key = thread_id;
  return detail::intercept(interceptor_, "prune_thread", std::move(key),
                           inner().prune_thread(std::move(thread_id), keep));
}

inline awaitable<std::vector<Checkpoint>>
InterceptingThreadDirectory::list_checkpoints_before(std::string thread_id,
                                                     std::string checkpoint_id, std::size_t limit) {
  std::string key = thread_id;
  return detail::intercept(
      interceptor_, "list_checkpoints_before", std::move(key),
      inner().list_checkpoints_before(std::move(thread_id), std::move(checkpoint_id), limit));
}

} // namespace agentstore

#endif
