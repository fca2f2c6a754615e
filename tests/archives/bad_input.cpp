// SPDX-License-Identifier: Apache-2.0

// Every id, text and JSON value at and past its bounds, through every method of the archive: false,
// nothing thrown, nothing stored. What the hot interfaces do is tested in
// ../backends/bad_input.cpp.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/loop.hpp"
#include "support/texts.hpp"
#if defined(AGENTSTORE_TESTS_HAVE_CLICKHOUSE)
#include "support/servers/clickhouse_server.hpp"
#endif
#if defined(AGENTSTORE_TESTS_HAVE_POSTGRES)
#include "support/servers/postgres_server.hpp"
#endif

#include <agentstore/archives/memory.hpp>
#if defined(AGENTSTORE_TESTS_HAVE_CLICKHOUSE)
#include <agentstore/archives/clickhouse.hpp>
#endif
#if defined(AGENTSTORE_TESTS_HAVE_POSTGRES)
#include <agentstore/archives/postgres.hpp>
#endif
#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
#include <agentstore/archives/sqlite.hpp>
#endif

#include <functional>
#include <limits>
#include <type_traits>

using namespace agentstore;
using namespace agentstore::test;

namespace {

constexpr std::size_t max_bytes = 2000;
constexpr std::size_t max_depth = 70;

/// The arguments of any append. One of them is spoilt at a time.
class Arguments {
public:
  std::string key = "key";
  std::string id = "id";
  std::string task = "task";
  std::string text = "text";
  std::string content = "content";
  std::string channel = "channel";
  Document value = 1;
  Document metadata = Document::object();
};

using TextPlace = std::string Arguments::*;
using ValuePlace = Document Arguments::*;

std::vector<ChannelWrite> two_writes(Arguments& arguments) {
  std::vector<ChannelWrite> writes;
  writes.emplace_back("good", 1);
  writes.emplace_back(std::move(arguments.channel), std::move(arguments.value));
  return writes;
}

/// An append, and which of the arguments it has.
class Append {
public:
  ArchiveKind kind;
  std::vector<TextPlace> ids;
  std::vector<TextPlace> texts;
  std::vector<ValuePlace> values;
  std::function<awaitable<bool>(IPermanentStorageBackend&, Arguments)> call;
};

const std::vector<Append>& appends() {
  using A = Arguments;
  static const std::vector<Append> all = {
      {ArchiveKind::session_event,
       {&A::key, &A::id},
       {&A::text},
       {&A::value},
       [](IPermanentStorageBackend& archive, A a) {
         return archive.append_session_event(a.key, a.id, a.text, std::move(a.value));
       }},
      {ArchiveKind::conversation_message,
       {&A::key},
       {&A::text, &A::content},
       {&A::metadata},
       [](IPermanentStorageBackend& archive, A a) {
         return archive.append_conversation_message(a.key, a.text, a.content,
                                                    std::move(a.metadata));
       }},
      {ArchiveKind::checkpoint,
       {&A::key, &A::id},
       {},
       {&A::value, &A::metadata},
       [](IPermanentStorageBackend& archive, A a) {
         return archive.append_checkpoint(a.key, a.id, std::move(a.value), std::move(a.metadata));
       }},
      {ArchiveKind::checkpoint_writes,
       {&A::key, &A::id, &A::task},
       {&A::channel},
       {&A::value},
       [](IPermanentStorageBackend& archive, A a) {
         return archive.append_checkpoint_writes(a.key, a.id, a.task, two_writes(a));
       }},
      {ArchiveKind::conversation_session,
       {&A::key},
       {},
       {&A::value},
       [](IPermanentStorageBackend& archive, A a) {
         return archive.append_conversation_session(a.key, std::move(a.value));
       }},
      {ArchiveKind::task_context_snapshot,
       {&A::key},
       {},
       {&A::value},
       [](IPermanentStorageBackend& archive, A a) {
         return archive.append_task_context_snapshot(a.key, std::move(a.value));
       }},
  };
  return all;
}

std::vector<std::string> archives() {
  std::vector<std::string> names(1, "memory");
#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
  names.emplace_back("sqlite");
#endif
#if defined(AGENTSTORE_TESTS_HAVE_POSTGRES)
  names.emplace_back("postgres");
#endif
#if defined(AGENTSTORE_TESTS_HAVE_CLICKHOUSE)
  names.emplace_back("clickhouse");
#endif
  return names;
}

/// An archive with small limits that holds one record of each kind.
class Filled {
public:
  explicit Filled(const std::string& name) {
    if (name == "memory") {
      MemoryArchiveOptions options;
      limit(options.limits);
      keep(std::make_shared<MemoryArchive>(options));
    }
#if defined(AGENTSTORE_TESTS_HAVE_SQLITE)
    if (name == "sqlite") {
      SqliteOptions options(":memory:");
      limit(options.limits);
      keep(std::make_shared<SqliteArchive>(options));
    }
#endif
#if defined(AGENTSTORE_TESTS_HAVE_POSTGRES)
    if (name == "postgres") {
      static const PostgresServer server;
      PostgresOptions options(server.conninfo(), fresh_space());
      limit(options.limits);
      keep(std::make_shared<PostgresArchive>(loop_.context().get_executor(), options));
    }
#endif
#if defined(AGENTSTORE_TESTS_HAVE_CLICKHOUSE)
    if (name == "clickhouse") {
      static const ClickHouseServer server;
      ClickHouseOptions options(server.uri(fresh_space()));
      options.linger = std::chrono::milliseconds(0);
      limit(options.limits);
      keep(std::make_shared<ClickHouseArchive>(loop_.context().get_executor(), options));
    }
#endif
    REQUIRE(loop_.run(archive_->initialize()));
    for (const Append& append : appends()) {
      REQUIRE(loop_.run(append.call(*archive_, Arguments())));
    }
  }

  IArchiveReader& reader() { return *reader_; }
  Loop& loop() { return loop_; }

  std::vector<ArchiveRecord> contents() {
    std::vector<ArchiveRecord> all;
    for (const Append& append : appends()) {
      const auto records = loop_.run(reader_->read_archive(append.kind, "key"));
      all.insert(all.end(), records.begin(), records.end());
    }
    return all;
  }

  /// The append with these arguments is lost, and has left nothing behind.
  void check_lost(const Append& append, Arguments arguments) {
    const std::vector<ArchiveRecord> before = contents();
    INFO(to_string(append.kind) << " with key " << detail::quoted(arguments.key));
    bool kept = true;
    CHECK_NOTHROW(kept = loop_.run(append.call(*archive_, std::move(arguments))));
    CHECK_FALSE(kept);
    CHECK(contents() == before);
  }

  void check_kept(const Append& append, Arguments arguments) {
    INFO(to_string(append.kind) << " with key " << detail::quoted(arguments.key));
    const std::string key = arguments.key;
    const std::size_t before = loop_.run(reader_->read_archive(append.kind, key)).size();
    CHECK(loop_.run(append.call(*archive_, std::move(arguments))));
    CHECK(loop_.run(reader_->read_archive(append.kind, key)).size() == before + 1);
  }

private:
  static std::string fresh_space() {
    static int count = 0;
    return "bad_input_" + std::to_string(++count);
  }

  static void limit(Limits& limits) {
    limits.max_value_bytes = max_bytes;
    limits.max_depth = max_depth;
  }

  template <class Archive>
  void keep(std::shared_ptr<Archive> archive) {
    archive_ = archive;
    reader_ = archive;
  }

  Loop loop_;
  std::shared_ptr<IPermanentStorageBackend> archive_;
  std::shared_ptr<IArchiveReader> reader_;
};

template <class Value>
Arguments with(Value Arguments::* place, std::type_identity_t<Value> value) {
  Arguments arguments;
  arguments.*place = std::move(value);
  return arguments;
}

std::vector<std::string> bad_ids() {
  std::vector<std::string> ids = not_utf8_texts();
  ids.emplace_back();
  ids.emplace_back(1025, 'x');
  ids.emplace_back(1, '\0');
  ids.emplace_back("key\0", 4);
  return ids;
}

std::vector<json> bad_values() {
  const double infinite = std::numeric_limits<double>::infinity();
  std::vector<json> values = {json(infinite),
                              json(-infinite),
                              json(std::numeric_limits<double>::quiet_NaN()),
                              json::binary(std::vector<std::uint8_t>(3)),
                              json(json::value_t::discarded),
                              json("\xff")};
  return values;
}

} // namespace

TEST_CASE("An append with a bad id is lost") {
  for (const std::string& name : archives()) {
    INFO(name);
    Filled filled(name);
    for (const Append& append : appends()) {
      for (const TextPlace place : append.ids) {
        for (const std::string& id : bad_ids()) {
          filled.check_lost(append, with(place, id));
        }
      }
    }
  }
}

TEST_CASE("An append with ids at their bounds is kept") {
  for (const std::string& name : archives()) {
    INFO(name);
    Filled filled(name);
    for (const Append& append : appends()) {
      for (const TextPlace place : append.ids) {
        filled.check_kept(append, with(place, std::string(1024, 'x')));
        for (const std::string& id : utf8_texts()) {
          filled.check_kept(append, with(place, id));
        }
      }
    }
  }
}

TEST_CASE("An append with a bad text is lost") {
  for (const std::string& name : archives()) {
    INFO(name);
    Filled filled(name);
    for (const Append& append : appends()) {
      for (const TextPlace place : append.texts) {
        for (const std::string& text : not_utf8_texts()) {
          filled.check_lost(append, with(place, text));
        }
        filled.check_lost(append, with(place, std::string(max_bytes + 1, 'x')));
        filled.check_kept(append, with(place, std::string(max_bytes, 'x')));
        filled.check_kept(append, with(place, std::string(1, '\0')));
      }
    }
  }
}

TEST_CASE("Of the texts only a message's content may be empty") {
  for (const std::string& name : archives()) {
    INFO(name);
    Filled filled(name);
    for (const Append& append : appends()) {
      for (const TextPlace place : append.texts) {
        if (place == &Arguments::content) {
          filled.check_kept(append, with(place, std::string()));
        } else {
          filled.check_lost(append, with(place, std::string()));
        }
      }
    }
  }
}

TEST_CASE("An append with a bad JSON value is lost") {
  for (const std::string& name : archives()) {
    INFO(name);
    Filled filled(name);
    for (const Append& append : appends()) {
      for (const ValuePlace place : append.values) {
        for (const json& bad : bad_values()) {
          filled.check_lost(append, with(place, bad));
          filled.check_lost(append, with(place, object_of("inside", bad)));
        }
        filled.check_lost(append, with(place, object_of("\xff", 1)));
        for (const auto& form : {as_tree, as_text}) {
          filled.check_lost(append, with(place, form(object_of_size(max_bytes + 1))));
          filled.check_lost(append, with(place, form(nested(max_depth + 1))));
          filled.check_lost(append, with(place, form(nested(Document::max_depth))));
          filled.check_kept(append, with(place, form(object_of_size(max_bytes))));
          filled.check_kept(append, with(place, form(nested(max_depth))));
        }
        filled.check_lost(append, with(place, nested(100'000)));
      }
    }
  }
}

TEST_CASE("Metadata that is no object is lost") {
  for (const std::string& name : archives()) {
    INFO(name);
    Filled filled(name);
    for (const Append& append : appends()) {
      for (const ValuePlace place : append.values) {
        for (const char* text : {"null", "true", "0", "1.5", "\"\"", "[]", "[{}]"}) {
          if (place == &Arguments::metadata) {
            filled.check_lost(append, with(place, json::parse(text)));
          } else {
            filled.check_kept(append, with(place, json::parse(text)));
          }
        }
      }
    }
  }
}

TEST_CASE("Reading by a bad key throws, and names it") {
  for (const std::string& name : archives()) {
    INFO(name);
    Filled filled(name);
    for (const Append& append : appends()) {
      for (const std::string& key : bad_ids()) {
        INFO(detail::quoted(key));
        try {
          filled.loop().run(filled.reader().read_archive(append.kind, key));
          FAIL("the read did not fail");
        } catch (const StorageError& error) {
          CHECK(error.code() == errc::invalid_argument);
          CHECK(error.operation() == "read_archive");
          CHECK(error.key() == key);
        }
      }
    }
  }
}
