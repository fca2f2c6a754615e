// SPDX-License-Identifier: Apache-2.0

// Random programs: how they are made, what they look like as code, and how they shrink.

#include "support/catch.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/random/apply.hpp>
#include <agentstore/conformance/random/program_generator.hpp>
#include <agentstore/conformance/random/shrink.hpp>

#include <set>

using namespace agentstore;
using namespace agentstore::conformance;
using Kind = Operation::Kind;

namespace {

GeneratorOptions everything() {
  GeneratorOptions options;
  options.interfaces = Interfaces::of<MemoryBackend>() | Interfaces::of<MemoryArchive>();
  options.has_life_cycle = true;
  options.has_clock = true;
  options.can_read_archive = true;
  return options;
}

std::set<Kind> kinds_in(GeneratorOptions options) {
  std::set<Kind> kinds;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    for (const Operation& operation : ProgramGenerator(options, seed).make(40)) {
      kinds.insert(operation.kind);
    }
  }
  return kinds;
}

Program of(std::initializer_list<Kind> kinds) {
  Program program;
  for (const Kind kind : kinds) {
    program.emplace_back(kind, "a");
  }
  return program;
}

std::size_t count(const Program& program, Kind kind) {
  return static_cast<std::size_t>(std::count_if(
      program.begin(), program.end(), [kind](const Operation& o) { return o.kind == kind; }));
}

/// A program with one call of each sort that code has to be written for.
Program sample() {
  Program program;
  program.emplace_back(Kind::create_session, "a\"\n\x01");
  program.back().user_id = "\xc3\xa9";
  program.back().metadata = json::parse(R"json({"k":["x)",1.5,null]})json");
  program.emplace_back(Kind::update_session, "a");
  program.back().update.updates(json::object()).increment_requests().mark_error();
  program.back().update.add_processing_time(std::chrono::microseconds(7));
  program.emplace_back(Kind::get_checkpoint, "t");
  program.emplace_back(Kind::put_writes, "t");
  program.back().checkpoint_id = "c";
  program.back().task_id = "k";
  program.back().writes.emplace_back("x", json());
  program.back().writes.emplace_back("y", json::parse(R"({"a":1})"));
  program.emplace_back(Kind::get_writes, "t");
  program.back().checkpoint_id = "c";
  program.emplace_back(Kind::append_checkpoint, "t");
  program.back().checkpoint_id = "c";
  program.back().time = from_iso8601("2001-02-03T04:05:06.789012Z");
  program.emplace_back(Kind::read_archive, "t");
  program.back().archive_kind = ArchiveKind::checkpoint;
  program.back().limit = 2;
  program.emplace_back(Kind::cleanup_expired_sessions);
  program.back().max_idle = std::chrono::microseconds(86400000000);
  return program;
}

/// What `to_code(sample())` gives, pasted.
awaitable<void> pasted(MemoryBackend& store, MemoryArchive& archive) {
  ICheckpointerBackend& checkpointer = store;
  // clang-format off
co_await store.create_session("a\"\012\001", "\303\251", json::parse("{\"k\":[\"x)\",1.5,null]}"));
co_await store.update_session("a", SessionUpdate().updates(json::object()).increment_requests().mark_error().add_processing_time(std::chrono::microseconds(7)));
co_await store.get_checkpoint("t", std::nullopt);
std::vector<ChannelWrite> writes4;
writes4.emplace_back("x", json());
writes4.emplace_back("y", json::parse(R"({"a":1})"));
co_await checkpointer.put_writes("t", "c", "k", writes4);
co_await checkpointer.get_writes("t", "c");
co_await archive.append_checkpoint("t", "c", json(), json::object(), from_iso8601("2001-02-03T04:05:06.789012Z"));
co_await archive.read_archive(ArchiveKind::checkpoint, "t", 0, 2);
co_await store.cleanup_expired_sessions(std::chrono::microseconds(86400000000));
  // clang-format on
}

constexpr const char* sample_code =
    R"code(co_await store.create_session("a\"\012\001", "\303\251", json::parse("{\"k\":[\"x)\",1.5,null]}"));
co_await store.update_session("a", SessionUpdate().updates(json::object()).increment_requests().mark_error().add_processing_time(std::chrono::microseconds(7)));
co_await store.get_checkpoint("t", std::nullopt);
std::vector<ChannelWrite> writes4;
writes4.emplace_back("x", json());
writes4.emplace_back("y", json::parse(R"({"a":1})"));
co_await checkpointer.put_writes("t", "c", "k", writes4);
co_await checkpointer.get_writes("t", "c");
co_await archive.append_checkpoint("t", "c", json(), json::object(), from_iso8601("2001-02-03T04:05:06.789012Z"));
co_await archive.read_archive(ArchiveKind::checkpoint, "t", 0, 2);
co_await store.cleanup_expired_sessions(std::chrono::microseconds(86400000000));
)code";

} // namespace

TEST_CASE("the same seed makes the same program, another seed another one") {
  const std::string one = to_code(ProgramGenerator(everything(), 7).make(40));
  CHECK(one == to_code(ProgramGenerator(everything(), 7).make(40)));
  CHECK(one != to_code(ProgramGenerator(everything(), 8).make(40)));
}

TEST_CASE("programs call every method that the store has, and no other") {
  const std::set<Kind> all = kinds_in(everything());
  CHECK(all.size() == static_cast<std::size_t>(Kind::set_clock) + 1);

  GeneratorOptions sessions;
  sessions.interfaces = Interfaces::sessions;
  CHECK(kinds_in(sessions) == std::set<Kind>{Kind::create_session, Kind::get_session,
                                             Kind::update_session, Kind::end_session});
  GeneratorOptions checkpointer;
  checkpointer.interfaces = Interfaces::checkpointer;
  CHECK(kinds_in(checkpointer) == std::set<Kind>{Kind::put_checkpoint, Kind::get_checkpoint,
                                                 Kind::list_checkpoints, Kind::put_writes,
                                                 Kind::get_writes});
  for (const Operation& operation : ProgramGenerator(checkpointer, 1).make(200)) {
    const bool reads =
        operation.kind == Kind::get_checkpoint || operation.kind == Kind::list_checkpoints;
    CHECK(operation.as_checkpointer == reads);
  }
  GeneratorOptions directory;
  directory.interfaces = Interfaces::sessions | Interfaces::session_directory;
  CHECK(kinds_in(directory).size() == 6);
  GeneratorOptions archive;
  archive.interfaces = Interfaces::archive;
  CHECK(kinds_in(archive).size() == 6);
}

TEST_CASE("a program is rendered as code that compiles and runs") {
  CHECK(to_code(sample()) == sample_code);
  MemoryBackend store;
  MemoryArchive archive;
  test::run(store.initialize());
  test::run(archive.initialize());
  CHECK_NOTHROW(test::run(pasted(store, archive)));
  const auto session = test::run(store.get_session("a\"\n\x01"));
  REQUIRE(session.has_value());
  CHECK(session->metadata == sample().front().metadata);
  CHECK(session->user_id == "\xc3\xa9");
}

TEST_CASE("notes follow their calls in the code") {
  Program program = of({Kind::get_session, Kind::set_clock});
  program.back().time = from_iso8601("2031-01-01T00:00:00Z");
  CHECK(to_code(program, {"null"}) ==
        "co_await store.get_session(\"a\"); // null\n"
        "harness.set_clock(from_iso8601(\"2031-01-01T00:00:00.000000Z\"));\n");
  CHECK(to_literal(std::string("a\0b", 3)) == "std::string(\"a\\000b\", 3)");
}

TEST_CASE("a call on a store and on the model have the same outcome, errors included") {
  auto backend = std::make_shared<MemoryBackend>();
  Handle handle;
  handle.add(backend);
  Model model;
  test::run(backend->initialize());
  for (const Operation& operation :
       of({Kind::create_session, Kind::create_session, Kind::get_session, Kind::end_session,
           Kind::update_session, Kind::get_metrics, Kind::close, Kind::get_session,
           Kind::health_check})) {
    Operation call = operation;
    call.user_id = "u";
    INFO(show(call));
    CHECK(test::run(apply(handle, call)) == apply(model, call));
  }
  CHECK(apply(model, Operation(Kind::get_metrics)) == outcome_of(errc::closed));
}

TEST_CASE("outcomes tell what the contract tells apart") {
  Message first;
  first.sequence = 3;
  Message second = first;
  CHECK(conformance::detail::sequence_outcome(std::vector<Message>{first, second}).size() == 3);
  second.sequence = 9;
  CHECK(conformance::detail::sequence_outcome(std::vector<Message>{first, second}).size() == 2);
  CHECK(conformance::detail::context_outcome(json()) !=
        conformance::detail::context_outcome(std::nullopt));
  Session session;
  const json outcome = outcome_of(session);
  session.version = 17;
  session.created_at += std::chrono::hours(1);
  CHECK(outcome_of(session) == outcome);
  session.error_count = 1;
  CHECK(outcome_of(session) != outcome);
  const auto foreign = std::make_exception_ptr(std::runtime_error("boom"));
  CHECK(outcome_of(foreign).dump().find("not a StorageError: boom") != std::string::npos);
}

TEST_CASE("of a list in pages, the outcome tells what is wrong with them") {
  conformance::detail::Gathered<std::string> good;
  CHECK(good.add({"a", "b"}, "next", 2));
  CHECK_FALSE(good.add({"c"}, "", 2));
  CHECK(conformance::detail::outcome_of_list(good) == json::parse(R"(["a","b","c"])"));
  conformance::detail::Gathered<std::string> short_page;
  CHECK_FALSE(short_page.add({"a"}, "next", 2));
  CHECK(conformance::detail::outcome_of_list(short_page).size() == 2);
  conformance::detail::Gathered<Session> sessions;
  Session one;
  one.session_id = "b";
  Session other;
  other.session_id = "a";
  other.last_activity = one.last_activity + std::chrono::seconds(1);
  CHECK_FALSE(sessions.add({other, one}, "", 2));
  const json in_order = conformance::detail::outcome_of_list(sessions);
  CHECK(in_order.size() == 2);
  CHECK(in_order[0]["session_id"] == "a");
  sessions.items[0].last_activity -= std::chrono::seconds(2);
  CHECK(conformance::detail::outcome_of_list(sessions).size() == 3);
}

TEST_CASE("a program shrinks to the calls that make it fail") {
  // Fails with an end after two creates.
  const Fails fails = [](const Program& program) {
    std::size_t creates = 0;
    for (const Operation& operation : program) {
      creates += operation.kind == Kind::create_session ? 1u : 0u;
      if (operation.kind == Kind::end_session && creates >= 2) {
        return true;
      }
    }
    return false;
  };
  std::size_t shrunk = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Program program = ProgramGenerator(everything(), seed).make(60);
    if (!fails(program)) {
      continue;
    }
    ++shrunk;
    const Program smallest = shrink(program, fails);
    CHECK(smallest.size() == 3);
    CHECK(count(smallest, Kind::create_session) == 2);
    CHECK(smallest.back().kind == Kind::end_session);
    CHECK(smallest.front().metadata.empty());
  }
  CHECK(shrunk > 10);
}

TEST_CASE("arguments shrink to the plainest that fail") {
  Program program;
  program.emplace_back(Kind::update_session, "a");
  program.back().update.updates(json::parse(R"({"k":1,"l":2,"m":3})")).increment_requests();
  program.back().update.add_processing_time(std::chrono::microseconds(9));
  program.emplace_back(Kind::put_writes, "a");
  program.back().checkpoint_id = "c";
  for (int i = 0; i < 3; ++i) {
    program.back().writes.emplace_back("x" + std::to_string(i), json(i));
  }
  program.emplace_back(Kind::get_conversation_history, "a");
  program.back().limit = 1000;
  const auto has_l = [](const Operation& o) {
    return o.update.metadata_patch() && o.update.metadata_patch()->contains("l");
  };
  const auto has_x1 = [](const Operation& o) {
    return std::any_of(o.writes.begin(), o.writes.end(),
                       [](const ChannelWrite& w) { return w.channel == "x1"; });
  };
  const Program smallest = shrink(program, [&](const Program& smaller) {
    return std::any_of(smaller.begin(), smaller.end(), has_l) &&
           std::any_of(smaller.begin(), smaller.end(), has_x1) &&
           count(smaller, Kind::get_conversation_history) == 1;
  });
  CHECK(to_code(smallest) == "co_await store.update_session(\"a\", SessionUpdate()"
                             ".updates(json::parse(R\"({\"l\":2})\")));\n"
                             "std::vector<ChannelWrite> writes2;\n"
                             "writes2.emplace_back(\"x1\", json());\n"
                             "co_await checkpointer.put_writes(\"a\", \"c\", \"\", writes2);\n"
                             "co_await store.get_conversation_history(\"a\", 1);\n");
}

TEST_CASE("shrinking asks no more often than it may") {
  std::size_t asked = 0;
  const Program program = ProgramGenerator(everything(), 3).make(40);
  const Program smallest = shrink(
      program,
      [&asked](const Program& smaller) {
        ++asked;
        return smaller.size() >= 30;
      },
      25);
  CHECK(asked <= 25);
  CHECK(smallest.size() >= 30);
  CHECK(shrink(program, [](const Program&) { return false; }).size() == program.size());
  CHECK(shrink(program, [](const Program&) { return true; }).size() == 1);
}
