// SPDX-License-Identifier: Apache-2.0

// The checkpointer beyond what LangGraph's own suite looks at: which value wins, orders, ids, and
// what an interruption leaves.

#include "langgraph/stores.hpp"

#include <agentstore/document_from_text.hpp>
#include <agentstore/testing/intercepting_directories.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

using namespace agentstore;
using namespace agentstore::test;
using langgraph::Checkpointer;
using langgraph::Config;
using langgraph::ListOptions;
using langgraph::PruneStrategy;
using Names = std::vector<std::string>;

TEST_CASE("A checkpoint comes back as it was put") {
  on_each_store([](const Checkpointer& saver, auto&) {
    json values;
    values["messages"] = {{{"role", "user"}, {"content", "hello"}}};
    values["nothing"] = nullptr;
    json what = checkpoint("c1", values);
    what["versions_seen"]["agent"]["messages"] = 1;
    what["updated_channels"] = {"messages"}; // a member that is not gone through
    const json about = {
        {"source", "update"}, {"step", 3}, {"parents", {{"", "c0"}}}, {"k", {1, 2}}};
    const Config stored = put(saver, Config("t", "ns:1", "c0"), what, about);
    CHECK(stored == Config("t", "ns:1", "c1"));

    const auto tuple = finish(saver.get_tuple(Config("t", "ns:1", "c1")));
    REQUIRE(tuple);
    CHECK(tuple->config == stored);
    CHECK(tuple->checkpoint == what);
    CHECK(tuple->metadata == about);
    CHECK(tuple->parent_config == Config("t", "ns:1", "c0"));
    CHECK(tuple->pending_writes.empty());
    CHECK(finish(saver.get_tuple(Config("t", "ns:1"))) == tuple);
    CHECK_FALSE(finish(saver.get_tuple(Config("t", "ns:1", "c"))));
    CHECK_FALSE(finish(saver.get_tuple(Config("t", "ns:1", "c0"))));
    CHECK_FALSE(finish(saver.get_tuple(Config("t"))));
    CHECK_FALSE(finish(saver.get_tuple(Config("u", "ns:1"))));
  });
}

TEST_CASE("A first checkpoint has no parent") {
  on_each_store([](const Checkpointer& saver, auto&) {
    put(saver, Config("t"), checkpoint("c1"));
    CHECK_FALSE(finish(saver.get_tuple(Config("t")))->parent_config);
  });
}

TEST_CASE("Channels that did not change are carried over") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const Config first =
        put(saver, Config("t"), checkpoint("c1", {{"a", 1}, {"b", {"x"}}, {"gone", true}}));
    json second = checkpoint("c2", {{"a", "ignored"}, {"c", 3}}, 2);
    second["channel_versions"] = {{"a", 1}, {"b", 1}, {"c", 2}};
    const json changed = {{"c", 2}};
    finish(saver.put(first, second, metadata(), changed));
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"] ==
          json({{"a", 1}, {"b", {"x"}}, {"c", 3}}));
    CHECK(finish(saver.get_tuple(first))->checkpoint["channel_values"] ==
          json({{"a", 1}, {"b", {"x"}}, {"gone", true}}));
  });
}

TEST_CASE("A channel that was emptied stays empty") {
  on_each_store([](const Checkpointer& saver, auto&) {
    Config config = put(saver, Config("t"), checkpoint("c1", {{"a", 1}}));
    json emptied = checkpoint("c2");
    emptied["channel_versions"] = {{"a", 2}};
    config = put(saver, config, emptied);
    json next = checkpoint("c3");
    next["channel_versions"] = {{"a", 2}};
    finish(saver.put(config, next, metadata(), json::object()));
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"] == json::object());
  });
}

TEST_CASE("Two children of one parent keep a value each of the same version") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const Config parent = put(saver, Config("t"), checkpoint("c1", {{"a", 0}}));
    const Config left = put(saver, parent, checkpoint("c2", {{"a", "left"}}, 2));
    const Config right = put(saver, parent, checkpoint("c3", {{"a", "right"}}, 2));
    json next = checkpoint("c4");
    next["channel_versions"] = {{"a", 2}};
    finish(saver.put(left, next, metadata(), json::object()));
    CHECK(finish(saver.get_tuple(Config("t", "", "c4")))->checkpoint["channel_values"]["a"] ==
          "left");
    next["id"] = "c5";
    finish(saver.put(right, next, metadata(), json::object()));
    CHECK(finish(saver.get_tuple(Config("t", "", "c5")))->checkpoint["channel_values"]["a"] ==
          "right");
  });
}

TEST_CASE("A copy beside the original gets the original's values") {
  // As LangGraph forks: the parent is the original's parent, and nothing is said to have changed.
  on_each_store([](const Checkpointer& saver, auto&) {
    const Config parent = put(saver, Config("t"), checkpoint("c1", {{"a", 1}}));
    Config config = put(saver, parent, checkpoint("c2", {{"a", 2}, {"b", "B"}}, 2));
    for (int i = 0; i < 100; ++i) { // more than are read at once
      config = put(saver, config, checkpoint("c3-" + std::to_string(100 + i), {{"a", i}}, 3 + i));
    }
    json copy = checkpoint("c4");
    copy["channel_versions"] = {{"a", 2}, {"b", 2}, {"none", 7}};
    finish(saver.put(parent, copy, metadata(), json::object()));
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"] ==
          json({{"a", 2}, {"b", "B"}}));
  });
}

TEST_CASE("A value is taken only if its channel changed and is there") {
  on_each_store([](const Checkpointer& saver, auto&) {
    json what = checkpoint("c1", {{"a", 1}, {"b", 2}});
    what["channel_values"]["stray"] = 3;
    const json changed = {{"a", 1}, {"stray", 1}};
    finish(saver.put(Config("t"), what, metadata(), changed));
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"] == json({{"a", 1}}));
  });
}

TEST_CASE("A checkpoint that comes as text passes through as that text") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const Document text = Document::from_text(
        R"({"v":4,"id":"c1","channel_values":{"b":1.50,"a":"\u0061"},"channel_versions":{"b":1,"a":1}})");
    const Document about = Document::from_text(R"({"step":1.0,"source":"loop"})");
    const Document versions = Document::from_text(R"({"a":1,"b":1})");
    finish(saver.put(Config("t"), text, about, versions));
    const std::vector<ChannelWrite> writes = {
        ChannelWrite("a", Document::from_text(R"({"z":1.0,"a":[]})"))};
    finish(saver.put_writes(Config("t", "", "c1"), writes, "task", "a path"));
    const auto tuple = finish(saver.get_tuple(Config("t")));
    CHECK(tuple->checkpoint.text() == text.text());
    CHECK(tuple->metadata.text() == about.text());
    CHECK(tuple->pending_writes.at(0).value.text() == R"({"z":1.0,"a":[]})");
  });
}

TEST_CASE("Channels are carried over whatever the form of the parent and of the child") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const auto in_form = [](const json& tree, bool is_text) {
      return is_text ? Document::from_text(tree.dump()) : Document(tree);
    };
    for (int forms = 0; forms < 4; ++forms) {
      const bool parent_is_text = forms % 2 != 0;
      const bool child_is_text = forms / 2 != 0;
      const std::string thread = "t" + std::to_string(forms);
      json parent =
          checkpoint("c1", {{"a", 1}, {"b\n\"", {"x", {{"y", nullptr}}}}, {"gone", true}});
      const Config first =
          finish(saver.put(Config(thread), in_form(parent, parent_is_text), metadata(),
                           in_form(parent["channel_versions"], parent_is_text)));
      json child = checkpoint("c2", {{"a", "ignored"}, {"c", {3}}, {"stray", 1}}, 2);
      child["channel_versions"] = {{"a", 1}, {"b\n\"", 1}, {"c", 2}};
      finish(saver.put(first, in_form(child, child_is_text), in_form(metadata(), child_is_text),
                       in_form({{"c", 2}}, child_is_text)));
      json expected = child;
      expected["channel_values"] = {{"a", 1}, {"b\n\"", {"x", {{"y", nullptr}}}}, {"c", {3}}};
      const auto tuple = finish(saver.get_tuple(Config(thread)));
      CHECK(tuple->checkpoint == expected);
      CHECK(tuple->metadata == metadata());
    }
  });
}

TEST_CASE("An id that is put again is replaced, with its parent, and keeps its writes") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const Config first =
        put(saver, Config("t", "", "p1"), checkpoint("c1", {{"a", 1}}), metadata(1));
    const std::vector<ChannelWrite> writes = {ChannelWrite("a", 7)};
    finish(saver.put_writes(first, writes, "task"));
    put(saver, Config("t"), checkpoint("c2", {{"a", 2}}), metadata(2));
    put(saver, Config("t", "", "p2"), checkpoint("c1", {{"a", 3}}, 3), metadata(3));

    const auto tuple = finish(saver.get_tuple(first));
    CHECK(tuple->checkpoint["channel_values"]["a"] == 3);
    CHECK(tuple->metadata["step"] == 3);
    CHECK(tuple->parent_config == Config("t", "", "p2"));
    CHECK(tuple->pending_writes.size() == 1);
    CHECK(latest(saver, "t") == "c2");
    CHECK(names(finish(saver.list())) == Names{"t//c2", "t//c1"});

    // What is not said to have changed stays, though the parent has never been there.
    json again = checkpoint("c1");
    again["channel_versions"] = {{"a", 3}};
    finish(saver.put(Config("t", "", "p2"), again, metadata(4), json::object()));
    CHECK(finish(saver.get_tuple(first))->checkpoint["channel_values"]["a"] == 3);
  });
}

TEST_CASE("The latest is the greatest id, whenever it was put") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const Names ids = {"c5", "c1", "c9", "c3", "c2", "c8", "c0", "c7"};
    std::string greatest;
    Config config("t");
    for (const std::string& id : ids) {
      config = put(saver, Config("t", "", config.checkpoint_id), checkpoint(id, {{"a", id}}));
      greatest = std::max(greatest, id);
      CHECK(latest(saver, "t") == greatest);
    }
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"]["a"] == "c9");
    CHECK(names(finish(saver.list())) ==
          Names{"t//c9", "t//c8", "t//c7", "t//c5", "t//c3", "t//c2", "t//c1", "t//c0"});
    put(saver, Config("t"), checkpoint("c3")); // a late retry
    CHECK(latest(saver, "t") == "c9");
  });
}

TEST_CASE("The latest is the greatest id, also if many put at once") {
  on_each_store([](const Checkpointer& saver, auto&) {
    constexpr int writers = 4;
    constexpr int each = 25;
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back([&saver, writer] {
        for (int i = 0; i < each; ++i) {
          // Each goes through all ids in an order of its own.
          const int number = 1000 + (i * 7 + writer * 11) % each * writers + writer;
          json what = checkpoint("c" + std::to_string(number), {{"a", number}});
          json versions = what["channel_versions"];
          finish(saver.put(Config("t"), std::move(what), metadata(), std::move(versions)));
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    CHECK(latest(saver, "t") == "c" + std::to_string(1000 + each * writers - 1));
    const auto all = finish(saver.list());
    CHECK(all.size() == each * writers);
    CHECK(std::is_sorted(all.begin(), all.end(), [](const auto& one, const auto& other) {
      return one.config.checkpoint_id > other.config.checkpoint_id;
    }));
    // A writer that comes behind them all knows where it stands.
    put(saver, Config("t"), checkpoint("b"));
    CHECK(latest(saver, "t") == "c" + std::to_string(1000 + each * writers - 1));
    put(saver, Config("t"), checkpoint("d"));
    CHECK(latest(saver, "t") == "d");
  });
}

TEST_CASE("What one checkpointer last saw does not mislead it about what another did since") {
  on_each_store([](const Checkpointer& saver, auto& backend) {
    const Checkpointer other(backend);
    const auto list = [&] { return names(finish(saver.list())); };
    CHECK_FALSE(latest(saver, "t")); // saw nothing
    put(other, Config("t"), checkpoint("c5", {{"a", 5}}));
    put(saver, Config("t"), checkpoint("c3"));
    CHECK(latest(saver, "t") == "c5");
    put(other, Config("t"), checkpoint("c7", {{"a", 7}}));
    put(saver, Config("t"), checkpoint("c6"));
    CHECK(latest(other, "t") == "c7");
    CHECK(list() == Names{"t//c7", "t//c6", "t//c5", "t//c3"});

    CHECK(latest(saver, "t") == "c7"); // saw c7, which another puts again
    put(other, Config("t"), checkpoint("c9"));
    put(saver, Config("t"), checkpoint("c9", {{"a", 9}}));
    CHECK(list() == Names{"t//c9", "t//c7", "t//c6", "t//c5", "t//c3"});

    CHECK(latest(saver, "t") == "c9"); // saw a thread that is deleted, and another in its place
    CHECK(finish(other.delete_thread("t")));
    put(other, Config("t"), checkpoint("d2"));
    put(saver, Config("t"), checkpoint("d1"));
    CHECK(latest(saver, "t") == "d2");
    CHECK(list() == Names{"t//d2", "t//d1"});

    CHECK(latest(saver, "t") == "d2"); // saw what is pruned away
    put(other, Config("t"), checkpoint("d4"));
    finish(other.prune({"t"}));
    put(saver, Config("t"), checkpoint("d3"));
    CHECK(latest(saver, "t") == "d4");
    CHECK(list() == Names{"t//d4", "t//d3"});
  });
}

namespace {

/// Counts the calls of a backend.
class CallCounter final : public Interceptor {
public:
  awaitable<void> before(std::string_view operation, std::string) override {
    ++calls[std::string(operation)];
    co_return;
  }

  std::map<std::string, int> calls;
};

std::string numbered(int number) {
  return "c" + std::to_string(100'000 + number);
}

} // namespace

TEST_CASE("The latest is found by one read of one checkpoint, and most puts read nothing") {
  const auto counter = std::make_shared<CallCounter>();
  InterceptingStore store(std::make_shared<MemoryBackend>(), counter);
  const Checkpointer saver(store);
  finish(store.initialize());
  counter->calls.clear();
  constexpr int count = 100;
  for (int i = 0; i < count; ++i) {
    put(saver, Config("t"), checkpoint(numbered(i), {{"a", i}}));
  }
  CHECK(counter->calls.size() == 2);
  CHECK(counter->calls["put_checkpoint"] == count);
  CHECK(counter->calls["get_thread_head"] <= count / 10);
  for (const Checkpointer& reader : {saver, Checkpointer(store)}) {
    counter->calls.clear();
    CHECK(latest(reader, "t") == numbered(count - 1));
    CHECK(counter->calls == std::map<std::string, int>{{"get_thread_head", 1}, {"get_writes", 1}});
  }
}

TEST_CASE("Whatever several checkpointers do to a thread, each of them sees its latest") {
  on_each_store([](const Checkpointer& saver, auto& backend) {
    const std::vector<Checkpointer> savers = {saver, Checkpointer(backend), Checkpointer(backend)};
    for (unsigned seed = 0; seed < 20; ++seed) {
      std::mt19937 random(seed);
      const auto below = [&random](int limit) {
        return std::uniform_int_distribution<int>(0, limit - 1)(random);
      };
      const std::string thread = "t" + std::to_string(seed);
      const bool is_mostly_in_order = seed % 2 == 0;
      std::set<std::string> ids;
      int newest = 0;
      int removed = 0; // no id up to this one is put again
      for (int step = 0; step < 120; ++step) {
        INFO("seed " << seed << ", step " << step);
        const Checkpointer& one = savers.at(static_cast<std::size_t>(below(3)));
        const int what = below(60);
        if (what == 0) {
          CHECK(finish(one.delete_thread(thread)) == !ids.empty());
          ids.clear();
          removed = newest;
        } else if (what <= 2) {
          finish(one.prune({thread}));
          if (!ids.empty()) {
            ids.erase(ids.begin(), std::prev(ids.end()));
          }
          removed = newest;
        } else if (what <= 12) {
          CHECK(latest(one, thread) == (ids.empty() ? std::nullopt : std::optional(*ids.rbegin())));
        } else if (what <= 15) {
          ListOptions options;
          options.thread_id = thread;
          Names expected;
          std::transform(ids.rbegin(), ids.rend(), std::back_inserter(expected),
                         [&](const std::string& id) { return thread + "//" + id; });
          CHECK(names(finish(one.list(options))) == expected);
        } else {
          const bool is_late = newest > removed && below(is_mostly_in_order ? 40 : 4) == 0;
          newest += is_late ? 0 : 1 + below(3);
          const std::string id = numbered(is_late ? removed + 1 + below(newest - removed) : newest);
          put(one, Config(thread), checkpoint(id, {{"a", step}}));
          ids.insert(id);
        }
      }
    }
  });
}

TEST_CASE("A list goes by id across threads and namespaces") {
  on_each_store([](const Checkpointer& saver, auto&) {
    put(saver, Config("t2"), checkpoint("c1"));
    put(saver, Config("t1", "child"), checkpoint("c2"));
    put(saver, Config("t1"), checkpoint("c3"));
    put(saver, Config("t2", "child"), checkpoint("c3"));
    put(saver, Config("t1", "child"), checkpoint("c3"));
    put(saver, Config("t1"), checkpoint("c4"));

    ListOptions options;
    CHECK(names(finish(saver.list())) ==
          Names{"t1//c4", "t1//c3", "t1/child/c3", "t2/child/c3", "t1/child/c2", "t2//c1"});
    options.limit = 3;
    CHECK(names(finish(saver.list(options))) == Names{"t1//c4", "t1//c3", "t1/child/c3"});
    options.before = "c3";
    CHECK(names(finish(saver.list(options))) == Names{"t1/child/c2", "t2//c1"});
    options.before = "c35"; // which is nowhere
    options.limit = 2;
    CHECK(names(finish(saver.list(options))) == Names{"t1//c3", "t1/child/c3"});
    options.limit = 0;
    CHECK(finish(saver.list(options)).empty());

    options = ListOptions();
    options.thread_id = "t1";
    CHECK(names(finish(saver.list(options))) ==
          Names{"t1//c4", "t1//c3", "t1/child/c3", "t1/child/c2"});
    options.checkpoint_ns = "";
    CHECK(names(finish(saver.list(options))) == Names{"t1//c4", "t1//c3"});
    options.thread_id = std::nullopt;
    options.checkpoint_ns = "child";
    CHECK(names(finish(saver.list(options))) == Names{"t1/child/c3", "t2/child/c3", "t1/child/c2"});
    options.checkpoint_ns = std::nullopt;
    options.checkpoint_id = "c3";
    CHECK(names(finish(saver.list(options))) == Names{"t1//c3", "t1/child/c3", "t2/child/c3"});
    options.before = "c3";
    CHECK(finish(saver.list(options)).empty());
    options.thread_id = "t";
    options.before = std::nullopt;
    CHECK(finish(saver.list(options)).empty());
  });
}

TEST_CASE("A long thread is listed in pieces") {
  on_each_store([](const Checkpointer& saver, auto&) {
    constexpr int count = 150;
    const auto id = [](int i) { return "c" + std::to_string(1000 + i); };
    Config config("t");
    for (int i = 0; i < count; ++i) {
      config = put(saver, config, checkpoint(id(i)), metadata(i % 10));
    }
    CHECK(finish(saver.list()).size() == count);
    ListOptions options;
    options.limit = 2;
    options.before = id(40);
    CHECK(names(finish(saver.list(options))) == Names{"t//c1039", "t//c1038"});
    options.before = id(40) + "x";
    CHECK(names(finish(saver.list(options))) == Names{"t//c1040", "t//c1039"});
    options.before = id(0);
    CHECK(finish(saver.list(options)).empty());
    options.before = std::nullopt;
    options.filter = {{"step", 3}};
    CHECK(names(finish(saver.list(options))) == Names{"t//c1143", "t//c1133"});
    options.limit = std::nullopt;
    CHECK(finish(saver.list(options)).size() == count / 10);

    put(saver, Config("t"), checkpoint("c1039x")); // behind its time
    options = ListOptions();
    options.before = id(41);
    options.limit = 3;
    CHECK(names(finish(saver.list(options))) == Names{"t//c1040", "t//c1039x", "t//c1039"});
    CHECK(finish(saver.list()).size() == count + 1);
  });
}

TEST_CASE("A filter compares top-level keys as a whole") {
  on_each_store([](const Checkpointer& saver, auto&) {
    put(saver, Config("t"), checkpoint("c1"),
        {{"a", {{"b", 1}, {"c", 2}}}, {"a.b", "flat"}, {"n", nullptr}, {"f", false}});
    put(saver, Config("t"), checkpoint("c2"), {{"a", {{"b", 1}}}, {"list", {1, 2}}, {"one", 1}});
    const auto filtered = [&](json filter) {
      ListOptions options;
      options.filter = std::move(filter);
      return names(finish(saver.list(options)));
    };
    CHECK(filtered(json::object()) == Names{"t//c2", "t//c1"});
    CHECK(filtered({{"a.b", "flat"}}) == Names{"t//c1"});
    CHECK(filtered({{"a.b", 1}}).empty());
    CHECK(filtered({{"a", {{"b", 1}}}}) == Names{"t//c2"});
    CHECK(filtered({{"a", {{"c", 2}, {"b", 1}}}}) == Names{"t//c1"});
    CHECK(filtered({{"a", json::object()}}).empty());
    CHECK(filtered({{"n", nullptr}}) == Names{"t//c1"});
    CHECK(filtered({{"missing", nullptr}}).empty());
    CHECK(filtered({{"f", false}}) == Names{"t//c1"});
    CHECK(filtered({{"list", {1, 2}}}) == Names{"t//c2"});
    CHECK(filtered({{"list", {2, 1}}}).empty());
    CHECK(filtered({{"one", 1.0}}) == Names{"t//c2"});
    CHECK(filtered({{"one", "1"}}).empty());
    CHECK(filtered({{"one", true}}).empty());
    CHECK(filtered({{"one", 1}, {"list", {1, 2}}}) == Names{"t//c2"});
    CHECK(filtered({{"one", 1}, {"f", false}}).empty());
    CHECK(filtered({{"'; DROP TABLE checkpoints; --", 1}}).empty());
  });
}

TEST_CASE("Of repeated writes the first stays, of special channels the last") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const Config config = put(saver, Config("t"), checkpoint("c1"));
    const std::vector<ChannelWrite> first = {ChannelWrite("__error__", "e1"), ChannelWrite("a", 1),
                                             ChannelWrite("a", 2)};
    const std::vector<ChannelWrite> second = {
        ChannelWrite("__error__", "e2"), ChannelWrite("a", 10), ChannelWrite("b", 20),
        ChannelWrite("__resume__", "r1"), ChannelWrite("__resume__", "r2")};
    finish(saver.put_writes(config, first, "task"));
    finish(saver.put_writes(config, second, "task"));
    std::vector<std::pair<std::int64_t, json>> got;
    const auto tuple = finish(saver.get_tuple(config));
    for (const PendingWrite& write : tuple->pending_writes) {
      got.emplace_back(write.index, write.value);
    }
    CHECK(got ==
          std::vector<std::pair<std::int64_t, json>>{{-4, "r2"}, {-1, "e2"}, {1, 1}, {2, 2}});
  });
}

TEST_CASE("Writes are ordered by task path, task and index") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const Config config("t", "ns", "c1");
    const std::vector<ChannelWrite> two = {ChannelWrite("a", 1), ChannelWrite("b", 2)};
    finish(saver.put_writes(config, two, "task-1", "~pull, b"));
    finish(saver.put_writes(config, two, "task-3", "~pull, a"));
    finish(saver.put_writes(config, two, "task-2", "~pull, a"));
    finish(saver.put_writes(config, two, "task-4"));
    CHECK_FALSE(finish(saver.get_tuple(config))); // the checkpoint comes later
    put(saver, Config("t", "ns"), checkpoint("c1"));
    Names got;
    const auto tuple = finish(saver.get_tuple(config));
    for (const PendingWrite& write : tuple->pending_writes) {
      got.push_back(write.task_id + write.channel);
      CHECK(write.value == json(write.channel == "a" ? 1 : 2));
    }
    CHECK(got == Names{"task-4a", "task-4b", "task-2a", "task-2b", "task-3a", "task-3b", "task-1a",
                       "task-1b"});
    put(saver, config, checkpoint("c2"));
    CHECK(finish(saver.get_tuple(Config("t", "ns")))->pending_writes.empty());
    put(saver, Config("t"), checkpoint("c1"));
    CHECK(finish(saver.get_tuple(Config("t")))->pending_writes.empty());
  });
}

TEST_CASE("Pending sends of old formats become a channel") {
  on_each_store([](const Checkpointer& saver, auto&) {
    json old = checkpoint("c1");
    old["v"] = 1;
    const Config parent = put(saver, Config("t"), old);
    const std::vector<ChannelWrite> writes = {ChannelWrite("__pregel_tasks", "send-1"),
                                              ChannelWrite("other", 0),
                                              ChannelWrite("__pregel_tasks", "send-2")};
    finish(saver.put_writes(parent, writes, "task"));
    CHECK(finish(saver.get_tuple(parent))->checkpoint["channel_values"] == json::object());

    json child = checkpoint("c2");
    child["v"] = 1;
    child["channel_versions"] = {{"a", 9}, {"b", 10}};
    put(saver, parent, child);
    for (const auto& tuple :
         {*finish(saver.get_tuple(Config("t"))), finish(saver.list()).front()}) {
      CHECK(tuple.checkpoint["channel_values"]["__pregel_tasks"] == json({"send-1", "send-2"}));
      CHECK(tuple.checkpoint["channel_versions"]["__pregel_tasks"] == 10);
    }
    child["id"] = "c3";
    child["channel_versions"] = json::object();
    put(saver, Config("t", "", "c2"), child);
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"] ==
          json({{"__pregel_tasks", json::array()}}));
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_versions"] ==
          json({{"__pregel_tasks", 1}}));
    child["v"] = 4;
    child["id"] = "c4";
    put(saver, parent, child);
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"] == json::object());
  });
}

TEST_CASE("No two pairs of thread and namespace meet") {
  on_each_store([](const Checkpointer& saver, auto& backend) {
    const std::vector<std::pair<std::string, std::string>> places = {
        {"a", ""},         {"a", "b"},        {"a:b", ""}, {"a", ":b"},   {"a:", "b"},
        {"a:b", "c"},      {"a", "b:c"},      {"1:a", ""}, {"1", "a"},    {"11", ":"},
        {"1", "1:"},       {"A", "b"},        {"a%", ""},  {"a_", ""},    {"a*", "*"},
        {"../a", "/"},     {"a\n", "\t"},     {" a", " "}, {"a\"'", "'"}, {"\xc3\xa9", ""},
        {"e\xcc\x81", ""}, {"lg:1:a:", "lg:"}};
    int number = 0;
    for (const auto& [thread, ns] : places) {
      put(saver, Config(thread, ns), checkpoint("c", {{"n", number++}}));
    }
    finish(backend.put_checkpoint("a", "c", "not ours"));
    finish(backend.put_checkpoint("lg:x", "c", "not ours"));
    finish(backend.put_checkpoint("lg:5:a:", "c", "not ours"));
    finish(backend.put_checkpoint("lg:99999999999999999999:a:", "c", "not ours"));
    CHECK(finish(saver.list()).size() == places.size());
    number = 0;
    for (const auto& [thread, ns] : places) {
      CHECK(finish(saver.get_tuple(Config(thread, ns)))->checkpoint["channel_values"]["n"] ==
            number++);
    }
    const auto in_thread_a = std::count_if(places.begin(), places.end(),
                                           [](const auto& place) { return place.first == "a"; });
    CHECK(finish(saver.delete_thread("a")));
    CHECK(finish(saver.list()).size() == places.size() - static_cast<std::size_t>(in_thread_a));
    CHECK(finish(backend.get_checkpoint("a"))->data == "not ours");
  });
}

TEST_CASE("Ids at their limits, and beyond") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const std::string thread(600, 't');
    const std::string ns(400, 'n');
    const std::string id(1024, 'c');
    const std::string task(1024, 'w');
    const Config config = put(saver, Config(thread, ns), checkpoint(id));
    const std::vector<ChannelWrite> writes = {ChannelWrite("a", 1)};
    finish(saver.put_writes(config, writes, task, std::string(5000, 'p')));
    CHECK(finish(saver.get_tuple(config))->pending_writes.front().task_id == task);
    put(saver, Config(std::string(1000, 't')), checkpoint(id));
    CHECK(finish(saver.list()).size() == 2);

    const auto put_error = [&](const Config& where, json what) {
      return error_of(saver.put(where, std::move(what), json::object(), json::object()));
    };
    const std::string nul("a\0b", 3);
    for (const Config& wrong :
         {Config(""), Config(nul), Config("\xff"), Config("t", nul), Config("t", "\xff"),
          Config(std::string(1001, 't')), Config(thread, ns + "n"), Config("t", "", ""),
          Config("t", "", nul), Config("t", "", id + "c")}) {
      CHECK(put_error(wrong, checkpoint("c")) == errc::invalid_argument);
      CHECK(error_of(saver.get_tuple(wrong)) == errc::invalid_argument);
      CHECK(error_of(saver.put_writes(wrong, writes, "task")) == errc::invalid_argument);
    }
    CHECK(put_error(Config("t"), checkpoint("")) == errc::invalid_argument);
    CHECK(put_error(Config("t"), checkpoint(id + "c")) == errc::invalid_argument);
    CHECK(put_error(Config("t"), checkpoint(nul)) == errc::invalid_argument);
    CHECK(error_of(saver.put_writes(Config("t"), writes, "task")) == errc::invalid_argument);
    CHECK(error_of(saver.put_writes(Config("t", "", "c"), writes, "")) == errc::invalid_argument);
    CHECK(error_of(saver.delete_thread("")) == errc::invalid_argument);
    CHECK(error_of(saver.copy_thread("t", "")) == errc::invalid_argument);
    CHECK(error_of(saver.prune({"t", ""})) == errc::invalid_argument);
    ListOptions options;
    options.thread_id = "";
    CHECK(error_of(saver.list(options)) == errc::invalid_argument);
    CHECK(finish(saver.list()).size() == 2);
  });
}

TEST_CASE("Values of the wrong kind are refused") {
  on_each_store([](const Checkpointer& saver, auto&) {
    const auto put_error = [&](json what, json about, json versions) {
      return error_of(
          saver.put(Config("t"), std::move(what), std::move(about), std::move(versions)));
    };
    const json object = json::object();
    json no_id = checkpoint("c");
    no_id.erase("id");
    json number_id = checkpoint("c");
    number_id["id"] = 1;
    json values = checkpoint("c");
    values["channel_values"] = "text";
    json versions = checkpoint("c");
    versions["channel_versions"] = {1};
    for (const json& wrong :
         {json(), json("c"), json::array(), no_id, number_id, values, versions}) {
      CHECK(put_error(wrong, object, object) == errc::invalid_argument);
    }
    CHECK(put_error(checkpoint("c"), 1, object) == errc::invalid_argument);
    CHECK(put_error(checkpoint("c"), object, json::array()) == errc::invalid_argument);
    ListOptions options;
    options.filter = json::array();
    CHECK(error_of(saver.list(options)) == errc::invalid_argument);
    CHECK(finish(saver.list()).empty());
  });
}

TEST_CASE("What is no checkpoint is corrupted, never absent") {
  on_each_store([](const Checkpointer& saver, auto& backend) {
    const std::string key = "lg:1:t:";
    const json notes = {{"after", ""}, {"greatest", ""}, {"in_order", true}};
    const json good = {{"metadata", json::object()}, {"notes", notes}};
    json no_order = good;
    no_order["notes"].erase("in_order");
    json odd_metadata = good;
    odd_metadata["metadata"] = 1;
    const json data = checkpoint("c");
    const std::vector<std::pair<json, json>> all_wrong = {
        {data, json::object()}, {data, {{"notes", notes}}},
        {data, no_order},       {data, odd_metadata},
        {json(1), good},        {json(), good}};
    for (const auto& [wrong_data, wrong_metadata] : all_wrong) {
      finish(backend.put_checkpoint(key, "c", wrong_data, wrong_metadata));
      CHECK(error_of(saver.get_tuple(Config("t"))) == errc::corrupted);
      CHECK(error_of(saver.get_tuple(Config("t", "", "c"))) == errc::corrupted);
      CHECK(error_of(saver.list()) == errc::corrupted);
      CHECK(error_of(saver.put(Config("t"), checkpoint("d"), json::object(), json::object())) ==
            errc::corrupted);
    }
    // What is to be carried over from it is not there to be read.
    finish(backend.put_checkpoint(key, "c", json::object(), good));
    json child = checkpoint("d");
    child["channel_versions"] = {{"a", 1}};
    CHECK(error_of(saver.put(Config("t", "", "c"), child, metadata(), json::object())) ==
          errc::corrupted);
    put(saver, Config("u"), checkpoint("c"));
    const std::vector<ChannelWrite> bare = {ChannelWrite("a", 1)};
    finish(backend.put_writes("lg:1:u:", "c", "task", bare));
    CHECK(error_of(saver.get_tuple(Config("u"))) == errc::corrupted);
  });
}

namespace {

/// A thread with what there can be: namespaces, ancestors, writes, a late id, writes that wait for
/// their checkpoint.
void fill(const Checkpointer& saver, const std::string& thread) {
  const std::vector<ChannelWrite> writes = {ChannelWrite("a", 1), ChannelWrite("__interrupt__", 2)};
  for (const char* const ns : {"", "child:1", "child:1|deep:2"}) {
    Config config(thread, ns);
    for (const char* const id : {"c1", "c3", "c4"}) {
      config = put(saver, config, checkpoint(id, {{"a", id}}));
      finish(saver.put_writes(config, writes, "task", "path"));
    }
    put(saver, Config(thread, ns), checkpoint("c2"));
    finish(saver.put_writes(Config(thread, ns, "c9"), writes, "task"));
  }
}

/// All that a thread holds, under another name.
std::vector<langgraph::CheckpointTuple> content(const Checkpointer& saver,
                                                const std::string& thread, const std::string& as) {
  ListOptions options;
  options.thread_id = thread;
  auto tuples = finish(saver.list(options));
  for (auto& tuple : tuples) {
    tuple.config.thread_id = as;
    if (tuple.parent_config) {
      tuple.parent_config->thread_id = as;
    }
  }
  return tuples;
}

/// A backend that fails before its n-th write from now on, and from then on.
class Interrupted : public MemoryBackend {
public:
  void fail_after(int writes) { left_ = writes; }
  void heal() { left_ = -1; }

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata = Document::object()) override {
    count();
    return MemoryBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(data), std::move(metadata));
  }
  awaitable<bool> delete_thread(std::string thread_id) override {
    count();
    return MemoryBackend::delete_thread(std::move(thread_id));
  }
  awaitable<bool> copy_thread(std::string source, std::string target) override {
    count();
    return MemoryBackend::copy_thread(std::move(source), std::move(target));
  }
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    count();
    return MemoryBackend::prune_thread(std::move(thread_id), keep);
  }

private:
  void count() {
    if (left_ == 0) {
      throw StorageError(errc::unavailable, "write", "", "interrupted");
    }
    left_ -= left_ > 0 ? 1 : 0;
  }

  int left_ = -1;
};

/// Interrupts what `act` does at each of its writes, and lets it be repeated: then `check` holds.
template <class Act, class Check>
void interrupt_everywhere(Act act, Check check) {
  int interruptions = 0;
  for (bool interrupted = true; interrupted; ++interruptions) {
    Interrupted backend;
    finish(backend.initialize());
    const Checkpointer saver(backend);
    fill(saver, "t");
    fill(saver, "other");
    backend.fail_after(interruptions);
    interrupted = error_of(act(saver)) == errc::unavailable;
    backend.heal();
    if (interrupted) {
      finish(act(saver));
    }
    check(saver, backend);
  }
  CHECK(interruptions > 3);
}

} // namespace

TEST_CASE("A thread is deleted with all namespaces and writes") {
  on_each_store([](const Checkpointer& saver, auto& backend) {
    fill(saver, "t");
    fill(saver, "t2");
    const auto other = content(saver, "t2", "t2");
    CHECK(finish(saver.delete_thread("t")));
    CHECK(content(saver, "t", "t").empty());
    CHECK(finish(backend.list_threads("lg:1:t:")).thread_ids.empty());
    CHECK(content(saver, "t2", "t2") == other);
    CHECK_FALSE(finish(saver.delete_thread("t")));
    put(saver, Config("t"), checkpoint("c9"));
    CHECK(finish(saver.get_tuple(Config("t")))->pending_writes.empty());
  });
}

TEST_CASE("A delete that was interrupted is completed by a repeat") {
  interrupt_everywhere([](const Checkpointer& saver) { return saver.delete_thread("t"); },
                       [](const Checkpointer& saver, auto& backend) {
                         CHECK(finish(backend.list_threads("lg:1:t:")).thread_ids.empty());
                         CHECK(content(saver, "other", "other").size() == 12);
                       });
}

TEST_CASE("A thread is copied with all namespaces and writes") {
  on_each_store([](const Checkpointer& saver, auto&) {
    fill(saver, "t");
    const auto source = content(saver, "t", "t");
    REQUIRE(source.size() == 12);
    CHECK_FALSE(finish(saver.copy_thread("none", "u")));
    CHECK(content(saver, "u", "u").empty());
    CHECK(finish(saver.copy_thread("t", "u")));
    CHECK(content(saver, "u", "t") == source);
    CHECK(content(saver, "t", "t") == source);
    put(saver, Config("u"), checkpoint("c9"));
    CHECK(finish(saver.get_tuple(Config("u")))->pending_writes.size() == 2); // they waited for it
    put(saver, Config("u"), checkpoint("c91", {{"a", 5}}));
    CHECK(content(saver, "t", "t") == source);

    const auto target = content(saver, "u", "u");
    CHECK(error_of(saver.copy_thread("t", "u")) == errc::already_exists);
    CHECK(error_of(saver.copy_thread("t", "t")) == errc::already_exists);
    CHECK(content(saver, "u", "u") == target);
    CHECK(error_of(saver.copy_thread("t", std::string(990, 'u'))) == errc::invalid_argument);
    CHECK(content(saver, std::string(990, 'u'), "").empty());
  });
}

TEST_CASE("A copy that was interrupted is completed by a repeat") {
  interrupt_everywhere([](const Checkpointer& saver) { return saver.copy_thread("t", "u"); },
                       [](const Checkpointer& saver, auto& backend) {
                         CHECK(content(saver, "u", "t") == content(saver, "t", "t"));
                         CHECK(content(saver, "u", "u").size() == 12);
                         CHECK(finish(backend.list_threads("lg-copy:")).thread_ids.empty());
                         CHECK(error_of(saver.copy_thread("other", "u")) == errc::already_exists);
                       });
}

TEST_CASE("What an interrupted copy left is no thread of another's") {
  Interrupted backend;
  finish(backend.initialize());
  const Checkpointer saver(backend);
  fill(saver, "t");
  fill(saver, "other");
  backend.fail_after(3); // the note, and two of three namespaces
  CHECK(error_of(saver.copy_thread("t", "u")) == errc::unavailable);
  backend.heal();
  CHECK_FALSE(finish(saver.get_tuple(Config("u")))); // the graph's own comes last
  CHECK(error_of(saver.copy_thread("other", "u")) == errc::already_exists);
  CHECK(finish(saver.delete_thread("u")));
  CHECK(finish(saver.copy_thread("other", "u")));
  CHECK(content(saver, "u", "other") == content(saver, "other", "other"));
}

TEST_CASE("A target that was used after an interrupted copy is left alone") {
  Interrupted backend;
  finish(backend.initialize());
  const Checkpointer saver(backend);
  fill(saver, "t");
  backend.fail_after(2);
  CHECK(error_of(saver.copy_thread("t", "u")) == errc::unavailable);
  backend.heal();
  put(saver, Config("u"), checkpoint("mine"));
  CHECK(error_of(saver.copy_thread("t", "u")) == errc::already_exists);
  CHECK(latest(saver, "u") == "mine");
}

TEST_CASE("Pruning keeps the latest of each namespace, with its writes") {
  on_each_store([](const Checkpointer& saver, auto&) {
    fill(saver, "t");
    fill(saver, "t2");
    const auto before = content(saver, "t", "t");
    const auto other = content(saver, "t2", "t2");
    finish(saver.prune({"t", "none"}));
    const auto after = content(saver, "t", "t");
    CHECK(names(after) == Names{"t//c4", "t/child:1/c4", "t/child:1|deep:2/c4"});
    CHECK(std::equal(after.begin(), after.end(), before.begin()));
    CHECK(content(saver, "t2", "t2") == other);
    for (const char* const id : {"c1", "c2", "c3"}) {
      CHECK_FALSE(finish(saver.get_tuple(Config("t", "", id))));
    }
    CHECK(latest(saver, "t") == "c4");

    // The thread goes on, with what waited for its checkpoint.
    put(saver, Config("t", "", "c4"), checkpoint("c9", {{"a", 9}}));
    CHECK(finish(saver.get_tuple(Config("t")))->pending_writes.size() == 2);
    put(saver, Config("t"), checkpoint("c2", {{"a", 2}}));
    CHECK(finish(saver.get_tuple(Config("t", "", "c2")))->checkpoint["channel_values"]["a"] == 2);
    CHECK(latest(saver, "t") == "c9");
    finish(saver.prune({"t"}, PruneStrategy::keep_latest));
    CHECK(content(saver, "t", "t").size() == 3);

    finish(saver.prune({"t"}, PruneStrategy::delete_all));
    CHECK(content(saver, "t", "t").empty());
    CHECK(content(saver, "t2", "t2") == other);
    finish(saver.prune({}));
  });
}

TEST_CASE("A pruned thread that is in order has nothing left behind") {
  on_each_store([](const Checkpointer& saver, auto& backend) {
    Config config("t");
    for (const char* const id : {"c1", "c2", "c3"}) {
      config = put(saver, config, checkpoint(id, {{"a", id}, {"same", 1}}));
    }
    json last = checkpoint("c4");
    last["channel_versions"] = {{"a", 1}, {"same", 1}};
    finish(saver.put(config, last, metadata(), json::object()));
    finish(saver.prune({"t"}));
    CHECK(finish(backend.list_checkpoints("lg:1:t:", 10)).size() == 1);
    CHECK(finish(saver.get_tuple(Config("t")))->checkpoint["channel_values"] ==
          json({{"a", "c3"}, {"same", 1}}));
  });
}

TEST_CASE("A prune that was interrupted is completed by a repeat") {
  interrupt_everywhere([](const Checkpointer& saver) { return saver.prune({"t"}); },
                       [](const Checkpointer& saver, auto&) {
                         CHECK(names(content(saver, "t", "t")) ==
                               Names{"t//c4", "t/child:1/c4", "t/child:1|deep:2/c4"});
                         CHECK(content(saver, "other", "other").size() == 12);
                       });
}

TEST_CASE("Nothing happens before the await, and a call may outlive the checkpointer") {
  on_each_store([](const Checkpointer&, auto& backend) {
    auto saver = std::make_unique<Checkpointer>(backend);
    (void)saver->put(Config("t"), checkpoint("c1"), metadata(), json::object());
    auto call = saver->put(Config("t"), checkpoint("c2"), metadata(), json::object());
    auto read = saver->get_tuple(Config("t"));
    saver.reset();
    finish(std::move(call));
    CHECK(finish(std::move(read))->config.checkpoint_id == "c2");
  });
}
