// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_TABLE_DIRECTORIES_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_TABLE_DIRECTORIES_HPP

/// \file
/// TableStore as a directory, as odd as the pages of a list may be: with cursors in a form of its
/// own, and without a look ahead, so that a full page may be followed by an empty one.

#include "conformance/odd_stores/table_store.hpp"

#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>

#include <ranges>

namespace agentstore::conformance {

namespace detail {

/// Readable, and sealed by a hash.
inline std::string table_cursor(const json& parts) {
  const std::string text = parts.dump();
  return text + "#" + std::to_string(std::hash<std::string>()("tables " + text));
}

/// What stands behind the list and the argument that it is of; null for the first page.
inline json read_table_cursor(const ArgumentCheck& arguments, const char* list,
                              const std::string& argument, const Page& page) {
  if (page.size < 1 || page.size > max_page_size) {
    arguments.refuse(errc::invalid_argument, "the page size", "is out of range");
  }
  if (page.is_first()) {
    return json();
  }
  const json parts = json::parse(page.cursor.substr(0, page.cursor.rfind('#')), nullptr, false);
  const bool is_ours = parts.is_array() && parts.size() == 3 && parts[0] == list &&
                       parts[1] == argument && table_cursor(parts) == page.cursor;
  if (!is_ours) {
    arguments.refuse(errc::invalid_argument, "the cursor", "is of another list, or of none");
  }
  return parts[2];
}

inline json three(json first, json second, json third) {
  json parts = json::array();
  parts.push_back(std::move(first));
  parts.push_back(std::move(second));
  parts.push_back(std::move(third));
  return parts;
}

} // namespace detail

inline awaitable<SessionPage> TableStore::list_sessions(std::string user_id, Page page) {
  auto work = [user = user_id, page = std::move(page)](Handle& h) {
    const ArgumentCheck arguments = check("list_sessions", user);
    const json position = detail::read_table_cursor(arguments, "sessions", user, page);
    arguments.id("user_id", user);
    // Ascending in both: the newest has the least of these numbers.
    using Place = std::pair<std::int64_t, std::string>;
    std::map<Place, const SessionRow*> places;
    for (const auto& [key, row] : h.tables->sessions_) {
      if (key.first == h.space && row.record.user_id == user) {
        places[Place(-row.record.last_activity.time_since_epoch().count(), key.second)] = &row;
      }
    }
    auto next = position.is_null() ? places.begin() : places.upper_bound(position.get<Place>());
    SessionPage result;
    for (; next != places.end() && result.sessions.size() < page.size; ++next) {
      result.sessions.push_back(record_of(*next->second));
    }
    if (result.sessions.size() == page.size) {
      result.next =
          detail::table_cursor(detail::three("sessions", user, json(std::prev(next)->first)));
    }
    return result;
  };
  return run("list_sessions", std::move(user_id), std::move(work));
}

inline awaitable<bool> TableStore::delete_session(std::string session_id) {
  auto work = [id = session_id](Handle& h) {
    check("delete_session", id).id("session_id", id);
    const bool is_there = h.tables->sessions_.contains(h.key(id));
    if (is_there) {
      h.remove(id);
    }
    return is_there;
  };
  return run("delete_session", std::move(session_id), std::move(work));
}

inline std::set<std::string> TableStore::Handle::threads() const {
  std::set<std::string> ids;
  for (const auto& row : tables->checkpoints_) {
    if (row.thread.first == space) {
      ids.insert(row.thread.second);
    }
  }
  for (const auto& [key, row] : tables->writes_) {
    if (std::get<0>(key) == space) {
      ids.insert(std::get<1>(key));
    }
  }
  return ids;
}

inline void TableStore::Handle::remove_thread(const std::string& thread_id) {
  const Key gone = key(thread_id);
  std::erase_if(tables->checkpoints_, [&](const auto& row) { return row.thread == gone; });
  std::erase_if(tables->writes_, [&](const auto& row) {
    return std::get<0>(row.first) == gone.first && std::get<1>(row.first) == gone.second;
  });
}

inline awaitable<ThreadPage> TableStore::list_threads(std::string prefix, Page page) {
  auto work = [prefix, page = std::move(page)](Handle& h) {
    const ArgumentCheck arguments = check("list_threads", prefix);
    arguments.id_prefix("prefix", prefix);
    const json position = detail::read_table_cursor(arguments, "threads", prefix, page);
    ThreadPage result;
    for (const std::string& id : h.threads()) {
      if (result.thread_ids.size() < page.size && id.starts_with(prefix) &&
          (position.is_null() || id > position.get_ref<const std::string&>())) {
        result.thread_ids.push_back(id);
      }
    }
    if (result.thread_ids.size() == page.size) {
      result.next =
          detail::table_cursor(detail::three("threads", prefix, result.thread_ids.back()));
    }
    return result;
  };
  return run("list_threads", std::move(prefix), std::move(work));
}

inline awaitable<bool> TableStore::delete_thread(std::string thread_id) {
  auto work = [id = thread_id](Handle& h) {
    check("delete_thread", id).id("thread_id", id);
    const bool is_there = h.threads().contains(id);
    h.remove_thread(id);
    return is_there;
  };
  return run("delete_thread", std::move(thread_id), std::move(work));
}

inline awaitable<bool> TableStore::copy_thread(std::string source, std::string target) {
  auto work = [source, target = std::move(target)](Handle& h) {
    check("copy_thread", source).id("target", target).id("source", source);
    const std::set<std::string> threads = h.threads();
    if (!threads.contains(source)) {
      return false;
    }
    if (threads.contains(target)) {
      throw StorageError(errc::already_exists, "copy_thread", source);
    }
    const std::vector<Tables::CheckpointRow> rows = h.tables->checkpoints_;
    for (Tables::CheckpointRow row : rows) {
      if (row.thread == h.key(source)) {
        row.thread = h.key(target);
        row.checkpoint.thread_id = target;
        h.tables->checkpoints_.push_back(std::move(row));
      }
    }
    const auto writes = h.tables->writes_;
    for (const auto& [key, row] : writes) {
      if (std::get<0>(key) == h.space && std::get<1>(key) == source) {
        Tables::WriteKey copy = key;
        std::get<1>(copy) = target;
        h.tables->writes_[copy] = row;
      }
    }
    return true;
  };
  return run("copy_thread", std::move(source), std::move(work));
}

inline awaitable<std::uint64_t> TableStore::prune_thread(std::string thread_id, std::size_t keep) {
  auto work = [id = thread_id, keep](Handle& h) {
    check("prune_thread", id).id("thread_id", id);
    const Key thread = h.key(id);
    auto& rows = h.tables->checkpoints_;
    std::set<std::string> gone;
    std::size_t left = keep;
    for (const Tables::CheckpointRow& row : rows | std::views::reverse) {
      if (row.thread != thread) {
        continue;
      }
      if (left == 0) {
        gone.insert(row.checkpoint.checkpoint_id);
      } else {
        --left;
      }
    }
    std::erase_if(rows, [&](const Tables::CheckpointRow& row) {
      return row.thread == thread && gone.contains(row.checkpoint.checkpoint_id);
    });
    std::erase_if(h.tables->writes_, [&](const auto& row) {
      return std::get<0>(row.first) == thread.first && std::get<1>(row.first) == thread.second &&
             gone.contains(std::get<2>(row.first));
    });
    return std::uint64_t{gone.size()};
  };
  return run("prune_thread", std::move(thread_id), std::move(work));
}

inline awaitable<std::vector<Checkpoint>>
TableStore::list_checkpoints_before(std::string thread_id, std::string checkpoint_id,
                                    std::size_t limit) {
  auto work = [thread_id, id = std::move(checkpoint_id), limit](Handle& h) {
    check("list_checkpoints_before", thread_id).id("checkpoint_id", id).id("thread_id", thread_id);
    const Key thread = h.key(thread_id);
    std::vector<Checkpoint> result;
    bool is_behind = false;
    const auto& rows = h.tables->checkpoints_;
    for (auto row = rows.rbegin(); row != rows.rend() && result.size() < limit; ++row) {
      if (row->thread == thread) {
        if (is_behind) {
          result.push_back(record_of(*row));
        }
        is_behind = is_behind || row->checkpoint.checkpoint_id == id;
      }
    }
    return result;
  };
  return run("list_checkpoints_before", std::move(thread_id), std::move(work));
}

inline awaitable<ThreadHead> TableStore::get_thread_head(std::string thread_id, std::size_t limit) {
  auto work = [thread_id, limit](Handle& h) {
    check("get_thread_head", thread_id).id("thread_id", thread_id);
    const Key thread = h.key(thread_id);
    ThreadHead head;
    const auto& rows = h.tables->checkpoints_;
    for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
      if (row->thread == thread) {
        if (!head.latest) {
          head.latest = record_of(*row);
        }
        if (head.checkpoint_ids.size() < limit) {
          head.checkpoint_ids.push_back(row->checkpoint.checkpoint_id);
        }
      }
    }
    return head;
  };
  return run("get_thread_head", std::move(thread_id), std::move(work));
}

} // namespace agentstore::conformance

#endif
