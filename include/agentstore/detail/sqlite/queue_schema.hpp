// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_QUEUE_SCHEMA_HPP
#define AGENTSTORE_DETAIL_SQLITE_QUEUE_SCHEMA_HPP

// The table of a queue, and how a file gets from any version of it to the newest.

#include <agentstore/detail/sqlite/schema.hpp>

#include <array>

namespace agentstore::detail::sqlite {

/// What leads from version i to i + 1. A step that was once published never changes.
inline constexpr std::array queue_schema_steps = {
    // 1: Records by position, the oldest first. All texts are UTF-8; others is a JSON array of what
    // the append takes besides the key, in its order.
    R"sql(
      CREATE TABLE queue (
        position      INTEGER PRIMARY KEY,
        entry_id      TEXT NOT NULL UNIQUE,
        kind          TEXT NOT NULL,
        key           TEXT NOT NULL,
        created_at_us INTEGER NOT NULL,
        others        TEXT NOT NULL
      );
    )sql",
};

inline constexpr std::array queue_samples = {"SELECT * FROM queue LIMIT 1"};

/// "agsq"
inline const Schema& queue_schema() {
  static const Schema schema(0x61677371, queue_schema_steps, queue_samples);
  return schema;
}

} // namespace agentstore::detail::sqlite

#endif
