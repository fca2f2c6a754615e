// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/record_json.hpp>

#include <limits>

using namespace agentstore;
using namespace std::chrono_literals;

namespace {

/// 2026-11-23T14:44:02.123456Z
constexpr Timestamp moment =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 14h + 44min + 2s + 123456us;

template <class Record>
Record through_text(const Record& record) {
  const json written = record;
  return json::parse(written.dump()).template get<Record>();
}

Session some_session() {
  Session session;
  session.session_id = "s-1";
  session.user_id = "u-1";
  session.created_at = moment;
  session.last_activity = moment + 1us;
  session.request_count = std::numeric_limits<std::uint64_t>::max();
  session.error_count = 2;
  session.total_processing_time = 120'001us;
  session.status = "completed";
  session.metadata = json::parse(R"({"plan":null})");
  session.version = 7;
  return session;
}

errc code_of_reading(const std::string& text) {
  try {
    static_cast<void>(from_iso8601(text));
  } catch (const StorageError& error) {
    CHECK(error.operation() == "from_iso8601");
    CHECK(error.key() == text);
    return static_cast<errc>(error.code().value());
  }
  return errc();
}

} // namespace

TEST_CASE("Every record comes back from JSON text as it was") {
  CHECK(through_text(some_session()) == some_session());
  CHECK(through_text(Session()) == Session());

  Message message;
  message.sequence = 12;
  message.role = "tool";
  message.content = std::string("a\0b \xf0\x9f\x98\x80", 8);
  message.timestamp = moment;
  message.metadata = json::parse(R"({"tool_call_id":"c-1"})");
  CHECK(through_text(message) == message);

  Checkpoint checkpoint;
  checkpoint.thread_id = "t";
  checkpoint.checkpoint_id = "c";
  checkpoint.data = json::parse(R"({"a":[1,-1,1.5,null,{}],"u":18446744073709551615})");
  checkpoint.metadata = json::parse(R"({"step":-1})");
  checkpoint.created_at = Timestamp() - 1us;
  CHECK(through_text(checkpoint) == checkpoint);

  const ChannelWrite write("messages", json::parse(R"([["user","hi"]])"));
  CHECK(through_text(write) == write);

  PendingWrite pending;
  pending.task_id = "task";
  pending.index = -3;
  pending.channel = "__interrupt__";
  pending.value = 1.0;
  CHECK(through_text(pending) == pending);

  for (const Health::Status status :
       {Health::Status::healthy, Health::Status::degraded, Health::Status::unhealthy}) {
    Health health;
    health.status = status;
    health.backend = "memory";
    health.issues.emplace_back("slow");
    health.details["connections"] = 3;
    CHECK(through_text(health) == health);
  }

  Metrics metrics;
  metrics.total_sessions = 4;
  metrics.active_sessions = 3;
  metrics.total_messages = 2;
  metrics.total_checkpoints = 1;
  metrics.details["bytes"] = 99;
  CHECK(through_text(metrics) == metrics);
}

TEST_CASE("The fields have the names and forms of the Python implementation") {
  const json session = some_session();
  CHECK(session["created_at"] == json("2026-11-23T14:44:02.123456Z"));
  CHECK(session["total_processing_time"] == json(0.120001));
  for (const char* name : {"session_id", "user_id", "created_at", "last_activity", "request_count",
                           "error_count", "total_processing_time", "status"}) {
    CHECK(session.contains(name));
  }
  const json write = ChannelWrite("channel", 1);
  CHECK(write == json::parse(R"(["channel",1])"));
  const json health = Health();
  CHECK(health["status"] == json("unhealthy"));
  CHECK(health.contains("storage_backend"));
}

TEST_CASE("A session dict of the Python implementation parses") {
  const auto session = json::parse(R"({
    "session_id": "s-1", "user_id": "u-1",
    "created_at": "2026-11-23T14:44:02.123456", "last_activity": "2026-11-23T14:44:03",
    "request_count": 3, "error_count": 1, "total_processing_time": 1.25, "status": "active"})")
                           .get<Session>();
  CHECK(session.session_id == "s-1");
  CHECK(session.user_id == "u-1");
  CHECK(session.created_at == moment);
  CHECK(session.last_activity == moment - 123456us + 1s);
  CHECK(session.request_count == 3);
  CHECK(session.error_count == 1);
  CHECK(session.total_processing_time == 1'250'000us);
  CHECK(session.status == "active");
  CHECK(session.metadata == json::object());
  CHECK(session.version == 1);
}

TEST_CASE("Message and checkpoint dicts of the Python implementation parse") {
  const auto message = json::parse(R"({
    "role": "user", "content": "hi", "timestamp": "2026-11-23T15:44:02.123456+01:00",
    "metadata": {}})")
                           .get<Message>();
  CHECK(message.sequence == 0);
  CHECK(message.role == "user");
  CHECK(message.content == "hi");
  CHECK(message.timestamp == moment);

  const auto without_metadata = json::parse(R"({
    "role": "user", "content": "", "timestamp": "2026-11-23T14:44:02.123456+00:00",
    "metadata": null})")
                                    .get<Message>();
  CHECK(without_metadata.metadata == json::object());
  CHECK(without_metadata.timestamp == moment);

  const auto checkpoint = json::parse(R"({
    "checkpoint_id": "c", "thread_id": "t", "data": {"v": 1}, "metadata": {"step": 0},
    "created_at": "2026-11-23T14:44:02.123456"})")
                              .get<Checkpoint>();
  CHECK(checkpoint.thread_id == "t");
  CHECK(checkpoint.checkpoint_id == "c");
  CHECK(checkpoint.data == json::parse(R"({"v":1})"));
  CHECK(checkpoint.metadata == json::parse(R"({"step":0})"));
  CHECK(checkpoint.created_at == moment);
}

TEST_CASE("Its health and metrics dicts parse") {
  const auto health = json::parse(R"({
    "status": "warning", "storage_backend": "redis", "redis_connected": true, "issues": ["full"]})")
                          .get<Health>();
  CHECK(health.status == Health::Status::degraded);
  CHECK(health.backend == "redis");
  CHECK(health.issues == std::vector<std::string>(1, "full"));
  const auto metrics = json::parse(R"({
    "total_sessions": 4, "active_sessions": 3, "total_messages": 2, "total_checkpoints": 1,
    "storage_backend": "redis", "redis_connected": true, "timestamp": "2026-11-23T14:44:02"})")
                           .get<Metrics>();
  CHECK(metrics.total_sessions == 4);
  CHECK(metrics.total_checkpoints == 1);
}

TEST_CASE("Times are read with and without a zone") {
  CHECK(from_iso8601("2026-11-23T14:44:02.123456Z") == moment);
  CHECK(from_iso8601("2026-11-23T14:44:02.123456") == moment);
  CHECK(from_iso8601("2026-11-23 14:44:02.123456") == moment);
  CHECK(from_iso8601("2026-11-23T14:44:02.123456+00:00") == moment);
  CHECK(from_iso8601("2026-11-23T14:44:02.123456-00:00") == moment);
  CHECK(from_iso8601("2026-11-23T20:14:02.123456+05:30") == moment);
  CHECK(from_iso8601("2026-11-23T20:14:02.123456+0530") == moment);
  CHECK(from_iso8601("2026-11-23T07:44:02.123456-07") == moment);
  CHECK(from_iso8601("2026-11-24T14:43:02.123456+23:59") == moment);
  CHECK(from_iso8601("2026-11-23T14:44:02.123456789Z") == moment);
  CHECK(from_iso8601("2026-11-23T14:44:02.1Z") == moment - 23456us);
  CHECK(from_iso8601("2026-11-23T14:44:02Z") == moment - 123456us);
  CHECK(from_iso8601("2026-11-23T14:44") == moment - 2'123456us);
}

TEST_CASE("Times are read at the bounds of the calendar") {
  CHECK(to_iso8601(from_iso8601("0000-01-01T00:00:00")) == "0000-01-01T00:00:00.000000Z");
  CHECK(to_iso8601(from_iso8601("1969-12-31T23:59:59.999999Z")) == "1969-12-31T23:59:59.999999Z");
  CHECK(to_iso8601(from_iso8601("2024-02-29T00:00:00Z")) == "2024-02-29T00:00:00.000000Z");
  CHECK(to_iso8601(from_iso8601("9999-12-31T23:59:59.999999Z")) == "9999-12-31T23:59:59.999999Z");
  CHECK(to_iso8601(Timestamp()) == "1970-01-01T00:00:00.000000Z");
}

TEST_CASE("A text that is not a time is refused, and named") {
  for (const char* text : {"",
                           "now",
                           "2026",
                           "2026-11-23",
                           "2026-11-23T",
                           "2026-11-23T14",
                           "2026-11-23T14:",
                           "2026-11-23T14:44:",
                           "2026-11-23T14:44:0",
                           "2026-11-23T14:44:02.",
                           "2026-11-23T14:44:02.Z",
                           "2026-11-23T14:44:02ZZ",
                           "2026-11-23T14:44:02 Z",
                           "2026-11-23T14:44:02+",
                           "2026-11-23T14:44:02+1",
                           "2026-11-23T14:44:02+01:",
                           "2026-11-23T14:44:02+01:0",
                           "2026-11-23T14:44:02+24:00",
                           "2026-11-23T14:44:02+01:60",
                           "2026-11-23T14:44:02Z+01:00",
                           "2026-13-01T00:00:00",
                           "2026-00-01T00:00:00",
                           "2026-01-00T00:00:00",
                           "2026-01-32T00:00:00",
                           "2026-02-29T00:00:00",
                           "2026-01-01T24:00:00",
                           "2026-01-01T00:60:00",
                           "2026-01-01T00:00:60",
                           "2026/01/01T00:00:00",
                           "2026-01-01t00:00:00",
                           "-026-01-01T00:00:00",
                           "+026-01-01T00:00:00",
                           "02026-01-01T00:00:00",
                           "2026-1-01T00:00:00",
                           " 2026-01-01T00:00:00",
                           "2026-01-01T00:00:00 ",
                           "2026-01-01T-1:00:00",
                           "2026-01-01T00:00:00,5"}) {
    CAPTURE(text);
    CHECK(code_of_reading(text) == errc::invalid_argument);
  }
  CHECK(code_of_reading(std::string("2026-01-01T00:00:00\0", 20)) == errc::invalid_argument);
}

TEST_CASE("Processing times come back to the microsecond") {
  for (const std::chrono::microseconds time :
       {0us, 1us, 3us, 999'999us, 1'000'001us, 86'400'000'001us,
        std::chrono::microseconds(1'000'000'000'000'007), std::chrono::microseconds::max(),
        std::chrono::microseconds::min()}) {
    Session session;
    session.total_processing_time = time;
    CHECK(through_text(session).total_processing_time == time);
  }
}

TEST_CASE("A member that is missing or of the wrong type is refused") {
  const json good = some_session();
  for (const char* name : {"session_id", "user_id", "created_at", "last_activity", "status"}) {
    json missing = good;
    missing.erase(name);
    CHECK_THROWS_AS(missing.get<Session>(), json::out_of_range);
    json wrong = good;
    wrong[name] = true;
    CHECK_THROWS_AS(wrong.get<Session>(), json::type_error);
  }
  for (const char* name : {"request_count", "error_count", "total_processing_time_us", "version"}) {
    json wrong = good;
    wrong[name] = "many";
    CHECK_THROWS_AS(wrong.get<Session>(), json::type_error);
  }
  json metadata = good;
  metadata["metadata"] = "text";
  CHECK_THROWS_AS(metadata.get<Session>(), StorageError);
  json time = good;
  time["created_at"] = "yesterday";
  CHECK_THROWS_AS(time.get<Session>(), StorageError);
  json status = Health();
  status["status"] = "fine";
  CHECK_THROWS_AS(status.get<Health>(), StorageError);
  for (const double seconds : {1e300, -1e300, 9.3e12}) {
    json endless = good;
    endless.erase("total_processing_time_us");
    endless["total_processing_time"] = seconds;
    CHECK_THROWS_AS(endless.get<Session>(), StorageError);
  }
  CHECK_THROWS_AS(json(1).get<Session>(), json::exception);
  CHECK_THROWS_AS(json::array().get<ChannelWrite>(), json::exception);
  CHECK_THROWS_AS(json::parse(R"([1,2])").get<ChannelWrite>(), json::exception);
}

TEST_CASE("Times of any year come back") {
  for (const Timestamp time :
       {Timestamp::min(), from_iso8601("0000-01-01T00:00:00") - 1us,
        from_iso8601("0000-01-01T00:00:00"), Timestamp() - 1us,
        from_iso8601("9999-12-31T23:59:59.999999"),
        from_iso8601("9999-12-31T23:59:59.999999") + 1us, Timestamp::max()}) {
    Session session = some_session();
    session.created_at = time;
    session.last_activity = time;
    CHECK(through_text(session) == session);
    Message message;
    message.timestamp = time;
    CHECK(through_text(message) == message);
    Checkpoint checkpoint;
    checkpoint.created_at = time;
    CHECK(through_text(checkpoint) == checkpoint);
  }
}

TEST_CASE("A number that is not an integer of its member's range is refused, and named") {
  const auto refuses = [](const auto& record, const char* name, const char* number) {
    CAPTURE(name, number);
    json changed = record;
    changed[name] = json::parse(number);
    try {
      static_cast<void>(changed.template get<std::remove_cvref_t<decltype(record)>>());
      FAIL_CHECK("it was read");
    } catch (const StorageError& error) {
      CHECK(error.code() == errc::invalid_argument);
      CHECK(error.key() == name);
    }
  };
  for (const char* number : {"-1", "1.9", "1.0", "1e30", "18446744073709551616"}) {
    for (const char* name : {"request_count", "error_count", "version"}) {
      refuses(some_session(), name, number);
    }
    refuses(Message(), "sequence", number);
    for (const char* name :
         {"total_sessions", "active_sessions", "total_messages", "total_checkpoints"}) {
      refuses(Metrics(), name, number);
    }
  }
  for (const char* number :
       {"1.9", "-1.0", "1e30", "9223372036854775808", "18446744073709551615"}) {
    refuses(PendingWrite(), "index", number);
    refuses(some_session(), "total_processing_time_us", number);
    refuses(some_session(), "created_at", number);
    refuses(some_session(), "last_activity", number);
    refuses(Message(), "timestamp", number);
    refuses(Checkpoint(), "created_at", number);
  }
}
