// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTING_ARCHIVE_ONCE_HPP
#define AGENTSTORE_TESTING_INTERCEPTING_ARCHIVE_ONCE_HPP

#include <agentstore/testing/forwarding_archive_once.hpp>
#include <agentstore/testing/intercepting_archive.hpp>

namespace agentstore {

/// Runs the hooks of an Interceptor around every call of another archive that is an IArchiveOnce.
///
/// \par Errors, lifetime, threads, executor
/// As in InterceptingArchive.
class InterceptingArchiveOnce : public InterceptingArchive,
                                public RoutedArchiveOnce<InterceptingArchiveOnce> {
public:
  InterceptingArchiveOnce(InnerArchiveOnce inner, std::shared_ptr<Interceptor> interceptor)
      : InterceptingArchive(static_cast<const InnerArchive&>(inner), interceptor),
        inner_once_(std::move(inner)), once_interceptor_(std::move(interceptor)) {}

private:
  friend RoutedArchiveOnce;
  template <class Append, class... Others>
  awaitable<bool> route_once(std::string entry_id, std::optional<Timestamp> created_at,
                             std::string key, Others... others) const;

  InnerArchiveOnce inner_once_;
  std::shared_ptr<Interceptor> once_interceptor_;
};

// Only machinery below this line.

template <class Append, class... Others>
awaitable<bool> InterceptingArchiveOnce::route_once(std::string entry_id,
                                                    std::optional<Timestamp> created_at,
                                                    std::string key, Others... others) const {
  std::string shown_key = key;
  return false_if_thrown(
      detail::intercept(once_interceptor_, Append::once_name, std::move(shown_key),
                        Append::once(inner_once_.once(), std::move(entry_id), std::move(key),
                                     std::move(others)..., created_at)));
}

} // namespace agentstore

#endif
