// SPDX-License-Identifier: Apache-2.0

// The sequential model, where it is easy to get wrong. That it agrees with the reference backend is
// what MDL-01 finds out, see random_rules.cpp.

#include "support/catch.hpp"

#include <agentstore/conformance/random/apply.hpp>

using namespace agentstore;
using namespace agentstore::conformance;
using namespace std::chrono_literals;

namespace {

/// The metadata that a patch makes of metadata.
json merged(const char* metadata, const char* patch) {
  Model model;
  model.create_session("s", "u", json::parse(metadata));
  CHECK(model.update_session("s", SessionUpdate().updates(json::parse(patch))));
  return model.get_session("s")->metadata;
}

std::vector<ChannelWrite> write(const char* channel, int value) {
  return {ChannelWrite(channel, json(value))};
}

errc code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const StorageError& error) {
    return static_cast<errc>(error.code().value());
  }
  return errc{};
}

} // namespace

TEST_CASE("the model merges as the examples of RFC 7386 do") {
  CHECK(merged(R"({"a":"b"})", R"({"a":"c"})") == json::parse(R"({"a":"c"})"));
  CHECK(merged(R"({"a":"b"})", R"({"b":"c"})") == json::parse(R"({"a":"b","b":"c"})"));
  CHECK(merged(R"({"a":"b"})", R"({"a":null})") == json::parse(R"({})"));
  CHECK(merged(R"({"a":"b","b":"c"})", R"({"a":null})") == json::parse(R"({"b":"c"})"));
  CHECK(merged(R"({"a":["b"]})", R"({"a":"c"})") == json::parse(R"({"a":"c"})"));
  CHECK(merged(R"({"a":"c"})", R"({"a":["b"]})") == json::parse(R"({"a":["b"]})"));
  CHECK(merged(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})") ==
        json::parse(R"({"a":{"b":"d"}})"));
  CHECK(merged(R"({"a":[{"b":"c"}]})", R"({"a":[1]})") == json::parse(R"({"a":[1]})"));
  CHECK(merged(R"({"e":null})", R"({"a":1})") == json::parse(R"({"e":null,"a":1})"));
  CHECK(merged(R"({})", R"({"a":{"bb":{"ccc":null}}})") == json::parse(R"({"a":{"bb":{}}})"));
}

TEST_CASE("the model keeps first writes, but last ones of special channels") {
  Model model;
  model.put_writes("t", "c", "b", write("x", 1));
  model.put_writes("t", "c", "b", write("y", 2));
  model.put_writes("t", "c", "b", write("__resume__", 3));
  model.put_writes("t", "c", "b", write("__resume__", 4));
  model.put_writes("t", "c", "a", write("x", 5));
  const std::vector<PendingWrite> writes = model.get_writes("t", "c");
  REQUIRE(writes.size() == 3);
  CHECK(writes[0].task_id == "a");
  CHECK(writes[0].value == 5);
  CHECK(writes[1].index == -4);
  CHECK(writes[1].value == 4);
  CHECK(writes[2].index == 0);
  CHECK(writes[2].channel == "x");
  CHECK(model.get_writes("t", "d").empty());
}

TEST_CASE("a checkpoint stored again keeps its place in the model") {
  Model model;
  model.store_checkpoint("t", "1", "old", json::object());
  model.store_checkpoint("t", "2", "two", json::object());
  model.store_checkpoint("t", "1", "new", json::object());
  CHECK(model.get_checkpoint("t", std::nullopt)->checkpoint_id == "2");
  CHECK(model.get_checkpoint("t", "1")->data == "new");
  REQUIRE(model.list_checkpoints("t", 5).size() == 2);
  CHECK(model.list_checkpoints("t", 1).front().checkpoint_id == "2");
}

TEST_CASE("a clean-up of the model removes what belongs to the session") {
  Model model;
  model.create_session("s", "u", json::object());
  model.add_conversation_message("s", "user", "hi", json::object());
  model.store_task_context("s", 1);
  model.store_checkpoint("s", "c", 1, json::object());
  model.put_writes("s", "c", "t", write("x", 1));
  model.store_checkpoint("other", "c", 1, json::object());
  CHECK(model.cleanup_expired_sessions(1us) == 0);
  CHECK(model.cleanup_expired_sessions(0us) == 1);
  CHECK(model.get_metrics().total_sessions == 0);
  CHECK(model.get_metrics().total_messages == 0);
  CHECK(model.get_metrics().total_checkpoints == 1);
  CHECK(model.get_writes("s", "c").empty());
  model.create_session("s", "u", json::object());
  CHECK(model.get_task_context("s") == std::nullopt);
}

TEST_CASE("the model knows which clean-ups the contract does not decide") {
  Model model;
  const Timestamp start = from_iso8601("2031-01-01T00:00:00Z");
  model.set_clock(start);
  model.create_session("s", "u", json::object());
  CHECK(model.decides_cleanup(10min));
  model.set_clock(start + 20min);
  model.end_session("s", "done"); // may move the last activity, or may not
  CHECK_FALSE(model.decides_cleanup(10min));
  CHECK(model.decides_cleanup(0us));
  CHECK(model.decides_cleanup(30min));
  model.set_clock(start + 40min);
  CHECK(model.decides_cleanup(10min));
  CHECK(model.cleanup_expired_sessions(20min) == 1);

  model.create_session("t", "u", json::object());
  model.set_clock(start + 60min);
  model.update_session("t", SessionUpdate().increment_requests()); // must move it
  CHECK(model.decides_cleanup(10min));
  model.set_clock(start);
  model.update_session("t", SessionUpdate().increment_requests()); // never backwards
  model.set_clock(start + 65min);
  CHECK(model.cleanup_expired_sessions(10min) == 0);
}

TEST_CASE("without sessions, conversations and contexts of the model begin by themselves") {
  Model with(true);
  CHECK_FALSE(with.add_conversation_message("s", "user", "hi", json::object()));
  CHECK_FALSE(with.store_task_context("s", 1));
  CHECK(with.get_conversation_history("s", 9).empty());
  Model without(false);
  CHECK(without.add_conversation_message("s", "user", "hi", json::object()));
  CHECK(without.store_task_context("s", nullptr));
  CHECK(without.get_conversation_history("s", 9).size() == 1);
  CHECK(without.get_task_context("s") == std::optional<Document>(json()));
}

TEST_CASE("the model refuses what the contract refuses") {
  Model model;
  model.create_session("s", "u", json::object());
  const auto refuses = [](const std::function<void()>& call) {
    return code_of(call) == errc::invalid_argument;
  };
  CHECK(refuses([&] { model.create_session("", "u", json::object()); }));
  CHECK(refuses([&] { model.create_session("t", "u", json::array()); }));
  CHECK(refuses([&] { model.update_session("s", SessionUpdate().updates(1)); }));
  CHECK(refuses([&] { model.update_session("s", SessionUpdate().add_processing_time(-1us)); }));
  CHECK(refuses([&] { model.end_session("s", ""); }));
  CHECK(refuses([&] { model.end_session("s", "active"); }));
  CHECK(refuses([&] { model.add_conversation_message("s", "", "x", json::object()); }));
  CHECK(refuses([&] { model.get_checkpoint("t", ""); }));
  CHECK(refuses([&] { model.put_writes("t", "c", "k", write("", 1)); }));
  CHECK(refuses([&] { model.cleanup_expired_sessions(-1us); }));
  CHECK_FALSE(model.append_checkpoint("t", "", 1, json::object(), std::nullopt));
  CHECK(code_of([&] { model.create_session("s", "u", json::object()); }) == errc::already_exists);
  model.close();
  CHECK(code_of([&] { model.get_session("s"); }) == errc::closed);
  CHECK_FALSE(model.append_conversation_session("s", 1, std::nullopt));
  CHECK(model.initialize());
  CHECK(model.get_session("s").has_value());
}

TEST_CASE("two refusals are both allowed where both are due") {
  using Kind = Operation::Kind;
  Model model;
  Operation create(Kind::create_session, "s");
  create.user_id = "u";
  CHECK(allowed_outcomes(model, create).size() == 1);
  create.metadata = json::array();
  CHECK(allowed_outcomes(model, create) ==
        std::vector<json>{outcome_of(errc::invalid_argument), outcome_of(errc::already_exists)});
  Operation end(Kind::end_session, "nobody");
  CHECK(allowed_outcomes(model, end) ==
        std::vector<json>{outcome_of(errc::invalid_argument), outcome_of(false)});
  end.key = "s";
  CHECK(allowed_outcomes(model, end) == std::vector<json>{outcome_of(errc::invalid_argument)});
  model.close();
  CHECK(allowed_outcomes(model, end) ==
        std::vector<json>{outcome_of(errc::invalid_argument), outcome_of(errc::closed)});
}

TEST_CASE("fingerprints of models differ exactly where the models do") {
  Model a;
  Model b;
  CHECK(a.fingerprint() == b.fingerprint());
  a.create_session("s", "u", json::object());
  CHECK(a.fingerprint() != b.fingerprint());
  b.create_session("s", "u", json::object());
  CHECK(a.fingerprint() == b.fingerprint());
  a.update_session("s", SessionUpdate().add_processing_time(1us));
  CHECK(a.fingerprint() != b.fingerprint());
  b.update_session("s", SessionUpdate().add_processing_time(1us));
  a.store_task_context("s", nullptr);
  CHECK(a.fingerprint() != b.fingerprint());
}

TEST_CASE("in the model a session goes with all of its id, a thread with all of its own") {
  Model model;
  model.create_session("s", "u", json::object());
  model.store_checkpoint("s", "c", json(1), json::object());
  model.put_writes("s", "early", "t", write("x", 1));
  CHECK(model.list_sessions("u", 1).size() == 1);
  CHECK(model.list_threads("", 1) == std::vector<std::string>(1, "s"));
  CHECK(model.delete_thread("s"));
  CHECK_FALSE(model.delete_thread("s"));
  CHECK(model.has_session("s"));
  CHECK(model.list_threads("", 1).empty());
  model.put_writes("s", "early", "t", write("x", 1));
  CHECK(model.delete_session("s"));
  CHECK_FALSE(model.delete_session("s"));
  CHECK(model.list_threads("s", 1).empty());
  CHECK(model.list_sessions("u", 1).empty());
}

TEST_CASE("the model copies and prunes threads by the order of their first stores") {
  Model model;
  for (const char* id : {"z", "a", "m", "z"}) {
    model.store_checkpoint("t", id, json(id), json::object());
  }
  model.put_writes("t", "z", "k", write("x", 1));
  model.put_writes("t", "early", "k", write("x", 2));
  CHECK_FALSE(model.copy_thread("unknown", "t"));
  CHECK(code_of([&] { model.copy_thread("t", "t"); }) == errc::already_exists);
  CHECK(model.copy_thread("t", "copy"));
  CHECK(code_of([&] { model.copy_thread("t", "copy"); }) == errc::already_exists);
  CHECK(model.list_checkpoints_before("copy", "m", 10).size() == 2);
  CHECK(model.list_checkpoints_before("copy", "m", 1).front().checkpoint_id == "a");
  CHECK(model.list_checkpoints_before("copy", "z", 10).empty());
  CHECK(model.list_checkpoints_before("copy", "early", 10).empty());
  CHECK(model.get_thread_head("copy", 2).checkpoint_ids == std::vector<std::string>{"m", "a"});
  CHECK(model.get_thread_head("copy", 0).latest->checkpoint_id == "m");
  CHECK(model.prune_thread("copy", 2) == 1);
  CHECK(model.get_writes("copy", "z").empty());
  CHECK(model.get_writes("copy", "early").size() == 1);
  CHECK(model.prune_thread("copy", 0) == 2);
  CHECK(model.list_threads("c", 1000) == std::vector<std::string>(1, "copy"));
  CHECK(model.list_checkpoints("t", 10).size() == 3);
  CHECK(code_of([&] { model.list_threads("", 0); }) == errc::invalid_argument);
  CHECK(code_of([&] { model.list_sessions("u", 1001); }) == errc::invalid_argument);
}
