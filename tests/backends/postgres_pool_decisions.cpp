// SPDX-License-Identifier: Apache-2.0

// What the pool of PostgresBackend decides, without a server.

#include "support/catch.hpp"

#include <agentstore/detail/postgres/pool_decisions.hpp>
#include <agentstore/detail/postgres/request_queue.hpp>

using namespace agentstore::detail::postgres;
using namespace std::chrono_literals;

namespace {

const Time now = Time() + 1'000'000h;

/// Connections with so many requests each.
std::vector<ConnectionView> with_depths(const std::vector<std::size_t>& depths) {
  std::vector<ConnectionView> views;
  for (const std::size_t depth : depths) {
    views.emplace_back(depth, depth == 0 ? std::optional<Time>() : now + 1h);
  }
  return views;
}

std::optional<std::size_t> none() {
  return std::nullopt;
}

class TestRequest final : public PendingRequest {
public:
  TestRequest() : PendingRequest(Request()) {}

private:
  void deliver(Response) override {}
};

std::shared_ptr<PendingRequest> new_request() {
  return std::make_shared<TestRequest>();
}

} // namespace

TEST_CASE("A deadline is in the future, however long the time is", "[postgres]") {
  CHECK(deadline_after(now, 5ms) == now + 5ms);
  CHECK(deadline_after(now, 0ms) == now);
  for (const auto limit :
       {std::chrono::milliseconds::max(),
        std::chrono::duration_cast<std::chrono::milliseconds>(Time::duration::max()),
        std::chrono::milliseconds::max() - 1ms}) {
    CHECK(deadline_after(now, limit) == Time::max());
    CHECK(deadline_after(Time::max(), limit) == Time::max());
  }
}

TEST_CASE("Each host has its own share of time", "[postgres]") {
  CHECK(time_for_hosts(now, 5s, 1) == now + 5s);
  CHECK(time_for_hosts(now, 5s, 3) == now + 15s);
  CHECK(time_for_hosts(now, std::chrono::milliseconds::max(), 3) == Time::max());
}

TEST_CASE("A request goes to an idle connection", "[postgres]") {
  CHECK(choose_connection(with_depths({2, 0, 1}), 4, true) == 1U);
  CHECK(choose_connection(with_depths({2, 0, 1}), 4, false) == 1U);
  CHECK(choose_connection(with_depths({0, 0}), 4, false) == 0U);
}

TEST_CASE("A request goes behind another one only if no connection may be opened", "[postgres]") {
  CHECK(choose_connection(with_depths({2, 3, 1}), 4, true) == none());
  CHECK(choose_connection(with_depths({2, 3, 1}), 4, false) == 2U);
}

TEST_CASE("A request waits where every connection is full or is to go", "[postgres]") {
  CHECK(choose_connection({}, 4, false) == none());
  CHECK(choose_connection(with_depths({4, 4}), 4, false) == none());
  CHECK(choose_connection(with_depths({1}), 1, false) == none());
  auto retiring = with_depths({0, 3});
  retiring[0].is_retiring = true;
  CHECK(choose_connection(retiring, 4, false) == 1U);
  retiring[1].is_retiring = true;
  CHECK(choose_connection(retiring, 4, false) == none());
}

TEST_CASE("A request goes behind none that waits for long", "[postgres]") {
  auto views = with_depths({1, 2});
  views[0].is_stuck = true;
  CHECK(choose_connection(views, 4, false) == 1U);
  views[1].is_stuck = true;
  CHECK(choose_connection(views, 4, false) == none());
}

TEST_CASE("A request goes behind none on a connection that has no session", "[postgres]") {
  auto views = with_depths({1, 2});
  views[0].has_session = false;
  CHECK(choose_connection(views, 4, false) == 1U);
  views[1].has_session = false;
  CHECK(choose_connection(views, 4, false) == none());
  views[0].depth = 0;
  CHECK(choose_connection(views, 4, false) == 0U);
}

TEST_CASE("The server gives up before the pool does", "[postgres]") {
  CHECK(server_time(10s) == 9'500ms);
  CHECK(server_time(1s) == 900ms);
  CHECK(server_time(1ms) == 1ms);
  CHECK(server_time(std::chrono::milliseconds::max()).count() == 2'147'483'647);
}

TEST_CASE("A connection that grew goes when it is not needed any more", "[postgres]") {
  CHECK_FALSE(is_overgrown(false, 1'000));
  CHECK_FALSE(is_overgrown(true, 0));
  CHECK_FALSE(is_overgrown(true, 7));
  CHECK(is_overgrown(true, 8));
}

TEST_CASE("A request that no message can hold is known before it is sent", "[postgres]") {
  static const Statement statement("SELECT $1", {type::text});
  Request request;
  request.add(statement, Parameters().plain(std::string(1'000, 'x')));
  CHECK_FALSE(request.is_too_large());
  CHECK_FALSE(request.is_too_large(1'017));
  CHECK(request.is_too_large(1'016));
}

TEST_CASE("A connection may be opened below the pool's size, and not soon after a failure",
          "[postgres]") {
  CHECK(may_open(0, 1, now, now));
  CHECK_FALSE(may_open(1, 1, now, now));
  CHECK(may_open(1, 2, now, now));
  CHECK_FALSE(may_open(1, 2, now, now + 1ms));
  CHECK(may_open(0, 2, now, now + 1ms)); // there is no other one to make do with
}

TEST_CASE("A connection is opened for each request that waits, as far as there is room",
          "[postgres]") {
  CHECK(connections_to_open(0, 0, 0, 8) == 0);
  CHECK(connections_to_open(3, 0, 0, 8) == 3);
  CHECK(connections_to_open(3, 0, 2, 8) == 1);
  CHECK(connections_to_open(3, 0, 4, 8) == 0);
  CHECK(connections_to_open(100, 2, 1, 8) == 5);
  CHECK(connections_to_open(100, 8, 0, 8) == 0);
  CHECK(connections_to_open(100, 5, 4, 8) == 0); // one more than there is room for
}

TEST_CASE("The timer is set for the earliest deadline", "[postgres]") {
  CHECK(next_deadline(std::nullopt, {}, now) == Time::max());
  CHECK(next_deadline(now + 5s, {}, now) == now + 5s);
  CHECK(next_deadline(std::nullopt, with_depths({0, 0}), now) == Time::max());
  CHECK(next_deadline(std::nullopt, with_depths({0, 1}), now) == now + 1h);
  CHECK(next_deadline(now + 5s, with_depths({0, 1}), now) == now + 5s);
  CHECK(next_deadline(now + 2h, with_depths({0, 1}), now) == now + 1h);
}

TEST_CASE("The timer is set for a poll while a TLS connection is busy", "[postgres]") {
  auto views = with_depths({1, 0});
  views[1].uses_tls = true;
  CHECK(next_deadline(now + 5s, views, now) == now + 5s); // it is idle
  views[0].uses_tls = true;
  CHECK(next_deadline(now + 5s, views, now) == now + tls_poll_interval);
  CHECK(next_deadline(now + 1ms, views, now) == now + 1ms);
}

TEST_CASE("A queue gives requests in their order, those that were sent in vain first",
          "[postgres]") {
  RequestQueue queue;
  std::vector<std::shared_ptr<PendingRequest>> requests;
  for (int i = 0; i < 4; ++i) {
    requests.push_back(new_request());
  }
  CHECK(requests[0]->state() == PendingRequest::State::created);
  queue.push_back(requests[2], now);
  queue.push_back(requests[3], now);
  queue.push_front(requests[1], now); // as the pool does: the newest first
  queue.push_front(requests[0], now);
  CHECK(queue.size() == 4);
  for (const auto& each : requests) {
    CHECK(each->state() == PendingRequest::State::queued);
    CHECK(queue.pop_front() == each);
  }
  CHECK(queue.empty());
}

TEST_CASE("A queue knows its earliest deadline, and gives up what is late", "[postgres]") {
  RequestQueue queue;
  CHECK_FALSE(queue.earliest_deadline());
  const auto first = new_request();
  const auto second = new_request();
  const auto again = new_request();
  const auto again_later = new_request();
  queue.push_back(first, now + 1s);
  queue.push_back(second, now + 4s);
  queue.push_front(again, now + 2s);
  queue.push_front(again_later, now + 3s);
  CHECK(queue.earliest_deadline() == now + 1s);
  CHECK(queue.take_expired(now).empty());
  CHECK(queue.take_expired(now + 2s) == RequestQueue::Requests{again, first});
  CHECK(queue.earliest_deadline() == now + 3s);
  queue.erase(again_later);
  CHECK(queue.earliest_deadline() == now + 4s);
  CHECK(queue.take_all() == RequestQueue::Requests{second});
  CHECK(queue.empty());
}

TEST_CASE("A request that is sent, queued again or done has no other state beside", "[postgres]") {
  const auto request = new_request();
  request->mark_queued(now + 1s);
  CHECK(request->deadline() == now + 1s);
  CHECK_FALSE(request->connection());
  request->mark_sent(std::weak_ptr<PipelinedConnection>(), now + 2s);
  CHECK(request->state() == PendingRequest::State::sent);
  CHECK(request->deadline() == now + 2s);
  request->finish(Response());
  CHECK(request->is_done());
  request->fail(Failure(agentstore::errc::unavailable, "late")); // changes nothing
  CHECK(request->is_done());
  CHECK_FALSE(request->connection());
}

TEST_CASE("An error that another connection would not meet retires the connection", "[postgres]") {
  for (const char* const sqlstate :
       {"25006", "57P01", "57P02", "57P03", "0A000", "26000", "42P05"}) {
    CHECK(retires_connection(sqlstate));
  }
  for (const char* const sqlstate : {"", "40001", "57014", "23505", "53300"}) {
    CHECK_FALSE(retires_connection(sqlstate));
  }
}
