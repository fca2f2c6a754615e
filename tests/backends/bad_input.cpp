// SPDX-License-Identifier: Apache-2.0

// Every id, text, JSON value, limit and duration at and past its bounds, through every method of
// the hot interfaces. Each table lists where such an argument goes; each test puts every value of
// its kind into every place, and sees that nothing but the error came of it.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/run.hpp"
#include "support/texts.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/record_json.hpp>

#include <functional>
#include <limits>

using namespace agentstore;
using namespace agentstore::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_bytes = 2000;
constexpr std::size_t max_depth = 70;
constexpr auto no_error = errc();

/// A store with small limits that holds something of everything.
class Store {
public:
  Store() : backend_(options()) {
    REQUIRE(run(backend_.initialize()));
    for (const char* id : {"open", "ended"}) {
      run(backend_.create_session(id, "user"));
      REQUIRE(run(backend_.add_conversation_message(id, "user", "hello")));
      REQUIRE(run(backend_.store_task_context(id, "context")));
      REQUIRE(run(backend_.store_checkpoint(id, "first", 1)));
      std::vector<ChannelWrite> writes(1, ChannelWrite("channel", 1));
      REQUIRE(run(backend_.put_writes(id, "first", "task", writes)));
    }
    REQUIRE(run(backend_.end_session("ended")));
  }

  // One call goes through the interface that declares it.
  ISessionStorage& sessions() { return backend_; }
  IConversationStorage& conversations() { return backend_; }
  ICheckpointStorage& checkpoints() { return backend_; }
  ITaskContextStorage& contexts() { return backend_; }
  IStorageBackend& whole() { return backend_; }
  ICheckpointerBackend& checkpointer() { return backend_; }

  /// All that can be read of it.
  json contents() {
    json everything = json::array();
    run(read_into(&everything));
    return everything;
  }

private:
  static MemoryOptions options() {
    MemoryOptions options;
    options.limits.max_value_bytes = max_bytes;
    options.limits.max_depth = max_depth;
    return options;
  }

  awaitable<void> read_into(json* out) {
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    out->push_back(co_await backend_.get_metrics());
    for (const char* id : {"open", "ended", "unknown"}) {
      const std::optional<Session> session = co_await backend_.get_session(id);
      out->push_back(session ? json(*session) : json());
      out->push_back(co_await backend_.get_conversation_history(id, all));
      out->push_back(co_await backend_.list_checkpoints(id, all));
      out->push_back(co_await backend_.get_writes(id, "first"));
      out->push_back(co_await backend_.get_writes(id, "second"));
      const std::optional<json> context = co_await backend_.get_task_context(id);
      out->push_back(context ? object_of("context", *context) : json());
    }
  }

  MemoryBackend backend_;
};

/// A place where an argument of some kind goes: one parameter of one method. The call is for the
/// session or thread `key`, and says whether the store took the value; reads take any.
template <class Value>
class Place {
public:
  using Call = std::function<bool(Store&, std::string key, Value)>;

  Place(const char* method, const char* argument, Call make_call)
      : operation(method), parameter(argument), call(std::move(make_call)) {}

  std::string operation;
  std::string parameter;
  Call call;
};

/// The same for a key, the first id of a method.
class KeyPlace {
public:
  using Call = std::function<void(Store&, std::string key)>;

  KeyPlace(const char* method, Call make_call) : operation(method), call(std::move(make_call)) {}

  std::string operation;
  Call call;
};

std::vector<ChannelWrite> one_write(std::string channel, Document value) {
  std::vector<ChannelWrite> writes;
  writes.emplace_back("good", 1);
  writes.emplace_back(std::move(channel), std::move(value));
  return writes;
}

using Id = std::string;
using Text = std::string;

const std::vector<KeyPlace>& key_places() {
  static const std::vector<KeyPlace> places = {
      {"create_session", [](Store& s, Id key) { run(s.sessions().create_session(key, "user")); }},
      {"get_session", [](Store& s, Id key) { run(s.sessions().get_session(key)); }},
      {"update_session",
       [](Store& s, Id key) {
         run(s.sessions().update_session(key, SessionUpdate().increment_requests()));
       }},
      {"end_session", [](Store& s, Id key) { run(s.sessions().end_session(key)); }},
      {"add_conversation_message",
       [](Store& s, Id key) {
         run(s.conversations().add_conversation_message(key, "user", "hello"));
       }},
      {"get_conversation_history",
       [](Store& s, Id key) { run(s.conversations().get_conversation_history(key)); }},
      {"store_checkpoint",
       [](Store& s, Id key) { run(s.checkpoints().store_checkpoint(key, "second", 2)); }},
      {"get_checkpoint", [](Store& s, Id key) { run(s.checkpoints().get_checkpoint(key)); }},
      {"list_checkpoints", [](Store& s, Id key) { run(s.checkpoints().list_checkpoints(key)); }},
      {"get_task_context", [](Store& s, Id key) { run(s.contexts().get_task_context(key)); }},
      {"store_task_context",
       [](Store& s, Id key) { run(s.contexts().store_task_context(key, 2)); }},
      {"put_checkpoint",
       [](Store& s, Id key) { run(s.checkpointer().put_checkpoint(key, "second", 2)); }},
      {"get_checkpoint", [](Store& s, Id key) { run(s.checkpointer().get_checkpoint(key)); }},
      {"list_checkpoints", [](Store& s, Id key) { run(s.checkpointer().list_checkpoints(key)); }},
      {"put_writes",
       [](Store& s, Id key) {
         run(s.checkpointer().put_writes(key, "first", "task", one_write("channel", 2)));
       }},
      {"get_writes", [](Store& s, Id key) { run(s.checkpointer().get_writes(key, "first")); }},
  };
  return places;
}

const std::vector<Place<Id>>& other_id_places() {
  static const std::vector<Place<Id>> places = {
      {"create_session", "user_id",
       [](Store& s, Id key, Id id) {
         return run(s.sessions().create_session(key, id)).user_id == id;
       }},
      {"store_checkpoint", "checkpoint_id",
       [](Store& s, Id key, Id id) { return run(s.checkpoints().store_checkpoint(key, id, 2)); }},
      {"get_checkpoint", "checkpoint_id",
       [](Store& s, Id key, Id id) {
         run(s.checkpoints().get_checkpoint(key, id));
         return true;
       }},
      {"put_checkpoint", "checkpoint_id",
       [](Store& s, Id key, Id id) { return run(s.checkpointer().put_checkpoint(key, id, 2)); }},
      {"get_checkpoint", "checkpoint_id",
       [](Store& s, Id key, Id id) {
         run(s.checkpointer().get_checkpoint(key, id));
         return true;
       }},
      {"put_writes", "checkpoint_id",
       [](Store& s, Id key, Id id) {
         return run(s.checkpointer().put_writes(key, id, "task", one_write("channel", 2)));
       }},
      {"put_writes", "task_id",
       [](Store& s, Id key, Id id) {
         return run(s.checkpointer().put_writes(key, "first", id, one_write("channel", 2)));
       }},
      {"get_writes", "checkpoint_id",
       [](Store& s, Id key, Id id) {
         run(s.checkpointer().get_writes(key, id));
         return true;
       }},
  };
  return places;
}

const std::vector<Place<Text>>& text_places() {
  static const std::vector<Place<Text>> places = {
      {"add_conversation_message", "role",
       [](Store& s, Id key, Text text) {
         return run(s.conversations().add_conversation_message(key, text, "hello"));
       }},
      {"add_conversation_message", "content",
       [](Store& s, Id key, Text text) {
         return run(s.conversations().add_conversation_message(key, "user", text));
       }},
      {"end_session", "status",
       [](Store& s, Id key, Text text) { return run(s.sessions().end_session(key, text)); }},
      {"put_writes", "channel",
       [](Store& s, Id key, Text text) {
         return run(s.checkpointer().put_writes(key, "first", "task", one_write(text, 2)));
       }},
  };
  return places;
}

/// Where any JSON value goes. None of the calls copies it: it may be 100,000 deep.
const std::vector<Place<Document>>& value_places() {
  static const std::vector<Place<Document>> places = {
      {"store_checkpoint", "data",
       [](Store& s, Id key, Document value) {
         return run(s.checkpoints().store_checkpoint(key, "second", std::move(value)));
       }},
      {"put_checkpoint", "data",
       [](Store& s, Id key, Document value) {
         return run(s.checkpointer().put_checkpoint(key, "second", std::move(value)));
       }},
      {"put_writes", "value",
       [](Store& s, Id key, Document value) {
         std::vector<ChannelWrite> writes = one_write("channel", std::move(value));
         return run(s.checkpointer().put_writes(key, "first", "task", std::move(writes)));
       }},
      {"store_task_context", "context",
       [](Store& s, Id key, Document value) {
         return run(s.contexts().store_task_context(key, std::move(value)));
       }},
  };
  return places;
}

/// Where a JSON object goes, and no other value.
const std::vector<Place<Document>>& object_places() {
  static const std::vector<Place<Document>> places = {
      {"create_session", "metadata",
       [](Store& s, Id key, Document object) {
         return run(s.sessions().create_session(key, "user", std::move(object))).session_id == key;
       }},
      {"update_session", "updates",
       [](Store& s, Id key, Document object) {
         SessionUpdate update =
             SessionUpdate().updates(std::move(object).tree()).increment_requests();
         return run(s.sessions().update_session(key, std::move(update)));
       }},
      {"add_conversation_message", "metadata",
       [](Store& s, Id key, Document object) {
         return run(
             s.conversations().add_conversation_message(key, "user", "hello", std::move(object)));
       }},
      {"store_checkpoint", "metadata",
       [](Store& s, Id key, Document object) {
         return run(s.checkpoints().store_checkpoint(key, "second", 2, std::move(object)));
       }},
      {"put_checkpoint", "metadata",
       [](Store& s, Id key, Document object) {
         return run(s.checkpointer().put_checkpoint(key, "second", 2, std::move(object)));
       }},
  };
  return places;
}

std::vector<std::string> bad_ids() {
  std::vector<std::string> ids = not_utf8_texts();
  ids.emplace_back();
  ids.emplace_back(1025, 'x');
  ids.emplace_back(100'000, 'x');
  ids.emplace_back(1, '\0');
  ids.emplace_back("open\0", 5);
  ids.emplace_back("op\0en", 5);
  return ids;
}

std::vector<std::string> good_ids() {
  std::vector<std::string> ids = utf8_texts();
  ids.emplace_back(1024, 'x');
  ids.push_back(std::string(1022, 'x') + "\xc3\xa9");
  for (const char* id :
       {" ", "\n", "../../x", "a:b", "open%", "OPEN", "'; --", "\"", "\\", "{s}", "*", "null"}) {
    ids.emplace_back(id);
  }
  return ids;
}

/// A number that no text of JSON can hold, bytes that are no text, and what is not JSON at all.
std::vector<json> not_json() {
  const double infinite = std::numeric_limits<double>::infinity();
  std::vector<json> values = {
      json(infinite), json(-infinite), json(std::numeric_limits<double>::quiet_NaN()),
      json::binary(std::vector<std::uint8_t>(3)), json(json::value_t::discarded)};
  for (const std::string& text : not_utf8_texts()) {
    values.emplace_back(text);
  }
  return values;
}

/// Makes a call, and sees that it throws `expected` with the names of the contract and that the
/// store is as it was.
template <class Call>
void check_refused(Store& store, errc expected, const std::string& operation,
                   const std::string& key, const Call& call) {
  INFO(operation << " with key " << detail::quoted(key));
  const json before = store.contents();
  errc thrown = no_error;
  try {
    call();
  } catch (const StorageError& error) {
    thrown = static_cast<errc>(error.code().value());
    CHECK(&error.code().category() == &storage_category());
    CHECK(error.operation() == operation);
    CHECK(error.key() == key);
  }
  CHECK(thrown == expected);
  CHECK(store.contents() == before);
}

/// A value is refused whether the session is open, ended or unknown: what is wrong with the
/// argument is told before what is wrong with the session. `make` is called for each.
template <class Value, class Make>
void check_place_refuses(Store& store, const Place<Value>& place, errc expected, const Make& make) {
  INFO("as " << place.parameter);
  for (const char* key : {"open", "ended", "unknown"}) {
    check_refused(store, expected, place.operation, key, [&] { place.call(store, key, make()); });
  }
}

/// A value at its bounds is taken: by a session of its own, as some calls work only once.
template <class Value, class Make>
void check_place_takes(const Place<Value>& place, const Make& make) {
  INFO(place.operation << " with " << place.parameter);
  Store store;
  const bool creates = place.operation == "create_session";
  CHECK(place.call(store, creates ? "new" : "open", make()));
}

} // namespace

TEST_CASE("Bad ids as keys are refused by every method") {
  Store store;
  for (const KeyPlace& place : key_places()) {
    for (const std::string& id : bad_ids()) {
      check_refused(store, errc::invalid_argument, place.operation, id,
                    [&] { place.call(store, id); });
    }
  }
}

TEST_CASE("Bad ids beside the key are refused by every method that has one") {
  Store store;
  for (const Place<Id>& place : other_id_places()) {
    for (const std::string& id : bad_ids()) {
      check_place_refuses(store, place, errc::invalid_argument, [&] { return id; });
    }
  }
}

TEST_CASE("Ids at their bounds are taken everywhere") {
  Store store;
  for (const std::string& id : good_ids()) {
    for (const KeyPlace& place : key_places()) {
      INFO(place.operation << " with key " << detail::quoted(id));
      CHECK_NOTHROW(place.call(store, id));
    }
    CHECK(run(store.sessions().get_session(id)));
    for (const Place<Id>& place : other_id_places()) {
      check_place_takes(place, [&] { return id; });
    }
  }
}

TEST_CASE("Texts that are not UTF-8 or too long are refused everywhere") {
  Store store;
  for (const Place<Text>& place : text_places()) {
    for (const std::string& text : not_utf8_texts()) {
      check_place_refuses(store, place, errc::invalid_argument, [&] { return text; });
    }
    check_place_refuses(store, place, errc::too_large, [] { return Text(max_bytes + 1, 'x'); });
    check_place_refuses(store, place, errc::too_large, [] { return Text(100 * max_bytes, 'x'); });
  }
}

TEST_CASE("Texts that must not be empty are refused if they are") {
  Store store;
  for (const Place<Text>& place : text_places()) {
    if (place.parameter == "content") {
      check_place_takes(place, [] { return Text(); });
    } else {
      check_place_refuses(store, place, errc::invalid_argument, [] { return Text(); });
    }
  }
}

TEST_CASE("Texts at their bounds are taken everywhere") {
  for (const Place<Text>& place : text_places()) {
    check_place_takes(place, [] { return Text(max_bytes, 'x'); });
    check_place_takes(place, [] { return Text(1, '\0'); });
    check_place_takes(place, [] { return Text("a\0b", 3); });
    for (const std::string& text : utf8_texts()) {
      check_place_takes(place, [&] { return text; });
    }
  }
}

TEST_CASE("No session ends as active") {
  Store store;
  for (const char* key : {"open", "ended", "unknown"}) {
    check_refused(store, errc::invalid_argument, "end_session", key,
                  [&] { run(store.sessions().end_session(key, "active")); });
  }
}

TEST_CASE("What is not JSON is refused everywhere, at the top and inside") {
  Store store;
  for (const json& bad : not_json()) {
    for (const Place<Document>& place : value_places()) {
      check_place_refuses(store, place, errc::invalid_argument, [&] { return bad; });
      check_place_refuses(store, place, errc::invalid_argument,
                          [&] { return object_of("inside", bad); });
    }
    for (const Place<Document>& place : object_places()) {
      check_place_refuses(store, place, errc::invalid_argument,
                          [&] { return object_of("inside", bad); });
    }
  }
  for (const std::string& name : not_utf8_texts()) {
    for (const auto* places : {&value_places(), &object_places()}) {
      for (const Place<Document>& place : *places) {
        check_place_refuses(store, place, errc::invalid_argument,
                            [&] { return object_of(name.c_str(), 1); });
      }
    }
  }
}

TEST_CASE("What is not an object is refused where one is asked for") {
  Store store;
  for (const Place<Document>& place : object_places()) {
    for (const char* text : {"null", "true", "0", "-1", "1.5", "\"\"", "\"{}\"", "[]", "[{}]"}) {
      check_place_refuses(store, place, errc::invalid_argument, [&] { return json::parse(text); });
    }
    for (const json& bad : not_json()) {
      check_place_refuses(store, place, errc::invalid_argument, [&] { return bad; });
    }
  }
}

TEST_CASE("JSON values that are too large or too deep are refused everywhere") {
  Store store;
  for (const auto* places : {&value_places(), &object_places()}) {
    for (const Place<Document>& place : *places) {
      for (const auto& form : {as_tree, as_text}) {
        check_place_refuses(store, place, errc::too_large,
                            [&] { return form(object_of_size(max_bytes + 1)); });
        check_place_refuses(store, place, errc::too_large,
                            [&] { return form(object_of_size(100 * max_bytes)); });
        check_place_refuses(store, place, errc::invalid_argument,
                            [&] { return form(nested(max_depth + 1)); });
        check_place_refuses(store, place, errc::invalid_argument,
                            [&] { return form(nested(Document::max_depth)); });
      }
      check_place_refuses(store, place, errc::invalid_argument, [] { return nested(100'000); });
    }
  }
}

TEST_CASE("JSON values at their bounds are taken everywhere") {
  const json scalars = json::parse(R"({"a":9223372036854775807,"b":-9223372036854775808,
      "c":18446744073709551615,"d":1.7976931348623157e308,"e":5e-324,"f":-0.0,"g":null,
      "h":"\u0000","i":[],"j":{},"":""})");
  for (const auto* places : {&value_places(), &object_places()}) {
    for (const Place<Document>& place : *places) {
      check_place_takes(place, [] { return json::object(); });
      for (const auto& form : {as_tree, as_text}) {
        check_place_takes(place, [&] { return form(scalars); });
        check_place_takes(place, [&] { return form(object_of_size(max_bytes)); });
        check_place_takes(place, [&] { return form(nested(max_depth)); });
      }
    }
  }
  for (const Place<Document>& place : value_places()) {
    for (const auto& [name, scalar] : scalars.items()) {
      check_place_takes(place, [&value = scalar] { return value; });
    }
  }
}

TEST_CASE("A patch that is allowed but makes the metadata too large is refused") {
  Store store;
  REQUIRE(run(store.sessions().update_session(
      "open", SessionUpdate().updates(object_of("first", Text(max_bytes / 2, 'x'))))));
  check_refused(store, errc::too_large, "update_session", "open", [&] {
    SessionUpdate update =
        SessionUpdate().updates(object_of("second", Text(max_bytes / 2, 'x'))).mark_error();
    run(store.sessions().update_session("open", std::move(update)));
  });
}

TEST_CASE("A list of writes is taken whole or not at all") {
  Store store;
  for (const std::size_t bad_at : {0u, 1u, 9u}) {
    check_refused(store, errc::invalid_argument, "put_writes", "open", [&] {
      std::vector<ChannelWrite> writes(10, ChannelWrite("__error__", "replaced"));
      writes[bad_at].channel.clear();
      run(store.checkpointer().put_writes("open", "first", "task", std::move(writes)));
    });
  }
}

TEST_CASE("Processing times past their bounds are refused, at them they are taken") {
  using std::chrono::microseconds;
  Store store;
  const auto add = [&store](const char* key, microseconds amount) {
    SessionUpdate update = SessionUpdate().add_processing_time(amount).increment_requests().updates(
        object_of("reached", true));
    return run(store.sessions().update_session(key, std::move(update)));
  };
  for (const char* key : {"open", "ended", "unknown"}) {
    for (const microseconds amount : {microseconds(-1), microseconds::min()}) {
      check_refused(store, errc::invalid_argument, "update_session", key,
                    [&] { add(key, amount); });
    }
  }
  CHECK(add("open", 0us));
  CHECK(add("open", microseconds::max() - 1us));
  CHECK(add("open", 1us));
  check_refused(store, errc::invalid_argument, "update_session", "open", [&] { add("open", 1us); });
  check_refused(store, errc::invalid_argument, "update_session", "open",
                [&] { add("open", microseconds::max()); });
  CHECK(run(store.sessions().get_session("open"))->total_processing_time == microseconds::max());
  CHECK_FALSE(add("ended", microseconds::max()));
  CHECK_FALSE(add("unknown", microseconds::max()));
}

TEST_CASE("Idle times past their bounds are refused, at them they are taken") {
  using std::chrono::microseconds;
  Store store;
  for (const microseconds idle : {microseconds(-1), microseconds(-1h), microseconds::min()}) {
    check_refused(store, errc::invalid_argument, "cleanup_expired_sessions", "",
                  [&] { run(store.whole().cleanup_expired_sessions(idle)); });
  }
  CHECK(run(store.whole().cleanup_expired_sessions(microseconds::max())) == 0);
  CHECK(run(store.whole().cleanup_expired_sessions(0us)) == 2);
  CHECK(run(store.whole().cleanup_expired_sessions(0us)) == 0);
}

TEST_CASE("Limits give what they say from 0 to the greatest there is") {
  constexpr std::size_t greatest = std::numeric_limits<std::size_t>::max();
  Store store;
  REQUIRE(run(store.conversations().add_conversation_message("open", "user", "again")));
  REQUIRE(run(store.checkpoints().store_checkpoint("open", "second", 2)));
  const json before = store.contents();
  const std::vector<std::pair<std::size_t, std::size_t>> expected = {
      {0, 0}, {1, 1}, {2, 2}, {3, 2}, {greatest - 1, 2}, {greatest, 2}};
  for (const auto& [limit, count] : expected) {
    CAPTURE(limit);
    const auto history = run(store.conversations().get_conversation_history("open", limit));
    const auto list = run(store.checkpoints().list_checkpoints("open", limit));
    CHECK(history.size() == count);
    CHECK(list.size() == count);
    CHECK(run(store.checkpointer().list_checkpoints("open", limit)) == list);
    CHECK(run(store.conversations().get_conversation_history("unknown", limit)).empty());
    CHECK(run(store.checkpoints().list_checkpoints("unknown", limit)).empty());
    if (count > 0) {
      CHECK(history.back().content == "again");
      CHECK(list.front().checkpoint_id == "second");
    }
  }
  CHECK(store.contents() == before);
}

TEST_CASE("The limits of a backend as it comes are taken, and past them refused") {
  MemoryBackend store;
  REQUIRE(run(store.initialize()));
  const std::size_t mebi = std::size_t{1} << 20u;
  CHECK(run(store.store_checkpoint("t", "1 MiB", object_of_size(mebi))));
  CHECK(run(store.store_checkpoint("t", "16 MiB", object_of_size(16 * mebi))));
  CHECK(run(store.store_checkpoint("t", "256 deep", nested(256))));
  CHECK_THROWS_AS(run(store.store_checkpoint("t", "large", object_of_size(16 * mebi + 1))),
                  StorageError);
  CHECK_THROWS_AS(run(store.store_checkpoint("t", "deep", nested(257))), StorageError);
  CHECK(run(store.get_metrics()).total_checkpoints == 3);
}
