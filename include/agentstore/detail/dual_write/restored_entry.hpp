// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_RESTORED_ENTRY_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_RESTORED_ENTRY_HPP

// Makes entries again from what was kept of them.

#include <agentstore/detail/dual_write/entry.hpp>

#include <stdexcept>
#include <string_view>

namespace agentstore::detail::dual_write {

/// What is kept of an entry.
class KeptEntry {
public:
  KeptEntry() = default;

  std::string id;
  std::string kind;
  std::string key;
  Timestamp created_at;
  Document others; // see Entry::others_text
};

template <class Append, class... Others>
EntryPtr restore_as(KeptEntry kept) {
  const std::vector<DocumentPart> parts = DocumentPart(kept.others).elements();
  if (parts.size() != sizeof...(Others)) {
    throw std::invalid_argument("it has not as many values as such an append");
  }
  return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    return std::make_shared<const EntryOf<Append, Others...>>(std::move(kept.id),
                                                              std::move(kept.key), kept.created_at,
                                                              value_of<Others>(parts[Index])...);
  }(std::index_sequence_for<Others...>());
}

/// Throws std::invalid_argument if `kept` is no append that a DualWrite makes.
inline EntryPtr restore(KeptEntry kept) {
  using Text = std::string;
  const auto is = [&kept](ArchiveKind kind) { return kept.kind == to_string(kind); };
  if (is(ArchiveKind::session_event)) {
    return restore_as<calls::AppendSessionEvent, Text, Text, Document>(std::move(kept));
  }
  if (is(ArchiveKind::conversation_message)) {
    return restore_as<calls::AppendConversationMessage, Text, Text, Document>(std::move(kept));
  }
  if (is(ArchiveKind::checkpoint)) {
    return restore_as<calls::AppendCheckpoint, Text, Document, Document>(std::move(kept));
  }
  if (is(ArchiveKind::checkpoint_writes)) {
    return restore_as<calls::AppendCheckpointWrites, Text, Text, std::vector<ChannelWrite>>(
        std::move(kept));
  }
  if (is(ArchiveKind::task_context_snapshot)) {
    return restore_as<calls::AppendTaskContextSnapshot, Document>(std::move(kept));
  }
  throw std::invalid_argument("it is of no known kind");
}

} // namespace agentstore::detail::dual_write

#endif
