// SPDX-License-Identifier: Apache-2.0

// What MemoryArchive promises beyond the contract, and reading it back.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>

#include <limits>
#include <stdexcept>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

TEST_CASE("An archive is read back by kind and key, every field as it was given") {
  MemoryArchive archive;
  REQUIRE(run(archive.initialize()));
  const Timestamp moment(5us);
  const json value = json::parse(R"([null,{"a":1.0}])");
  const json object = object_of("b", 2);
  std::vector<ChannelWrite> writes;
  writes.emplace_back("first", value);
  writes.emplace_back("first", nullptr);
  CHECK(run(archive.append_session_event("k", "u", "create", value, moment)));
  CHECK(run(archive.append_conversation_message("k", "user", "", object, moment)));
  CHECK(run(archive.append_checkpoint("k", "c", value, object, moment)));
  CHECK(run(archive.append_checkpoint_writes("k", "c", "task", writes, moment)));
  CHECK(run(archive.append_conversation_session("k", value, moment)));
  CHECK(run(archive.append_task_context_snapshot("k", nullptr, moment)));

  const std::vector<std::pair<ArchiveKind, const char*>> expected = {
      {ArchiveKind::session_event,
       R"({"session_id":"k","user_id":"u","event_type":"create","payload":[null,{"a":1.0}]})"},
      {ArchiveKind::conversation_message,
       R"({"session_id":"k","role":"user","content":"","metadata":{"b":2}})"},
      {ArchiveKind::checkpoint,
       R"({"thread_id":"k","checkpoint_id":"c","data":[null,{"a":1.0}],"metadata":{"b":2}})"},
      {ArchiveKind::checkpoint_writes,
       R"({"thread_id":"k","checkpoint_id":"c","task_id":"task",
           "writes":[["first",[null,{"a":1.0}]],["first",null]]})"},
      {ArchiveKind::conversation_session, R"({"session_key":"k","session_data":[null,{"a":1.0}]})"},
      {ArchiveKind::task_context_snapshot, R"({"session_id":"k","context_data":null,"version":1})"},
  };
  for (const auto& [kind, fields] : expected) {
    CAPTURE(to_string(kind));
    const std::vector<ArchiveRecord> records = run(archive.read_archive(kind, "k"));
    REQUIRE(records.size() == 1);
    CHECK(records[0].kind == kind);
    CHECK(records[0].created_at == moment);
    CHECK(records[0].fields == json::parse(fields));
    CHECK(run(archive.read_archive(kind, "other")).empty());
  }
}

TEST_CASE("An archive is read page by page") {
  MemoryArchive archive;
  REQUIRE(run(archive.initialize()));
  for (int i = 0; i < 7; ++i) {
    CHECK(run(archive.append_conversation_session("k", i)));
  }
  const auto read = [&](std::uint64_t after, std::size_t limit) {
    return run(archive.read_archive(ArchiveKind::conversation_session, "k", after, limit));
  };
  std::vector<json> seen;
  std::uint64_t last = 0;
  for (auto page = read(0, 3); !page.empty(); page = read(last, 3)) {
    CHECK(page.size() <= 3);
    for (const ArchiveRecord& record : page) {
      CHECK(record.sequence > last);
      last = record.sequence;
      seen.push_back(record.fields["session_data"]);
    }
  }
  CHECK(seen == json::parse("[0,1,2,3,4,5,6]").get<std::vector<json>>());
  CHECK(read(0, 0).empty());
  CHECK(read(last, 5).empty());
  CHECK(read(last - 1, 5).size() == 1);
  CHECK(read(std::numeric_limits<std::uint64_t>::max(), 5).empty());
  CHECK(read(0, std::numeric_limits<std::size_t>::max()).size() == 7);
}

TEST_CASE("Without a time of its own an append has the injected clock's") {
  MemoryArchiveOptions options;
  options.clock = [] { return Timestamp(77us); };
  MemoryArchive archive(options);
  REQUIRE(run(archive.initialize()));
  for (const std::optional<Timestamp> given :
       {std::optional<Timestamp>(), std::optional<Timestamp>(Timestamp::min()),
        std::optional<Timestamp>(Timestamp::max()), std::optional<Timestamp>(Timestamp())}) {
    CHECK(run(archive.append_session_event("k", "u", "update", 1, given)));
  }
  const auto records = run(archive.read_archive(ArchiveKind::session_event, "k"));
  REQUIRE(records.size() == 4);
  CHECK(records[0].created_at == Timestamp(77us));
  CHECK(records[1].created_at == Timestamp::min());
  CHECK(records[2].created_at == Timestamp::max());
  CHECK(records[3].created_at == Timestamp());
}

TEST_CASE("A clock that throws loses the record, and nothing is thrown") {
  MemoryArchiveOptions options;
  options.clock = []() -> Timestamp { throw std::runtime_error("no time"); };
  MemoryArchive archive(options);
  REQUIRE(run(archive.initialize()));
  CHECK_FALSE(run(archive.append_session_event("k", "u", "update", 1)));
  CHECK(run(archive.append_session_event("k", "u", "update", 1, Timestamp())));
  CHECK(run(archive.read_archive(ArchiveKind::session_event, "k")).size() == 1);
}

TEST_CASE("Handles on one archive see the same records, each with its own life cycle") {
  const auto space = std::make_shared<MemoryArchiveSpace>();
  MemoryArchive first(space);
  MemoryArchive second(space);
  REQUIRE(run(first.initialize()));
  CHECK_FALSE(run(second.append_conversation_session("k", 1)));
  CHECK_THROWS_AS(run(second.read_archive(ArchiveKind::conversation_session, "k")), StorageError);
  REQUIRE(run(second.initialize()));
  CHECK(run(first.append_conversation_session("k", 2)));
  run(first.close());
  CHECK(run(second.read_archive(ArchiveKind::conversation_session, "k")).size() == 1);
  CHECK_FALSE(run(first.append_conversation_session("k", 3)));
  REQUIRE(run(first.initialize()));
  CHECK(run(first.read_archive(ArchiveKind::conversation_session, "k")).size() == 1);
}

TEST_CASE("A call on an archive may outlive the object") {
  auto archive = std::make_unique<MemoryArchive>();
  REQUIRE(run(archive->initialize()));
  auto append = archive->append_task_context_snapshot("k", 1);
  auto read = archive->read_archive(ArchiveKind::task_context_snapshot, "k");
  archive.reset();
  CHECK(run(std::move(append)));
  CHECK(run(std::move(read)).size() == 1);
}

TEST_CASE("Each kind has a name of its own") {
  CHECK(to_string(ArchiveKind::session_event) == "session_event");
  CHECK(to_string(ArchiveKind::conversation_message) == "conversation_message");
  CHECK(to_string(ArchiveKind::checkpoint) == "checkpoint");
  CHECK(to_string(ArchiveKind::checkpoint_writes) == "checkpoint_writes");
  CHECK(to_string(ArchiveKind::conversation_session) == "conversation_session");
  CHECK(to_string(ArchiveKind::task_context_snapshot) == "task_context_snapshot");
}
