// SPDX-License-Identifier: Apache-2.0
// Faults below the Redis backend. A call that fails has done nothing.

#include "support/because.hpp"
#include "support/faults/redis_proxy.hpp"
#include "support/redis_calls.hpp"
#include "support/servers/redis_rig.hpp"

#include <agentstore/detail/redis/connect.hpp>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <set>
#include <sstream>
#include <thread>

namespace {

using namespace agentstore;
using namespace agentstore::test;
namespace because = boost::system::errc;
namespace redis = agentstore::detail::redis;

using Settings = std::vector<std::pair<std::string, std::string>>;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Opens a backend and tells why it does not open.
std::optional<StorageError> error_of_opening(const RedisOptions& options) {
  Loop loop;
  RedisBackend backend(loop.context().get_executor(), options);
  return error_of(loop, backend.initialize());
}

/// A request whose answer is kept.
class Question final : public redis::PendingRequest {
public:
  Question() : PendingRequest(ping()) {}

  redis::Response answer;

private:
  static redis::Request ping() {
    return redis::Request(redis::Command(std::vector<std::string>(1, "PING")));
  }
  void deliver(redis::Response response) override { answer = std::move(response); }
};

RedisOptions hasty(const std::string& uri) {
  RedisOptions options(uri, fresh_space());
  options.connect_timeout = options.acquire_timeout = std::chrono::milliseconds(1'000);
  options.operation_timeout = std::chrono::milliseconds(300);
  return options;
}

} // namespace

TEST_CASE("a server that is not there is unavailable, and used again when it comes back") {
  const auto refused = error_of_opening(RedisOptions("redis://127.0.0.1:1"));
  CHECK(is_clear(refused, errc::unavailable, "initialize", "refused"));
  CHECK(is_because(refused, because::connection_refused, true));
  CHECK(
      is_clear(error_of_opening(RedisOptions("unix:///nowhere")), errc::unavailable, "initialize"));
  CHECK(is_clear(error_of_opening(RedisOptions("redis://host.invalid")), errc::unavailable,
                 "initialize", "not found"));

  RedisServer server(Settings{{"appendonly", "yes"}, {"appendfsync", "always"}});
  for (const std::string& uri : {server.uri(), server.tcp_uri()}) {
    RedisRig rig(RedisOptions(uri, fresh_space()));
    CHECK(rig.works());
    server.stop();
    CHECK(is_clear(error_of(rig.loop, rig.backend.get_session("s")), errc::unavailable,
                   "get_session"));
    CHECK(rig.loop.run(rig.backend.health_check()).status == Health::Status::unhealthy);
    server.start();
    CHECK(rig.works());
    CHECK(rig.loop.run(rig.backend.health_check()).status == Health::Status::healthy);
  }
}

TEST_CASE("a wrong password, user or database is told without the password") {
  const RedisServer server;
  RawRedis raw = server.raw();
  raw.text({"ACL", "SETUSER", "agent", "on", ">the:quiet@word", "~*", "+@all"});
  const auto uri = [&](const std::string& who, const std::string& rest = "") {
    return RedisOptions("unix://" + who + "@" + server.socket() + rest);
  };
  CHECK(!error_of_opening(uri("agent:the%3Aquiet%40word")));
  const auto wrong = error_of_opening(uri("agent:the-loud-word"));
  CHECK(is_clear(wrong, errc::unavailable, "initialize", "WRONGPASS"));
  CHECK(std::string(wrong->what()).find("loud") == std::string::npos);
  CHECK(is_clear(error_of_opening(uri("nobody:x")), errc::unavailable, "initialize", "WRONGPASS"));
  CHECK(!error_of_opening(uri("agent:the%3Aquiet%40word", "?db=15")));
  CHECK(is_clear(error_of_opening(uri("agent:the%3Aquiet%40word", "?db=16")),
                 errc::invalid_argument, "initialize", "DB index"));
  raw.text({"ACL", "SETUSER", "default", "resetpass", ">word"});
  CHECK(is_clear(error_of_opening(RedisOptions(server.uri())), errc::unavailable, "initialize",
                 "NOAUTH"));
  CHECK(!error_of_opening(uri(":word")));
}

TEST_CASE("a server that repeats what it was sent gives no password away") {
  const RedisServer server(Settings{{"rename-command", "AUTH login"}});
  for (const std::string& end : {std::string(), std::string(300, 'd')}) {
    const auto error =
        error_of_opening(RedisOptions("unix://agent:secret-word" + end + "@" + server.socket()));
    CHECK(is_clear(error, errc::unavailable, "initialize", "unknown command 'AUTH'"));
    CHECK(std::string(error->what()).find("secret") == std::string::npos);
  }
}

TEST_CASE("options that are none are refused") {
  const auto refused = [](RedisOptions options, const std::string& why) {
    return is_clear(error_of_opening(options), errc::invalid_argument, "initialize", why);
  };
  RedisOptions options(shared_redis().uri(), fresh_space());
  options.buckets = 0;
  CHECK(refused(options, "buckets"));
  options.buckets = 100'000;
  CHECK(refused(options, "buckets"));
  options.buckets = 16;
  CHECK(!error_of_opening(options));
  options.buckets = 8;
  CHECK(refused(options, "16 buckets, not 8"));
  options.buckets = 16;
  options.wait_replicas = std::numeric_limits<std::size_t>::max();
  CHECK(refused(options, "wait_replicas"));
  options.wait_replicas = 0;
  options.connect_timeout = std::chrono::milliseconds(0);
  CHECK(refused(options, "time-out"));
  CHECK(refused(RedisOptions("the-server"), "the URI"));
}

TEST_CASE("a layout that is newer, older, torn or spoilt is not touched") {
  RawRedis raw = shared_redis().raw();
  const RedisOptions options(shared_redis().uri(), "layout-test");
  const std::string key = "{layout-test/}:layout";
  for (const char* version : {"1", "3"}) {
    raw.text({"HSET", key, "version", version, "buckets", "16"});
    CHECK(is_clear(error_of_opening(options), errc::not_supported, "initialize",
                   std::string("version ") + version));
  }
  raw.text({"HDEL", key, "version"});
  CHECK(is_clear(error_of_opening(options), errc::corrupted, "initialize", "layout"));
  raw.text({"HSET", key, "version", "one"});
  CHECK(is_clear(error_of_opening(options), errc::corrupted, "initialize"));
  raw.text({"SET", key, "text"});
  CHECK(is_clear(error_of_opening(options), errc::corrupted, "initialize", "WRONGTYPE"));
  CHECK(raw.text({"GET", key}) == "text");
}

TEST_CASE("a user without a right does nothing by halves, and the error names the command") {
  const RedisServer server(Settings{{"enable-debug-command", "yes"}});
  RawRedis raw = server.raw();
  const RedisOptions admin(server.uri(), "acl");
  const RedisOptions agent("unix://agent:word@" + server.socket(), "acl");
  // A method is to need exactly the rights that the header names, so all others are denied.
  std::istringstream names("evalsha eval info select hset hget hmget hincrby hlen hdel hstrlen "
                           "exists zadd zrem zcard zrange zremrangebyrank unlink dump restore "
                           "rename persist");
  const std::vector<std::string> needed{std::istream_iterator<std::string>(names), {}};
  std::vector<std::string> rights = {"ACL", "SETUSER", "agent", "reset", "on", ">word", "~{acl/*"};
  for (const std::string& command : needed) {
    rights.push_back("+" + command);
  }
  raw.text(rights);
  {
    const RedisRig first(admin);
  }
  for (const std::string& denied : needed) {
    raw.text(rights);
    RedisRig restricted(agent);
    RedisRig whole(admin);
    raw.text({"ACL", "SETUSER", "agent", "-" + denied});
    std::size_t failed = 0;
    for (const Call<RedisBackend>& call : redis_calls()) {
      if (denied == "eval") {
        raw.text({"SCRIPT", "FLUSH"}); // else the texts are not sent again
      }
      const std::string before = raw.text({"DEBUG", "DIGEST"});
      const auto error = error_of(restricted.loop, call.make(restricted.backend));
      if (!error) {
        continue;
      }
      ++failed;
      INFO(denied << " " << call.operation << " " << error->what());
      CHECK(means(error->code(), errc::unavailable));
      CHECK(error->operation() == call.operation);
      CHECK(lower(error->what()).find(denied) != std::string::npos);
      CHECK(raw.text({"DEBUG", "DIGEST"}) == before);
      CHECK_NOTHROW(whole.loop.run(call.make(whole.backend)));
    }
    INFO(denied);
    const std::set<std::string> of_opening = {"info", "select"}; // the next test has these
    CHECK((failed > 0) != of_opening.contains(denied));
    raw.text(rights);
    CHECK(restricted.works());
    CHECK(whole.loop.run(whole.backend.delete_thread("check-1")));
  }
}

TEST_CASE("a user without a right that opening needs stores nothing, and hears which one it is") {
  const RedisServer server;
  RawRedis raw = server.raw();
  raw.text({"ACL", "SETUSER", "agent", "on", ">word", "~{acl/*", "+@all"});
  const RedisOptions agent("unix://agent:word@" + server.socket() + "?db=1", "acl");
  for (const std::string denied : {"info", "select", "eval", "evalsha", "hmget", "hset"}) {
    raw.text({"SCRIPT", "FLUSH"});
    raw.text({"ACL", "SETUSER", "agent", "-" + denied});
    const auto error = error_of_opening(agent);
    INFO(denied << " " << (error ? error->what() : "opens"));
    CHECK(is_clear(error, errc::unavailable, "initialize"));
    CHECK((error && lower(error->what()).find(denied) != std::string::npos));
    CHECK(raw.text({"INFO", "keyspace"}).find("keys=") == std::string::npos);
    raw.text({"ACL", "SETUSER", "agent", "+" + denied});
  }
  RedisRig rig(agent);
  raw.text({"ACL", "SETUSER", "agent", "-info"});
  const Health health = rig.loop.run(rig.backend.health_check());
  CHECK(health.status == Health::Status::unhealthy);
  CHECK(json(health.issues).dump().find("'info'") != std::string::npos);
  CHECK(rig.works());
}

TEST_CASE("a key of a wrong type is corrupted, and nothing is done by halves") {
  const RedisServer server(Settings{{"enable-debug-command", "yes"}});
  RawRedis raw = server.raw();
  const auto calls = redis_calls();
  std::size_t at = 0;
  for (std::size_t keys = 1; at < keys; ++at) {
    raw.text({"FLUSHALL"});
    RedisOptions options(server.uri(), "types");
    options.buckets = 1;
    RedisRig rig(options);
    for (std::size_t i = 0; i < 22; ++i) { // up to the copy, so that every key is there
      rig.loop.run(calls[i].make(rig.backend));
    }
    auto all = raw.list({"KEYS", "{types/*"});
    std::sort(all.begin(), all.end());
    keys = all.size();
    const std::string& key = all[at];
    if (key.ends_with(":layout")) {
      continue;
    }
    raw.text({"SET", key, "text"});
    std::size_t failed = 0;
    for (const Call<RedisBackend>& call : calls) {
      const std::string before = raw.text({"DEBUG", "DIGEST"});
      const auto error = error_of(rig.loop, call.make(rig.backend));
      if (!error) {
        continue;
      }
      INFO(key << " " << call.operation << " " << error->what());
      if (!means(error->code(), errc::already_exists)) {
        ++failed;
        CHECK(means(error->code(), errc::corrupted));
      }
      // A clean-up takes each session by itself, and so also takes sessions that are not spoilt.
      CHECK((call.operation == "cleanup_expired_sessions" ||
             raw.text({"DEBUG", "DIGEST"}) == before));
    }
    INFO(key);
    CHECK(failed > 0);
    CHECK(raw.text({"GET", key}) == "text");
  }
  CHECK(at == 16);
}

TEST_CASE("a count that is no number is corrupted, and nothing is done by halves") {
  const RedisServer server(Settings{{"enable-debug-command", "yes"}});
  RawRedis raw = server.raw();
  RedisOptions options(server.uri(), "counts");
  options.buckets = 1;
  RedisRig rig(options);
  rig.loop.run(rig.backend.create_session("s", "user"));
  const std::string counts = raw.text({"KEYS", "{counts/*:counts"});
  for (const char* const field : {"sessions", "active", "messages", "checkpoints", "stamp"}) {
    for (const char* const spoilt :
         {"x", "", "1.5", "1e3", " 1", "007", "-0", "9223372036854775807"}) {
      const std::string good = raw.text({"HGET", counts, field});
      raw.text({"HSET", counts, field, spoilt});
      std::size_t failed = 0;
      for (const Call<RedisBackend>& call : redis_calls()) {
        const std::string before = raw.text({"DEBUG", "DIGEST"});
        const auto error = error_of(rig.loop, call.make(rig.backend));
        if (error && means(error->code(), errc::corrupted)) {
          ++failed;
          INFO(field << " " << spoilt << " " << error->what());
          CHECK(raw.text({"DEBUG", "DIGEST"}) == before);
        }
      }
      CHECK(failed > 0);
      raw.text({"HSET", counts, field, good.empty() ? "0" : good});
    }
  }
}

TEST_CASE("counts that were lost are counted anew") {
  const RedisServer server;
  RawRedis raw = server.raw();
  RedisOptions options(server.uri(), "lost");
  options.buckets = 1;
  RedisRig rig(options);
  RedisBackend& store = rig.backend;
  const auto metrics = [](RedisRig& of) {
    const Metrics found = of.loop.run(of.backend.get_metrics());
    return std::to_string(found.total_sessions) + " " + std::to_string(found.active_sessions) +
           " " + std::to_string(found.total_messages) + " " +
           std::to_string(found.total_checkpoints);
  };
  for (const char* const id : {"s-1", "s-2", "s-3"}) {
    rig.loop.run(store.create_session(id, "user"));
    rig.loop.run(store.add_conversation_message(id, "user", "one"));
    rig.loop.run(store.add_conversation_message(id, "user", "two"));
    rig.loop.run(store.put_checkpoint(id, "c-1", 1));
    rig.loop.run(store.put_checkpoint(id, "c-2", 2));
  }
  rig.loop.run(store.put_checkpoint("t", "c", 1));
  rig.loop.run(store.end_session("s-2", "done"));
  CHECK(metrics(rig) == "3 2 6 7");
  const std::string counts = raw.text({"KEYS", "{lost/*:counts"});
  const auto lose = [&] { REQUIRE(raw.text({"UNLINK", counts}) == "1"); };
  lose();
  CHECK(metrics(rig) == "3 2 6 7");
  lose();
  rig.loop.run(store.delete_session("s-1")); // goes below what was counted up since
  CHECK(raw.text({"HGET", counts, "sessions"}) == "-1");
  CHECK(metrics(rig) == "2 1 4 5");
  lose();
  rig.loop.run(store.create_session("s-4", "user"));
  rig.loop.run(store.add_conversation_message("s-4", "user", "one"));
  {
    RedisRig again(options);
    CHECK(metrics(again) == "3 2 5 5");
  }
  // A session that was evicted and made anew is filed twice, and counts once.
  const std::string stem = counts.substr(0, counts.size() - 6);
  REQUIRE(raw.text({"UNLINK", stem + "session:s-4", stem + "messages:s-4"}) == "2");
  rig.loop.run(store.create_session("s-4", "user"));
  lose();
  CHECK(metrics(rig) == "3 2 4 5");
  // The list of the threads is lost as well, and then a thread goes that nobody has counted.
  lose();
  REQUIRE(raw.text({"UNLINK", stem + "threads"}) == "1");
  CHECK(metrics(rig) == "3 2 4 0");
  rig.loop.run(store.delete_thread("t"));
  CHECK(metrics(rig) == "3 2 4 0");
  for (const char* const id : {"s-2", "s-3", "s-4"}) {
    rig.loop.run(store.delete_session(id));
  }
  CHECK(metrics(rig) == "0 0 0 0");
}

TEST_CASE("a counter of a session that cannot count up is corrupted, and no call does half") {
  const RedisServer server(Settings{{"enable-debug-command", "yes"}});
  RawRedis raw = server.raw();
  RedisOptions options(server.uri(), "counters");
  options.buckets = 1;
  RedisRig rig(options);
  rig.loop.run(rig.backend.create_session("s", "user"));
  const std::string session = raw.text({"KEYS", "{counters/*:session:s"});
  const auto update = SessionUpdate().increment_requests().mark_error().add_processing_time(
      std::chrono::microseconds(1));
  for (const char* const field : {"version", "requests", "errors", "micros"}) {
    const std::string good = raw.text({"HGET", session, field});
    for (const char* const spoilt : {"007", "9223372036854775807", "99999999999999999999"}) {
      const bool is_full = field == std::string("micros") && spoilt[0] == '9' && spoilt[1] == '2';
      raw.text({"HSET", session, field, spoilt});
      INFO(field << " " << spoilt);
      const std::string before = raw.text({"DEBUG", "DIGEST"});
      CHECK(is_clear(error_of(rig.loop, rig.backend.update_session("s", update)),
                     is_full ? errc::invalid_argument : errc::corrupted, "update_session"));
      CHECK(raw.text({"DEBUG", "DIGEST"}) == before);
      if (field != std::string("micros")) {
        CHECK(is_clear(error_of(rig.loop, rig.backend.add_conversation_message("s", "user", "x")),
                       errc::corrupted, "add_conversation_message"));
        CHECK(raw.text({"DEBUG", "DIGEST"}) == before);
      }
      raw.text({"HSET", session, field, good});
    }
    CHECK(rig.loop.run(rig.backend.update_session("s", update)));
  }
}

TEST_CASE("a field of a session that no call of ours writes is corrupted") {
  const RedisServer server;
  RawRedis raw = server.raw();
  RedisOptions options(server.uri(), "fields");
  options.buckets = 1;
  RedisRig rig(options);
  rig.loop.run(rig.backend.create_session("s", "user"));
  const std::string session = raw.text({"KEYS", "{fields/*:session:s"});
  const std::vector<std::pair<const char*, const char*>> damage = {
      {"created", "x"},    {"created", ""},   {"last_activity", "1.5"}, {"requests", "-5"},
      {"requests", "x"},   {"errors", "-1"},  {"micros", "-5"},         {"micros", "x"},
      {"metadata", "[1]"}, {"metadata", "7"}, {"metadata", "null"},     {"metadata", "{"},
      {"version", "-1"},   {"version", "x"},  {"user", "\xff"},         {"status", "a\xc3"}};
  for (const auto& [field, spoilt] : damage) {
    const std::string good = raw.text({"HGET", session, field});
    raw.text({"HSET", session, field, spoilt});
    INFO(field << " " << spoilt);
    CHECK(
        is_clear(error_of(rig.loop, rig.backend.get_session("s")), errc::corrupted, "get_session"));
    CHECK(is_clear(error_of(rig.loop, rig.backend.list_sessions("user")), errc::corrupted,
                   "list_sessions"));
    raw.text({"HSET", session, field, good});
    CHECK(rig.loop.run(rig.backend.get_session("s")));
  }
}

TEST_CASE("a text that is not UTF-8 is corrupted") {
  const RedisServer server;
  RawRedis raw = server.raw();
  RedisOptions options(server.uri(), "texts");
  options.buckets = 1;
  RedisRig rig(options);
  rig.loop.run(rig.backend.create_session("s", "user"));
  rig.loop.run(rig.backend.add_conversation_message("s", "role", "content"));
  std::vector<ChannelWrite> writes;
  writes.emplace_back("channel", 1);
  rig.loop.run(rig.backend.put_writes("s", "c", "task", std::move(writes)));
  const auto read = [&](const std::string& type) {
    return type == "messages" ? error_of(rig.loop, rig.backend.get_conversation_history("s"))
                              : error_of(rig.loop, rig.backend.get_writes("s", "c"));
  };
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"messages", "role"}, {"messages", "content"}, {"values", "channel"}};
  for (const auto& [type, text] : texts) {
    INFO(text);
    const std::string key = raw.text({"KEYS", "{texts/*:" + type + ":s"});
    const std::vector<std::string> field = raw.list({"HGETALL", key});
    REQUIRE(field.size() == 2);
    std::string spoilt = field[1];
    spoilt.replace(spoilt.find(text), 1, "\xff");
    raw.text({"HSET", key, field[0], spoilt});
    const auto error = read(type);
    CHECK(is_clear(error, errc::corrupted,
                   type == "messages" ? "get_conversation_history" : "get_writes"));
    CHECK((error && error->key() == "s"));
    raw.text({"HSET", key, field[0], field[1]});
    CHECK_FALSE(read(type));
  }
}

TEST_CASE("a session or thread that lost a key is corrupted until it is deleted") {
  const RedisServer server;
  RawRedis raw = server.raw();
  const auto calls = redis_calls();
  for (const std::string type :
       {"session", "messages", "checkpoints", "order", "writes", "values"}) {
    raw.text({"FLUSHALL"});
    RedisOptions options(server.uri(), "torn");
    options.buckets = 1;
    RedisRig rig(options);
    for (std::size_t i = 0; i < 17; ++i) {
      rig.loop.run(calls[i].make(rig.backend));
    }
    REQUIRE(raw.text({"UNLINK", raw.text({"KEYS", "{torn/*:" + type + ":s"})}) == "1");
    const bool of_session = type == "session" || type == "messages";
    std::set<std::string> corrupted;
    for (std::size_t i = 0; i < 21; ++i) {
      const auto error = error_of(rig.loop, calls[i].make(rig.backend));
      if (error && means(error->code(), errc::corrupted)) {
        corrupted.insert(error->operation());
      }
    }
    INFO(type);
    const std::set<std::string> of_sessions = {
        "create_session",           "get_session",
        "update_session",           "list_sessions",
        "add_conversation_message", "store_task_context",
        "get_task_context",         "get_conversation_history"};
    const std::set<std::string> of_threads = {"put_checkpoint",   "get_checkpoint",
                                              "list_checkpoints", "list_checkpoints_before",
                                              "put_writes",       "get_writes"};
    CHECK(corrupted == (of_session ? of_sessions : of_threads));
    if (of_session) {
      CHECK(rig.loop.run(rig.backend.delete_session("s")));
      CHECK(!rig.loop.run(rig.backend.get_session("s")));
      const SessionPage others = rig.loop.run(rig.backend.list_sessions("user"));
      REQUIRE(others.sessions.size() == 1);
      CHECK(others.sessions.front().session_id == "s-2");
    } else {
      CHECK(rig.loop.run(rig.backend.delete_thread("s")));
      CHECK(!rig.loop.run(rig.backend.get_checkpoint("s")));
    }
  }
}

TEST_CASE("a server that is full takes no writes; reads and removals go on") {
  const RedisServer server(Settings{{"maxmemory", "100mb"}});
  RawRedis raw = server.raw();
  RedisRig rig(RedisOptions(server.uri(), "full"));
  rig.loop.run(rig.backend.create_session("s", "u"));
  rig.loop.run(rig.backend.put_checkpoint("t", "c", 1));
  raw.text({"CONFIG", "SET", "maxmemory", "1mb"});
  const auto full = error_of(rig.loop, rig.backend.create_session("s-2", "u"));
  CHECK(is_clear(full, errc::unavailable, "create_session", "OOM"));
  CHECK(is_because(full, because::no_space_on_device, false));
  CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "c-2", 1)), errc::unavailable,
                 "put_checkpoint", "OOM"));
  CHECK(rig.loop.run(rig.backend.get_session("s")));
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t")).size() == 1);
  const Health health = rig.loop.run(rig.backend.health_check());
  CHECK(health.status == Health::Status::degraded);
  CHECK(json(health.issues).dump().find("full") != std::string::npos);
  CHECK(rig.loop.run(rig.backend.delete_session("s")));
  CHECK(rig.loop.run(rig.backend.delete_thread("t")));
  raw.text({"CONFIG", "SET", "maxmemory", "100mb"});
  CHECK(rig.works());
}

TEST_CASE("what a server evicts is corrupted or unknown, and never shorter") {
  const RedisServer server(Settings{{"maxmemory-policy", "allkeys-random"}});
  RawRedis raw = server.raw();
  RedisRig rig(RedisOptions(server.uri(), "evicted"));
  constexpr int count = 400;
  constexpr std::size_t each = 5;
  for (int i = 0; i < count; ++i) {
    const std::string id = "s-" + std::to_string(i);
    rig.loop.run(rig.backend.create_session(id, "user"));
    for (std::size_t step = 0; step < each; ++step) {
      rig.loop.run(rig.backend.add_conversation_message(id, "user", std::string(500, 'x')));
      rig.loop.run(rig.backend.store_checkpoint(id, std::to_string(step), "state"));
    }
  }
  raw.text({"CONFIG", "SET", "maxmemory", "2mb"});
  // Before a command, the server evicts keys that it has no room for. The next command may need
  // them.
  static_cast<void>(error_of(rig.loop, rig.backend.put_checkpoint("last", "c", 1)));
  raw.text({"CONFIG", "SET", "maxmemory", "0"});
  int corrupted = 0;
  int unknown = 0;
  int whole = 0;
  const auto look = [&](auto items) {
    try {
      const std::size_t came = rig.loop.run(std::move(items)).size();
      (came == 0 ? unknown : whole) += 1;
      CHECK((came == 0 || came == each));
    } catch (const StorageError& error) {
      CHECK(means(error.code(), errc::corrupted));
      ++corrupted;
    }
  };
  for (int i = 0; i < count; ++i) {
    const std::string id = "s-" + std::to_string(i);
    look(rig.backend.get_conversation_history(id));
    look(rig.backend.list_checkpoints(id));
    if (error_of(rig.loop, rig.backend.delete_session(id))) {
      FAIL(id << " cannot be deleted");
    }
    CHECK(!rig.loop.run(rig.backend.get_session(id)));
  }
  INFO(corrupted << " corrupted, " << unknown << " unknown, " << whole << " whole");
  CHECK(corrupted > 20);
  CHECK(unknown > 20);
  CHECK(rig.loop.run(rig.backend.list_sessions("user")).sessions.empty());
}

TEST_CASE("a server that loads its data is unavailable until it has") {
  const RedisServer server(
      Settings{{"appendonly", "yes"}, {"enable-debug-command", "yes"}, {"key-load-delay", "100"}});
  RedisRig rig(RedisOptions(server.uri(), "loading"));
  CHECK(rig.works());
  server.raw().text({"EVAL", "for i = 1, 10000 do redis.call('SET', 'other:' .. i, i) end", "0"});
  std::atomic<bool> is_loaded = false;
  const std::jthread load([&server, &is_loaded] {
    server.raw().text({"DEBUG", "LOADAOF"});
    is_loaded = true;
  });
  std::optional<StorageError> refused;
  while (!refused && !is_loaded) {
    refused = error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1));
  }
  CHECK(is_clear(refused, errc::unavailable, "put_checkpoint", "LOADING"));
  CHECK((refused && is_transient(*refused)));
  while (!is_loaded) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(rig.works());
}

TEST_CASE("health tells what endangers what is stored") {
  const RedisServer server;
  RawRedis raw = server.raw();
  RedisRig rig(RedisOptions(server.uri(), "health"));
  const auto issues = [&] {
    const Health health = rig.loop.run(rig.backend.health_check());
    return json(health).dump();
  };
  CHECK(issues().find("append-only") != std::string::npos);
  raw.text({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  CHECK(issues().find("allkeys-lru") != std::string::npos);
  CHECK(issues().find("degraded") != std::string::npos);
  raw.text({"REPLICAOF", "127.0.0.1", "1"});
  CHECK(issues().find("unhealthy") != std::string::npos);
  const auto refused = error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1));
  CHECK(is_clear(refused, errc::unavailable, "put_checkpoint", "READONLY"));
  CHECK(is_because(refused, because::read_only_file_system, false));
  raw.text({"REPLICAOF", "NO", "ONE"});
  CHECK(rig.works());
}

TEST_CASE("a server that is busy with another script is unavailable until that ends") {
  const RedisServer server(Settings{{"busy-reply-threshold", "20"}});
  RedisRig rig(RedisOptions(server.uri(), "busy"));
  CHECK(rig.works());
  std::jthread other([&server] {
    try {
      server.raw().text({"EVAL", "while true do end", "0"});
    } catch (const std::runtime_error&) {
      // it is killed
    }
  });
  const auto is_busy = [&rig] {
    const auto error = error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1));
    return error && is_clear(error, errc::unavailable, "put_checkpoint", "BUSY");
  };
  bool was_busy = false;
  for (int tries = 0; tries < 500 && !was_busy; ++tries) {
    was_busy = is_busy();
  }
  CHECK(was_busy);
  server.raw().text({"SCRIPT", "KILL"});
  other.join();
  CHECK(rig.works());
}

TEST_CASE("scripts that the server forgot are sent again, also in the middle") {
  RedisRig rig;
  RawRedis raw = shared_redis().raw();
  for (int i = 0; i < 20; ++i) {
    const auto put = rig.loop.start(rig.backend.put_checkpoint("t", std::to_string(i), i));
    const auto list = rig.loop.start(rig.backend.list_sessions("u"));
    raw.text({"SCRIPT", "FLUSH"});
    rig.loop.finish();
    CHECK(put->has_value());
    CHECK(list->has_value());
  }
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t", 100)).size() == 20);
}

TEST_CASE("5,000 calls at once share a connection") {
  RedisProxy proxy(shared_redis().socket());
  RedisRig rig(patient(proxy.uri()));
  const std::string text(1'000, 'x');
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (int i = 0; i < 5'000; ++i) {
    endings.push_back(rig.loop.start(rig.backend.put_checkpoint("t-" + std::to_string(i % 50), //
                                                                "c-" + std::to_string(i), text)));
  }
  rig.loop.finish();
  CHECK(std::all_of(endings.begin(), endings.end(),
                    [](const auto& each) { return each->has_value(); }));
  CHECK(rig.loop.run(rig.backend.get_metrics()).total_checkpoints == 5'000);
  CHECK(proxy.connections() == 1);
}

TEST_CASE("a reply of 100 MB is read") {
  RedisRig rig;
  const std::string text(10'000'000, 'x');
  for (int i = 0; i < 10; ++i) {
    rig.loop.run(rig.backend.put_checkpoint("t", std::to_string(i), text));
  }
  const auto all = rig.loop.run(rig.backend.list_checkpoints("t"));
  REQUIRE(all.size() == 10);
  for (const Checkpoint& each : all) {
    CHECK(each.data.text().size() == text.size() + 2);
  }
  CHECK(rig.loop.run(rig.backend.delete_thread("t")));
}

TEST_CASE("a network that is silent ends calls in their time, each alone") {
  RedisProxy proxy(shared_redis().socket());
  RedisRig rig(hasty(proxy.uri()));
  CHECK(rig.works());
  proxy.be_silent(true);
  const Stopwatch stopwatch;
  const auto read = rig.loop.start(rig.backend.get_checkpoint("t"));
  const auto write = rig.loop.start(rig.backend.put_checkpoint("t", "c", 1));
  rig.loop.finish();
  CHECK(read->threw(errc::unavailable));
  CHECK(write->threw(errc::unavailable));
  CHECK(stopwatch.elapsed() >= std::chrono::milliseconds(300));
  CHECK(stopwatch.elapsed() < std::chrono::seconds(10));
  proxy.be_silent(false);
  CHECK(rig.works());
}

TEST_CASE("a server that hangs ends calls in their time, and is used again") {
  RedisServer server;
  RedisRig rig(hasty(server.tcp_uri()));
  server.freeze();
  const auto silent = error_of(rig.loop, rig.backend.get_session("s"));
  CHECK(is_clear(silent, errc::unavailable, "get_session", "in time"));
  CHECK(is_because(silent, because::timed_out, true));
  const auto unopened = error_of_opening(hasty(server.tcp_uri()));
  CHECK(is_clear(unopened, errc::unavailable, "initialize"));
  CHECK(is_because(unopened, because::timed_out, true));
  server.wake();
  CHECK(rig.works());
}

TEST_CASE("a request with less time than those before it ends in its own time") {
  const RedisServer server;
  Loop loop;
  using namespace std::chrono_literals;
  const redis::Terms terms(redis::Uri::parse(server.uri()), nullptr, 10s, 5s);
  const auto connection = loop.run(redis::connect(loop.context().get_executor(), terms));
  server.freeze();
  const auto patient = std::make_shared<Question>();
  const auto hasty = std::make_shared<Question>();
  hasty->give_up_at = Question::Clock::now() + 50ms;
  connection->send(patient);
  connection->send(hasty);
  loop.context().restart();
  while (!hasty->is_done()) {
    REQUIRE(loop.context().run_one() == 1);
  }
  CHECK(!patient->is_done());
  CHECK(hasty->answer.failure.has_value());
  server.wake();
  loop.finish();
  REQUIRE(!patient->answer.failure);
  CHECK(patient->answer.only().bytes() == "PONG");
}

TEST_CASE("a late answer takes no neighbour's place") {
  RedisServer server;
  RedisRig rig(hasty(server.uri()));
  rig.loop.run(rig.backend.put_checkpoint("t", "c", "right"));
  server.freeze();
  const auto late = rig.loop.start(rig.backend.get_checkpoint("other"));
  rig.loop.context().restart();
  rig.loop.context().run_for(std::chrono::milliseconds(200));
  const auto neighbour = rig.loop.start(rig.backend.get_checkpoint("t"));
  rig.loop.context().restart();
  rig.loop.context().run_for(std::chrono::milliseconds(200));
  CHECK(late->threw(errc::unavailable));
  CHECK(!neighbour->ended);
  server.wake();
  rig.loop.finish();
  REQUIRE(neighbour->has_value());
  CHECK(neighbour->value->value().data == json("right"));
}

TEST_CASE("a server that does not speak the protocol is unavailable") {
  RedisProxy proxy(shared_redis().socket());
  RedisRig rig(RedisOptions(proxy.uri(), fresh_space()));
  proxy.spoil(true);
  CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 1)), errc::unavailable,
                 "put_checkpoint", "protocol"));
  proxy.spoil(false);
  CHECK(rig.works());
}

TEST_CASE("a read is sent again when its connection breaks, a write is not") {
  RedisProxy proxy(shared_redis().socket());
  RedisRig rig(RedisOptions(proxy.uri(), fresh_space()));
  rig.loop.run(rig.backend.put_checkpoint("t", "c", 1));
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t")));
  const auto break_soon = [&proxy](bool after) {
    proxy.break_at(1, after);
    return std::jthread([&proxy] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      proxy.heal();
    });
  };
  {
    const auto healing = break_soon(true);
    CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 2)), errc::unavailable,
                   "put_checkpoint"));
  }
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t"))->data == json(2)); // it was applied
  {
    const auto healing = break_soon(false);
    CHECK(is_clear(error_of(rig.loop, rig.backend.put_checkpoint("t", "c", 3)), errc::unavailable,
                   "put_checkpoint"));
  }
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t"))->data == json(2));
  shared_redis().raw().text({"CLIENT", "KILL", "TYPE", "normal"});
  CHECK(rig.loop.run(rig.backend.get_checkpoint("t"))->data == json(2));
}
