// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_CHECKPOINTS_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENTS_CHECKPOINTS_HPP

// Checkpoints of threads and their pending writes.

#include <agentstore/detail/postgres/statements/statements.hpp>

#include <map>

namespace agentstore::detail::postgres {

template <>
class Statements<calls::PutCheckpoint> {
public:
  static Request request(const StatementContext& context, std::string& thread_id,
                         std::string& checkpoint_id, const Document& data,
                         const Document& metadata) {
    static const Statement insert(
        "WITH thread AS (INSERT INTO @.threads AS t (thread_id, last_place) VALUES ($1, 1)"
        " ON CONFLICT (thread_id) DO UPDATE SET last_place = t.last_place + 1"
        " RETURNING last_place)"
        " INSERT INTO @.checkpoints"
        " (thread_id, checkpoint_id, place, created_at, data, metadata)"
        " SELECT $1, $2, last_place, $3, $4, $5 FROM thread"
        " ON CONFLICT (thread_id, checkpoint_id)"
        " DO UPDATE SET data = excluded.data, metadata = excluded.metadata",
        {type::text, type::text, type::timestamptz, type::json, type::json});
    return write(insert, Parameters()
                             .plain(thread_id)
                             .plain(checkpoint_id)
                             .time(context.clock())
                             .document(data)
                             .document(metadata));
  }
  static bool take(const Response&) { return true; }
  static bool result() { return true; }
};

template <>
class Statements<calls::StoreCheckpoint> : public Statements<calls::PutCheckpoint> {};

inline const std::string checkpoint_columns =
    "thread_id, checkpoint_id, data, metadata, created_at";

inline Checkpoint checkpoint_in(const Rows& rows, std::size_t row) {
  Checkpoint checkpoint;
  checkpoint.thread_id = rows.plain(row, 0);
  checkpoint.checkpoint_id = rows.plain(row, 1);
  checkpoint.data = rows.document(row, 2);
  checkpoint.metadata = rows.object(row, 3);
  checkpoint.created_at = rows.time(row, 4);
  return checkpoint;
}

inline std::vector<Checkpoint> checkpoints_in(const Rows& rows) {
  std::vector<Checkpoint> all;
  all.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    all.push_back(checkpoint_in(rows, row));
  }
  return all;
}

template <>
class Statements<calls::GetCheckpoint> {
public:
  static Request request(const StatementContext&, std::string& thread_id,
                         std::optional<std::string>& checkpoint_id) {
    static const Statement one("SELECT " + checkpoint_columns +
                                   " FROM @.checkpoints"
                                   " WHERE thread_id = $1 AND checkpoint_id = $2",
                               {type::text, type::text});
    static const Statement latest("SELECT " + checkpoint_columns +
                                      " FROM @.checkpoints WHERE thread_id = $1"
                                      " ORDER BY place DESC LIMIT 1",
                                  {type::text});
    if (checkpoint_id) {
      return read(one, Parameters().plain(thread_id).plain(*checkpoint_id));
    }
    return read(latest, Parameters().plain(thread_id));
  }
  bool take(const Response& response) {
    std::vector<Checkpoint> found = checkpoints_in(response.rows.at(0));
    if (!found.empty()) {
      result_ = std::move(found.front());
    }
    return true;
  }
  std::optional<Checkpoint> result() { return std::move(result_); }

private:
  std::optional<Checkpoint> result_;
};

/// The part of a read whose result is checkpoints.
class CheckpointList {
public:
  bool take(const Response& response) {
    result_ = checkpoints_in(response.rows.at(0));
    return true;
  }
  std::vector<Checkpoint> result() { return std::move(result_); }

private:
  std::vector<Checkpoint> result_;
};

template <>
class Statements<calls::ListCheckpoints> : public CheckpointList {
public:
  static Request request(const StatementContext&, std::string& thread_id, std::size_t limit) {
    static const Statement select("SELECT " + checkpoint_columns +
                                      " FROM @.checkpoints WHERE thread_id = $1"
                                      " ORDER BY place DESC LIMIT $2",
                                  {type::text, type::int8});
    return read(select, Parameters().plain(thread_id).count(limit));
  }
};

template <>
class Statements<calls::PutWrites> {
public:
  static Request request(const StatementContext&, std::string& thread_id,
                         std::string& checkpoint_id, std::string& task_id,
                         std::vector<ChannelWrite>& writes) {
    static const Statement insert(
        "WITH thread AS (INSERT INTO @.threads AS t (thread_id, last_place) VALUES ($1, 0)"
        " ON CONFLICT (thread_id) DO UPDATE SET last_place = t.last_place RETURNING 1)"
        " INSERT INTO @.writes AS w"
        " (thread_id, checkpoint_id, task_id, write_index, channel, value)"
        " SELECT $1, $2, $3, new.write_index, new.channel, new.value"
        " FROM thread, unnest($4, $5, $6) AS new (write_index, channel, value)"
        " ON CONFLICT"
        " (thread_id, checkpoint_id, sha256(replace(task_id, '\\', '\\\\')::bytea), write_index)"
        " DO UPDATE SET channel = excluded.channel, value = excluded.value"
        " WHERE excluded.write_index < 0",
        {type::text, type::text, type::text, type::int8_array, type::text_array, type::json_array});
    if (writes.empty()) {
      return {};
    }
    // ON CONFLICT refuses a statement that has one index twice. Writes to a special channel share
    // an index, and the last of them counts (WRT-03).
    std::map<std::int64_t, ChannelWrite*> by_index;
    for (std::size_t position = 0; position < writes.size(); ++position) {
      by_index[write_index(writes[position].channel, position)] = &writes[position];
    }
    Parameters indices;
    Parameters channels;
    Parameters values;
    for (const auto& [index, one] : by_index) {
      indices.integer(index);
      channels.text(std::move(one->channel));
      values.document(one->value);
    }
    return write(insert, Parameters()
                             .plain(thread_id)
                             .plain(checkpoint_id)
                             .plain(task_id)
                             .array(type::int8, indices)
                             .array(type::text, channels)
                             .array(type::json, values));
  }
  static bool take(const Response&) { return true; }
  static bool result() { return true; }
};

template <>
class Statements<calls::GetWrites> {
public:
  static Request request(const StatementContext&, std::string& thread_id,
                         std::string& checkpoint_id) {
    static const Statement select("SELECT task_id, write_index, channel, value FROM @.writes"
                                  " WHERE thread_id = $1 AND checkpoint_id = $2"
                                  " ORDER BY task_id, write_index",
                                  {type::text, type::text});
    return read(select, Parameters().plain(thread_id).plain(checkpoint_id));
  }
  bool take(const Response& response) {
    const Rows& rows = response.rows.at(0);
    result_.resize(rows.size());
    for (std::size_t row = 0; row < rows.size(); ++row) {
      result_[row].task_id = rows.plain(row, 0);
      result_[row].index = rows.integer(row, 1);
      result_[row].channel = rows.text(row, 2);
      result_[row].value = rows.document(row, 3);
    }
    return true;
  }
  std::vector<PendingWrite> result() { return std::move(result_); }

private:
  std::vector<PendingWrite> result_;
};

} // namespace agentstore::detail::postgres

#endif
