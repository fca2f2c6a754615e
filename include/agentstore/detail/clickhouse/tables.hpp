// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_TABLES_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_TABLES_HPP

// The six tables: what stands in them, how rows are written and how they are read. A value becomes
// part of a statement only as hexadecimal digits.

#include <agentstore/authoring/archive_calls.hpp>
#include <agentstore/detail/clickhouse/failure.hpp>
#include <agentstore/detail/clickhouse/sequence.hpp>
#include <agentstore/document_from_text.hpp>

#include <array>
#include <limits>
#include <map>
#include <set>

namespace agentstore::detail::clickhouse {

/// A column that is one argument of an append, by its name.
class Field {
public:
  const char* name = nullptr;
  bool is_json = false;
};

/// A kind's table. The first field is the key.
class Table {
public:
  ArchiveKind kind = ArchiveKind::session_event;
  std::array<Field, 4> fields; // an unused field has no name

  std::string name() const { return std::string(to_string(kind)); }
  std::string key() const { return fields.front().name; }
};

inline constexpr std::array<Table, 6> tables = {
    Table{ArchiveKind::session_event,
          {{{"session_id"}, {"user_id"}, {"event_type"}, {"payload", true}}}},
    Table{ArchiveKind::conversation_message,
          {{{"session_id"}, {"role"}, {"content"}, {"metadata", true}}}},
    Table{ArchiveKind::checkpoint,
          {{{"thread_id"}, {"checkpoint_id"}, {"data", true}, {"metadata", true}}}},
    Table{ArchiveKind::checkpoint_writes,
          {{{"thread_id"}, {"checkpoint_id"}, {"task_id"}, {"writes", true}}}},
    Table{ArchiveKind::conversation_session, {{{"session_key"}, {"session_data", true}}}},
    Table{ArchiveKind::task_context_snapshot, {{{"session_id"}, {"context_data", true}}}},
};

inline const Table& table_of(ArchiveKind kind) {
  return tables[static_cast<std::size_t>(kind)];
}

/// The columns with their types, in the order of a row. All tables begin alike.
inline std::vector<std::pair<std::string, std::string>> columns_of(const Table& table) {
  std::vector<std::pair<std::string, std::string>> columns = {
      {"sequence", "UInt64"},     {"writer", "UInt64"},       {"entry_id", "String"},
      {"created_at_us", "Int64"}, {"created_at", "DateTime"}, {"arrived_at", "DateTime"}};
  for (const Field& field : table.fields) {
    if (field.name != nullptr) {
      columns.emplace_back(field.name, "String");
    }
  }
  return columns;
}

// Making them

/// The granules are small, because a row may be large and a read is of one key.
inline std::string create_table(const std::string& database, const Table& table) {
  std::string sql = "CREATE TABLE IF NOT EXISTS " + database + "." + table.name() + " (";
  for (const auto& [name, type] : columns_of(table)) {
    sql += name + " " + type + ", ";
  }
  sql.resize(sql.size() - 2);
  sql += ") ENGINE = MergeTree PARTITION BY toYYYYMM(arrived_at) ORDER BY (" + table.key() +
         ", sequence, writer) SETTINGS index_granularity = 1024";
  return sql;
}

inline std::string hex_of(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    hex += digits[byte >> 4u];
    hex += digits[byte & 0xfu];
  }
  return hex;
}

inline std::string select_columns(const std::string& database) {
  return "SELECT table, name, type FROM system.columns WHERE database = unhex('" +
         hex_of(database) + "') FORMAT JSONEachRow";
}

inline constexpr const char* no_archive_wrote = "the table holds what no archive wrote";

/// The lines of JSONEachRow. Throws Failure: `corrupted` for a row that is not UTF-8, and what the
/// server says for any other text, such as an exception that it wrote after the rows.
inline std::vector<json> lines_of(std::string_view text) {
  std::vector<json> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    json parsed = json::parse(line, nullptr, false);
    if (!parsed.is_object()) {
      const bool is_row = line.starts_with('{') && line.ends_with('}');
      throw is_row ? Failure(errc::corrupted, no_archive_wrote) : failure_of(line);
    }
    lines.push_back(std::move(parsed));
  }
  return lines;
}

/// Which tables are missing. Throws Failure if an existing table is not as it should be.
inline std::vector<Table> missing_tables(std::string_view answer) {
  std::map<std::string, std::set<std::pair<std::string, std::string>>> found;
  for (const json& line : lines_of(answer)) {
    found[line.value("table", "")].emplace(line.value("name", ""), line.value("type", ""));
  }
  std::vector<Table> missing;
  for (const Table& table : tables) {
    const auto there = found.find(table.name());
    if (there == found.end()) {
      missing.push_back(table);
      continue;
    }
    for (const auto& column : columns_of(table)) {
      if (!there->second.contains(column)) {
        throw Failure(errc::not_supported, "the database has a table " + table.name() +
                                               " without a column " + column.first + " " +
                                               column.second);
      }
    }
  }
  return missing;
}

// Writing

/// A row in the format RowBinary, which has no escapes.
class RowWriter {
public:
  void number(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) {
      bytes_ += static_cast<char>((value >> (8 * i)) & 0xffu);
    }
  }
  void text(std::string_view text) {
    std::size_t size = text.size();
    for (; size >= 0x80; size >>= 7u) {
      bytes_ += static_cast<char>((size & 0x7fu) | 0x80u);
    }
    bytes_ += static_cast<char>(size);
    bytes_ += text;
  }
  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

inline void write_field(RowWriter& row, const std::string& text) {
  row.text(text);
}
inline void write_field(RowWriter& row, const Document& value) {
  row.text(value.text());
}
inline void write_field(RowWriter& row, const std::vector<ChannelWrite>& writes) {
  const Document pairs = json(writes); // see record_json.hpp
  row.text(pairs.text());
}

/// Seconds, limited to what a DateTime can hold. A DateTime beyond its limits wraps silently.
inline std::uint32_t clamped_seconds(Timestamp at) {
  const std::int64_t seconds =
      std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp(seconds, std::int64_t{0}, most));
}

/// A row: the columns of columns_of, in their order. The row's arrival time follows from its place,
/// so that the rows of one insert nearly always go to one partition.
template <class... Fields>
std::string make_row(const Place& place, const std::string& entry_id, Timestamp created_at,
                     const Fields&... fields) {
  RowWriter row;
  row.number(place.sequence, 8);
  row.number(place.writer, 8);
  row.text(entry_id);
  row.number(static_cast<std::uint64_t>(created_at.time_since_epoch().count()), 8);
  row.number(clamped_seconds(created_at), 4);
  const auto micros = static_cast<std::int64_t>(place.sequence);
  row.number(clamped_seconds(Timestamp(std::chrono::microseconds(micros))), 4);
  (write_field(row, fields), ...);
  return row.take();
}

inline std::string insert_into(const std::string& database, const Table& table) {
  std::string sql = "INSERT INTO " + database + "." + table.name() + " (";
  for (const auto& [name, type] : columns_of(table)) {
    sql += name + ",";
  }
  sql.back() = ')';
  return sql + " FORMAT RowBinary";
}

// Reading

/// Which of a key's records to read. `take_records` makes them from the rows.
class Page {
public:
  Page() = default;
  Page(std::uint64_t after, std::size_t limit)
      : sequence(after >> rank_bits), skipped(after == 0 ? 0 : (after & rank_mask) + 1),
        records(std::min(limit, most_records)) {}

  /// The sequence of the first row that may be on the page.
  std::uint64_t sequence = 0;
  /// How many rows of that very sequence the caller already has.
  std::uint64_t skipped = 0;
  /// How many records the page has at most.
  std::size_t records = 0;

  std::uint64_t rows() const { return records + skipped; }

private:
  static constexpr std::size_t most_records = 1'000;
};

/// Of the rows with one entry id only the first counts, and likewise of a row that was inserted
/// twice. The page is found by small columns alone.
inline std::string select_page(const std::string& database, const Table& table,
                               const std::string& key, const Page& page) {
  const std::string of_key =
      database + "." + table.name() + " WHERE " + table.key() + " = unhex('" + hex_of(key) + "')";
  const std::string first = std::to_string(page.sequence);
  std::string sql = "SELECT toString(sequence) AS row_sequence,"
                    " toString(created_at_us) AS row_created_at";
  for (const Field& field : table.fields) {
    if (field.name != nullptr) {
      sql += ", " + std::string(field.name);
    }
  }
  sql += " FROM " + of_key + " AND (sequence, writer) IN (SELECT sequence, writer FROM " + of_key +
         " AND sequence >= " + first;
  if (page.sequence != 0) {
    sql += " AND (entry_id = '' OR entry_id NOT IN (SELECT entry_id FROM " + of_key +
           " AND sequence < " + first + " AND entry_id != ''))";
  }
  sql += " ORDER BY sequence, writer LIMIT 1 BY entry_id, if(entry_id = '', sequence, 0),"
         " if(entry_id = '', writer, 0) LIMIT " +
         std::to_string(page.rows()) + ") ORDER BY sequence, writer LIMIT 1 BY sequence, writer" +
         " FORMAT JSONEachRow";
  return sql;
}

/// The value of a JSON column. Throws TextError or json::exception for one that no append wrote.
inline json value_in(const Field& field, std::string_view text) {
  json value = Document::from_text(text).tree();
  const std::string_view name = field.name;
  if (name == "metadata") {
    static_cast<void>(value.get_ref<const json::object_t&>());
  } else if (name == "writes") {
    for (const json& write : value.get_ref<const json::array_t&>()) {
      static_cast<void>(write.at(0).get_ref<const std::string&>());
      static_cast<void>(write.at(1));
    }
  }
  return value;
}

/// Throws Failure: `corrupted` for a row that no archive wrote.
inline std::vector<ArchiveRecord> take_records(const Table& table, const Page& page,
                                               std::string_view answer) {
  std::vector<ArchiveRecord> records;
  std::uint64_t last = 0;
  std::uint64_t rank = 0;
  for (json& line : lines_of(answer)) {
    try {
      const std::uint64_t sequence = std::stoull(line.at("row_sequence").get<std::string>());
      rank = sequence == last ? rank + 1 : 0;
      last = sequence;
      if (sequence == page.sequence && rank < page.skipped) {
        continue;
      }
      if (records.size() == page.records) {
        break;
      }
      ArchiveRecord& record = records.emplace_back();
      record.kind = table.kind;
      record.sequence = (sequence << rank_bits) | std::min(rank, rank_mask);
      record.created_at = Timestamp(
          std::chrono::microseconds(std::stoll(line.at("row_created_at").get<std::string>())));
      for (const Field& field : table.fields) {
        if (field.name != nullptr) {
          std::string& text = line.at(field.name).get_ref<std::string&>();
          record.fields[field.name] = field.is_json ? value_in(field, text) : json(std::move(text));
        }
      }
      if (table.kind == ArchiveKind::task_context_snapshot) {
        record.fields["version"] = record.sequence;
      }
    } catch (const json::exception&) {
      throw Failure(errc::corrupted, no_archive_wrote);
    } catch (const std::logic_error&) { // of a number
      throw Failure(errc::corrupted, no_archive_wrote);
    } catch (const TextError&) {
      throw Failure(errc::corrupted, no_archive_wrote);
    }
  }
  return records;
}

} // namespace agentstore::detail::clickhouse

#endif
