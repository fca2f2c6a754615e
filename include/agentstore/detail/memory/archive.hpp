// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_MEMORY_ARCHIVE_HPP
#define AGENTSTORE_DETAIL_MEMORY_ARCHIVE_HPP

// The engine of MemoryArchive: a handle on a space of records.

#include <agentstore/archives/memory.hpp>
#include <agentstore/detail/engine_archive_members.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace agentstore::detail::memory {

class ArchiveSpace {
public:
  explicit ArchiveSpace(MemoryArchiveOptions options) : options_(std::move(options)) {}

  const Limits& limits() const noexcept { return options_.limits; }

  /// Adds nothing if the key already has the entry id.
  void add(ArchiveKind kind, std::string key, std::optional<std::string> entry_id, json fields,
           std::optional<Timestamp> created_at) {
    const std::lock_guard lock(mutex_);
    OfKey& of_key = keys_[std::make_pair(kind, std::move(key))];
    std::set<std::string> added;
    if (entry_id) {
      if (of_key.entry_ids.contains(*entry_id)) {
        return;
      }
      added.insert(*std::move(entry_id));
    }
    ArchiveRecord record;
    record.kind = kind;
    record.sequence = of_key.records.size() + 1;
    record.created_at = created_at ? *created_at : options_.clock();
    record.fields = std::move(fields);
    if (kind == ArchiveKind::task_context_snapshot) {
      record.fields["version"] = record.sequence;
    }
    of_key.records.push_back(std::move(record));
    of_key.entry_ids.merge(added); // which allocates nothing, and so cannot fail
  }

  std::vector<ArchiveRecord> read(ArchiveKind kind, const std::string& key, std::uint64_t after,
                                  std::size_t limit) {
    const std::lock_guard lock(mutex_);
    const auto found = keys_.find(std::make_pair(kind, key));
    if (found == keys_.end() || after >= found->second.records.size()) {
      return {};
    }
    const std::vector<ArchiveRecord>& records = found->second.records;
    const auto begin = records.begin() + static_cast<std::ptrdiff_t>(after);
    const auto there = static_cast<std::size_t>(records.end() - begin);
    return {begin, begin + static_cast<std::ptrdiff_t>(std::min(limit, there))};
  }

private:
  /// The records of one kind and key.
  class OfKey {
  public:
    std::vector<ArchiveRecord> records;
    std::set<std::string> entry_ids;
  };

  const MemoryArchiveOptions options_;
  std::mutex mutex_;
  std::map<std::pair<ArchiveKind, std::string>, OfKey> keys_;
};

class ArchiveEngine {
public:
  explicit ArchiveEngine(std::shared_ptr<ArchiveSpace> space) : space_(std::move(space)) {}

  static awaitable<bool> open(std::shared_ptr<ArchiveEngine> engine) {
    engine->is_open_ = true;
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<ArchiveEngine> engine) {
    engine->is_open_ = false;
    co_return;
  }

  /// Every exception, also for running out of memory, means that the record is lost.
  template <class Append, class... Others>
  static awaitable<bool>
  append(std::shared_ptr<ArchiveEngine> engine, std::optional<std::string> entry_id,
         std::optional<Timestamp> created_at, std::string key, Others... others) {
    try {
      if (!engine->is_open_) {
        co_return false;
      }
      ArchiveSpace& space = *engine->space_;
      Append::check(space.limits(), key, others...);
      if (entry_id) {
        check_entry_id<Append>(*entry_id);
      }
      json fields = Append::fields(key, std::move(others)...);
      space.add(Append::kind, std::move(key), std::move(entry_id), std::move(fields), created_at);
      co_return true;
    } catch (const std::exception&) {
      co_return false;
    }
  }

  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<ArchiveEngine> engine,
                                                    ArchiveKind kind, std::string key,
                                                    std::uint64_t after, std::size_t limit) {
    if (!engine->is_open_) {
      throw StorageError(errc::closed, "read_archive", key, "the archive is not open");
    }
    check("read_archive", key).id("key", key);
    co_return engine->space_->read(kind, key, after, limit);
  }

private:
  std::shared_ptr<ArchiveSpace> space_;
  std::atomic<bool> is_open_ = false;
};

} // namespace agentstore::detail::memory

#endif
