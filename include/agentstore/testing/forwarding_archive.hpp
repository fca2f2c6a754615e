// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_FORWARDING_ARCHIVE_HPP
#define AGENTSTORE_TESTING_FORWARDING_ARCHIVE_HPP

/// \file
/// The base of decorators of an archive that can be read back.

#include <agentstore/authoring/routed_archive.hpp>

#include <concepts>
#include <memory>

namespace agentstore {

/// A shared archive of any class that is both an IPermanentStorageBackend and an IArchiveReader.
/// Made from a `std::shared_ptr` to the archive, which must not be null.
class InnerArchive {
public:
  template <class Archive>
    requires std::derived_from<Archive, IPermanentStorageBackend> &&
                 std::derived_from<Archive, IArchiveReader>
  InnerArchive(std::shared_ptr<Archive> archive) // NOLINT(google-explicit-constructor)
      : storage_(archive), reader_(std::move(archive)) {}

  IPermanentStorageBackend& storage() const noexcept { return *storage_; }
  IArchiveReader& reader() const noexcept { return *reader_; }

private:
  std::shared_ptr<IPermanentStorageBackend> storage_;
  std::shared_ptr<IArchiveReader> reader_;
};

/// Hands every call on to another archive. Derive from it and override the methods that are to
/// differ. A method that is not overridden returns the inner archive's own awaitable.
///
/// \par Lifetime
/// The object shares ownership of the inner archive. As with any archive, the object must outlive
/// every call on it.
///
/// \par Threads, executor, cancellation, errors
/// Those of the inner archive.
class ForwardingArchive : public RoutedArchive<ForwardingArchive>, public IArchiveReader {
public:
  explicit ForwardingArchive(InnerArchive inner) : inner_(std::move(inner)) {}

  awaitable<bool> initialize() override;
  awaitable<void> close() override;

  // IArchiveReader
  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override;

protected:
  const InnerArchive& inner() const noexcept { return inner_; }

private:
  friend RoutedArchive;
  template <class Append, class... Others>
  awaitable<bool> route(std::optional<Timestamp> created_at, std::string key,
                        Others... others) const;

  InnerArchive inner_;
};

// Only machinery below this line.

template <class Append, class... Others>
awaitable<bool> ForwardingArchive::route(std::optional<Timestamp> created_at, std::string key,
                                         Others... others) const {
  return Append::on(inner_.storage(), std::move(key), std::move(others)..., created_at);
}

inline awaitable<bool> ForwardingArchive::initialize() {
  return inner_.storage().initialize();
}

inline awaitable<void> ForwardingArchive::close() {
  return inner_.storage().close();
}

inline awaitable<std::vector<ArchiveRecord>> ForwardingArchive::read_archive(ArchiveKind kind,
                                                                             std::string key,
                                                                             std::uint64_t after,
                                                                             std::size_t limit) {
  return inner_.reader().read_archive(kind, std::move(key), after, limit);
}

} // namespace agentstore

#endif
