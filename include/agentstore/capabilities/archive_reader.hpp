// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CAPABILITIES_ARCHIVE_READER_HPP
#define AGENTSTORE_CAPABILITIES_ARCHIVE_READER_HPP

#include <agentstore/contract.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agentstore {

/// The kinds of record an archive holds, one for each append of IPermanentStorageBackend.
enum class ArchiveKind {
  session_event,
  conversation_message,
  checkpoint,
  checkpoint_writes,
  conversation_session,
  task_context_snapshot,
};

/// The name of a kind as archives may store it, e.g. "session_event".
std::string_view to_string(ArchiveKind kind) noexcept;

/// How many records `read_archive` gives when the caller does not say.
inline constexpr std::size_t default_archive_limit = 100;

/// One record of an archive.
class ArchiveRecord {
public:
  ArchiveRecord() = default;

  ArchiveKind kind = ArchiveKind::session_event;
  /// Strictly increasing among the records of one kind and key; never 0; gaps are allowed.
  std::uint64_t sequence = 0;
  /// The time as it was given, else the time of the append (ARC-03).
  Timestamp created_at;
  /// The arguments of the append as a JSON object, by the names of its parameters (ARC-07):
  /// `{"session_id", "user_id", "event_type", "payload"}`, ... `writes` is an array of
  /// `[channel, value]` pairs. A task context snapshot also has its `version` (ARC-08).
  json fields = json::object();

  bool operator==(const ArchiveRecord&) const = default;
};

static_assert(!std::is_aggregate_v<ArchiveRecord>);

/// Reads an archive back. Optional: an archive that can do this derives from it besides
/// IPermanentStorageBackend.
///
/// \par Lifetime, threads, executor, cancellation
/// As in IPermanentStorageBackend.
///
/// \par Errors
/// Unlike the appends, a read throws `StorageError`: `invalid_argument` for a key outside of
/// KEY-01, `closed`, `unavailable`, `corrupted` (ERR-01). The error names "read_archive" and the
/// key (ERR-02).
class IArchiveReader {
public:
  virtual ~IArchiveReader() = default;

  /// Returns the records of one kind and key whose sequence is greater than `after`, in order, at
  /// most `limit` of them. A page may hold fewer; only an empty page says that there are no more
  /// records. A limit of 0 gives none. The next page is read with the last sequence of this page.
  /// An unknown key has no records.
  [[nodiscard]] virtual awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) = 0;

protected:
  IArchiveReader() = default;
  IArchiveReader(const IArchiveReader&) = default;
  IArchiveReader& operator=(const IArchiveReader&) = default;
};

// Only machinery below this line.

inline std::string_view to_string(ArchiveKind kind) noexcept {
  switch (kind) {
  case ArchiveKind::session_event:
    return "session_event";
  case ArchiveKind::conversation_message:
    return "conversation_message";
  case ArchiveKind::checkpoint:
    return "checkpoint";
  case ArchiveKind::checkpoint_writes:
    return "checkpoint_writes";
  case ArchiveKind::conversation_session:
    return "conversation_session";
  case ArchiveKind::task_context_snapshot:
    return "task_context_snapshot";
  }
  return "unknown";
}

} // namespace agentstore

#endif
