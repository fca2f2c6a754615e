// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/authoring/cursor.hpp>

using namespace agentstore;

namespace {

Page at(std::string cursor) {
  Page page;
  page.after(std::move(cursor));
  return page;
}

template <class Position = std::string>
bool is_refused(const char* list, std::string_view scope, const Page& page) {
  try {
    (void)read_cursor<Position>(list, scope, page);
    return false;
  } catch (const StorageError& error) {
    CHECK(error.code() == errc::invalid_argument);
    CHECK(error.operation() == list);
    CHECK(error.key() == scope);
    return true;
  }
}

} // namespace

TEST_CASE("a cursor gives its position back to its own list") {
  const std::string cursor = make_cursor("list_threads", "a/", "a/7");
  CHECK(read_cursor<std::string>("list_threads", "a/", at(cursor)) == "a/7");
  CHECK_FALSE(read_cursor<std::string>("list_threads", "a/", Page()).has_value());

  const SessionPosition position(-17, "s\"1");
  CHECK(read_cursor<SessionPosition>(
            "list_sessions", "ada", at(make_cursor("list_sessions", "ada", position))) == position);
}

TEST_CASE("a cursor of another list, or of none, is refused") {
  const std::string cursor = make_cursor("list_threads", "a/", "a/7");
  CHECK(is_refused("list_threads", "a", at(cursor)));
  CHECK(is_refused("list_sessions", "a/", at(cursor)));
  CHECK(is_refused<SessionPosition>("list_threads", "a/", at(cursor)));
  for (const char* const forged : {"7", "a/7", "zz", "5b5d", "7b7d", "00", "5b312c325d"}) {
    CHECK(is_refused("list_threads", "a/", at(forged)));
  }
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    std::string spoilt = cursor;
    spoilt[i] = spoilt[i] == '0' ? '1' : '0';
    CHECK(is_refused("list_threads", "a/", at(spoilt)));
    CHECK((i == 0 || is_refused("list_threads", "a/", at(cursor.substr(0, i)))));
  }
}

TEST_CASE("a page has from 1 to 1,000 items") {
  CHECK(is_refused("list_threads", "", Page(0)));
  CHECK(is_refused("list_threads", "", Page(1'001)));
  CHECK_FALSE(is_refused("list_threads", "", Page(1)));
  CHECK_FALSE(is_refused("list_threads", "", Page(1'000)));
}

TEST_CASE("a page that was read with one item too many ends before it, and the next begins there") {
  const Timestamp before_1970(std::chrono::microseconds(-17));
  SessionPage sessions;
  for (const char* const id : {"s1", "s2", "s3"}) {
    sessions.sessions.emplace_back().session_id = id;
    sessions.sessions.back().last_activity = before_1970;
  }
  finish_page(sessions, 2, "ada");
  REQUIRE(sessions.sessions.size() == 2);
  CHECK(read_cursor<SessionPosition>("list_sessions", "ada", at(sessions.next)) ==
        SessionPosition(-17, "s2"));

  ThreadPage threads;
  threads.thread_ids = {"a/1", "a/2"};
  finish_page(threads, 1, "a/");
  CHECK(threads.thread_ids == std::vector<std::string>{"a/1"});
  CHECK(read_cursor<std::string>("list_threads", "a/", at(threads.next)) == "a/1");
}

TEST_CASE("a page without that item is the last one, and stays as it is") {
  for (std::size_t items = 0; items <= 2; ++items) {
    SessionPage sessions;
    sessions.sessions.resize(items);
    finish_page(sessions, 2, "ada");
    CHECK(sessions.sessions.size() == items);
    CHECK(sessions.next.empty());

    ThreadPage threads;
    threads.thread_ids.resize(items, "a/1");
    finish_page(threads, 2, "a/");
    CHECK(threads.thread_ids.size() == items);
    CHECK(threads.next.empty());
  }
}
