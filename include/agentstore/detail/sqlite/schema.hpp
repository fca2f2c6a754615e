// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_SCHEMA_HPP
#define AGENTSTORE_DETAIL_SQLITE_SCHEMA_HPP

// The tables of a file, and how it gets from any version of them to the newest. A file names its
// version in `PRAGMA user_version` and says by `PRAGMA application_id` whose it is.

#include <agentstore/detail/sqlite/connection.hpp>

#include <span>

namespace agentstore::detail::sqlite {

/// What a file of one kind holds: how such a file is told from others, its tables' versions, and
/// what reads a row of each.
class Schema {
public:
  Schema(std::int64_t id, std::span<const char* const> version_steps,
         std::span<const char* const> table_samples)
      : application_id(id), steps(version_steps), samples(table_samples) {}

  std::int64_t newest() const { return static_cast<std::int64_t>(steps.size()); }

  std::int64_t application_id;
  std::span<const char* const> steps;
  std::span<const char* const> samples;
};

inline std::int64_t pragma(Connection& connection, const char* sql) {
  Query query = connection.query(sql);
  query.next();
  return query.integer(0);
}

/// The version of the tables in the file, 0 if it has none. Throws if it is not ours to touch.
inline std::int64_t schema_version(Connection& connection, const Schema& schema) {
  // A single statement sees the file as it was at one moment. Another process may be making the
  // tables.
  Query row = connection.query("SELECT (SELECT application_id FROM pragma_application_id),"
                               " (SELECT user_version FROM pragma_user_version),"
                               " (SELECT COUNT(*) FROM sqlite_schema)");
  row.next();
  const std::int64_t id = row.integer(0);
  const std::int64_t version = row.integer(1);
  const bool is_empty = row.integer(2) == 0;
  const bool is_new = is_empty && id == 0 && version == 0;
  if (id != schema.application_id && !is_new) {
    throw Failure(errc::invalid_argument, "the file is a database of another program");
  }
  if (version < 0) {
    throw Failure(errc::corrupted, "the file has schema version " + std::to_string(version));
  }
  if (version > schema.newest()) {
    throw Failure(errc::not_supported, "the file has schema version " + std::to_string(version) +
                                           ", newer than " + std::to_string(schema.newest()) +
                                           ", the newest known here");
  }
  return version;
}

/// Brings the tables to the newest version, in one transaction, even if other processes try it too.
inline void migrate(Connection& connection, const Schema& schema) {
  const std::int64_t newest = schema.newest();
  if (schema_version(connection, schema) == newest) {
    return;
  }
  connection.execute("BEGIN IMMEDIATE");
  try {
    for (std::int64_t version = schema_version(connection, schema); version < newest; ++version) {
      connection.execute(schema.steps[static_cast<std::size_t>(version)]);
    }
    // A pragma takes no parameters. These are numbers of our own.
    connection.execute(
        ("PRAGMA application_id = " + std::to_string(schema.application_id)).c_str());
    connection.execute(("PRAGMA user_version = " + std::to_string(newest)).c_str());
    connection.execute("COMMIT");
  } catch (...) {
    connection.roll_back();
    throw;
  }
}

/// Throws if something has emptied the file since it was migrated.
inline void require_tables(Connection& connection, const Schema& schema) {
  if (schema_version(connection, schema) != schema.newest()) {
    throw Failure(errc::corrupted, "the file no longer has its tables");
  }
}

/// Throws unless a row of each table can be read.
inline void try_to_read(Connection& connection, const Schema& schema) {
  require_tables(connection, schema);
  for (const char* const sample : schema.samples) {
    connection.query(sample).next();
  }
}

/// In a transaction: finds out whether there is room, and gives the commit something to write, but
/// leaves all as it is.
inline void try_to_write(Connection& connection) {
  connection.execute("SAVEPOINT room");
  connection.execute("CREATE TABLE room (for_a_page)");
  connection.execute("ROLLBACK TO room");
  connection.execute("RELEASE room");
  const std::int64_t version = pragma(connection, "PRAGMA user_version");
  connection.execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
}

} // namespace agentstore::detail::sqlite

#endif
