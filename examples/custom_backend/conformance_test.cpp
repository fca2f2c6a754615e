// SPDX-License-Identifier: Apache-2.0
// Holds the journal to every rule of the contract that applies to it.

#include "journal_backend.hpp"

#include <agentstore/conformance/catch2.hpp>

#include <atomic>
#include <fstream>

/// A space is a directory, and by its name the same one in every process.
class JournalHarness {
public:
  static constexpr std::string_view name = "journal";

  auto claims() const {
    const std::size_t most = example::journal_limits().max_value_bytes;
    return agentstore::conformance::Claims().durable().survives_kill().max_value(most);
  }

  std::shared_ptr<example::JournalBackend> open(boost::asio::any_io_executor, std::string space) {
    return std::make_shared<example::JournalBackend>(directory(space), [set = clock_] {
      const auto micros = std::chrono::microseconds(set->load());
      return micros.count() != 0 ? agentstore::Timestamp(micros) : agentstore::system_clock()();
    });
  }

  void drop(std::string space) { std::filesystem::remove_all(directory(space)); }

  /// The line that has the record's text is JSON no more.
  bool damage(std::string space, agentstore::conformance::Damage what) {
    std::fstream file(directory(space) / "journal.jsonl",
                      std::ios::binary | std::ios::in | std::ios::out);
    std::string line;
    for (std::streamoff begin = 0; std::getline(file, line); begin = file.tellg()) {
      if (line.find(what.text) != std::string::npos) {
        file.seekp(begin);
        file.put('?');
        return true;
      }
    }
    return false;
  }

  void set_clock(agentstore::Timestamp now) { *clock_ = now.time_since_epoch().count(); }

private:
  static std::filesystem::path directory(const std::string& space) {
    return std::filesystem::temp_directory_path() / ("agentstore-journal-" + space);
  }

  using Micros = std::atomic<std::int64_t>; // 0 until it is set
  std::shared_ptr<Micros> clock_ = std::make_shared<Micros>(0);
};

AGENTSTORE_CONFORMANCE(JournalHarness)
