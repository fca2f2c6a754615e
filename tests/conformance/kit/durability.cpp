// SPDX-License-Identifier: Apache-2.0
#include "conformance/mutants/durability.hpp"

#include "support/catch.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/rules/durability.hpp>
#include <agentstore/conformance/runner/suite.hpp>
#include <agentstore/testing/forwarding_backend.hpp>

namespace agentstore::conformance {
namespace {

/// The data of one space, and how often it was opened.
class Shelf {
public:
  std::shared_ptr<MemorySpace> space = std::make_shared<MemorySpace>();
  int opened = 0;
};

using Make = std::shared_ptr<ForwardingBackend> (*)(const std::shared_ptr<Shelf>&);

/// Stores in memory that live as long as the harness.
class ShelfHarness {
public:
  static constexpr std::string_view name = "shelf";

  ShelfHarness() = default;
  explicit ShelfHarness(Make make) : make_(make) {}

  Claims claims() const { return Claims().durable(); }
  std::shared_ptr<ForwardingBackend> open(boost::asio::any_io_executor, const std::string& space) {
    std::shared_ptr<Shelf>& shelf = shelves_[space];
    if (!shelf) {
      shelf = std::make_shared<Shelf>();
    }
    ++shelf->opened;
    return make_(shelf);
  }
  void drop(const std::string& space) { shelves_.erase(space); }

private:
  Make make_ = nullptr;
  std::map<std::string, std::shared_ptr<Shelf>> shelves_;
};

class Correct : public ForwardingBackend {
public:
  explicit Correct(std::shared_ptr<Shelf> shelf)
      : ForwardingBackend(std::make_shared<MemoryBackend>(shelf->space)), shelf_(std::move(shelf)) {
  }

protected:
  Shelf& shelf() { return *shelf_; }

private:
  std::shared_ptr<Shelf> shelf_;
};

/// Keeps what it has only where it is closed.
class WritesWhenClosed : public Correct {
public:
  using Correct::Correct;
  WritesWhenClosed(const WritesWhenClosed&) = delete;
  WritesWhenClosed& operator=(const WritesWhenClosed&) = delete;
  ~WritesWhenClosed() override {
    if (!closed_) {
      shelf().space = std::make_shared<MemorySpace>();
    }
  }
  awaitable<void> close() override {
    closed_ = true;
    return Correct::close();
  }

private:
  bool closed_ = false;
};

/// Counts the versions of a handle, not those of the session.
class CountsAnew : public Correct {
public:
  using Correct::Correct;
  awaitable<std::optional<Session>> get_session(std::string id) override {
    return changed(Correct::get_session(std::move(id)), shelf().opened);
  }

private:
  static awaitable<std::optional<Session>> changed(awaitable<std::optional<Session>> call,
                                                   int opened) {
    std::optional<Session> session = co_await std::move(call);
    if (session && opened > 1) {
      session->version = 1;
    }
    co_return session;
  }
};

/// Loses the writes, as one does who keeps them with the checkpoint in memory.
class LosesWrites : public Correct {
public:
  using Correct::Correct;
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread, std::string id) override {
    if (shelf().opened > 1) {
      id += " of another run";
    }
    return Correct::get_writes(std::move(thread), std::move(id));
  }
};

template <class Store>
RuleResult judge() {
  ShelfHarness harness([](const std::shared_ptr<Shelf>& shelf) {
    return std::shared_ptr<ForwardingBackend>(std::make_shared<Store>(shelf));
  });
  const auto any = std::make_shared<HarnessAdapter<ShelfHarness>>(std::move(harness));
  return Suite(any, std::vector<Rule>(1, durability_rules().front())).run(0);
}

void expect_broken(const RuleResult& result, const std::string& evidence) {
  INFO(result.id << " " << to_string(result.verdict) << " " << result.reason);
  CHECK(result.verdict == Verdict::broken);
  CHECK(result.reason.find(evidence) != std::string::npos);
}

TEST_CASE("a store that is there again holds DUR-01") {
  const RuleResult result = judge<Correct>();
  INFO(result.reason << result.details);
  CHECK(result.verdict == Verdict::held);
}

TEST_CASE("a store that is not there as it was breaks DUR-01") {
  expect_broken(judge<WritesWhenClosed>(), "a session after a reopen");
  expect_broken(judge<CountsAnew>(), "a session after a reopen");
  expect_broken(judge<LosesWrites>(), "pending writes after a reopen");
}

TEST_CASE("DUR-02 is untested where the program cannot start itself again") {
  using Harness = mutants::FileCheckpointsHarness<mutants::FileCheckpoints>;
  const Report report =
      Suite(std::make_shared<HarnessAdapter<Harness>>(), durability_rules()).run_all();
  CHECK(report.results[0].verdict == Verdict::held);
  CHECK(report.results[1].verdict == Verdict::untested);
}

} // namespace
} // namespace agentstore::conformance
