// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_SESSION_DIRECTORY_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_SESSION_DIRECTORY_HPP

/// \file
/// Mutants of DIR: directories of sessions that list, page and delete wrongly.

#include "conformance/mutants/directory_parts.hpp"

namespace agentstore::conformance {

namespace mutants::session_directory {

// DIR-01

class ListsActiveOnly : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    return changed(
        ForwardingStore::list_sessions(std::move(user_id), std::move(page)), [](SessionPage& came) {
          std::erase_if(came.sessions, [](const Session& each) { return each.status != "active"; });
        });
  }
};

class OrdersByCreation : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_before(const Session& a, const Session& b) const override {
    return a.created_at != b.created_at ? a.created_at > b.created_at : a.session_id < b.session_id;
  }
};

class OldestFirst : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_before(const Session& a, const Session& b) const override {
    return ListsSessionsItself::is_before(b, a);
  }
};

class TiesTheOtherWay : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_before(const Session& a, const Session& b) const override {
    return a.last_activity != b.last_activity ? a.last_activity > b.last_activity
                                              : a.session_id > b.session_id;
  }
};

class TiesBySignedBytes : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_before(const Session& a, const Session& b) const override {
    return a.last_activity != b.last_activity ? a.last_activity > b.last_activity
                                              : is_less_signed(a.session_id, b.session_id);
  }
};

class UsersWithoutCase : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_of(const std::string& user, const std::string& asked) const override {
    return lowered(user) == lowered(asked);
  }
};

class UsersByPrefix : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_of(const std::string& user, const std::string& asked) const override {
    return user.starts_with(asked);
  }
};

class UsersByLike : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_of(const std::string& user, const std::string& asked) const override {
    return is_like(user, asked);
  }
};

/// What is larger than a column or an index takes is not in the list.
template <std::size_t most>
class ListsWithoutMetadataAbove : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    return changed(ForwardingStore::list_sessions(std::move(user_id), std::move(page)),
                   [](SessionPage& came) {
                     for (Session& session : came.sessions) {
                       if (session.metadata.text().size() > most) {
                         session.metadata = json::object();
                       }
                     }
                   });
  }
};

/// The list is kept beside the sessions, and updates do not reach it.
class ListsAsCreated : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    Session created = co_await ForwardingStore::create_session(
        std::move(session_id), std::move(user_id), std::move(metadata));
    created_.set(created.session_id, created);
    co_return created;
  }
  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    return changed(ForwardingStore::list_sessions(std::move(user_id), std::move(page)),
                   [this](SessionPage& came) {
                     for (Session& session : came.sessions) {
                       session = created_.get(session.session_id).value_or(session);
                     }
                   });
  }

private:
  Kept<Session> created_;
};

// DIR-02

class PagesByOffset : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  json position_of(const Sessions&, std::size_t last) const override { return last; }
  bool is_behind(const Sessions&, std::size_t i, const json& position) const override {
    return i > position.get<std::size_t>();
  }
};

class SkipsTies : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_behind(const Sessions& all, std::size_t i, const json& position) const override {
    return micros(all[i]) < position.get<SessionPosition>().first;
  }
};

class RepeatsItsLast : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  bool is_behind(const Sessions& all, std::size_t i, const json& position) const override {
    const auto last = position.get<SessionPosition>();
    return micros(all[i]) != last.first ? micros(all[i]) < last.first
                                        : all[i].session_id >= last.second;
  }
};

/// A cursor that is the id of the last session: where that stands now, the next page begins.
class CursorIsSession : public ListsSessionsItself {
public:
  using ListsSessionsItself::ListsSessionsItself;

protected:
  json position_of(const Sessions& all, std::size_t last) const override {
    return all[last].session_id;
  }
  std::size_t first_of(const Sessions& all, const json& position) const override {
    const auto id = position.get<std::string>();
    std::size_t place = 0;
    while (place < all.size() && all[place].session_id != id) {
      ++place;
    }
    return place == all.size() ? first_if_gone(all) : place + 1;
  }
  virtual std::size_t first_if_gone(const Sessions& all) const { return all.size(); }
};

class CursorStartsOver : public CursorIsSession {
public:
  using CursorIsSession::CursorIsSession;

protected:
  std::size_t first_if_gone(const Sessions&) const override { return 0; }
};

class OneTooMany : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    page.size += page.size < max_page_size ? 1u : 0u;
    return ForwardingStore::list_sessions(std::move(user_id), std::move(page));
  }
};

/// What it looked ahead to is lost.
class LosesLookAhead : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    const std::size_t size = page.size;
    if (size != 0 && size < max_page_size) {
      ++page.size;
    }
    return changed(ForwardingStore::list_sessions(std::move(user_id), std::move(page)),
                   [size](SessionPage& came) {
                     if (came.sessions.size() > size) {
                       came.sessions.pop_back();
                     }
                   });
  }
};

class FullPagesGoOn : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    const std::string before = page.cursor;
    return changed(ForwardingStore::list_sessions(std::move(user_id), std::move(page)),
                   [before](SessionPage& came) {
                     if (came.next.empty()) {
                       came.next = before; // the last page again, and again
                     }
                   });
  }
};

class ShortPages : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    page.size = std::min<std::size_t>(page.size, 500);
    return ForwardingStore::list_sessions(std::move(user_id), std::move(page));
  }
};

// DIR-03

/// Makes something of a page that it should refuse.
class TakesWrongPages : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    std::optional<Page> taken = page;
    try {
      read_cursor("list_sessions", user_id, page);
    } catch (const StorageError&) {
      taken = instead_of(page);
    }
    if (!taken) {
      return answered(SessionPage());
    }
    return ForwardingStore::list_sessions(std::move(user_id), *std::move(taken));
  }

protected:
  /// Another page to be read; nothing for an empty one.
  virtual std::optional<Page> instead_of(Page page) const = 0;

  static bool has_size(const Page& page) { return page.size >= 1 && page.size <= max_page_size; }
};

class WrongCursorIsFirst : public TakesWrongPages {
public:
  using TakesWrongPages::TakesWrongPages;

protected:
  std::optional<Page> instead_of(Page page) const override {
    return has_size(page) ? Page(page.size) : page;
  }
};

class WrongCursorIsLast : public TakesWrongPages {
public:
  using TakesWrongPages::TakesWrongPages;

protected:
  std::optional<Page> instead_of(Page page) const override {
    return has_size(page) ? std::nullopt : std::optional<Page>(page);
  }
};

class ZeroIsDefault : public TakesWrongPages {
public:
  using TakesWrongPages::TakesWrongPages;

protected:
  std::optional<Page> instead_of(Page page) const override {
    page.size = page.size == 0 ? default_page_size : page.size;
    return page;
  }
};

class TooLongIsCut : public TakesWrongPages {
public:
  using TakesWrongPages::TakesWrongPages;

protected:
  std::optional<Page> instead_of(Page page) const override {
    page.size = std::min(page.size, max_page_size);
    return page;
  }
};

/// A cursor of threads is one of sessions too.
class CursorOfThreads : public TakesWrongPages {
public:
  using TakesWrongPages::TakesWrongPages;

protected:
  std::optional<Page> instead_of(Page page) const override {
    try {
      read_cursor("list_threads", "u", page);
      return Page(page.size);
    } catch (const StorageError&) {
      return page;
    }
  }
};

/// The cursor of any of these users is good for all.
class CursorOfOthers : public ListsSessionsItself {
public:
  CursorOfOthers(MutantSpace& space, std::vector<std::string> users)
      : ListsSessionsItself(space), users_(std::move(users)) {}

protected:
  json read(const std::string& user, const Page& page) const override {
    for (const std::string& other : users_) {
      try {
        return read_cursor("list_sessions", other, page).value_or(json());
      } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): the next one may fit
      }
    }
    return ListsSessionsItself::read(user, page);
  }

private:
  std::vector<std::string> users_;
};

class CursorOfAnybody : public CursorOfOthers {
public:
  explicit CursorOfAnybody(MutantSpace& space) : CursorOfOthers(space, {"u", "uu", "v"}) {}
};

class CursorWithoutCase : public CursorOfOthers {
public:
  explicit CursorWithoutCase(MutantSpace& space) : CursorOfOthers(space, {"u", "U"}) {}
};

/// A cursor in plain text, as long as it happens to be.
class PlainCursor : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    const std::string begin = user_id + "/";
    if (page.cursor.starts_with(begin) && page.cursor.size() > begin.size()) {
      const SessionPosition position(INT64_MAX / 2, page.cursor.substr(begin.size()));
      page.cursor = make_cursor("list_sessions", user_id, position);
    }
    return changed(ForwardingStore::list_sessions(user_id, std::move(page)),
                   [begin](SessionPage& came) {
                     if (!came.next.empty()) {
                       came.next = begin + came.sessions.back().session_id;
                     }
                   });
  }
};

class RefusesGreatPages : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    if (page.size >= max_page_size) {
      return refused<SessionPage>(errc::invalid_argument, "list_sessions", user_id, "too many");
    }
    return ForwardingStore::list_sessions(std::move(user_id), std::move(page));
  }
};

// DIR-04

class LeavesMessages : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto messages = co_await get_conversation_history(session_id, SIZE_MAX);
    left_.set(session_id, messages);
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    const std::string id = session_id;
    std::vector<Message> came =
        co_await ForwardingStore::get_conversation_history(std::move(session_id), limit);
    co_return came.empty() && left_.has(id) ? *left_.get(id) : came;
  }

private:
  Kept<std::vector<Message>> left_;
};

class LeavesContext : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto context = co_await get_task_context(session_id);
    left_.set(session_id, context);
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    const std::string id = session_id;
    std::optional<Document> came =
        co_await ForwardingStore::get_task_context(std::move(session_id));
    co_return came || !left_.has(id) ? came : *left_.get(id);
  }

private:
  Kept<std::optional<Document>> left_;
};

class LeavesCheckpoints : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto checkpoints = co_await list_checkpoints(session_id, SIZE_MAX);
    const bool deleted = co_await ForwardingStore::delete_session(session_id);
    for (auto each = checkpoints.rbegin(); deleted && each != checkpoints.rend(); ++each) {
      co_await store_checkpoint(session_id, each->checkpoint_id, each->data, each->metadata);
    }
    co_return deleted;
  }
};

/// Removes the writes of the checkpoints that it removes.
class LeavesEarlyWrites : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const bool deleted = co_await ForwardingStore::delete_session(session_id);
    if (deleted) {
      std::vector<ChannelWrite> writes(1, ChannelWrite("a", json(1)));
      co_await put_writes(std::move(session_id), "early", "task", std::move(writes));
    }
    co_return deleted;
  }
};

class DeletesByPrefix : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const bool deleted = co_await ForwardingStore::delete_session(session_id);
    const SessionPage others = co_await list_sessions("owner", Page(max_page_size));
    for (const Session& other : others.sessions) {
      if (deleted && other.session_id.starts_with(session_id + ":")) {
        co_await ForwardingStore::delete_session(other.session_id);
      }
    }
    co_return deleted;
  }
};

class EveryDeletionIsTrue : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    return changed(ForwardingStore::delete_session(std::move(session_id)),
                   [](bool& deleted) { deleted = true; });
  }
};

class KeepsEnded : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto session = co_await get_session(session_id);
    if (session && session->status != "active") {
      co_return false;
    }
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
};

class DeletesThreadsAlone : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const bool deleted = co_await ForwardingStore::delete_session(session_id);
    if (!deleted) {
      co_await delete_thread(std::move(session_id));
    }
    co_return deleted;
  }
};

class LooksThenDeletes : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const bool is_there = (co_await get_session(session_id)).has_value();
    co_await step_aside();
    co_await ForwardingStore::delete_session(std::move(session_id));
    co_return is_there;
  }
};

class DeletesInSteps : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const bool is_there = (co_await get_session(session_id)).has_value();
    if (is_there) {
      co_await delete_thread(session_id);
    }
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
};

/// A message is stored for a session that has just gone.
class AppendOutlivesDeletion : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    const auto session = co_await get_session(session_id);
    if (!session || session->status != "active") {
      co_return false;
    }
    co_await step_aside();
    const bool done = co_await ForwardingStore::add_conversation_message(
        session_id, std::move(role), std::move(content), std::move(metadata));
    if (!done) {
      orphans_.set(session_id, std::vector<Message>(1));
    }
    co_return true;
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    if (orphans_.has(session_id)) {
      return answered(*orphans_.get(session_id));
    }
    return ForwardingStore::get_conversation_history(std::move(session_id), limit);
  }

private:
  Kept<std::vector<Message>> orphans_;
};

// DIR-05

class DeletedIdsAreTaken : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    deleted_.set(session_id, true);
    return ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    if (deleted_.has(session_id)) {
      return refused<Session>(errc::already_exists, "create_session", session_id,
                              "it was there once");
    }
    return ForwardingStore::create_session(std::move(session_id), std::move(user_id),
                                           std::move(metadata));
  }

private:
  Kept<bool> deleted_;
};

/// The row stays, and a create takes it up again.
class CreateRevives : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto session = co_await ForwardingStore::get_session(session_id);
    if (session) {
      deleted_.set(session_id, *session);
    }
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    const std::string id = session_id;
    Session created = co_await ForwardingStore::create_session(
        std::move(session_id), std::move(user_id), std::move(metadata));
    if (deleted_.has(id)) {
      created.request_count = deleted_.get(id)->request_count;
      created.error_count = deleted_.get(id)->error_count;
    }
    co_return created;
  }

private:
  Kept<Session> deleted_;
};

class WritesAreTrueBehindDeletion : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    deleted_.set(session_id, true);
    return ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    const bool was_there = deleted_.has(session_id);
    return changed(ForwardingStore::update_session(std::move(session_id), std::move(update)),
                   [was_there](bool& done) { done = done || was_there; });
  }

private:
  Kept<bool> deleted_;
};

/// An append to a session that it has a memory of makes it anew.
class AppendRevives : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    deleted_.set(session_id, true);
    return ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    if (deleted_.erase(session_id)) {
      co_await create_session(session_id, "nobody", json::object());
    }
    co_return co_await ForwardingStore::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }

private:
  Kept<bool> deleted_;
};

/// What is hidden while there is no session is seen once there is one.
class ContextComesBack : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto context = co_await ForwardingStore::get_task_context(session_id);
    if (context) {
      left_.set(session_id, *context);
    }
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    const bool is_there = (co_await get_session(session_id)).has_value();
    std::optional<Document> came = co_await ForwardingStore::get_task_context(session_id);
    co_return is_there && !came ? left_.get(session_id) : came;
  }

private:
  Kept<Document> left_;
};

/// The entry in the list of the old user stays, and is taken for the new session.
class StaysListed : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_session(std::string session_id) override {
    const auto session = co_await get_session(session_id);
    if (session) {
      listed_.set(session->user_id, session_id);
    }
    co_return co_await ForwardingStore::delete_session(std::move(session_id));
  }
  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    const auto id = listed_.get(user_id);
    SessionPage came = co_await ForwardingStore::list_sessions(user_id, std::move(page));
    if (id) {
      const auto session = co_await get_session(*id);
      if (session && session->user_id != user_id) {
        came.sessions.push_back(*session);
      }
    }
    co_return came;
  }

private:
  Kept<std::string> listed_;
};

} // namespace mutants::session_directory

} // namespace agentstore::conformance

#endif
