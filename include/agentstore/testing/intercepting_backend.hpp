// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTING_BACKEND_HPP
#define AGENTSTORE_TESTING_INTERCEPTING_BACKEND_HPP

#include <agentstore/detail/decorated_store.hpp>
#include <agentstore/testing/forwarding_backend.hpp>
#include <agentstore/testing/interceptor.hpp>

namespace agentstore {

/// Runs the hooks of an Interceptor around every call of another backend.
///
/// A `StorageError` that a hook throws reaches the caller, except from `health_check`, which never
/// throws (LIF-06). There the error makes the answer `unhealthy` and is one of its issues.
///
/// \par Lifetime
/// The object shares ownership of the inner backend and of the interceptor, and so do its calls. A
/// call may outlive the object if a call on the inner backend may outlive the inner backend.
///
/// \par Threads, executor
/// Those of the inner backend and of the interceptor.
class InterceptingBackend : public RoutedBackend<InterceptingBackend> {
public:
  InterceptingBackend(InnerBackend inner, std::shared_ptr<Interceptor> interceptor)
      : inner_(std::move(inner)), interceptor_(std::move(interceptor)) {}

  // IStorageBackend; the other methods are RoutedBackend's
  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<Health> health_check() override;

private:
  template <class>
  friend class RoutedBackend;
  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const;

  static awaitable<Health> health_around(std::shared_ptr<Interceptor> interceptor,
                                         awaitable<Health> call);

  InnerBackend inner_;
  std::shared_ptr<Interceptor> interceptor_;
};

// Only machinery below this line.

template <class Call, class... Arguments>
awaitable<typename Call::Result> InterceptingBackend::route(Arguments... arguments) const {
  std::string key(calls::key(arguments...));
  if constexpr (std::same_as<Call, calls::PutCheckpoint> || std::same_as<Call, calls::PutWrites> ||
                std::same_as<Call, calls::GetWrites>) {
    return detail::intercept(interceptor_, Call::name, std::move(key),
                             Call::on(inner_.checkpointer(), std::move(arguments)...));
  } else {
    return detail::intercept(interceptor_, Call::name, std::move(key),
                             detail::call_on<Call>(inner_.storage(), std::move(arguments)...));
  }
}

inline awaitable<bool> InterceptingBackend::initialize() {
  return detail::intercept(interceptor_, "initialize", std::string(),
                           inner_.storage().initialize());
}

inline awaitable<void> InterceptingBackend::close() {
  return detail::intercept(interceptor_, "close", std::string(), inner_.storage().close());
}

inline awaitable<Health> InterceptingBackend::health_check() {
  return health_around(interceptor_, inner_.storage().health_check());
}

inline awaitable<Health>
InterceptingBackend::health_around(std::shared_ptr<Interceptor> interceptor,
                                   awaitable<Health> call) {
  std::vector<std::string> issues;
  try {
    co_await interceptor->before("health_check", std::string());
  } catch (const StorageError& error) {
    issues.emplace_back(error.what());
  }
  Health health = co_await std::move(call);
  try {
    co_await interceptor->after("health_check", std::string());
  } catch (const StorageError& error) {
    issues.emplace_back(error.what());
  }
  if (!issues.empty()) {
    health.status = Health::Status::unhealthy;
    health.issues.insert(health.issues.end(), issues.begin(), issues.end());
  }
  co_return health;
}

} // namespace agentstore

#endif
