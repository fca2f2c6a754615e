// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_TABLE_STORE_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_TABLE_STORE_HPP

/// \file
/// A second implementation of the whole contract, unlike the reference in every choice that the
/// contract leaves open: the rows of all spaces in common tables under one lock, found by scanning.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/authoring/clock.hpp>
#include <agentstore/authoring/offload.hpp>
#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/storage_backend.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>

namespace agentstore::conformance {

/// The choices of a TableStore; as it is made, those of the reference.
class TableOptions {
public:
  TableOptions() = default;

  Clock clock = system_clock();
  Limits limits;
  /// By how much sequences and versions grow.
  std::uint64_t step = 1;
  /// The end of a session moves last_activity.
  bool end_is_activity = true;
  /// Storing a context moves last_activity, and with it the version.
  bool context_is_activity = false;
  /// A session that is not there is told before a bad argument other than its id.
  bool looks_before_checking = false;
  /// Whether the backend says more about itself than it must.
  bool is_talkative = false;
  /// Where the work is done; in the caller's thread if empty.
  boost::asio::any_io_executor worker;
  /// Turns an error into the one that is thrown.
  std::function<std::exception_ptr(const StorageError&)> translate;
};

/// The rows of many stores, each with the space it belongs to.
class Tables {
public:
  explicit Tables(TableOptions options) : options_(std::move(options)) {}

  const TableOptions& options() const { return options_; }
  void drop(const std::string& space);

private:
  friend class TableStore;

  using Key = std::pair<std::string, std::string>; // space and id

  /// JSON is kept as text.
  struct SessionRow {
    Session record;
    std::string metadata;
    std::optional<std::string> context;
  };
  struct MessageRow {
    Key session;
    Message message;
    std::string metadata;
  };
  struct CheckpointRow {
    Key thread;
    Checkpoint checkpoint;
    std::string data;
    std::string metadata;
  };
  /// Space, thread, checkpoint, task, index.
  using WriteKey = std::tuple<std::string, std::string, std::string, std::string, std::int64_t>;

  const TableOptions options_;
  std::mutex mutex_;
  std::map<Key, SessionRow> sessions_;
  std::vector<MessageRow> messages_;
  std::vector<CheckpointRow> checkpoints_; // by when the id was first stored
  std::map<WriteKey, std::pair<std::string, std::string>> writes_;
  std::uint64_t last_sequence_ = 0; // of all conversations of all spaces
};

/// One handle on one space of the tables.
class TableStore : public IStorageBackend,
                   public ICheckpointerBackend,
                   public ISessionDirectory,
                   public IThreadDirectory {
public:
  TableStore(std::shared_ptr<Tables> tables, std::string space)
      : handle_(std::make_shared<Handle>(std::move(tables), std::move(space))) {}

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata = Document::object()) override;
  awaitable<std::optional<Session>> get_session(std::string session_id) override;
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override;
  awaitable<bool> end_session(std::string session_id, std::string status = "completed") override;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content,
                                           Document metadata = Document::object()) override;
  awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id,
                           std::size_t limit = default_history_limit) override;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata = Document::object()) override;
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata = Document::object()) override;
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) override;
  awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) override;
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override;
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override;

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override;
  awaitable<bool> store_task_context(std::string session_id, Document context) override;

  // In table_directories.hpp
  awaitable<SessionPage> list_sessions(std::string user_id, Page page = Page()) override;
  awaitable<bool> delete_session(std::string session_id) override;
  awaitable<ThreadPage> list_threads(std::string prefix = "", Page page = Page()) override;
  awaitable<bool> delete_thread(std::string thread_id) override;
  awaitable<bool> copy_thread(std::string source, std::string target) override;
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override;
  awaitable<std::vector<Checkpoint>>
  list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                          std::size_t limit = default_checkpoint_limit) override;
  awaitable<ThreadHead> get_thread_head(std::string thread_id,
                                        std::size_t limit = default_checkpoint_limit) override;

  awaitable<bool> initialize() override;
  awaitable<void> close() override;
  awaitable<Health> health_check() override;
  awaitable<Metrics> get_metrics() override;
  awaitable<std::uint64_t>
  cleanup_expired_sessions(std::chrono::microseconds max_idle = default_max_idle) override;

private:
  using Key = Tables::Key;
  using SessionRow = Tables::SessionRow;

  class Handle {
  public:
    Handle(std::shared_ptr<Tables> all, std::string name)
        : tables(std::move(all)), space(std::move(name)) {}

    const TableOptions& options() const { return tables->options_; }
    Key key(const std::string& id) const { return {space, id}; }
    bool store_checkpoint(const char* operation, const std::string& thread_id,
                          const std::string& checkpoint_id, const Document& data,
                          const Document& metadata);
    /// The session if it is there and active.
    SessionRow* active(const std::string& session_id);
    void touch(Session& record) const;
    void remove(const std::string& session_id);
    std::set<std::string> threads() const;
    void remove_thread(const std::string& thread_id);

    const std::shared_ptr<Tables> tables;
    const std::string space;
    std::atomic<bool> is_open = false;
  };

  /// `work(handle)` under the lock, by whichever thread the options say.
  template <class Work>
  auto run(const char* operation, std::string key, Work work)
      -> awaitable<std::invoke_result_t<Work&, Handle&>>;
  template <class Result, class Work>
  static awaitable<Result> here(Work work);

  static Session record_of(const SessionRow& row);
  static Checkpoint record_of(const Tables::CheckpointRow& row);

  std::shared_ptr<Handle> handle_;
};

// Only machinery below this line.

inline void Tables::drop(const std::string& space) {
  const std::lock_guard lock(mutex_);
  const auto of_space = [&space](const auto& row) { return std::get<0>(row.first) == space; };
  std::erase_if(sessions_, of_space);
  std::erase_if(writes_, of_space);
  std::erase_if(messages_, [&](const MessageRow& row) { return row.session.first == space; });
  std::erase_if(checkpoints_, [&](const CheckpointRow& row) { return row.thread.first == space; });
}

inline Session TableStore::record_of(const SessionRow& row) {
  Session record = row.record;
  record.metadata = json::parse(row.metadata);
  return record;
}

inline Checkpoint TableStore::record_of(const Tables::CheckpointRow& row) {
  Checkpoint record = row.checkpoint;
  record.data = json::parse(row.data);
  record.metadata = json::parse(row.metadata);
  return record;
}

inline TableStore::SessionRow* TableStore::Handle::active(const std::string& session_id) {
  const auto found = tables->sessions_.find(key(session_id));
  const bool there = found != tables->sessions_.end() && found->second.record.status == "active";
  return there ? &found->second : nullptr;
}

inline void TableStore::Handle::touch(Session& record) const {
  record.last_activity = std::max(record.last_activity, options().clock());
  record.version += options().step;
}

inline void TableStore::Handle::remove(const std::string& session_id) {
  const Key gone = key(session_id);
  tables->sessions_.erase(gone);
  std::erase_if(tables->messages_, [&](const auto& row) { return row.session == gone; });
  remove_thread(session_id);
}

template <class Result, class Work>
awaitable<Result> TableStore::here(Work work) {
  co_return work();
}

template <class Work>
auto TableStore::run(const char* operation, std::string key, Work work)
    -> awaitable<std::invoke_result_t<Work&, Handle&>> {
  auto locked = [handle = handle_, operation, key = std::move(key),
                 work = std::move(work)]() mutable {
    try {
      if (!handle->is_open) {
        throw StorageError(errc::closed, operation, key, "call initialize first");
      }
      const std::lock_guard lock(handle->tables->mutex_);
      return work(*handle);
    } catch (const StorageError& error) {
      if (!handle->options().translate) {
        throw;
      }
      std::rethrow_exception(handle->options().translate(error));
    }
  };
  if (handle_->options().worker) {
    return offload(handle_->options().worker, std::move(locked));
  }
  return here<std::invoke_result_t<Work&, Handle&>>(std::move(locked));
}

inline awaitable<Session> TableStore::create_session(std::string session_id, std::string user_id,
                                                     Document metadata) {
  auto work = [id = session_id, user = std::move(user_id),
               metadata = std::move(metadata)](Handle& h) {
    check("create_session", id, h.options().limits)
        .object("metadata", metadata)
        .id("user_id", user)
        .id("session_id", id);
    const auto [row, is_new] = h.tables->sessions_.try_emplace(h.key(id));
    if (!is_new) {
      throw StorageError(errc::already_exists, "create_session", id);
    }
    Session& record = row->second.record;
    record.session_id = id;
    record.user_id = user;
    record.created_at = h.options().clock();
    record.last_activity = record.created_at;
    row->second.metadata = metadata.dump();
    return record_of(row->second);
  };
  return run("create_session", std::move(session_id), std::move(work));
}

inline awaitable<std::optional<Session>> TableStore::get_session(std::string session_id) {
  auto work = [id = session_id](Handle& h) {
    check("get_session", id).id("session_id", id);
    const auto found = h.tables->sessions_.find(h.key(id));
    return found == h.tables->sessions_.end() ? std::optional<Session>()
                                              : std::optional<Session>(record_of(found->second));
  };
  return run("get_session", std::move(session_id), std::move(work));
}

inline awaitable<bool> TableStore::update_session(std::string session_id, SessionUpdate update) {
  auto work = [id = session_id, update = std::move(update)](Handle& h) {
    const ArgumentCheck arguments = check("update_session", id, h.options().limits);
    arguments.id("session_id", id);
    SessionRow* const row = h.active(id);
    if (row == nullptr && h.options().looks_before_checking) {
      return false;
    }
    arguments.update(update);
    if (row == nullptr) {
      return false;
    }
    Session record = record_of(*row);
    if (update.processing_time() >
        std::chrono::microseconds::max() - record.total_processing_time) {
      arguments.refuse(errc::invalid_argument, "add_processing_time", "is too much");
    }
    if (update.metadata_patch()) {
      json merged = std::move(record.metadata).tree();
      merged.merge_patch(*update.metadata_patch());
      record.metadata = std::move(merged);
      arguments.object("the metadata", record.metadata);
    }
    record.total_processing_time += update.processing_time();
    record.request_count += update.counts_request() ? 1u : 0u;
    record.error_count += update.counts_error() ? 1u : 0u;
    h.touch(record);
    row->metadata = record.metadata.dump();
    row->record = std::move(record);
    return true;
  };
  return run("update_session", std::move(session_id), std::move(work));
}

inline awaitable<bool> TableStore::end_session(std::string session_id, std::string status) {
  auto work = [id = session_id, status = std::move(status)](Handle& h) {
    check("end_session", id, h.options().limits).end_status(status).id("session_id", id);
    SessionRow* const row = h.active(id);
    if (row == nullptr) {
      return false;
    }
    row->record.status = status;
    if (h.options().end_is_activity) {
      h.touch(row->record);
    } else {
      row->record.version += h.options().step;
    }
    return true;
  };
  return run("end_session", std::move(session_id), std::move(work));
}

inline awaitable<bool> TableStore::add_conversation_message(std::string session_id,
                                                            std::string role, std::string content,
                                                            Document metadata) {
  auto work = [id = session_id, role = std::move(role), content = std::move(content),
               metadata = std::move(metadata)](Handle& h) {
    const ArgumentCheck arguments = check("add_conversation_message", id, h.options().limits);
    arguments.id("session_id", id);
    SessionRow* const row = h.active(id);
    if (row == nullptr && h.options().looks_before_checking) {
      return false;
    }
    arguments.object("metadata", metadata).text("content", content).nonempty_text("role", role);
    if (row == nullptr) {
      return false;
    }
    Tables::MessageRow& added = h.tables->messages_.emplace_back();
    added.session = h.key(id);
    added.message.sequence = h.tables->last_sequence_ += h.options().step;
    added.message.role = role;
    added.message.content = content;
    added.message.timestamp = h.options().clock();
    added.metadata = metadata.dump();
    h.touch(row->record);
    return true;
  };
  return run("add_conversation_message", std::move(session_id), std::move(work));
}

inline awaitable<std::vector<Message>> TableStore::get_conversation_history(std::string session_id,
                                                                            std::size_t limit) {
  auto work = [id = session_id, limit](Handle& h) {
    check("get_conversation_history", id).id("session_id", id);
    std::vector<Message> newest_first;
    const Key key = h.key(id);
    const auto& rows = h.tables->messages_;
    for (auto row = rows.rbegin(); row != rows.rend() && newest_first.size() < limit; ++row) {
      if (row->session == key) {
        newest_first.push_back(row->message);
        newest_first.back().metadata = json::parse(row->metadata);
      }
    }
    return std::vector<Message>(newest_first.rbegin(), newest_first.rend());
  };
  return run("get_conversation_history", std::move(session_id), std::move(work));
}

inline bool TableStore::Handle::store_checkpoint(const char* operation,
                                                 const std::string& thread_id,
                                                 const std::string& checkpoint_id,
                                                 const Document& data, const Document& metadata) {
  check(operation, thread_id, options().limits)
      .value("data", data)
      .object("metadata", metadata)
      .id("checkpoint_id", checkpoint_id)
      .id("thread_id", thread_id);
  const Key thread = key(thread_id);
  auto& rows = tables->checkpoints_;
  auto row = std::find_if(rows.begin(), rows.end(), [&](const Tables::CheckpointRow& each) {
    return each.checkpoint.checkpoint_id == checkpoint_id && each.thread == thread;
  });
  if (row == rows.end()) {
    row = rows.insert(rows.end(), Tables::CheckpointRow());
    row->thread = thread;
    row->checkpoint.thread_id = thread_id;
    row->checkpoint.checkpoint_id = checkpoint_id;
    row->checkpoint.created_at = options().clock();
  }
  row->data = data.dump();
  row->metadata = metadata.dump();
  return true;
}

inline awaitable<bool> TableStore::store_checkpoint(std::string thread_id,
                                                    std::string checkpoint_id, Document data,
                                                    Document metadata) {
  auto work = [thread = thread_id, id = std::move(checkpoint_id), data = std::move(data),
               metadata = std::move(metadata)](Handle& h) {
    return h.store_checkpoint("store_checkpoint", thread, id, data, metadata);
  };
  return run("store_checkpoint", std::move(thread_id), std::move(work));
}

inline awaitable<bool> TableStore::put_checkpoint(std::string thread_id, std::string checkpoint_id,
                                                  Document data, Document metadata) {
  auto work = [thread = thread_id, id = std::move(checkpoint_id), data = std::move(data),
               metadata = std::move(metadata)](Handle& h) {
    return h.store_checkpoint("put_checkpoint", thread, id, data, metadata);
  };
  return run("put_checkpoint", std::move(thread_id), std::move(work));
}

inline awaitable<std::optional<Checkpoint>>
TableStore::get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) {
  auto work = [thread_id, id = std::move(checkpoint_id)](Handle& h) {
    const ArgumentCheck arguments = check("get_checkpoint", thread_id);
    arguments.id("thread_id", thread_id);
    if (id) {
      arguments.id("checkpoint_id", *id);
    }
    const Key thread = h.key(thread_id);
    const auto& rows = h.tables->checkpoints_;
    const auto row = std::find_if(rows.rbegin(), rows.rend(), [&](const auto& each) {
      return each.thread == thread && (!id || each.checkpoint.checkpoint_id == *id);
    });
    return row == rows.rend() ? std::optional<Checkpoint>()
                              : std::optional<Checkpoint>(record_of(*row));
  };
  return run("get_checkpoint", std::move(thread_id), std::move(work));
}

inline awaitable<std::vector<Checkpoint>> TableStore::list_checkpoints(std::string thread_id,
                                                                       std::size_t limit) {
  auto work = [thread_id, limit](Handle& h) {
    check("list_checkpoints", thread_id).id("thread_id", thread_id);
    std::vector<Checkpoint> result;
    const Key thread = h.key(thread_id);
    const auto& rows = h.tables->checkpoints_;
    for (auto row = rows.rbegin(); row != rows.rend() && result.size() < limit; ++row) {
      if (row->thread == thread) {
        result.push_back(record_of(*row));
      }
    }
    return result;
  };
  return run("list_checkpoints", std::move(thread_id), std::move(work));
}

inline awaitable<bool> TableStore::put_writes(std::string thread_id, std::string checkpoint_id,
                                              std::string task_id,
                                              std::vector<ChannelWrite> writes) {
  auto work = [thread = thread_id, checkpoint = std::move(checkpoint_id), task = std::move(task_id),
               writes = std::move(writes)](Handle& h) {
    check("put_writes", thread, h.options().limits)
        .writes(writes)
        .id("task_id", task)
        .id("checkpoint_id", checkpoint)
        .id("thread_id", thread);
    for (std::size_t position = 0; position < writes.size(); ++position) {
      const ChannelWrite& write = writes[position];
      const std::int64_t index = write_index(write.channel, position);
      Tables::WriteKey key(h.space, thread, checkpoint, task, index);
      const auto found = h.tables->writes_.find(key);
      if (found == h.tables->writes_.end() || index < 0) {
        h.tables->writes_[std::move(key)] = std::make_pair(write.channel, write.value.dump());
      }
    }
    return true;
  };
  return run("put_writes", std::move(thread_id), std::move(work));
}

inline awaitable<std::vector<PendingWrite>> TableStore::get_writes(std::string thread_id,
                                                                   std::string checkpoint_id) {
  auto work = [thread = thread_id, checkpoint = std::move(checkpoint_id)](Handle& h) {
    check("get_writes", thread).id("thread_id", thread).id("checkpoint_id", checkpoint);
    std::vector<PendingWrite> result;
    for (const auto& [key, row] : h.tables->writes_) {
      if (std::tie(std::get<0>(key), std::get<1>(key), std::get<2>(key)) ==
          std::tie(h.space, thread, checkpoint)) {
        PendingWrite& write = result.emplace_back();
        write.task_id = std::get<3>(key);
        write.index = std::get<4>(key);
        write.channel = row.first;
        write.value = json::parse(row.second);
      }
    }
    return result;
  };
  return run("get_writes", std::move(thread_id), std::move(work));
}

inline awaitable<std::optional<Document>> TableStore::get_task_context(std::string session_id) {
  auto work = [id = session_id](Handle& h) {
    check("get_task_context", id).id("session_id", id);
    std::optional<Document> result;
    const auto found = h.tables->sessions_.find(h.key(id));
    if (found != h.tables->sessions_.end() && found->second.context) {
      result.emplace(json::parse(*found->second.context));
    }
    return result;
  };
  return run("get_task_context", std::move(session_id), std::move(work));
}

inline awaitable<bool> TableStore::store_task_context(std::string session_id, Document context) {
  auto work = [id = session_id, context = std::move(context)](Handle& h) {
    const ArgumentCheck arguments = check("store_task_context", id, h.options().limits);
    arguments.id("session_id", id);
    SessionRow* const row = h.active(id);
    if (row == nullptr && h.options().looks_before_checking) {
      return false;
    }
    arguments.value("context", context);
    if (row == nullptr) {
      return false;
    }
    row->context = context.dump();
    if (h.options().context_is_activity) {
      h.touch(row->record);
    }
    return true;
  };
  return run("store_task_context", std::move(session_id), std::move(work));
}

inline awaitable<Metrics> TableStore::get_metrics() {
  auto work = [](Handle& h) {
    Metrics metrics;
    for (const auto& [key, row] : h.tables->sessions_) {
      metrics.total_sessions += key.first == h.space ? 1u : 0u;
      metrics.active_sessions += key.first == h.space && row.record.status == "active" ? 1u : 0u;
    }
    for (const auto& row : h.tables->messages_) {
      metrics.total_messages += row.session.first == h.space ? 1u : 0u;
    }
    for (const auto& row : h.tables->checkpoints_) {
      metrics.total_checkpoints += row.thread.first == h.space ? 1u : 0u;
    }
    if (h.options().is_talkative) {
      metrics.details["rows of all spaces"] = h.tables->messages_.size();
    }
    return metrics;
  };
  return run("get_metrics", std::string(), std::move(work));
}

inline awaitable<std::uint64_t>
TableStore::cleanup_expired_sessions(std::chrono::microseconds max_idle) {
  auto work = [max_idle](Handle& h) {
    check("cleanup_expired_sessions", "").max_idle(max_idle);
    const Timestamp now = h.options().clock();
    std::vector<std::string> expired;
    for (const auto& [key, row] : h.tables->sessions_) {
      const bool is_idle =
          max_idle == std::chrono::microseconds(0) ||
          (now > row.record.last_activity && now - row.record.last_activity >= max_idle);
      if (key.first == h.space && is_idle) {
        expired.push_back(key.second);
      }
    }
    for (const std::string& id : expired) {
      h.remove(id);
    }
    return std::uint64_t{expired.size()};
  };
  return run("cleanup_expired_sessions", std::string(), std::move(work));
}

inline awaitable<bool> TableStore::initialize() {
  return here<bool>([handle = handle_] {
    handle->is_open = true;
    return true;
  });
}

inline awaitable<void> TableStore::close() {
  return here<void>([handle = handle_] { handle->is_open = false; });
}

inline awaitable<Health> TableStore::health_check() {
  return here<Health>([handle = handle_] {
    Health health;
    health.backend = "tables in memory, all spaces in one";
    if (handle->is_open) {
      health.status = Health::Status::healthy;
    } else {
      health.issues.emplace_back("not open");
      health.issues.emplace_back("initialize has not been called since the last close");
    }
    if (handle->options().is_talkative) {
      health.details["limits"] = handle->options().limits.max_value_bytes;
    }
    return health;
  });
}

} // namespace agentstore::conformance

#include "conformance/odd_stores/table_directories.hpp"

#endif
