// SPDX-License-Identifier: Apache-2.0
// The conformance test as the README shows it, for a backend that a user brings.

#include <agentstore/conformance/catch2.hpp>

#include <custom_backend/journal_backend.hpp>
#include <filesystem>
#include <memory>

using MyBackend = example::JournalBackend;

struct MyHarness {
  static constexpr std::string_view name = "mine";
  auto claims() const { return agentstore::conformance::Claims().durable(); }
  auto open(boost::asio::any_io_executor, std::string space) {
    return std::make_shared<MyBackend>("/tmp/my-spaces/" + space);
  }
  void drop(std::string space) { std::filesystem::remove_all("/tmp/my-spaces/" + space); }
};
AGENTSTORE_CONFORMANCE(MyHarness)
