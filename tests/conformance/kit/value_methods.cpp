// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>

#include <set>

namespace agentstore::conformance {
namespace {

struct BothHarness {
  static constexpr std::string_view name = "both";
  Claims claims() const { return Claims(); }
  auto open(boost::asio::any_io_executor, const std::string&) {
    return std::make_tuple(std::make_shared<MemoryBackend>(), std::make_shared<MemoryArchive>());
  }
  void drop(const std::string&) {}
};

/// What both halves of a store need before they can be used: each has its own life cycle.
Client open_both(RuleContext& ctx) {
  Client client = ctx.open_raw();
  client.call("initialize()", client.handle().backend->initialize());
  client.call("initialize()", client.handle().archive->initialize());
  return client;
}

TEST_CASE("what is said of each method is true of it") {
  HarnessAdapter<BothHarness> harness;
  Deadline deadline(std::chrono::seconds(5));
  RuleContext ctx(harness, deadline, "space", 1);
  Client client = open_both(ctx);
  const auto call = [&](const Operation& operation) {
    return client.call(show(operation),
                       is_positive(method_of(operation.kind).call(client.handle(), operation)));
  };
  std::size_t position = 0;
  for (const Method& method : methods()) {
    INFO(method.name);
    CHECK(static_cast<std::size_t>(method.id) == position++);
    if (method.on_missing == OnMissing::no_id) {
      CHECK(method.id_names().empty());
      continue;
    }
    const Operation unknown = method.prepared("unknown to " + std::string(method.name));
    CHECK(call(unknown) == (method.on_missing == OnMissing::creates));
    if (method.has(Parameter::prefix)) {
      continue; // an empty one is for all
    }
    Operation refused = method.prepared("");
    if (method.is_archive()) {
      CHECK_FALSE(call(refused));
      continue;
    }
    try {
      call(refused);
      FAIL_CHECK("an empty id was taken");
    } catch (const StorageError& error) {
      CHECK(error.operation() == method.name);
    }
  }
}

TEST_CASE("whatever writes or changes has numbered calls, which are found") {
  HarnessAdapter<BothHarness> harness;
  Deadline deadline(std::chrono::seconds(5));
  RuleContext ctx(harness, deadline, "space", 1);
  Client client = open_both(ctx);
  std::set<std::string_view> tagged_methods;
  int key = 0;
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    INFO(tagged.name);
    tagged_methods.insert(tagged.method().name);
    const std::string own = "k" + std::to_string(++key);
    tagged.prepare(ctx, client, own);
    CHECK(tagged.numbers(ctx, client, own).empty());
    CHECK(tagged.put(client, own, 7));
    CHECK(tagged.numbers(ctx, client, own) == tagged.after({}, 7));
  }
  for (const Method& method : methods()) {
    INFO(method.name);
    const bool does = method.kind == MethodKind::writes || method.kind == MethodKind::changes;
    CHECK((tagged_methods.count(method.name) != 0) == does);
  }
}

TEST_CASE("each argument is read back as it was written, by the ids it was written to") {
  HarnessAdapter<BothHarness> harness;
  Deadline deadline(std::chrono::seconds(5));
  RuleContext ctx(harness, deadline, "space", 1);
  Client client = open_both(ctx);
  const std::vector<WriteArgument> all = write_arguments(ctx);
  CHECK(all.size() == 24);
  int key = 0;
  for (const WriteArgument& argument : all) {
    INFO(argument.label());
    const Ids ids = argument.ids("k" + std::to_string(++key));
    CHECK(ids.size() == argument.id_names.size());
    argument.prepare(ctx, client, ids);
    CHECK(argument.read_all(ctx, client, ids).empty() ==
          (argument.on_repeat != RepeatEffect::merges));
    const json first = argument.sample(1);
    const json second = argument.sample(2);
    CHECK(argument.put(client, ids, first));
    const auto found = argument.find(ctx, client, ids);
    REQUIRE(found);
    CHECK(identical(found->value, first));
    CHECK(found->ids == ids);
    try {
      static_cast<void>(argument.put(client, ids, second));
    } catch (const StorageError& error) {
      CHECK(means(error.code(), errc::already_exists));
    }
    const std::vector<Found> after = argument.read_all(ctx, client, ids);
    CHECK(after.size() == (argument.on_repeat == RepeatEffect::appends ? 2u : 1u));
    CHECK(
        identical(after.back().value, argument.on_repeat == RepeatEffect::keeps ? first : second));
    Ids other = ids;
    for (std::size_t i = 0; i < argument.addressing; ++i) {
      other = ids;
      other[i] += "x";
      const auto missed = argument.find(ctx, client, other);
      CHECK_FALSE(missed);
    }
  }
  for (const ReadMethod& method : read_methods(ctx)) {
    INFO(method.name);
    const bool found = method.get(client, method.ids("nobody"));
    CHECK(found == (method.name == "get_metrics"));
  }
}

TEST_CASE("a write method does nothing before it is awaited") {
  HarnessAdapter<BothHarness> harness;
  Deadline deadline(std::chrono::seconds(5));
  RuleContext ctx(harness, deadline, "space", 1);
  Client client = open_both(ctx);
  for (const WriteArgument& argument : write_arguments(ctx)) {
    INFO(argument.label());
    const Ids ids = argument.ids(argument.label());
    argument.prepare(ctx, client, ids);
    const std::size_t before = argument.read_all(ctx, client, ids).size();
    {
      const auto dropped = argument.write(client.handle(), ids, argument.sample(1));
    }
    CHECK(argument.read_all(ctx, client, ids).size() == before);
  }
}

} // namespace
} // namespace agentstore::conformance
