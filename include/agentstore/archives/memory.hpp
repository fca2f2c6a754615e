// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_MEMORY_HPP
#define AGENTSTORE_ARCHIVES_MEMORY_HPP

/// \file
/// The reference archive: in the memory of the process, for tests and as the plainest answer to
/// what the archive's rules mean.

#include <agentstore/authoring/clock.hpp>
#include <agentstore/authoring/limits.hpp>
#include <agentstore/detail/engine_archive.hpp>

#include <memory>

namespace agentstore {

namespace detail::memory {
class ArchiveEngine;
class ArchiveSpace;
} // namespace detail::memory

/// The options of a MemoryArchiveSpace; the defaults suit most programs.
class MemoryArchiveOptions {
public:
  MemoryArchiveOptions() = default;

  /// Gives the time of an append that brings none.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

/// The records that one or more MemoryArchives work on. They live as long as the last of them.
class MemoryArchiveSpace {
public:
  explicit MemoryArchiveSpace(MemoryArchiveOptions options = MemoryArchiveOptions())
      : space_(detail::construct<detail::memory::ArchiveSpace>(std::move(options))) {}

private:
  friend class MemoryArchive;
  std::shared_ptr<detail::memory::ArchiveSpace> space_;
};

/// An archive in memory, which can be read back. All rules of IPermanentStorageBackend,
/// IArchiveOnce and IArchiveReader hold; the archive claims shared_handles.
///
/// Its methods never suspend, any handle may be used from any thread, and a call may outlive the
/// object. The child of a fork has a copy, as that of a MemoryBackend.
class MemoryArchive : public detail::EngineArchive<detail::memory::ArchiveEngine> {
public:
  /// A handle on a space of its own.
  explicit MemoryArchive(MemoryArchiveOptions options = MemoryArchiveOptions())
      : MemoryArchive(std::make_shared<MemoryArchiveSpace>(std::move(options))) {}
  /// One more handle on a space: each has its own life cycle, all see the same records.
  explicit MemoryArchive(std::shared_ptr<MemoryArchiveSpace> space)
      : EngineArchive(detail::construct<detail::memory::ArchiveEngine>(space->space_)) {}
};

} // namespace agentstore

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/memory/archive.hpp>
#endif

#endif
