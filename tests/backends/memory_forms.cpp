// SPDX-License-Identifier: Apache-2.0

// A store in memory keeps the form of a value that it was given, and no other: what a writer or a
// reader makes of it goes with them. Seen by what is allocated.

#include "bench/allocations.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <agentstore/backends/memory.hpp>

using namespace agentstore;
using namespace agentstore::test;

namespace {

/// A value that the backend keeps: how it gets there, and how it is read.
class Kept {
public:
  const char* name;
  void (*put)(MemoryBackend&, Document);
  Document (*read)(MemoryBackend&);
};

const std::vector<Kept>& all_kept() {
  static const std::vector<Kept> all = {
      {"a session's metadata",
       [](MemoryBackend& store, Document value) {
         run(store.create_session("own", "user", std::move(value)));
       },
       [](MemoryBackend& store) { return run(store.get_session("own"))->metadata; }},
      {"a message's metadata",
       [](MemoryBackend& store, Document value) {
         run(store.add_conversation_message("s", "user", "hello", std::move(value)));
       },
       [](MemoryBackend& store) {
         return run(store.get_conversation_history("s")).at(0).metadata;
       }},
      {"a checkpoint's data",
       [](MemoryBackend& store, Document value) {
         run(store.store_checkpoint("t", "c", std::move(value)));
       },
       [](MemoryBackend& store) { return run(store.get_checkpoint("t"))->data; }},
      {"a checkpoint's data in a list",
       [](MemoryBackend& store, Document value) {
         run(store.put_checkpoint("t", "c", std::move(value)));
       },
       [](MemoryBackend& store) {
         ICheckpointerBackend& checkpointer = store;
         return run(checkpointer.list_checkpoints("t")).at(0).data;
       }},
      {"a checkpoint's metadata",
       [](MemoryBackend& store, Document value) {
         run(store.put_checkpoint("t", "c", 1, std::move(value)));
       },
       [](MemoryBackend& store) { return run(store.get_checkpoint("t", "c"))->metadata; }},
      {"a write's value",
       [](MemoryBackend& store, Document value) {
         std::vector<ChannelWrite> writes;
         writes.emplace_back("channel", std::move(value));
         run(store.put_writes("t", "c", "task", std::move(writes)));
       },
       [](MemoryBackend& store) { return run(store.get_writes("t", "c")).at(0).value; }},
      {"a context",
       [](MemoryBackend& store, Document value) {
         run(store.store_task_context("s", std::move(value)));
       },
       [](MemoryBackend& store) { return run(store.get_task_context("s")).value(); }},
  };
  return all;
}

/// A tree of a thousand nodes or more.
json many_nodes() {
  json list = json::array();
  for (int i = 0; i < 500; ++i) {
    list.push_back(json::array({i}));
  }
  json tree = json::object();
  tree["list"] = std::move(list);
  return tree;
}

Document tree() {
  return many_nodes();
}
Document text() {
  return tree().as_text();
}
/// Each has made its other form.
Document text_looked_into() {
  Document value = text();
  static_cast<void>(value.tree());
  return value;
}
Document tree_shown() {
  Document value = tree();
  static_cast<void>(value.text());
  return value;
}

/// A store that has the value.
class Store {
public:
  explicit Store(const Kept& kept, Document value) {
    REQUIRE(run(backend.initialize()));
    run(backend.create_session("s", "user"));
    kept.put(backend, std::move(value));
  }

  MemoryBackend backend;
};

/// How many allocations a store is that was given the value.
std::uint64_t size_with(const Kept& kept, Document (*value)()) {
  const std::uint64_t before = bench::live_allocations();
  const Store store(kept, value());
  return bench::live_allocations() - before;
}

} // namespace

TEST_CASE("A reader's tree or text goes with the reader") {
  for (const Kept& kept : all_kept()) {
    INFO(kept.name);
    for (const bool is_text : {true, false}) {
      CAPTURE(is_text);
      Store store(kept, is_text ? text() : tree());
      static_cast<void>(kept.read(store.backend)); // what is made at the first call is there
      const std::uint64_t before = bench::live_allocations();
      {
        const Document read = kept.read(store.backend);
        const Document other = kept.read(store.backend);
        const bool has_same_text = read.text().data() == other.text().data();
        const bool has_same_tree = &read.tree() == &other.tree();
        CHECK(has_same_text == is_text);
        CHECK(has_same_tree == !is_text);
        CHECK((read == tree()));
        CHECK(bench::live_allocations() > before);
      }
      CHECK(bench::live_allocations() == before);
    }
  }
}

TEST_CASE("A writer's tree or text goes with the writer") {
  for (const Kept& kept : all_kept()) {
    INFO(kept.name);
    static_cast<void>(size_with(kept, text)); // what is made at the first call is there
    const std::uint64_t with_text = size_with(kept, text);
    const std::uint64_t with_tree = size_with(kept, tree);
    CHECK(with_text + 500 < with_tree);
    CHECK(size_with(kept, text_looked_into) == with_text);
    CHECK(size_with(kept, tree_shown) == with_tree);
  }
}
