// SPDX-License-Identifier: Apache-2.0
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/catch2.hpp>

struct Harness {
  static constexpr std::string_view name = "bench";
  auto claims() const { return agentstore::conformance::Claims(); }
  auto open(boost::asio::any_io_executor, std::string) {
    return std::make_shared<agentstore::MemoryBackend>();
  }
  void drop(std::string) {}
};
AGENTSTORE_CONFORMANCE(Harness)
