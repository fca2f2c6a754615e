// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CAPABILITIES_ARCHIVE_ONCE_HPP
#define AGENTSTORE_CAPABILITIES_ARCHIVE_ONCE_HPP

#include <agentstore/contract.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentstore {

/// Appends that may be repeated. Each has an id, and two appends of the same id are one record.
/// Optional: an archive that can do this derives from it besides IPermanentStorageBackend.
///
/// An append that is false, that was cancelled or whose process was killed may have been kept all
/// the same. If the append is made again, IPermanentStorageBackend adds a second record, and this
/// interface does not.
///
/// \par Entry ids
/// An entry id is an id (KEY-01), chosen by the caller. It stands for one record of one kind and
/// key. ONC-01 The first append of an entry id adds its record; a later one of the same kind, key
/// and entry id adds none and is true, whatever its other arguments are, if ONC-06 refuses none of
/// them: the record stays as it is.
/// ONC-02 Another entry id is another record, however equal the rest. So is the same entry id under
/// another key or of another kind, and an append of IPermanentStorageBackend. ONC-03 That holds at
/// any time: of appends that meet on any number of handles one adds the record and all are true,
/// and an archive that keeps its records keeps their entry ids as long. ONC-04 So an append that is
/// repeated with its entry id until it is true has added one record, whatever went wrong before.
///
/// \par In all else
/// The appends are those of IPermanentStorageBackend. ONC-05 Their record has the fields, the time,
/// the place and the version that the method of the same name without `_once` would have given it
/// (ARC-02, ARC-03, ARC-07, ARC-08), and no trace of the entry id. ONC-06 They are false and store
/// nothing if that method does so (ARC-04, ARC-09), and for an entry id outside of KEY-01.
///
/// \par Lifetime, threads, executor, cancellation, time, default arguments
/// As in IPermanentStorageBackend.
class IArchiveOnce {
public:
  virtual ~IArchiveOnce() = default;

  [[nodiscard]] virtual awaitable<bool>
  append_session_event_once(std::string entry_id, std::string session_id, std::string user_id,
                            std::string event_type, Document payload,
                            std::optional<Timestamp> created_at = std::nullopt) = 0;

  [[nodiscard]] virtual awaitable<bool>
  append_conversation_message_once(std::string entry_id, std::string session_id, std::string role,
                                   std::string content, Document metadata = Document::object(),
                                   std::optional<Timestamp> created_at = std::nullopt) = 0;

  [[nodiscard]] virtual awaitable<bool>
  append_checkpoint_once(std::string entry_id, std::string thread_id, std::string checkpoint_id,
                         Document data, Document metadata = Document::object(),
                         std::optional<Timestamp> created_at = std::nullopt) = 0;

  [[nodiscard]] virtual awaitable<bool> append_checkpoint_writes_once(
      std::string entry_id, std::string thread_id, std::string checkpoint_id, std::string task_id,
      std::vector<ChannelWrite> writes, std::optional<Timestamp> created_at = std::nullopt) = 0;

  [[nodiscard]] virtual awaitable<bool>
  append_conversation_session_once(std::string entry_id, std::string session_key,
                                   Document session_data,
                                   std::optional<Timestamp> created_at = std::nullopt) = 0;

  [[nodiscard]] virtual awaitable<bool>
  append_task_context_snapshot_once(std::string entry_id, std::string session_id,
                                    Document context_data,
                                    std::optional<Timestamp> created_at = std::nullopt) = 0;

protected:
  IArchiveOnce() = default;
  IArchiveOnce(const IArchiveOnce&) = default;
  IArchiveOnce& operator=(const IArchiveOnce&) = default;
};

} // namespace agentstore

#endif
