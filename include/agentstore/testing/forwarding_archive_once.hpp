// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_FORWARDING_ARCHIVE_ONCE_HPP
#define AGENTSTORE_TESTING_FORWARDING_ARCHIVE_ONCE_HPP

/// \file
/// The base of decorators of an archive that is also an IArchiveOnce.

#include <agentstore/authoring/routed_archive_once.hpp>
#include <agentstore/testing/forwarding_archive.hpp>

namespace agentstore {

/// A shared archive of any class that is an InnerArchive and an IArchiveOnce. Made from a
/// `std::shared_ptr` to the archive, which must not be null.
class InnerArchiveOnce : public InnerArchive {
public:
  template <class Archive>
    requires std::constructible_from<InnerArchive, std::shared_ptr<Archive>> &&
                 std::derived_from<Archive, IArchiveOnce>
  InnerArchiveOnce(std::shared_ptr<Archive> archive) // NOLINT(google-explicit-constructor)
      : InnerArchive(archive), once_(std::move(archive)) {}

  IArchiveOnce& once() const noexcept { return *once_; }

private:
  std::shared_ptr<IArchiveOnce> once_;
};

/// Hands every call on to another archive that is an IArchiveOnce.
///
/// \par Lifetime, threads, executor, cancellation, errors
/// As in ForwardingArchive.
class ForwardingArchiveOnce : public ForwardingArchive,
                              public RoutedArchiveOnce<ForwardingArchiveOnce> {
public:
  explicit ForwardingArchiveOnce(InnerArchiveOnce inner)
      : ForwardingArchive(static_cast<const InnerArchive&>(inner)), inner_once_(std::move(inner)) {}

protected:
  IArchiveOnce& inner_once() const noexcept { return inner_once_.once(); }

private:
  friend RoutedArchiveOnce;
  template <class Append, class... Others>
  awaitable<bool> route_once(std::string entry_id, std::optional<Timestamp> created_at,
                             std::string key, Others... others) const {
    return Append::once(inner_once(), std::move(entry_id), std::move(key), std::move(others)...,
                        created_at);
  }

  InnerArchiveOnce inner_once_;
};

} // namespace agentstore

#endif
