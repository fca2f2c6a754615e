// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_INTERCEPTING_ARCHIVE_HPP
#define AGENTSTORE_TESTING_INTERCEPTING_ARCHIVE_HPP

#include <agentstore/testing/forwarding_archive.hpp>
#include <agentstore/testing/interceptor.hpp>

namespace agentstore {

/// Runs the hooks of an Interceptor around every call of another archive.
///
/// An archive throws only from `read_archive`. A `StorageError` that a hook throws therefore
/// becomes the answer false, and is dropped in `close`.
///
/// \par Lifetime
/// The object shares ownership of the inner archive and of the interceptor, and so do its calls. A
/// call may outlive the object if a call on the inner archive may outlive the inner archive.
///
/// \par Threads, executor
/// Those of the inner archive and of the interceptor.
class InterceptingArchive : public RoutedArchive<InterceptingArchive>, public IArchiveReader {
public:
  InterceptingArchive(InnerArchive inner, std::shared_ptr<Interceptor> interceptor)
      : inner_(std::move(inner)), interceptor_(std::move(interceptor)) {}

  awaitable<bool> initialize() override;
  awaitable<void> close() override;

  // IArchiveReader
  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override;

protected:
  static awaitable<bool> false_if_thrown(awaitable<bool> call);

private:
  friend RoutedArchive;
  template <class Append, class... Others>
  awaitable<bool> route(std::optional<Timestamp> created_at, std::string key,
                        Others... others) const;

  static awaitable<void> nothing_if_thrown(awaitable<void> call);

  InnerArchive inner_;
  std::shared_ptr<Interceptor> interceptor_;
};

// Only machinery below this line.

inline awaitable<bool> InterceptingArchive::false_if_thrown(awaitable<bool> call) {
  try {
    co_return co_await std::move(call);
  } catch (const StorageError&) {
    co_return false;
  }
}

inline awaitable<void> InterceptingArchive::nothing_if_thrown(awaitable<void> call) {
  try {
    co_await std::move(call);
  } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): a close has nobody to tell
  }
}

template <class Append, class... Others>
awaitable<bool> InterceptingArchive::route(std::optional<Timestamp> created_at, std::string key,
                                           Others... others) const {
  std::string shown_key = key;
  return false_if_thrown(detail::intercept(
      interceptor_, Append::name, std::move(shown_key),
      Append::on(inner_.storage(), std::move(key), std::move(others)..., created_at)));
}

inline awaitable<bool> InterceptingArchive::initialize() {
  return false_if_thrown(
      detail::intercept(interceptor_, "initialize", std::string(), inner_.storage().initialize()));
}

inline awaitable<void> InterceptingArchive::close() {
  return nothing_if_thrown(
      detail::intercept(interceptor_, "close", std::string(), inner_.storage().close()));
}

inline awaitable<std::vector<ArchiveRecord>> InterceptingArchive::read_archive(ArchiveKind kind,
                                                                               std::string key,
                                                                               std::uint64_t after,
                                                                               std::size_t limit) {
  std::string shown_key = key;
  return detail::intercept(interceptor_, "read_archive", std::move(shown_key),
                           inner_.reader().read_archive(kind, std::move(key), after, limit));
}

} // namespace agentstore

#endif
