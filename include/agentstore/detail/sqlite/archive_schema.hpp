// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_ARCHIVE_SCHEMA_HPP
#define AGENTSTORE_DETAIL_SQLITE_ARCHIVE_SCHEMA_HPP

// The table of an archive, and how a file gets from any version of it to the newest.

#include <agentstore/detail/sqlite/schema.hpp>

#include <array>

namespace agentstore::detail::sqlite {

/// What leads from version i to i + 1. A step that was once published never changes.
inline constexpr std::array archive_schema_steps = {
    // 1: The row's number is the record's place, so that an append goes to the end of the table.
    // All texts are UTF-8; fields is a JSON object as text. A file knows no time but microseconds;
    // created_at is for those who read it. The division rounds down, also before 1970.
    R"sql(
      CREATE TABLE archive (
        sequence      INTEGER PRIMARY KEY,
        kind          TEXT NOT NULL,
        key           TEXT NOT NULL,
        entry_id      TEXT,
        created_at_us INTEGER NOT NULL,
        fields        TEXT NOT NULL,
        created_at    TEXT AS (
          strftime('%Y-%m-%dT%H:%M:%S',
                   created_at_us / 1000000 - (created_at_us % 1000000 < 0), 'unixepoch')
          || printf('.%06dZ', (created_at_us % 1000000 + 1000000) % 1000000)) VIRTUAL
      );
      CREATE INDEX archive_by_key ON archive (kind, key);
      CREATE UNIQUE INDEX archive_by_entry ON archive (kind, key, entry_id)
        WHERE entry_id IS NOT NULL;
    )sql",
};

inline constexpr std::array archive_samples = {"SELECT * FROM archive LIMIT 1"};

/// "agsa"
inline const Schema& archive_schema() {
  static const Schema schema(0x61677361, archive_schema_steps, archive_samples);
  return schema;
}

} // namespace agentstore::detail::sqlite

#endif
