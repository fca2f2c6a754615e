// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_SCHEMA_HPP
#define AGENTSTORE_DETAIL_POSTGRES_SCHEMA_HPP

// The tables of a component in a schema, their version, and the steps from one version to the next.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/detail/postgres/connection.hpp>
#include <agentstore/detail/postgres/request.hpp>

#include <span>

namespace agentstore::detail::postgres {

/// A table, and the privileges that calls need on it besides that to read: "INSERT DELETE".
class Table {
public:
  const char* name;
  const char* privileges;
};

class Schema {
public:
  /// The text of a step has "@" where the schema's name is to stand, and $body$ around the body of
  /// a function. The step at index i takes the tables of `component_name` from version i to version
  /// i + 1. Invariant: what a released step does never changes.
  Schema(const char* component_name, std::span<const char* const> all_steps,
         std::span<const Table> all_tables)
      : component_(component_name), steps_(all_steps), tables_(all_tables) {}

  std::size_t version() const { return steps_.size(); }

  /// Looks at all that calls need: whether something may be written, the version of the tables, the
  /// privileges that the role lacks, and a row of each table.
  std::string health_query() const {
    std::string sql = "SELECT current_setting('transaction_read_only'),"
                      " (SELECT version::bigint FROM @.agentstore_schema WHERE component = '" +
                      std::string(component_) + "'), " + missing_privileges();
    for (const Table& table : tables_) {
      sql += ", (SELECT one FROM @." + std::string(table.name) + " AS one LIMIT 1) IS NULL";
    }
    return sql;
  }

  /// PostgreSQL truncates names above 63 bytes, so that two of them could become one.
  static bool is_name(const std::string& space) {
    return !space.empty() && space.size() <= 63 && space.find('\0') == std::string::npos &&
           agentstore::detail::is_utf8(space) && !space.starts_with("pg_");
  }

  /// Creates the schema and the tables, or brings them up to date. Any number of processes may do
  /// so at once. Throws Failure.
  static awaitable<void> ensure(std::shared_ptr<Connection> connection, std::string space,
                                const Schema* schema) {
    const std::string quoted = quote(*connection, space);
    if (co_await find_version(connection, quoted, schema) == schema->steps_.size()) {
      co_return; // a role that may not create anything can use what is there
    }
    // The first process to get the lock makes the change. A process that waited for it finds the
    // change made.
    std::vector<std::string> parameters(1, space);
    std::string begin = "BEGIN ISOLATION LEVEL READ COMMITTED;"
                        "SET LOCAL search_path = pg_catalog;"
                        "SET LOCAL standard_conforming_strings = on"; // there may be no session
    co_await Connection::query(connection, std::move(begin), std::vector<std::string>());
    std::string lock =
        "SELECT pg_advisory_xact_lock(hashtextextended('agentstore schema ' || $1, 0))";
    co_await Connection::query(connection, std::move(lock), parameters);
    std::string look = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
    const auto namespaces = co_await Connection::query(connection, std::move(look), parameters);
    std::string change;
    if (namespaces.at(0).size() == 0) {
      change = "CREATE SCHEMA " + quoted + ";";
    }
    const std::size_t version = co_await find_version(connection, quoted, schema);
    change += schema->change_from(version, quoted);
    change += "COMMIT";
    co_await Connection::query(connection, std::move(change), std::vector<std::string>());
  }

private:
  /// A list of them for a person, null if there are none. A privilege for a column will do. The
  /// tables are found beside the one with the version, for their names would need two quotings.
  std::string missing_privileges() const {
    std::string needed;
    for (const Table& table : tables_) {
      needed += needed.empty() ? "('" : ", ('";
      needed += std::string(table.name) + "', '" + table.privileges + "')";
    }
    return "(SELECT string_agg(privilege || ' on ' || relname, ', ')"
           " FROM (VALUES " +
           needed +
           ") AS needed (name, privileges),"
           " unnest(string_to_array(privileges, ' ')) AS privilege, pg_catalog.pg_class c"
           " WHERE relname = name AND relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class"
           " WHERE oid = (SELECT tableoid FROM @.agentstore_schema LIMIT 1))"
           " AND NOT CASE privilege WHEN 'DELETE' THEN has_table_privilege(c.oid, privilege)"
           " ELSE has_any_column_privilege(c.oid, privilege) END)";
  }

  static std::string quote(const Connection& connection, const std::string& space) {
    char* const text = PQescapeIdentifier(connection.get(), space.data(), space.size());
    if (text == nullptr) {
      throw Failure(errc::invalid_argument, "the schema's name cannot be quoted");
    }
    std::string quoted = text;
    PQfreemem(text);
    return quoted;
  }

  /// The version of the tables, 0 if there are none.
  static awaitable<std::size_t> find_version(std::shared_ptr<Connection> connection,
                                             std::string quoted, const Schema* schema) {
    std::vector<std::string> table(1, quoted + ".agentstore_schema");
    std::string look = "SELECT to_regclass($1) IS NOT NULL";
    const auto is_there = co_await Connection::query(connection, std::move(look), std::move(table));
    if (is_there.at(0).bytes(0, 0) != "t") {
      co_return 0;
    }
    std::vector<std::string> component(1, schema->component_);
    std::string read = "SELECT version FROM " + quoted + ".agentstore_schema WHERE component = $1";
    const auto found =
        co_await Connection::query(connection, std::move(read), std::move(component));
    if (found.at(0).size() == 0) {
      co_return 0;
    }
    const std::size_t version = std::stoul(found.at(0).plain(0, 0));
    if (version > schema->steps_.size()) {
      throw Failure(errc::not_supported, "the tables have version " + std::to_string(version) +
                                             ", which is newer than the " +
                                             std::to_string(schema->steps_.size()) +
                                             " that is known here");
    }
    co_return version;
  }

  /// Replaces each $body$ by a quote that the schema's name does not hold. The name stands between
  /// the quotes, and would end them.
  static std::string with_safe_quotes(std::string sql, std::string_view schema) {
    const std::string written = "$body$";
    std::string quote = written;
    while (schema.find(quote) != std::string_view::npos) {
      quote.insert(quote.size() - 1, "_");
    }
    for (std::size_t at = 0; (at = sql.find(written, at)) != std::string::npos;) {
      sql.replace(at, written.size(), quote);
      at += quote.size();
    }
    return sql;
  }

  std::string change_from(std::size_t version, const std::string& quoted) const {
    std::string sql = "CREATE TABLE IF NOT EXISTS @.agentstore_schema"
                      " (component text PRIMARY KEY, version integer NOT NULL);";
    for (std::size_t i = version; i < steps_.size(); ++i) {
      sql += steps_[i];
    }
    sql += "INSERT INTO @.agentstore_schema VALUES ('" + std::string(component_) + "', " +
           std::to_string(steps_.size()) +
           ") ON CONFLICT (component) DO UPDATE SET version = excluded.version;";
    return with_schema(with_safe_quotes(std::move(sql), quoted), quoted);
  }

  const char* component_;
  std::span<const char* const> steps_;
  std::span<const Table> tables_;
};

} // namespace agentstore::detail::postgres

#endif
