// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_CURSOR_HPP
#define AGENTSTORE_AUTHORING_CURSOR_HPP

/// \file
/// The cursors of pages, for authors of backends: a text that says which list it belongs to and
/// where in the list the next page begins. A cursor that was made up or spoilt is noticed.

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>

#include <boost/algorithm/hex.hpp>
#include <boost/crc.hpp>

#include <optional>
#include <utility>

namespace agentstore {

/// A cursor of the list `list` (its method) of `scope` (its other arguments), at `position`.
std::string make_cursor(std::string_view list, std::string_view scope, const json& position);

/// The position in `page.cursor`, nothing for the first page. Throws `invalid_argument`, naming
/// `list` as the operation and `scope` as the key, for a page that Page does not allow, and for a
/// cursor that `make_cursor` did not make from a `Position` for this list and scope.
template <class Position = json>
std::optional<Position> read_cursor(const char* list, std::string_view scope, const Page& page);

/// Where in a list of sessions, newest activity first, the next page begins: behind the session of
/// this last_activity, in microseconds since 1970, and this id.
using SessionPosition = std::pair<std::int64_t, std::string>;
SessionPosition position_of(const Session& session);

/// Ends a page of `list_sessions` or `list_threads` that was read with one item more than `size`.
/// If that item is there it is dropped, and `next` is its position. `scope` is the user or the
/// prefix. Requires: `read_cursor` has accepted `size`, and the page has at most one item more.
void finish_page(SessionPage& page, std::size_t size, std::string_view scope);
void finish_page(ThreadPage& page, std::size_t size, std::string_view scope);

// Only machinery below this line.

namespace detail {

inline std::uint32_t checksum(std::string_view text) {
  boost::crc_32_type crc;
  crc.process_bytes(text.data(), text.size());
  return crc.checksum();
}

/// The position in a cursor, or nothing if this list and scope did not give it.
template <class Position>
std::optional<Position> position_in(const std::string& cursor, std::string_view list,
                                    std::string_view scope) try {
  std::string sealed;
  boost::algorithm::unhex(cursor, std::back_inserter(sealed));
  const json parts = json::parse(json::parse(sealed).at(1).get_ref<const std::string&>());
  // The same again, so that nothing else is taken for it: no other list, sum or spelling.
  if (make_cursor(list, scope, parts.at(2)) != cursor) {
    return std::nullopt;
  }
  return parts.at(2).get<Position>();
} catch (const boost::algorithm::hex_decode_error&) {
  return std::nullopt;
} catch (const json::exception&) {
  return std::nullopt;
}

} // namespace detail

inline std::string make_cursor(std::string_view list, std::string_view scope,
                               const json& position) {
  const std::string content = json::array({list, scope, position}).dump();
  const std::string sealed = json::array({detail::checksum(content), content}).dump();
  std::string text;
  boost::algorithm::hex_lower(sealed, std::back_inserter(text));
  return text;
}

inline SessionPosition position_of(const Session& session) {
  return {session.last_activity.time_since_epoch().count(), session.session_id};
}

inline void finish_page(SessionPage& page, std::size_t size, std::string_view scope) {
  if (page.sessions.size() > size) {
    page.sessions.pop_back();
    page.next = make_cursor("list_sessions", scope, position_of(page.sessions.back()));
  }
}

inline void finish_page(ThreadPage& page, std::size_t size, std::string_view scope) {
  if (page.thread_ids.size() > size) {
    page.thread_ids.pop_back();
    page.next = make_cursor("list_threads", scope, page.thread_ids.back());
  }
}

template <class Position>
std::optional<Position> read_cursor(const char* list, std::string_view scope, const Page& page) {
  const auto arguments = check(list, scope);
  if (page.size == 0 || page.size > max_page_size) {
    arguments.refuse(errc::invalid_argument, "page size", "is not from 1 to 1000");
  }
  if (page.is_first()) {
    return std::nullopt;
  }
  std::optional<Position> position = detail::position_in<Position>(page.cursor, list, scope);
  if (!position) {
    arguments.refuse(errc::invalid_argument, "cursor", "is not one of this list");
  }
  return position;
}

} // namespace agentstore

#endif
