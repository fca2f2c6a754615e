// SPDX-License-Identifier: Apache-2.0
// What the Redis backend promises beyond the rules: what its keys hold, exactness, many items, and
// lives that end early.

#include "support/redis_calls.hpp"
#include "support/servers/redis_rig.hpp"

#include <algorithm>
#include <atomic>

namespace {

using namespace agentstore;
using namespace agentstore::test;

RedisOptions small(const std::string& space, Clock clock = system_clock()) {
  RedisOptions options(shared_redis().uri(), space);
  options.buckets = 1;
  options.clock = std::move(clock);
  return options;
}

Timestamp at(std::int64_t micros) {
  return Timestamp(std::chrono::microseconds(micros));
}

} // namespace

TEST_CASE("redis-cli shows what the header tells") {
  RedisRig rig(small("keys", [] { return at(1'700'000'000'000'001); }));
  auto& store = rig.backend;
  rig.loop.run(store.create_session("s:1", "user", object_of("plan", "free")));
  rig.loop.run(store.add_conversation_message("s:1", "user", "hello\nworld", object_of("n", 1)));
  rig.loop.run(store.store_task_context("s:1", object_of("task", "x")));
  rig.loop.run(store.put_checkpoint("s:1", "c-1", object_of("step", 1)));
  rig.loop.run(store.put_writes("s:1", "c-1", "task", call_detail::two_writes()));

  RawRedis raw = shared_redis().raw();
  const std::string tag = raw.text({"KEYS", "{keys/0-*}:counts"});
  const std::string stem = tag.substr(0, tag.size() - 6);
  auto keys = raw.list({"KEYS", "{keys/*"});
  std::sort(keys.begin(), keys.end());
  CHECK(keys == std::vector<std::string>{
                    stem + "checkpoints:s:1", stem + "counts", stem + "idle", stem + "messages:s:1",
                    stem + "order:s:1", stem + "session:s:1", stem + "threads", stem + "users",
                    stem + "values:s:1", stem + "writes:s:1", "{keys/}:layout"});
  const std::string rank = "09221672036854775806";
  CHECK(raw.text({"HMGET", stem + "session:s:1", "user", "status", "created", "last_activity",
                  "requests", "errors", "micros", "version", "messages", "metadata", "context",
                  "stamp", "rank", "filed"}) ==
        "user\nactive\n1700000000000001\n1700000000000001\n0\n0\n0\n2\n1\n{\"plan\":\"free\"}\n"
        "{\"task\":\"x\"}\n1\n" +
            rank + "\n" + rank);
  CHECK(raw.text({"HGETALL", stem + "messages:s:1"}) ==
        "1\n1700000000000001 4 11\nuser\nhello\nworld\n{\"n\":1}");
  const std::string nul(1, '\0');
  CHECK(raw.text({"HGETALL", stem + "checkpoints:s:1"}) ==
        "c-1\n10\n{\"step\":1}\n{}\nc-1" + nul + "\n0000000000000001 1700000000000001");
  CHECK(raw.text({"ZRANGE", stem + "order:s:1", "0", "-1"}) == "0000000000000001c-1");
  CHECK(raw.text({"ZRANGE", stem + "writes:s:1", "0", "-1"}) ==
        "c-1" + nul + "task" + nul + "00000000000000000003\n" + //
            "c-1" + nul + "task" + nul + "00000000000000000004");
  CHECK(raw.text({"HGET", stem + "values:s:1",
                  "c-1" + nul + "task" + nul + //
                      "00000000000000000003"}) == "9\n__error__\n2");
  CHECK(raw.text({"ZRANGE", stem + "users", "0", "-1"}) == "user" + nul + rank + "s:1");
  CHECK(raw.text({"ZRANGE", stem + "idle", "0", "-1"}) == rank + "s:1");
  CHECK(raw.text({"ZRANGE", stem + "threads", "0", "-1"}) == "s:1");
  CHECK(raw.text({"HMGET", stem + "counts", "sessions", "active", "messages", "checkpoints",
                  "stamp", "whole"}) == "1\n1\n1\n1\n1\n1");
  CHECK(raw.text({"HMGET", "{keys/}:layout", "version", "buckets"}) == "2\n1");

  CHECK(rig.loop.run(store.delete_session("s:1")));
  keys = raw.list({"KEYS", "{keys/*"});
  std::sort(keys.begin(), keys.end());
  CHECK(keys == std::vector<std::string>{stem + "counts", "{keys/}:layout"});
}

TEST_CASE("times and durations beyond 2^53 microseconds are exact") {
  const std::int64_t odd = 9'007'199'254'740'993;
  auto micros = std::make_shared<std::int64_t>(odd);
  RedisRig rig(small(fresh_space(), [micros] { return at(*micros); }));
  auto& store = rig.backend;
  rig.loop.run(store.create_session("a", "u"));
  *micros = odd + 1;
  rig.loop.run(store.create_session("b", "u"));
  CHECK(rig.loop.run(store.get_session("a"))->created_at == at(odd));
  auto page = rig.loop.run(store.list_sessions("u"));
  REQUIRE(page.sessions.size() == 2);
  CHECK(page.sessions[0].session_id == "b");
  *micros = odd + 2;
  const auto update = SessionUpdate().add_processing_time(std::chrono::microseconds(odd));
  CHECK(rig.loop.run(store.update_session("a", update)));
  const auto once = SessionUpdate().add_processing_time(std::chrono::microseconds(2));
  CHECK(rig.loop.run(store.update_session("a", once)));
  const auto session = rig.loop.run(store.get_session("a"));
  CHECK(session->total_processing_time.count() == odd + 2);
  CHECK(session->last_activity == at(odd + 2));
  page = rig.loop.run(store.list_sessions("u"));
  CHECK(page.sessions[0].session_id == "a");

  const auto most = SessionUpdate().increment_requests().add_processing_time(
      std::chrono::microseconds(std::numeric_limits<std::int64_t>::max()));
  CHECK(is_clear(error_of(rig.loop, store.update_session("a", most)), errc::invalid_argument,
                 "update_session", "overflows"));
  CHECK(rig.loop.run(store.get_session("a")) == session);
}

TEST_CASE("times before 1970 and at the ends of the clock are kept and sorted") {
  auto micros = std::make_shared<std::int64_t>(0);
  RedisRig rig(small(fresh_space(), [micros] { return at(*micros); }));
  const std::vector<std::int64_t> times = {std::numeric_limits<std::int64_t>::min(), -5, 0,
                                           std::numeric_limits<std::int64_t>::max()};
  for (std::size_t i = 0; i < times.size(); ++i) {
    *micros = times[i];
    rig.loop.run(rig.backend.create_session(std::to_string(i), "u"));
  }
  const auto page = rig.loop.run(rig.backend.list_sessions("u"));
  REQUIRE(page.sessions.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(page.sessions[i].last_activity == at(times[3 - i]));
  }
  *micros = 0;
  CHECK(rig.loop.run(rig.backend.cleanup_expired_sessions(std::chrono::microseconds(5))) == 2);
}

TEST_CASE("pages and clean-ups of many sessions over many buckets") {
  auto micros = std::make_shared<std::int64_t>(1'000'000);
  RedisOptions options(shared_redis().uri(), fresh_space());
  options.clock = [micros] { return at(*micros); };
  RedisRig rig(options);
  constexpr int count = 3'000;
  std::vector<std::shared_ptr<Ending<Session>>> made;
  for (int i = 0; i < count; ++i) {
    ++*micros;
    made.push_back(rig.loop.start(rig.backend.create_session("s-" + std::to_string(i), "u")));
    if (i % 500 == 0) {
      rig.loop.finish();
    }
  }
  rig.loop.finish();
  Page page(77);
  std::vector<std::string> seen;
  do {
    const SessionPage some = rig.loop.run(rig.backend.list_sessions("u", page));
    for (const Session& each : some.sessions) {
      seen.push_back(each.session_id);
    }
    page.after(some.next);
  } while (!page.is_first());
  CHECK(seen.size() == count);
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());

  *micros += 1'000'000;
  for (int i = 0; i < 300; ++i) {
    rig.loop.run(rig.backend.update_session("s-" + std::to_string(i), SessionUpdate()));
  }
  CHECK(rig.loop.run(rig.backend.cleanup_expired_sessions(std::chrono::milliseconds(500))) ==
        count - 300);
  CHECK(rig.loop.run(rig.backend.get_metrics()).total_sessions == 300);
  CHECK(rig.loop.run(rig.backend.cleanup_expired_sessions(std::chrono::milliseconds(500))) == 0);
  CHECK(rig.loop.run(rig.backend.cleanup_expired_sessions(std::chrono::microseconds(0))) == 300);
  CHECK(rig.loop.run(rig.backend.get_metrics()) == Metrics());
}

TEST_CASE("a thread is copied whole between any two buckets") {
  RedisRig rig;
  auto& store = rig.backend;
  for (int i = 0; i < 300; ++i) {
    rig.loop.run(store.put_checkpoint("source", "c-" + std::to_string(i), i, object_of("n", i)));
  }
  rig.loop.run(store.put_writes("source", "later", "task", call_detail::two_writes()));
  for (int i = 0; i < 20; ++i) {
    const std::string target = "target-" + std::to_string(i);
    CHECK(rig.loop.run(store.copy_thread("source", target)));
    auto copied = rig.loop.run(store.list_checkpoints(target, 1'000));
    for (Checkpoint& each : copied) {
      each.thread_id = "source";
    }
    CHECK(copied == rig.loop.run(store.list_checkpoints("source", 1'000)));
    CHECK(rig.loop.run(store.get_writes(target, "later")).size() == 2);
  }
  CHECK(rig.loop.run(store.get_metrics()).total_checkpoints == 300 * 21);
  CHECK(rig.loop.run(store.put_checkpoint("target-3", "next", 1)));
  CHECK(rig.loop.run(store.get_checkpoint("target-3"))->checkpoint_id == "next");
  RawRedis raw = shared_redis().raw();
  CHECK(raw.list({"KEYS", "*copied*"}).empty());
}

TEST_CASE("merges that meet all count") {
  RedisRig rig;
  rig.loop.run(rig.backend.create_session("s", "u"));
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (int i = 0; i < 40; ++i) {
    const std::string name = "m-" + std::to_string(i);
    endings.push_back(
        rig.loop.start(rig.backend.update_session("s", merge_of(object_of(name.c_str(), i)))));
  }
  rig.loop.finish();
  CHECK(std::all_of(endings.begin(), endings.end(),
                    [](const auto& each) { return each->value == true; }));
  const auto session = rig.loop.run(rig.backend.get_session("s"));
  CHECK(session->metadata.size() == 40);
  CHECK(session->request_count == 40);
  CHECK(session->version == 41);
}

TEST_CASE("stores beside each other, of any name, see nothing of each other") {
  const std::vector<std::pair<std::string, std::string>> names = {
      {"", ""},  {"", "a"},    {"p", "a"},        {"p{}", "a"},  {"p}", "a{"},
      {"{", ""}, {"%", "%"},   {"\xff\x01", "a"}, {"", "a/0-0"}, {"p{a/0-0}:", ""},
      {"", "}"}, {"p", "{a}"}, {"p", "caf\xe9"}};
  std::vector<std::unique_ptr<RedisRig>> rigs;
  for (const auto& [prefix, space] : names) {
    RedisOptions options(shared_redis().uri(), space);
    options.prefix = prefix;
    rigs.push_back(std::make_unique<RedisRig>(options));
    for (const std::string id : {"{x}", "}", "s", "session:s"}) {
      rigs.back()->loop.run(rigs.back()->backend.create_session(id, "{}"));
      CHECK(rigs.back()->loop.run(rigs.back()->backend.put_checkpoint(id, "}{", 1)));
      CHECK(rigs.back()->loop.run(rigs.back()->backend.copy_thread(id, id + "-2")));
    }
  }
  for (const auto& rig : rigs) {
    CHECK(rig->loop.run(rig->backend.get_metrics()).total_sessions == 4);
    CHECK(rig->loop.run(rig->backend.list_threads()).thread_ids.size() == 8);
    CHECK_NOTHROW(rig->loop.run(rig->backend.health_check()).details.dump());
  }
}

TEST_CASE("a backend may be destroyed while calls are under way, and the context with them") {
  {
    Loop loop;
    auto store = std::make_unique<RedisBackend>(loop.context().get_executor(),
                                                RedisOptions(shared_redis().uri(), fresh_space()));
    loop.run(store->initialize());
    const auto put = loop.start(store->put_checkpoint("t", "c", 1));
    loop.poll();
    store.reset();
    loop.finish();
    CHECK(put->has_value());
  }
  for (int steps = 0; steps < 12; ++steps) {
    Loop loop;
    RedisBackend store(loop.context().get_executor(),
                       RedisOptions(shared_redis().uri(), fresh_space()));
    const auto opening = loop.start(store.initialize());
    for (int i = 0; i < steps; ++i) {
      loop.context().run_one_for(std::chrono::milliseconds(10));
    }
    const auto put = loop.start(store.put_checkpoint("t", "c", 1));
    for (int i = 0; i < steps / 2; ++i) {
      loop.context().run_one_for(std::chrono::milliseconds(10));
    }
  }
}

TEST_CASE("a context without calls runs out of work") {
  RedisRig rig;
  CHECK(rig.works());
  rig.loop.context().restart();
  const Stopwatch stopwatch;
  rig.loop.context().run();
  CHECK(stopwatch.elapsed() < std::chrono::seconds(1));
}

TEST_CASE("close waits for calls, and a closed backend opens again") {
  RedisRig rig;
  const auto put = rig.loop.start(rig.backend.put_checkpoint("t", "c", 1));
  const auto closing = rig.loop.start(rig.backend.close());
  rig.loop.finish();
  CHECK((put->has_value() || put->threw(errc::closed)));
  CHECK(closing->has_value());
  CHECK(is_clear(error_of(rig.loop, rig.backend.get_session("s")), errc::closed, "get_session"));
  CHECK(rig.loop.run(rig.backend.health_check()).status == Health::Status::unhealthy);
  CHECK(rig.loop.run(rig.backend.initialize()));
  CHECK(rig.works());
}

TEST_CASE("TCP works as a socket of the machine does") {
  RedisRig rig(RedisOptions("redis://localhost:" + shared_redis().port() + "/3", fresh_space()));
  CHECK(rig.works());
  CHECK(rig.loop.run(rig.backend.delete_thread("check-1")));
}
