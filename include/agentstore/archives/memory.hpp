// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_ARCHIVES_MEMORY_HPP
#define AGENTSTORE_ARCHIVES_MEMORY_HPP

/// \file
/// The reference archive: in the memory of the process, for tests and as the plainest answer to
/// what the archive's rules mean.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>
#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/permanent_storage_backend.hpp>
#include <agentstore/record_json.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>

namespace agentstore {

/// What a MemoryArchiveSpace can be told; the defaults suit most.
class MemoryArchiveOptions {
public:
  MemoryArchiveOptions() = default;

  /// Asked where an append brings no time of its own.
  Clock clock = system_clock();
  /// 16 MiB a value, depth 256.
  Limits limits;
};

/// The records that one or more MemoryArchives work on. They live as long as the last of them.
class MemoryArchiveSpace;

/// An archive in memory, which can be read back. All rules of IPermanentStorageBackend and
/// IArchiveReader hold; it claims shared_handles.
///
/// Its methods never suspend, any handle may be used from any thread, and a call may outlive the
/// object.
class MemoryArchive : public IPermanentStorageBackend, public IArchiveReader {
public:
  /// A handle on a space of its own.
  explicit MemoryArchive(MemoryArchiveOptions options = MemoryArchiveOptions());
  /// One more handle on a space: each has its own life cycle, all see the same records.
  explicit MemoryArchive(std::shared_ptr<MemoryArchiveSpace> space);

  awaitable<bool> initialize() override;
  awaitable<void> close() override;

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, json payload,
                                       std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_message(std::string session_id, std::string role, std::string content,
                              json metadata = json::object(),
                              std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, json data,
                                    json metadata = json::object(),
                                    std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_checkpoint_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                           std::vector<ChannelWrite> writes,
                           std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_conversation_session(std::string session_key, json session_data,
                              std::optional<Timestamp> created_at = std::nullopt) override;
  awaitable<bool>
  append_task_context_snapshot(std::string session_id, json context_data,
                               std::optional<Timestamp> created_at = std::nullopt) override;

  // IArchiveReader
  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override;

private:
  class Handle;

  std::shared_ptr<Handle> handle_;
};

// Only machinery below this line.

class MemoryArchiveSpace {
public:
  explicit MemoryArchiveSpace(MemoryArchiveOptions options = MemoryArchiveOptions())
      : options_(std::move(options)) {}

private:
  friend class MemoryArchive;

  void add(ArchiveKind kind, std::string key, json fields, std::optional<Timestamp> created_at) {
    const std::lock_guard lock(mutex_);
    std::vector<ArchiveRecord>& records = records_[std::make_pair(kind, std::move(key))];
    ArchiveRecord record;
    record.kind = kind;
    record.sequence = records.size() + 1;
    record.created_at = created_at ? *created_at : options_.clock();
    record.fields = std::move(fields);
    if (kind == ArchiveKind::task_context_snapshot) {
      record.fields["version"] = record.sequence;
    }
    records.push_back(std::move(record));
  }

  std::vector<ArchiveRecord> read(ArchiveKind kind, const std::string& key, std::uint64_t after,
                                  std::size_t limit) {
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(std::make_pair(kind, key));
    if (found == records_.end() || after >= found->second.size()) {
      return {};
    }
    const auto begin = found->second.begin() + static_cast<std::ptrdiff_t>(after);
    const auto there = static_cast<std::size_t>(found->second.end() - begin);
    return {begin, begin + static_cast<std::ptrdiff_t>(std::min(limit, there))};
  }

  const MemoryArchiveOptions options_;
  std::mutex mutex_;
  std::map<std::pair<ArchiveKind, std::string>, std::vector<ArchiveRecord>> records_;
};

/// What an archive object and its calls share.
class MemoryArchive::Handle {
public:
  explicit Handle(std::shared_ptr<MemoryArchiveSpace> space) : space_(std::move(space)) {}

  static awaitable<bool> open(std::shared_ptr<Handle> handle) {
    handle->open_ = true;
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<Handle> handle) {
    handle->open_ = false;
    co_return;
  }

  /// Runs one append. `describe` checks the arguments other than the key and puts them into the
  /// record. Whatever throws, memory that runs out included, means that the record is lost.
  template <class Describe>
  static awaitable<bool> append(std::shared_ptr<Handle> handle, ArchiveKind kind,
                                const char* key_name, std::string key,
                                std::optional<Timestamp> created_at, Describe describe) {
    try {
      if (!handle->open_) {
        co_return false;
      }
      MemoryArchiveSpace& space = *handle->space_;
      const ArgumentCheck arguments = check("append", key, space.options_.limits);
      arguments.id(key_name, key);
      json fields = json::object();
      fields[key_name] = key;
      describe(arguments, fields);
      space.add(kind, std::move(key), std::move(fields), created_at);
      co_return true;
    } catch (const std::exception&) {
      co_return false;
    }
  }

  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<Handle> handle,
                                                    ArchiveKind kind, std::string key,
                                                    std::uint64_t after, std::size_t limit) {
    if (!handle->open_) {
      throw StorageError(errc::closed, "read_archive", key, "the archive is not open");
    }
    check("read_archive", key).id("key", key);
    co_return handle->space_->read(kind, key, after, limit);
  }

private:
  std::shared_ptr<MemoryArchiveSpace> space_;
  std::atomic<bool> open_ = false;
};

inline MemoryArchive::MemoryArchive(MemoryArchiveOptions options)
    : MemoryArchive(std::make_shared<MemoryArchiveSpace>(std::move(options))) {}

inline MemoryArchive::MemoryArchive(std::shared_ptr<MemoryArchiveSpace> space)
    : handle_(std::make_shared<Handle>(std::move(space))) {}

inline awaitable<bool> MemoryArchive::initialize() {
  return Handle::open(handle_);
}

inline awaitable<void> MemoryArchive::close() {
  return Handle::close(handle_);
}

inline awaitable<bool> MemoryArchive::append_session_event(std::string session_id,
                                                           std::string user_id,
                                                           std::string event_type, json payload,
                                                           std::optional<Timestamp> created_at) {
  return Handle::append(
      handle_, ArchiveKind::session_event, "session_id", std::move(session_id), created_at,
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
MemoryArchive::append_conversation_message(std::string session_id, std::string role,
                                           std::string content, json metadata,
                                           std::optional<Timestamp> created_at) {
  return Handle::append(
      handle_, ArchiveKind::conversation_message, "session_id", std::move(session_id), created_at,
      [role = std::move(role), content = std::move(content),
       metadata = std::move(metadata)](const ArgumentCheck& arguments, json& fields) mutable {
        arguments.nonempty_text("role", role).text("content", content).object("metadata", metadata);
        fields["role"] = std::move(role);
        fields["content"] = std::move(content);
        fields["metadata"] = std::move(metadata);
      });
}

inline awaitable<bool> MemoryArchive::append_checkpoint(std::string thread_id,
                                                        std::string checkpoint_id, json data,
                                                        json metadata,
                                                        std::optional<Timestamp> created_at) {
  return Handle::append(
      handle_, ArchiveKind::checkpoint, "thread_id", std::move(thread_id), created_at,
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
MemoryArchive::append_checkpoint_writes(std::string thread_id, std::string checkpoint_id,
                                        std::string task_id, std::vector<ChannelWrite> writes,
                                        std::optional<Timestamp> created_at) {
  return Handle::append(
      handle_, ArchiveKind::checkpoint_writes, "thread_id", std::move(thread_id), created_at,
      [checkpoint_id = std::move(checkpoint_id), task_id = std::move(task_id),
       writes = std::move(writes)](const ArgumentCheck& arguments, json& fields) mutable {
        arguments.id("checkpoint_id", checkpoint_id).id("task_id", task_id).writes(writes);
        fields["checkpoint_id"] = std::move(checkpoint_id);
        fields["task_id"] = std::move(task_id);
        fields["writes"] = writes;
      });
}

inline awaitable<bool>
MemoryArchive::append_conversation_session(std::string session_key, json session_data,
                                           std::optional<Timestamp> created_at) {
  return Handle::append(handle_, ArchiveKind::conversation_session, "session_key",
                        std::move(session_key), created_at,
                        [session_data = std::move(session_data)](const ArgumentCheck& arguments,
                                                                 json& fields) mutable {
                          arguments.value("session_data", session_data);
                          fields["session_data"] = std::move(session_data);
                        });
}

inline awaitable<bool>
MemoryArchive::append_task_context_snapshot(std::string session_id, json context_data,
                                            std::optional<Timestamp> created_at) {
  return Handle::append(handle_, ArchiveKind::task_context_snapshot, "session_id",
                        std::move(session_id), created_at,
                        [context_data = std::move(context_data)](const ArgumentCheck& arguments,
                                                                 json& fields) mutable {
                          arguments.value("context_data", context_data);
                          fields["context_data"] = std::move(context_data);
                        });
}

inline awaitable<std::vector<ArchiveRecord>> MemoryArchive::read_archive(ArchiveKind kind,
                                                                         std::string key,
                                                                         std::uint64_t after,
                                                                         std::size_t limit) {
  return Handle::read(handle_, kind, std::move(key), after, limit);
}

} // namespace agentstore

#endif
