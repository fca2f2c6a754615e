// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_ARCHIVE_HPP
#define AGENTSTORE_DETAIL_SQLITE_ARCHIVE_HPP

// The engine of SqliteArchive.

#include <agentstore/archives/sqlite.hpp>
#include <agentstore/detail/engine_archive_members.hpp>
#include <agentstore/detail/sqlite/archive_schema.hpp>
#include <agentstore/detail/sqlite/engine.hpp>

#include <limits>

namespace agentstore::detail::sqlite {

/// The table of an archive as SQL.
class ArchiveTable {
public:
  explicit ArchiveTable(Connection& connection) : connection_(connection) {}

  /// SQLite gives each row a `sequence` above all that are there.
  void add(ArchiveKind kind, const std::string& key, Timestamp created_at, const Document& fields) {
    connection_.change("INSERT INTO archive (kind, key, created_at_us, fields)"
                       " VALUES (?1, ?2, ?3, ?4)",
                       to_string(kind), key, std::int64_t{created_at.time_since_epoch().count()},
                       fields.text());
  }

  void add_once(ArchiveKind kind, const std::string& key, const std::string& entry_id,
                Timestamp created_at, const Document& fields) {
    connection_.change("INSERT INTO archive (kind, key, entry_id, created_at_us, fields)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)"
                       " ON CONFLICT (kind, key, entry_id) WHERE entry_id IS NOT NULL DO NOTHING",
                       to_string(kind), key, entry_id,
                       std::int64_t{created_at.time_since_epoch().count()}, fields.text());
  }

  std::vector<ArchiveRecord> read(ArchiveKind kind, const std::string& key, std::uint64_t after,
                                  std::size_t limit) {
    Query row = connection_.query("SELECT sequence, created_at_us, fields FROM archive"
                                  " WHERE kind = ?1 AND key = ?2 AND sequence > ?3"
                                  " ORDER BY sequence LIMIT ?4",
                                  to_string(kind), key, at_most(after), at_most(limit));
    std::vector<ArchiveRecord> records;
    while (row.next()) {
      ArchiveRecord& record = records.emplace_back();
      record.kind = kind;
      record.sequence = static_cast<std::uint64_t>(row.integer(0));
      record.created_at = Timestamp(std::chrono::microseconds(row.integer(1)));
      record.fields = object(row.bytes(2));
      if (kind == ArchiveKind::task_context_snapshot) {
        record.fields["version"] = record.sequence;
      }
    }
    return records;
  }

private:
  static json object(std::string_view text) {
    constexpr const char* reason = "the file holds fields that are no JSON object";
    json tree;
    try {
      tree = Document::from_text(text).tree();
    } catch (const TextError&) {
      throw Failure(errc::corrupted, reason);
    }
    if (!tree.is_object()) {
      throw Failure(errc::corrupted, reason);
    }
    return tree;
  }

  static std::int64_t at_most(std::uint64_t count) {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::min(count, most));
  }

  Connection& connection_;
};

/// The engine of a store, on a file with the archive's table.
class ArchiveEngine final : public Engine {
public:
  explicit ArchiveEngine(SqliteOptions options) : Engine(std::move(options), archive_schema()) {}

  static awaitable<bool> open(std::shared_ptr<ArchiveEngine> engine) {
    try {
      co_return co_await Engine::open(std::move(engine));
    } catch (const std::exception&) {
      co_return false;
    }
  }

  /// Whatever fails, memory that runs out included, means that the record is lost.
  template <class Append, class... Others>
  static awaitable<bool>
  append(std::shared_ptr<ArchiveEngine> engine, std::optional<std::string> entry_id,
         std::optional<Timestamp> created_at, std::string key, Others... others) {
    try {
      Database& database = engine->open_database();
      Append::check(database.options().limits, key, others...);
      if (entry_id) {
        check_entry_id<Append>(*entry_id);
      }
      const Timestamp time = created_at ? *created_at : database.options().clock();
      const Document fields = Append::fields(key, std::move(others)...);
      make_text(fields);
      auto work = [&entry_id, &key, time, &fields](Connection& connection) {
        ArchiveTable table(connection);
        if (entry_id) {
          table.add_once(Append::kind, key, *entry_id, time, fields);
        } else {
          table.add(Append::kind, key, time, fields);
        }
        return true;
      };
      co_return co_await database.run(true, database.give_up_at(), std::move(work));
    } catch (const std::exception&) {
      co_return false;
    }
  }

  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<ArchiveEngine> engine,
                                                    ArchiveKind kind, std::string key,
                                                    std::uint64_t after, std::size_t limit) {
    constexpr const char* operation = "read_archive";
    auto work = [kind, &key, after, limit](Connection& connection) {
      return ArchiveTable(connection).read(kind, key, after, limit);
    };
    try {
      Database& database = engine->open_database();
      check(operation, key).id("key", key);
      co_return co_await database.run(false, database.give_up_at(), std::move(work));
    } catch (const Failure& failure) {
      throw StorageError(failure.code(), operation, key, engine->explain(failure), failure.cause());
    }
  }
};

} // namespace agentstore::detail::sqlite

#endif
