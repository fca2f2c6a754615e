// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/run.hpp"

#include <agentstore/authoring/routed_archive.hpp>

using namespace agentstore;
using agentstore::test::run;

namespace {

constexpr Timestamp noon{std::chrono::microseconds(1'000'000)};

/// An archive of one's own, as the header of RoutedArchive shows it.
class Shelf final : public RoutedArchive<Shelf> {
public:
  class Row {
  public:
    std::string name;
    ArchiveKind kind = ArchiveKind::session_event;
    std::string key;
    json fields;
    std::optional<Timestamp> created_at;
  };

  awaitable<bool> initialize() override { co_return true; }
  awaitable<void> close() override { co_return; }

  std::vector<Row>& rows() { return *rows_; }

private:
  friend RoutedArchive;
  template <class Append, class... Others>
  awaitable<bool> route(std::optional<Timestamp> created_at, std::string key,
                        Others... others) const {
    return append<Append>(rows_, created_at, std::move(key), std::move(others)...);
  }

  template <class Append, class... Others>
  static awaitable<bool> append(std::shared_ptr<std::vector<Row>> rows,
                                std::optional<Timestamp> created_at, std::string key,
                                Others... others) {
    Limits limits;
    limits.max_value_bytes = 100;
    try {
      Append::check(limits, key, others...);
      Row row;
      row.name = Append::name;
      row.kind = Append::kind;
      row.key = key;
      row.fields = Append::fields(std::move(key), std::move(others)...);
      row.created_at = created_at;
      rows->push_back(std::move(row));
      co_return true;
    } catch (const StorageError&) {
      co_return false;
    }
  }

  std::shared_ptr<std::vector<Row>> rows_ = std::make_shared<std::vector<Row>>();
};

/// Hands each append on to a shelf, by the type of the append.
class HandsOn final : public RoutedArchive<HandsOn> {
public:
  explicit HandsOn(Shelf& inner) : inner_(&inner) {}
  awaitable<bool> initialize() override { co_return true; }
  awaitable<void> close() override { co_return; }

private:
  friend RoutedArchive;
  template <class Append, class... Others>
  awaitable<bool> route(std::optional<Timestamp> created_at, std::string key,
                        Others... others) const {
    return Append::on(*inner_, std::move(key), std::move(others)..., created_at);
  }

  Shelf* inner_;
};

std::vector<ChannelWrite> two_writes() {
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", json(1));
  writes.emplace_back("a", json("two"));
  return writes;
}

/// Each append once, with the time if one is given.
void append_all(IPermanentStorageBackend& archive, std::optional<Timestamp> time) {
  const json value = json::parse(R"({"x": [1]})");
  CHECK(run(archive.append_session_event("s", "u", "created", value, time)));
  CHECK(run(archive.append_conversation_message("s", "user", "Hello", value, time)));
  CHECK(run(archive.append_checkpoint("t", "c", json(7), value, time)));
  CHECK(run(archive.append_checkpoint_writes("t", "c", "task", two_writes(), time)));
  CHECK(run(archive.append_conversation_session("k", value, time)));
  CHECK(run(archive.append_task_context_snapshot("s", json(), time)));
}

void check_all(const std::vector<Shelf::Row>& rows, std::optional<Timestamp> time) {
  class Expected {
  public:
    Expected(const char* method, ArchiveKind of, const char* id, const char* record)
        : name(method), kind(of), key(id), fields(record) {}
    const char* name;
    ArchiveKind kind;
    const char* key;
    const char* fields;
  };
  const Expected expected[] = {
      {"append_session_event", ArchiveKind::session_event, "s",
       R"({"session_id": "s", "user_id": "u", "event_type": "created", "payload": {"x": [1]}})"},
      {"append_conversation_message", ArchiveKind::conversation_message, "s",
       R"({"session_id": "s", "role": "user", "content": "Hello", "metadata": {"x": [1]}})"},
      {"append_checkpoint", ArchiveKind::checkpoint, "t",
       R"({"thread_id": "t", "checkpoint_id": "c", "data": 7, "metadata": {"x": [1]}})"},
      {"append_checkpoint_writes", ArchiveKind::checkpoint_writes, "t",
       R"({"thread_id": "t", "checkpoint_id": "c", "task_id": "task",
           "writes": [["a", 1], ["a", "two"]]})"},
      {"append_conversation_session", ArchiveKind::conversation_session, "k",
       R"({"session_key": "k", "session_data": {"x": [1]}})"},
      {"append_task_context_snapshot", ArchiveKind::task_context_snapshot, "s",
       R"({"session_id": "s", "context_data": null})"},
  };
  REQUIRE(rows.size() == std::size(expected));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    CHECK(rows[i].name == expected[i].name);
    CHECK(rows[i].kind == expected[i].kind);
    CHECK(rows[i].key == expected[i].key);
    CHECK(rows[i].fields == json::parse(expected[i].fields));
    CHECK(rows[i].created_at == time);
  }
}

} // namespace

TEST_CASE("each append comes to route as one record of its kind, by the names of its parameters") {
  for (const std::optional<Timestamp> time : {std::optional(noon), std::optional<Timestamp>()}) {
    Shelf shelf;
    append_all(shelf, time);
    check_all(shelf.rows(), time);
  }
}

TEST_CASE("the type of an append calls the method of its name, with all that it was given") {
  for (const std::optional<Timestamp> time : {std::optional(noon), std::optional<Timestamp>()}) {
    Shelf shelf;
    HandsOn archive(shelf);
    append_all(archive, time);
    check_all(shelf.rows(), time);
  }
}

TEST_CASE("the short forms work on an archive that is routed") {
  Shelf shelf;
  CHECK(run(shelf.append_conversation_message("s", "user", "Hello")));
  CHECK(run(shelf.append_checkpoint("t", "c", json(7))));
  REQUIRE(shelf.rows().size() == 2);
  CHECK(shelf.rows()[0].fields.at("metadata") == json::object());
  CHECK(shelf.rows()[1].fields.at("metadata") == json::object());
}

TEST_CASE("every argument of an append is checked, and nothing happens before it is awaited") {
  Shelf shelf;
  const json object = json::object();
  const json long_text = std::string(101, 'x');
  std::vector<ChannelWrite> no_channel;
  no_channel.emplace_back("", json(1));
  std::vector<ChannelWrite> long_value;
  long_value.emplace_back("a", long_text);

  CHECK_FALSE(run(shelf.append_session_event("", "u", "e", object)));
  CHECK_FALSE(run(shelf.append_session_event("s", "", "e", object)));
  CHECK_FALSE(run(shelf.append_session_event("s", "u", "", object)));
  CHECK_FALSE(run(shelf.append_session_event("s", "u", "e", long_text)));
  CHECK_FALSE(run(shelf.append_conversation_message("", "user", "Hello")));
  CHECK_FALSE(run(shelf.append_conversation_message("s", "", "Hello")));
  CHECK_FALSE(run(shelf.append_conversation_message("s", "user", "\xff")));
  CHECK_FALSE(run(shelf.append_conversation_message("s", "user", "Hello", json(1))));
  CHECK_FALSE(run(shelf.append_checkpoint("", "c", object)));
  CHECK_FALSE(run(shelf.append_checkpoint("t", "", object)));
  CHECK_FALSE(run(shelf.append_checkpoint("t", "c", long_text)));
  CHECK_FALSE(run(shelf.append_checkpoint("t", "c", object, json(1))));
  CHECK_FALSE(run(shelf.append_checkpoint_writes("", "c", "task", two_writes())));
  CHECK_FALSE(run(shelf.append_checkpoint_writes("t", "", "task", two_writes())));
  CHECK_FALSE(run(shelf.append_checkpoint_writes("t", "c", "", two_writes())));
  CHECK_FALSE(run(shelf.append_checkpoint_writes("t", "c", "task", no_channel)));
  CHECK_FALSE(run(shelf.append_checkpoint_writes("t", "c", "task", long_value)));
  CHECK_FALSE(run(shelf.append_conversation_session("", object)));
  CHECK_FALSE(run(shelf.append_conversation_session("k", long_text)));
  CHECK_FALSE(run(shelf.append_task_context_snapshot("", object)));
  CHECK_FALSE(run(shelf.append_task_context_snapshot("s", long_text)));
  {
    const auto dropped = shelf.append_checkpoint("t", "c", object);
  }
  CHECK(shelf.rows().empty());
}
