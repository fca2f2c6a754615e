// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_RAW_SQLITE_HPP
#define AGENTSTORE_TESTS_SUPPORT_RAW_SQLITE_HPP

#include <memory>
#include <sqlite3.h>
#include <stdexcept>
#include <string>

namespace agentstore::test {

/// A connection as any other program has it. It does not wait for locks.
class RawSqlite {
public:
  explicit RawSqlite(const std::string& path) {
    sqlite3* database = nullptr;
    const int result = sqlite3_open(path.c_str(), &database);
    database_.reset(database);
    require(result);
  }

  void execute(const std::string& sql) {
    require(sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr));
  }

  /// What `sqlite3 FILE "sql"` prints: a line for each row, with | between its columns.
  std::string text(const std::string& sql) {
    std::string rows;
    const auto add = [](void* to, int columns, char** values, char**) {
      auto& text = *static_cast<std::string*>(to);
      for (int i = 0; i < columns; ++i) {
        text += i == 0 ? "" : "|";
        text += values[i] != nullptr ? values[i] : "NULL";
      }
      text += '\n';
      return 0;
    };
    require(sqlite3_exec(database_.get(), sql.c_str(), add, &rows, nullptr));
    return rows.substr(0, rows.empty() ? 0 : rows.size() - 1);
  }

private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };

  void require(int result) {
    if (result != SQLITE_OK) {
      throw std::runtime_error(sqlite3_errmsg(database_.get()));
    }
  }

  std::unique_ptr<sqlite3, Close> database_;
};

} // namespace agentstore::test

#endif
