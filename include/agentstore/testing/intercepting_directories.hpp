// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTING_DIRECTORIES_HPP
#define AGENTSTORE_TESTING_INTERCEPTING_DIRECTORIES_HPP

#include <agentstore/authoring/routed_backend.hpp>
#include <agentstore/testing/forwarding_directories.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

namespace agentstore {

/// Runs the hooks of an Interceptor around every call of another directory.
///
/// \par Lifetime, threads, executor
/// As in InterceptingBackend.
class InterceptingSessionDirectory : public RoutedSessionDirectory<InterceptingSessionDirectory> {
public:
  InterceptingSessionDirectory(std::shared_ptr<ISessionDirectory> inner,
                               std::shared_ptr<Interceptor> interceptor)
      : inner_(std::move(inner)), interceptor_(std::move(interceptor)) {}

private:
  template <class>
  friend class RoutedSessionDirectory;
  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const {
    std::string key(calls::key(arguments...));
    return detail::intercept(interceptor_, Call::name, std::move(key),
                             Call::on(*inner_, std::move(arguments)...));
  }

  std::shared_ptr<ISessionDirectory> inner_;
  std::shared_ptr<Interceptor> interceptor_;
};

/// The same of a directory of threads.
class InterceptingThreadDirectory : public RoutedThreadDirectory<InterceptingThreadDirectory> {
public:
  InterceptingThreadDirectory(std::shared_ptr<IThreadDirectory> inner,
                              std::shared_ptr<Interceptor> interceptor)
      : inner_(std::move(inner)), interceptor_(std::move(interceptor)) {}

private:
  template <class>
  friend class RoutedThreadDirectory;
  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const {
    std::string key(calls::key(arguments...));
    return detail::intercept(interceptor_, Call::name, std::move(key),
                             Call::on(*inner_, std::move(arguments)...));
  }

  std::shared_ptr<IThreadDirectory> inner_;
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

} // namespace agentstore

#endif
