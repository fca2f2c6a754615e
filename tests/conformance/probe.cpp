// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/probe.hpp>

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
Client open_both(World& w) {
  Client c = w.open_raw();
  c.call("initialize()", c.handle().backend->initialize());
  c.call("initialize()", c.handle().archive->initialize());
  return c;
}

TEST_CASE("a probe reads back what it wrote, by the ids it wrote it to") {
  HarnessAdapter<BothHarness> harness;
  Deadline deadline(std::chrono::seconds(5));
  World w(harness, deadline, "space", 1);
  Client c = open_both(w);
  const std::vector<Probe> all = probes(w);
  CHECK(all.size() == 24);
  int key = 0;
  for (const Probe& probe : all) {
    INFO(probe.label());
    const Ids ids = probe.ids("k" + std::to_string(++key));
    CHECK(ids.size() == probe.id_names.size());
    probe.prepare(w, c, ids);
    CHECK(probe.read_all(w, c, ids).empty() == (probe.again != Probe::Again::merges));
    const json first = probe.sample(1);
    const json second = probe.sample(2);
    CHECK(probe.put(c, ids, first));
    const auto found = probe.find(w, c, ids);
    REQUIRE(found);
    CHECK(identical(found->value, first));
    CHECK(found->ids == ids);
    try {
      static_cast<void>(probe.put(c, ids, second));
    } catch (const StorageError& error) {
      CHECK(means(error.code(), errc::already_exists));
    }
    const std::vector<Found> after = probe.read_all(w, c, ids);
    CHECK(after.size() == (probe.again == Probe::Again::appends ? 2u : 1u));
    CHECK(identical(after.back().value, probe.again == Probe::Again::keeps ? first : second));
    Ids other = ids;
    for (std::size_t i = 0; i < probe.addressing; ++i) {
      other = ids;
      other[i] += "x";
      const auto missed = probe.find(w, c, other);
      CHECK_FALSE(missed);
    }
  }
  for (const ReadProbe& probe : read_probes(w)) {
    INFO(probe.name);
    const bool found = probe.get(c, probe.ids("nobody"));
    CHECK(found == (probe.name == "get_metrics"));
  }
}

TEST_CASE("a probe's write does nothing before it is awaited") {
  HarnessAdapter<BothHarness> harness;
  Deadline deadline(std::chrono::seconds(5));
  World w(harness, deadline, "space", 1);
  Client c = open_both(w);
  for (const Probe& probe : probes(w)) {
    INFO(probe.label());
    const Ids ids = probe.ids(probe.label());
    probe.prepare(w, c, ids);
    const std::size_t before = probe.read_all(w, c, ids).size();
    {
      const auto dropped = probe.write(c.handle(), ids, probe.sample(1));
    }
    CHECK(probe.read_all(w, c, ids).size() == before);
  }
}

} // namespace
} // namespace agentstore::conformance
