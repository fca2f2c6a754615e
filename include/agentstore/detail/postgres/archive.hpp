// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_ARCHIVE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_ARCHIVE_HPP

// The engine of PostgresArchive.

#include <agentstore/archives/postgres.hpp>
#include <agentstore/detail/engine_archive_members.hpp>
#include <agentstore/detail/postgres/client.hpp>

namespace agentstore::detail::postgres {

// The row of a key in archive_keys gives its records their places, as store_schema.hpp explains for
// messages.
inline constexpr const char* archive_schema_1 = R"(
CREATE TABLE @.archive_keys (
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  last_sequence bigint NOT NULL,
  PRIMARY KEY (kind, key)
);
CREATE TABLE @.archive (
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  created_at timestamptz NOT NULL,
  fields json NOT NULL,
  PRIMARY KEY (kind, key, sequence)
);
)";

// Two appends with one entry id cannot meet, because each locks the row of its key.
inline constexpr const char* archive_schema_2 = R"(
ALTER TABLE @.archive ADD COLUMN entry_id text COLLATE "C";
CREATE UNIQUE INDEX archive_by_entry ON @.archive (kind, key, entry_id)
  WHERE entry_id IS NOT NULL;
)";

inline constexpr const char* archive_schema_steps[] = {archive_schema_1, archive_schema_2};

inline constexpr Table archive_tables[] = {{"archive_keys", "INSERT UPDATE"},
                                           {"archive", "INSERT"}};

inline Schema archive_schema() {
  return Schema("archive", archive_schema_steps, archive_tables);
}

class ArchiveEngine {
public:
  ArchiveEngine(boost::asio::any_io_executor executor, const PostgresOptions& options)
      : client_(std::move(executor), options, archive_schema()) {}

  static awaitable<bool> open(std::shared_ptr<ArchiveEngine> engine) {
    try {
      co_await Client::open(&engine->client_);
      co_return true;
    } catch (const StorageError&) {
      co_return false;
    }
  }

  static awaitable<void> close(std::shared_ptr<ArchiveEngine> engine) {
    co_await Client::close(&engine->client_);
  }

  /// Every failure, running out of memory included, means that the record is lost. Only a
  /// cancellation is thrown to the caller.
  template <class Append, class... Others>
  static awaitable<bool>
  append(std::shared_ptr<ArchiveEngine> engine, std::optional<std::string> entry_id,
         std::optional<Timestamp> created_at, std::string key, Others... others) {
    const Client& client = engine->client_;
    try {
      if (!client.is_open()) {
        co_return false;
      }
      Append::check(client.options().limits, key, others...);
      if (entry_id) {
        check_entry_id<Append>(*entry_id);
      }
      const Document fields = Append::fields(key, std::move(others)...);
      Parameters parameters;
      parameters.plain(std::string(to_string(Append::kind)))
          .plain(std::move(key))
          .time(created_at.value_or(client.options().clock()))
          .document(fields);
      Request request;
      if (entry_id) {
        request.add(insert_once(), std::move(parameters.plain(*std::move(entry_id))));
      } else {
        request.add(insert(), std::move(parameters));
      }
      const Response response = co_await client.ask(std::move(request));
      if (!response.failure || !response.failure->is_cancellation) {
        co_return !response.failure;
      }
    } catch (const std::exception&) {
      co_return false;
    }
    throw boost::system::system_error(boost::asio::error::operation_aborted, Append::name);
  }

  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<ArchiveEngine> engine,
                                                    ArchiveKind kind, std::string key,
                                                    std::uint64_t after, std::size_t limit) {
    constexpr const char* operation = "read_archive";
    const Client& client = engine->client_;
    client.require_open(operation, key);
    check(operation, key).id("key", key);
    Reading reading(kind);
    const Response response = co_await client.ask(Reading::request(kind, key, after, limit));
    Client::take(reading, response, operation, key);
    co_return reading.result();
  }

private:
  // Each statement serves all kinds, so that a connection prepares it once.

  static const Statement& insert() {
    static const Statement statement(
        "WITH place AS (INSERT INTO @.archive_keys AS k (kind, key, last_sequence)"
        " VALUES ($1, $2, 1) ON CONFLICT (kind, key)"
        " DO UPDATE SET last_sequence = k.last_sequence + 1 RETURNING last_sequence)"
        " INSERT INTO @.archive (kind, key, sequence, created_at, fields)"
        " SELECT $1, $2, last_sequence, $3, $4 FROM place",
        {type::text, type::text, type::timestamptz, type::json});
    return statement;
  }

  /// Does as `insert`. If the entry id is there already, nothing is added, but the row of the key
  /// has skipped a place.
  static const Statement& insert_once() {
    static const Statement statement(
        "WITH place AS (INSERT INTO @.archive_keys AS k (kind, key, last_sequence)"
        " VALUES ($1, $2, 1) ON CONFLICT (kind, key)"
        " DO UPDATE SET last_sequence = k.last_sequence + 1 RETURNING last_sequence)"
        " INSERT INTO @.archive (kind, key, sequence, created_at, fields, entry_id)"
        " SELECT $1, $2, last_sequence, $3, $4, $5 FROM place"
        " ON CONFLICT (kind, key, entry_id) WHERE entry_id IS NOT NULL DO NOTHING",
        {type::text, type::text, type::timestamptz, type::json, type::text});
    return statement;
  }

  class Reading {
  public:
    explicit Reading(ArchiveKind kind) : kind_(kind) {}

    static Request request(ArchiveKind kind, const std::string& key, std::uint64_t after,
                           std::size_t limit) {
      static const Statement select(
          "SELECT sequence, created_at, fields FROM @.archive"
          " WHERE kind = $1 AND key = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
          {type::text, type::text, type::int8, type::int8});
      Parameters parameters;
      parameters.plain(std::string(to_string(kind))).plain(key).count(after).count(limit);
      Request request;
      request.writes = false;
      request.add(select, std::move(parameters));
      return request;
    }

    bool take(const Response& response) {
      const Rows& rows = response.rows.at(0);
      result_.resize(rows.size());
      for (std::size_t row = 0; row < rows.size(); ++row) {
        ArchiveRecord& record = result_[row];
        record.kind = kind_;
        record.sequence = rows.count(row, 0);
        record.created_at = rows.time(row, 1);
        record.fields = rows.object(row, 2).tree();
        if (kind_ == ArchiveKind::task_context_snapshot) {
          record.fields["version"] = record.sequence;
        }
      }
      return true;
    }
    std::vector<ArchiveRecord> result() { return std::move(result_); }

  private:
    ArchiveKind kind_;
    std::vector<ArchiveRecord> result_;
  };

  Client client_;
};

} // namespace agentstore::detail::postgres

#endif
