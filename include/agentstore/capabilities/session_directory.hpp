// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CAPABILITIES_SESSION_DIRECTORY_HPP
#define AGENTSTORE_CAPABILITIES_SESSION_DIRECTORY_HPP

#include <agentstore/capabilities/page.hpp>
#include <agentstore/contract.hpp>

#include <string>
#include <vector>

namespace agentstore {

/// Some sessions of a user, and the cursor of the next page.
class SessionPage {
public:
  SessionPage() = default;

  std::vector<Session> sessions;
  /// The cursor of the next page; empty when there is none.
  std::string next;

  bool operator==(const SessionPage&) const = default;
};

static_assert(!std::is_aggregate_v<SessionPage>);

/// Finds and deletes sessions. Optional: a store of sessions that can do this derives from it
/// besides ISessionStorage.
///
/// \par Lifetime, threads, executor, cancellation
/// As in ISessionStorage.
///
/// \par Errors
/// `StorageError` with `invalid_argument` for an id outside of KEY-01, a page size or a cursor
/// outside of what Page says, `closed`, `unavailable`, `corrupted` (ERR-01). The error names the
/// method and the id (ERR-02).
class ISessionDirectory {
public:
  virtual ~ISessionDirectory() = default;

  /// Returns sessions of one user, whatever their status, page by page.
  ///
  /// DIR-01 Exactly those whose user_id is `user_id`, as `get_session` returns them, the one with
  /// the newest last_activity first; an unknown user has none. If last_activity is equal the order
  /// is by session_id, by its bytes.
  /// DIR-02 While others write, a session that is there all the time and has no activity of its own
  /// is on exactly one page, and no session is on two. A session that becomes active in between
  /// moves to the front of the list, which the later pages do not go back to. Pages have the size
  /// asked for; only the last is shorter, down to none, and `next` is empty on it alone.
  /// DIR-03 A cursor of another list, of another user or of no list at all is `invalid_argument`;
  /// so is a page size of 0 or above 1,000. The cost of a page does not grow with its number.
  [[nodiscard]] virtual awaitable<SessionPage> list_sessions(std::string user_id,
                                                             Page page = Page()) = 0;

  /// Deletes a session. True: this call deleted it. False: there is no session of this id.
  ///
  /// DIR-04 With a session goes what a clean-up removes with it (CLN-03): its messages, its
  /// context, and the checkpoints and pending writes of the thread that has its id; nothing else,
  /// and all or nothing. Of concurrent calls one returns true.
  /// DIR-05 A write that comes after the deletion finds no session. The id can be created afresh,
  /// and then has nothing of what was there before.
  [[nodiscard]] virtual awaitable<bool> delete_session(std::string session_id) = 0;

protected:
  ISessionDirectory() = default;
  ISessionDirectory(const ISessionDirectory&) = default;
  ISessionDirectory& operator=(const ISessionDirectory&) = default;
};

} // namespace agentstore

#endif
