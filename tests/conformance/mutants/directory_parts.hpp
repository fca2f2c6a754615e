// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_DIRECTORY_PARTS_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_DIRECTORY_PARTS_HPP

/// \file
/// What the mutants of directories are made of: stores that make their pages themselves, rightly,
/// but for what a mutant overrides.

#include <agentstore/authoring/cursor.hpp>
#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <cctype>

namespace agentstore::conformance {

/// Takes the writes that it has read for those of now, if there are as many of them.
template <class Base>
class KnowsWritesByTheirNumber : public Base {
public:
  using Base::Base;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    const std::string key = thread_id + '\0' + checkpoint_id;
    auto now = co_await Base::get_writes(std::move(thread_id), std::move(checkpoint_id));
    const auto known = known_.get(key);
    if (known && known->size() == now.size()) {
      co_return *known;
    }
    known_.set(key, now);
    co_return now;
  }

private:
  Kept<std::vector<PendingWrite>> known_;
};

/// What differs between lists of sessions is whose they are, how they are sorted, and what a cursor
/// holds.
class ListsSessionsItself : public ForwardingStore {
public:
  explicit ListsSessionsItself(MutantSpace& space)
      : ForwardingStore(space.store()), users_(space.shared<Kept<bool>>()) {}

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    users_->set(user_id, true);
    return ForwardingStore::create_session(std::move(session_id), std::move(user_id),
                                           std::move(metadata));
  }

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    check("list_sessions", user_id).id("user_id", user_id);
    const json position = read(user_id, page);
    Sessions all = co_await sessions_of(user_id);
    std::sort(all.begin(), all.end(),
              [this](const Session& a, const Session& b) { return is_before(a, b); });
    SessionPage result;
    for (std::size_t i = position.is_null() ? 0 : first_of(all, position); i < all.size(); ++i) {
      if (i != 0 && result.sessions.size() == page.size) {
        result.next = make_cursor("list_sessions", user_id, position_of(all, i - 1));
        break;
      }
      result.sessions.push_back(all[i]);
    }
    co_return result;
  }

protected:
  using Sessions = std::vector<Session>;

  virtual bool is_of(const std::string& user, const std::string& asked) const {
    return user == asked;
  }
  virtual bool is_before(const Session& a, const Session& b) const {
    return a.last_activity != b.last_activity ? a.last_activity > b.last_activity
                                              : a.session_id < b.session_id;
  }
  virtual json position_of(const Sessions& all, std::size_t last) const {
    return json(SessionPosition(micros(all[last]), all[last].session_id));
  }
  virtual bool is_behind(const Sessions& all, std::size_t i, const json& position) const {
    const auto last = position.get<SessionPosition>();
    return micros(all[i]) != last.first ? micros(all[i]) < last.first
                                        : all[i].session_id > last.second;
  }
  /// Where the page begins; after the last where there is none.
  virtual std::size_t first_of(const Sessions& all, const json& position) const {
    std::size_t first = 0;
    while (first < all.size() && !is_behind(all, first, position)) {
      ++first;
    }
    return first;
  }
  virtual json read(const std::string& user, const Page& page) const {
    return read_cursor("list_sessions", user, page).value_or(json());
  }

  static std::int64_t micros(const Session& session) {
    return session.last_activity.time_since_epoch().count();
  }

private:
  awaitable<Sessions> sessions_of(std::string asked) {
    Sessions all;
    for (const auto& [user, known] : users_->all()) {
      if (is_of(user, asked)) {
        Page page(max_page_size);
        do {
          const SessionPage part = co_await ForwardingStore::list_sessions(user, page);
          all.insert(all.end(), part.sessions.begin(), part.sessions.end());
          page.after(part.next);
        } while (!page.is_first());
      }
    }
    co_return all;
  }

  std::shared_ptr<Kept<bool>> users_; // of all handles
};

/// The same of threads.
class ListsThreadsItself : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<ThreadPage> list_threads(std::string prefix, Page page) override {
    check_prefix(prefix);
    const json position = read(prefix, page);
    Ids all = co_await all_ids();
    std::erase_if(all, [&](const std::string& id) { return !begins_with(id, prefix); });
    std::sort(all.begin(), all.end(),
              [this](const std::string& a, const std::string& b) { return is_before(a, b); });
    ThreadPage result;
    for (std::size_t i = position.is_null() ? 0 : first_of(all, position); i < all.size(); ++i) {
      if (i != 0 && result.thread_ids.size() == page.size) {
        result.next = make_cursor("list_threads", prefix, position_of(all, i - 1));
        break;
      }
      result.thread_ids.push_back(all[i]);
    }
    co_return result;
  }

protected:
  using Ids = std::vector<std::string>;

  virtual void check_prefix(const std::string& prefix) const {
    check("list_threads", prefix).id_prefix("prefix", prefix);
  }
  virtual bool begins_with(const std::string& id, const std::string& prefix) const {
    return id.starts_with(prefix);
  }
  virtual bool is_before(const std::string& a, const std::string& b) const { return a < b; }
  virtual json position_of(const Ids& all, std::size_t last) const { return all[last]; }
  virtual bool is_behind(const Ids& all, std::size_t i, const json& position) const {
    return is_before(position.get<std::string>(), all[i]);
  }
  virtual std::size_t first_of(const Ids& all, const json& position) const {
    std::size_t first = 0;
    while (first < all.size() && !is_behind(all, first, position)) {
      ++first;
    }
    return first;
  }
  virtual json read(const std::string& prefix, const Page& page) const {
    return read_cursor("list_threads", prefix, page).value_or(json());
  }

  virtual awaitable<Ids> all_ids() {
    Ids all;
    Page page(max_page_size);
    do {
      const ThreadPage part = co_await ForwardingStore::list_threads("", page);
      all.insert(all.end(), part.thread_ids.begin(), part.thread_ids.end());
      page.after(part.next);
    } while (!page.is_first());
    co_return all;
  }
};

/// A handle keeps the cursors that it gave.
class KeepsCursors : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    look_up("list_sessions", user_id, page);
    SessionPage came = co_await ForwardingStore::list_sessions(std::move(user_id), std::move(page));
    uses_.set(came.next, 0);
    co_return came;
  }
  awaitable<ThreadPage> list_threads(std::string prefix, Page page) override {
    look_up("list_threads", prefix, page);
    ThreadPage came = co_await ForwardingStore::list_threads(std::move(prefix), std::move(page));
    uses_.set(came.next, 0);
    co_return came;
  }

protected:
  /// Whether a cursor is good that was given and used so often.
  virtual bool is_good(std::optional<int> used) const { return used.has_value(); }
  void forget() {
    for (const auto& [cursor, used] : uses_.all()) {
      uses_.erase(cursor);
    }
  }

private:
  void look_up(const char* list, const std::string& of, const Page& page) {
    const std::optional<int> used = uses_.get(page.cursor);
    if (!page.is_first() && !is_good(used)) {
      throw StorageError(errc::invalid_argument, list, of, "the cursor is not known any more");
    }
    uses_.set(page.cursor, used.value_or(0) + 1);
  }

  Kept<int> uses_;
};

/// It is known to no other handle.
using CursorsOfOneHandle = KeepsCursors;

/// It may be used a hundred times.
class CursorsWearOut : public KeepsCursors {
public:
  using KeepsCursors::KeepsCursors;

protected:
  bool is_good(std::optional<int> used) const override { return used.value_or(0) < 100; }
};

/// With its letters in lower case.
inline std::string lowered(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

/// Whether a text matches a pattern of SQL's LIKE: % is anything, _ one byte.
inline bool is_like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern.front() == '%') {
    return is_like(text, pattern.substr(1)) || (!text.empty() && is_like(text.substr(1), pattern));
  }
  return !text.empty() && (pattern.front() == '_' || pattern.front() == text.front()) &&
         is_like(text.substr(1), pattern.substr(1));
}

/// Bytes compared as signed numbers.
inline bool is_less_signed(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return static_cast<signed char>(x) < static_cast<signed char>(y);
  });
}

} // namespace agentstore::conformance

#endif
