// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_DURABILITY_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_DURABILITY_HPP

/// \file
/// Checkpoints in files: one store that survives a kill -9 at any moment, and four that do not.
/// Within one process all of them behave alike.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>
#include <agentstore/checkpoint_storage.hpp>
#include <agentstore/conformance/claims.hpp>
#include <agentstore/record_json.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>

namespace agentstore::conformance::mutants {

/// Checkpoints in a directory, a file for each time that one is stored, and all of them in memory.
///
/// A file is named by the place of the checkpoint among all, and by how often it was stored before:
/// no file is ever written to again. It is written under another name first and renamed when it is
/// whole. That is enough for a kill of the process; against a loss of power it would need fsync.
class FileCheckpoints : public ICheckpointStorage {
public:
  FileCheckpoints(boost::asio::any_io_executor executor, std::filesystem::path directory)
      : directory_(std::move(directory)), executor_(std::move(executor)) {
    std::filesystem::create_directories(directory_);
    load();
  }

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata = Document::object()) override;
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) override;
  awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) override;

protected:
  /// Puts a checkpoint where `load` of a later process will find it.
  virtual awaitable<void> save(std::string file, Checkpoint checkpoint) {
    write_file(file + ".new", json(checkpoint).dump());
    std::filesystem::rename(directory_ / (file + ".new"), directory_ / file);
    co_return;
  }

  /// The hop that a store makes which leaves its files to other threads.
  awaitable<void> hop() { co_await boost::asio::post(executor_, boost::asio::use_awaitable); }

  void write_file(const std::string& file, const std::string& text) const {
    write(directory_ / file, text);
  }

  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    if (!out.flush()) {
      throw StorageError(errc::unavailable, "store_checkpoint", path.filename(),
                         "the file cannot be written");
    }
  }

  std::filesystem::path path(const std::string& file) const { return directory_ / file; }
  const boost::asio::any_io_executor& executor() const { return executor_; }

private:
  /// A checkpoint that is being stored, or is.
  class Row {
  public:
    std::size_t place = 0;
    std::size_t times_begun = 0;
    std::size_t times_done = 0;
    std::optional<Checkpoint> checkpoint;
  };
  using Rows = std::map<std::string, Row>;

  void load() {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      const std::string file = entry.path().filename().string();
      if (!file.ends_with(".json")) {
        continue; // never finished
      }
      const json content =
          json::parse(std::ifstream(entry.path(), std::ios::binary), nullptr, false);
      if (content.is_discarded()) {
        continue;
      }
      auto checkpoint = content.get<Checkpoint>();
      const std::size_t place = std::stoul(file);
      const std::size_t times = std::stoul(file.substr(file.find('-') + 1));
      Row& row = threads_[checkpoint.thread_id][checkpoint.checkpoint_id];
      if (times > row.times_done) {
        row.place = place;
        row.times_begun = times;
        row.times_done = times;
        row.checkpoint = std::move(checkpoint);
      }
      places_ = std::max(places_, place);
    }
  }

  std::vector<const Row*> sorted(const std::string& thread_id) const {
    std::vector<const Row*> rows;
    const auto thread = threads_.find(thread_id);
    if (thread != threads_.end()) {
      for (const auto& [id, row] : thread->second) {
        if (row.checkpoint) {
          rows.push_back(&row);
        }
      }
    }
    std::sort(rows.begin(), rows.end(),
              [](const Row* left, const Row* right) { return left->place > right->place; });
    return rows;
  }

  std::filesystem::path directory_;
  boost::asio::any_io_executor executor_;
  std::mutex mutex_;
  std::map<std::string, Rows> threads_;
  std::size_t places_ = 0;
};

/// DUR-02: acknowledges first, and then writes.
class AcknowledgedBeforeWritten : public FileCheckpoints {
public:
  using FileCheckpoints::FileCheckpoints;

protected:
  awaitable<void> save(std::string file, Checkpoint checkpoint) override {
    boost::asio::post(executor(),
                      [this, file, text = json(checkpoint).dump()] { write_file(file, text); });
    co_return;
  }
};

/// DUR-02: writes eight checkpoints at a time, or those it has when it goes.
class Buffered : public FileCheckpoints {
public:
  using FileCheckpoints::FileCheckpoints;
  Buffered(const Buffered&) = delete;
  Buffered& operator=(const Buffered&) = delete;
  ~Buffered() override { flush(); }

protected:
  awaitable<void> save(std::string file, Checkpoint checkpoint) override {
    const std::lock_guard lock(mutex_);
    buffer_.emplace(std::move(file), json(checkpoint).dump());
    if (buffer_.size() == 8) {
      flush();
    }
    co_return;
  }

private:
  void flush() {
    for (const auto& [file, text] : buffer_) {
      write_file(file, text);
    }
    buffer_.clear();
  }

  std::mutex mutex_;
  std::map<std::string, std::string> buffer_;
};

/// DUR-02: one file a checkpoint, which is emptied and written again when it is stored again.
class RewrittenInPlace : public FileCheckpoints {
public:
  using FileCheckpoints::FileCheckpoints;

protected:
  awaitable<void> save(std::string file, Checkpoint checkpoint) override {
    const std::string one_file = file.substr(0, file.find('-')) + "-1.json";
    write_file(one_file, "");
    co_await hop();
    write_file(one_file, json(checkpoint).dump());
  }
};

/// DUR-02: writes the data first and the metadata after; what is found without is taken as it is.
class TornRecords : public FileCheckpoints {
public:
  using FileCheckpoints::FileCheckpoints;

protected:
  awaitable<void> save(std::string file, Checkpoint checkpoint) override {
    Checkpoint half = checkpoint;
    half.metadata = json::object();
    write_file(file, json(half).dump());
    co_await hop();
    write_file(file, json(checkpoint).dump());
  }
};

inline awaitable<bool> FileCheckpoints::store_checkpoint(std::string thread_id,
                                                         std::string checkpoint_id, Document data,
                                                         Document metadata) {
  check("store_checkpoint", thread_id)
      .id("thread_id", thread_id)
      .id("checkpoint_id", checkpoint_id)
      .value("data", data)
      .object("metadata", metadata);
  Checkpoint checkpoint;
  checkpoint.thread_id = thread_id;
  checkpoint.checkpoint_id = checkpoint_id;
  checkpoint.data = std::move(data);
  checkpoint.metadata = std::move(metadata);
  checkpoint.created_at = system_clock()();
  std::string file;
  std::size_t times = 0;
  {
    const std::lock_guard lock(mutex_);
    Row& row = threads_[thread_id][checkpoint_id];
    if (row.times_begun == 0) {
      row.place = ++places_;
    }
    if (row.checkpoint) {
      checkpoint.created_at = row.checkpoint->created_at;
    }
    times = ++row.times_begun;
    file = std::to_string(row.place) + "-" + std::to_string(times) + ".json";
  }
  co_await save(file, checkpoint);
  const std::lock_guard lock(mutex_);
  Row& row = threads_[thread_id][checkpoint_id];
  if (times > row.times_done) {
    row.times_done = times;
    row.checkpoint = std::move(checkpoint);
  }
  co_return true;
}

inline awaitable<std::optional<Checkpoint>>
FileCheckpoints::get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) {
  const ArgumentCheck arguments = check("get_checkpoint", thread_id);
  arguments.id("thread_id", thread_id);
  if (checkpoint_id) {
    arguments.id("checkpoint_id", *checkpoint_id);
  }
  const std::lock_guard lock(mutex_);
  for (const Row* row : sorted(thread_id)) {
    if (!checkpoint_id || row->checkpoint->checkpoint_id == *checkpoint_id) {
      co_return *row->checkpoint;
    }
  }
  co_return std::nullopt;
}

inline awaitable<std::vector<Checkpoint>> FileCheckpoints::list_checkpoints(std::string thread_id,
                                                                            std::size_t limit) {
  check("list_checkpoints", thread_id).id("thread_id", thread_id);
  std::vector<Checkpoint> result;
  const std::lock_guard lock(mutex_);
  for (const Row* row : sorted(thread_id)) {
    if (result.size() == limit) {
      break;
    }
    result.push_back(*row->checkpoint);
  }
  co_return result;
}

/// The harness of any of these.
template <class Store>
class FileCheckpointsHarness {
public:
  static constexpr std::string_view name = "file-checkpoints";

  Claims claims() const { return Claims().survives_kill(); }

  auto open(boost::asio::any_io_executor executor, const std::string& space) {
    return std::make_shared<Store>(executor, directory(space));
  }
  void drop(const std::string& space) { std::filesystem::remove_all(directory(space)); }

private:
  static std::filesystem::path directory(const std::string& space) {
    return std::filesystem::temp_directory_path() / ("agentstore-" + space);
  }
};

} // namespace agentstore::conformance::mutants

#endif
