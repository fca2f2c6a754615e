// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_JSON_COLUMNS_HPP
#define AGENTSTORE_DETAIL_SQLITE_JSON_COLUMNS_HPP

// JSON is made text, and text JSON, where the call is: the threads of the database do nothing but
// what the database has to do, and what one thread allocates another need not free.

#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/detail/json_text.hpp>
#include <agentstore/detail/sqlite/connection.hpp>
#include <agentstore/records.hpp>

#include <optional>
#include <string>
#include <vector>

namespace agentstore::detail::sqlite {

/// A JSON value as it stands in a column.
class JsonText {
public:
  explicit JsonText(const json& value) : text(to_text(value)) {}

  std::string text;
};

class EncodedWrite {
public:
  explicit EncodedWrite(const ChannelWrite& write) : channel(write.channel), value(write.value) {}

  std::string channel;
  JsonText value;
};

/// An argument as a method of Tables takes it.
template <class Argument>
Argument encode(Argument argument) {
  return argument;
}
inline JsonText encode(const json& value) {
  return JsonText(value);
}
inline std::vector<EncodedWrite> encode(const std::vector<ChannelWrite>& writes) {
  return {writes.begin(), writes.end()};
}

/// What a method of Tables returns, as its caller wants it: until then each JSON value is a string
/// with its text.
template <class Result>
void decode(Result&) {}
inline void decode(json& value) {
  json parsed = from_text(value.get_ref<const std::string&>());
  if (parsed.is_discarded()) {
    throw Failure(errc::corrupted, "the file holds JSON that cannot be read");
  }
  value = std::move(parsed);
}
inline void decode(Session& session) {
  decode(session.metadata);
}
inline void decode(Message& message) {
  decode(message.metadata);
}
inline void decode(Checkpoint& checkpoint) {
  decode(checkpoint.data);
  decode(checkpoint.metadata);
}
inline void decode(PendingWrite& write) {
  decode(write.value);
}
template <class Record>
void decode(std::optional<Record>& record) {
  if (record) {
    decode(*record);
  }
}
template <class Record>
void decode(std::vector<Record>& records) {
  for (Record& record : records) {
    decode(record);
  }
}

inline void decode(SessionPage& page) {
  decode(page.sessions);
}

} // namespace agentstore::detail::sqlite

#endif
