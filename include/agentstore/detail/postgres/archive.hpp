// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_ARCHIVE_HPP
#define AGENTSTORE_DETAIL_POSTGRES_ARCHIVE_HPP

// The machinery of PostgresArchive; it is included by the header of the class.

#include <agentstore/archives/postgres.hpp>
#include <agentstore/detail/postgres/client.hpp>
#include <agentstore/record_json.hpp>

namespace agentstore {

namespace detail::postgres {

// Places are given as those of messages are, see store_schema.hpp.
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

inline constexpr const char* archive_schema_steps[] = {archive_schema_1};

inline Schema archive_schema() {
  return Schema("archive", archive_schema_steps);
}

} // namespace detail::postgres

/// What an archive object and its calls share.
class PostgresArchive::State {
public:
  State(boost::asio::any_io_executor executor, const PostgresOptions& options)
      : client_(std::move(executor), options, detail::postgres::archive_schema()) {}

  static awaitable<bool> open(std::shared_ptr<State> state) {
    try {
      co_await detail::postgres::Client::open(&state->client_);
      co_return true;
    } catch (const StorageError&) {
      co_return false;
    }
  }

  static awaitable<void> close(std::shared_ptr<State> state) {
    co_await detail::postgres::Client::close(&state->client_);
  }

  /// Makes one append. `describe` checks the arguments other than the key and puts them into the
  /// record. Whatever fails, memory that runs out included, means that the record is lost; only a
  /// cancellation is the caller's own.
  template <class Describe>
  static awaitable<bool> append(std::shared_ptr<State> state, ArchiveKind kind,
                                const char* key_name, std::string key,
                                std::optional<Timestamp> created_at, Describe describe) {
    using namespace detail::postgres;
    static const Statement insert(
        "WITH place AS (INSERT INTO @.archive_keys AS k (kind, key, last_sequence)"
        " VALUES ($1, $2, 1) ON CONFLICT (kind, key)"
        " DO UPDATE SET last_sequence = k.last_sequence + 1 RETURNING last_sequence)"
        " INSERT INTO @.archive (kind, key, sequence, created_at, fields)"
        " SELECT $1, $2, last_sequence, $3, $4 FROM place",
        {type::text, type::text, type::timestamptz, type::json});
    const Client& client = state->client_;
    try {
      if (!client.is_open()) {
        co_return false;
      }
      const ArgumentCheck arguments = check("append", key, client.options().limits);
      arguments.id(key_name, key);
      json fields = json::object();
      fields[key_name] = key;
      describe(arguments, fields);
      Parameters parameters;
      parameters.plain(std::string(to_string(kind)))
          .plain(std::move(key))
          .time(created_at.value_or(client.options().clock()))
          .document(fields);
      Request request;
      request.add(insert, std::move(parameters));
      const Answer answer = co_await client.ask(std::move(request));
      if (!answer.failure || !answer.failure->is_cancellation) {
        co_return !answer.failure;
      }
    } catch (const std::exception&) {
      co_return false;
    }
    throw boost::system::system_error(boost::asio::error::operation_aborted, "append");
  }

  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<State> state, ArchiveKind kind,
                                                    std::string key, std::uint64_t after,
                                                    std::size_t limit) {
    using namespace detail::postgres;
    constexpr const char* operation = "read_archive";
    const Client& client = state->client_;
    client.require_open(operation, key);
    check(operation, key).id("key", key);
    Reading reading(kind);
    const Answer answer = co_await client.ask(Reading::request(kind, key, after, limit));
    Client::take(reading, answer, operation, key);
    co_return reading.result();
  }

private:
  class Reading {
  public:
    explicit Reading(ArchiveKind kind) : kind_(kind) {}

    static detail::postgres::Request request(ArchiveKind kind, const std::string& key,
                                             std::uint64_t after, std::size_t limit) {
      using namespace detail::postgres;
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

    bool take(const detail::postgres::Answer& answer) {
      const detail::postgres::Rows& rows = answer.rows.at(0);
      result_.resize(rows.size());
      for (std::size_t row = 0; row < rows.size(); ++row) {
        ArchiveRecord& record = result_[row];
        record.kind = kind_;
        record.sequence = rows.count(row, 0);
        record.created_at = rows.time(row, 1);
        record.fields = rows.document(row, 2);
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

  detail::postgres::Client client_;
};

inline PostgresArchive::PostgresArchive(boost::asio::any_io_executor executor,
                                        PostgresOptions options)
    : state_(std::make_shared<State>(std::move(executor), options)) {}

inline awaitable<bool> PostgresArchive::initialize() {
  return State::open(state_);
}

inline awaitable<void> PostgresArchive::close() {
  return State::close(state_);
}

inline awaitable<bool> PostgresArchive::append_session_event(std::string session_id,
                                                             std::string user_id,
                                                             std::string event_type, json payload,
                                                             std::optional<Timestamp> created_at) {
  return State::append(
      state_, ArchiveKind::session_event, "session_id", std::move(session_id), created_at,
      [user_id = std::move(user_id), event_type = std::move(event_type),
       payload = std::move(payload)](const ArgumentCheck& arguments, json& fields) mutable {
        arguments.id("user_id", user_id)
            .nonempty_text("event_type", event_type)
            .value("payload", payload);
        fields["user_id"] = std::move(user_id);
        fields["event_type"] = std::move(event_type);
        fields["payload"] = std::move(payload);
      });
}

inline awaitable<bool>
PostgresArchive::append_conversation_message(std::string session_id, std::string role,
                                             std::string content, json metadata,
                                             std::optional<Timestamp> created_at) {
  return State::append(
      state_, ArchiveKind::conversation_message, "session_id", std::move(session_id), created_at,
      [role = std::move(role), content = std::move(content),
       metadata = std::move(metadata)](const ArgumentCheck& arguments, json& fields) mutable {
        arguments.nonempty_text("role", role).text("content", content).object("metadata", metadata);
        fields["role"] = std::move(role);
        fields["content"] = std::move(content);
        fields["metadata"] = std::move(metadata);
      });
}

inline awaitable<bool> PostgresArchive::append_checkpoint(std::string thread_id,
                                                          std::string checkpoint_id, json data,
                                                          json metadata,
                                                          std::optional<Timestamp> created_at) {
  return State::append(
      state_, ArchiveKind::checkpoint, "thread_id", std::move(thread_id), created_at,
      [checkpoint_id = std::move(checkpoint_id), data = std::move(data),
       metadata = std::move(metadata)](const ArgumentCheck& arguments, json& fields) mutable {
        arguments.id("checkpoint_id", checkpoint_id)
            .value("data", data)
            .object("metadata", metadata);
        fields["checkpoint_id"] = std::move(checkpoint_id);
        fields["data"] = std::move(data);
        fields["metadata"] = std::move(metadata);
      });
}

inline awaitable<bool>
PostgresArchive::append_checkpoint_writes(std::string thread_id, std::string checkpoint_id,
                                          std::string task_id, std::vector<ChannelWrite> writes,
                                          std::optional<Timestamp> created_at) {
  return State::append(
      state_, ArchiveKind::checkpoint_writes, "thread_id", std::move(thread_id), created_at,
      [checkpoint_id = std::move(checkpoint_id), task_id = std::move(task_id),
       writes = std::move(writes)](const ArgumentCheck& arguments, json& fields) mutable {
        arguments.id("checkpoint_id", checkpoint_id).id("task_id", task_id).writes(writes);
        fields["checkpoint_id"] = std::move(checkpoint_id);
        fields["task_id"] = std::move(task_id);
        fields["writes"] = writes;
      });
}

inline awaitable<bool>
PostgresArchive::append_conversation_session(std::string session_key, json session_data,
                                             std::optional<Timestamp> created_at) {
  return State::append(state_, ArchiveKind::conversation_session, "session_key",
                       std::move(session_key), created_at,
                       [session_data = std::move(session_data)](const ArgumentCheck& arguments,
                                                                json& fields) mutable {
                         arguments.value("session_data", session_data);
                         fields["session_data"] = std::move(session_data);
                       });
}

inline awaitable<bool>
PostgresArchive::append_task_context_snapshot(std::string session_id, json context_data,
                                              std::optional<Timestamp> created_at) {
  return State::append(state_, ArchiveKind::task_context_snapshot, "session_id",
                       std::move(session_id), created_at,
                       [context_data = std::move(context_data)](const ArgumentCheck& arguments,
                                                                json& fields) mutable {
                         arguments.value("context_data", context_data);
                         fields["context_data"] = std::move(context_data);
                       });
}

inline awaitable<std::vector<ArchiveRecord>> PostgresArchive::read_archive(ArchiveKind kind,
                                                                           std::string key,
                                                                           std::uint64_t after,
                                                                           std::size_t limit) {
  return State::read(state_, kind, std::move(key), after, limit);
}

} // namespace agentstore

#endif
