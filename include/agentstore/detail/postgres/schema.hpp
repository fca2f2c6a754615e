// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_SCHEMA_HPP
#define AGENTSTORE_DETAIL_POSTGRES_SCHEMA_HPP

// The tables of a component in a schema, their version, and how the one becomes the next.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/detail/postgres/link.hpp>

#include <span>

namespace agentstore::detail::postgres {

class Schema {
public:
  /// The step at index i takes the tables of `component_name` from version i to version i + 1. A
  /// step that was released is never changed.
  Schema(const char* component_name, std::span<const char* const> all_steps)
      : component_(component_name), steps_(all_steps) {}

  /// PostgreSQL cuts longer names off, which would make two of them one.
  static bool is_name(const std::string& space) {
    return !space.empty() && space.size() <= 63 && space.find('\0') == std::string::npos &&
           agentstore::detail::is_utf8(space) && !space.starts_with("pg_");
  }

  /// Creates the schema and the tables, or brings them up to date, as far as there is need. Any
  /// number of processes may do so at once. Throws Failure.
  static awaitable<void> ensure(std::shared_ptr<Link> link, std::string space,
                                const Schema* schema) {
    const std::string quoted = quote(*link, space);
    if (co_await find_version(link, quoted, schema) == schema->steps_.size()) {
      co_return; // also for a role that may not create anything
    }
    // Whoever comes first does it; who waited for the lock finds it done.
    std::vector<std::string> parameters(1, space);
    std::string begin = "BEGIN";
    co_await Link::query(link, std::move(begin), std::vector<std::string>());
    std::string lock =
        "SELECT pg_advisory_xact_lock(hashtextextended('agentstore schema ' || $1, 0))";
    co_await Link::query(link, std::move(lock), parameters);
    std::string look = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
    const auto namespaces = co_await Link::query(link, std::move(look), parameters);
    std::string change;
    if (namespaces.at(0).size() == 0) {
      change = "CREATE SCHEMA " + quoted + ";";
    }
    const std::size_t version = co_await find_version(link, quoted, schema);
    change += schema->change_from(version, quoted);
    change += "COMMIT";
    co_await Link::query(link, std::move(change), std::vector<std::string>());
  }

private:
  static std::string quote(const Link& link, const std::string& space) {
    char* const text = PQescapeIdentifier(link.get(), space.data(), space.size());
    if (text == nullptr) {
      throw Failure(errc::invalid_argument, "the schema's name cannot be quoted");
    }
    std::string quoted = text;
    PQfreemem(text);
    return quoted;
  }

  /// 0 where there is nothing yet.
  static awaitable<std::size_t> find_version(std::shared_ptr<Link> link, std::string quoted,
                                             const Schema* schema) {
    std::vector<std::string> table(1, quoted + ".agentstore_schema");
    std::string look = "SELECT to_regclass($1) IS NOT NULL";
    const auto is_there = co_await Link::query(link, std::move(look), std::move(table));
    if (is_there.at(0).bytes(0, 0) != "t") {
      co_return 0;
    }
    std::vector<std::string> component(1, schema->component_);
    std::string read = "SELECT version FROM " + quoted + ".agentstore_schema WHERE component = $1";
    const auto found = co_await Link::query(link, std::move(read), std::move(component));
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

  std::string change_from(std::size_t version, const std::string& quoted) const {
    std::string sql = "CREATE TABLE IF NOT EXISTS @.agentstore_schema"
                      " (component text PRIMARY KEY, version integer NOT NULL);";
    for (std::size_t i = version; i < steps_.size(); ++i) {
      sql += steps_[i];
    }
    sql += "INSERT INTO @.agentstore_schema VALUES ('" + std::string(component_) + "', " +
           std::to_string(steps_.size()) +
           ") ON CONFLICT (component) DO UPDATE SET version = excluded.version;";
    return with_schema(sql, quoted);
  }

  const char* component_;
  std::span<const char* const> steps_;
};

} // namespace agentstore::detail::postgres

#endif
