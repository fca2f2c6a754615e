// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/harnesses/memory_spaces.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/runner/suite.hpp>
#include <agentstore/testing/failing.hpp>

#include <map>

namespace agentstore::conformance {
namespace {

/// Stores in memory, made to fail by what `make` puts around them.
template <class Space, class Handled>
class FaultyHarness {
public:
  static constexpr std::string_view name = "faulty";
  using Make = std::shared_ptr<Handled> (*)(const std::shared_ptr<Space>&,
                                            const std::shared_ptr<Faults>&);

  FaultyHarness() = default;
  explicit FaultyHarness(Make make) : make_(make) {}

  Claims claims() const { return Claims().shared_handles(); }

  std::shared_ptr<Handled> open(boost::asio::any_io_executor, const std::string& space) {
    Entry& entry = spaces_[space];
    return make_(entry.space, entry.faults);
  }
  void drop(const std::string& space) { spaces_.erase(space); }

  void inject(const std::string& space, Fault fault) {
    test::inject(*spaces_[space].faults, fault);
  }

private:
  class Entry {
  public:
    std::shared_ptr<Space> space = std::make_shared<Space>();
    std::shared_ptr<Faults> faults = std::make_shared<Faults>();
  };

  Make make_ = nullptr;
  std::map<std::string, Entry> spaces_;
};

std::shared_ptr<FailingBackend> failing(const std::shared_ptr<MemorySpace>& space,
                                        const std::shared_ptr<Faults>& faults) {
  return std::make_shared<FailingBackend>(std::make_shared<MemoryBackend>(space), faults);
}

/// Fails as a store should.
class Honest : public FailingBackend {
public:
  Honest(const std::shared_ptr<MemorySpace>& space, const std::shared_ptr<Faults>& faults)
      : FailingBackend(std::make_shared<MemoryBackend>(space), faults) {}
};

/// Over a store that fails.
class Over : public ForwardingBackend {
public:
  Over(const std::shared_ptr<MemorySpace>& space, const std::shared_ptr<Faults>& faults)
      : ForwardingBackend(failing(space, faults)) {}
};

/// `otherwise`, where the call throws.
template <class T>
awaitable<T> rescued(awaitable<T> call, T otherwise) {
  try {
    co_return co_await std::move(call);
  } catch (const StorageError& error) {
    if (!means(error.code(), errc::unavailable)) {
      throw;
    }
  }
  co_return otherwise;
}

class FailureIsNotFound : public Over {
public:
  using Over::Over;
  awaitable<std::optional<Session>> get_session(std::string id) override {
    return rescued(Over::get_session(std::move(id)), std::optional<Session>());
  }
};

class FailureIsAnEmptyList : public Over {
public:
  using Over::Over;
  awaitable<std::vector<PendingWrite>> get_writes(std::string t, std::string c) override {
    return rescued(Over::get_writes(std::move(t), std::move(c)), std::vector<PendingWrite>());
  }
};

class FailureIsFalse : public Over {
public:
  using Over::Over;
  awaitable<bool> end_session(std::string id, std::string status) override {
    return rescued(Over::end_session(std::move(id), std::move(status)), false);
  }
};

class FailureIsTrue : public Over {
public:
  using Over::Over;
  awaitable<bool> store_task_context(std::string id, Document context) override {
    return rescued(Over::store_task_context(std::move(id), std::move(context)), true);
  }
};

class NoRecordsAtAll : public Over {
public:
  using Over::Over;
  awaitable<Metrics> get_metrics() override { return rescued(Over::get_metrics(), Metrics()); }
};

class NothingToCleanUp : public Over {
public:
  using Over::Over;
  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds idle) override {
    return rescued(Over::cleanup_expired_sessions(idle), std::uint64_t{0});
  }
};

class WrongCode : public Over {
public:
  using Over::Over;
  awaitable<std::vector<Message>> get_conversation_history(std::string id, std::size_t n) override {
    return as_closed(Over::get_conversation_history(std::move(id), n));
  }

private:
  static awaitable<std::vector<Message>> as_closed(awaitable<std::vector<Message>> call) {
    try {
      co_return co_await std::move(call);
    } catch (const StorageError& error) {
      throw StorageError(errc::closed, error.operation(), error.key());
    }
  }
};

class ForeignException : public Over {
public:
  using Over::Over;
  awaitable<bool> put_checkpoint(std::string thread, std::string id, Document data,
                                 Document metadata) override {
    return as_runtime_error(Over::put_checkpoint(std::move(thread), std::move(id), std::move(data),
                                                 std::move(metadata)));
  }

private:
  static awaitable<bool> as_runtime_error(awaitable<bool> call) {
    try {
      co_return co_await std::move(call);
    } catch (const StorageError&) {
      throw std::runtime_error("the disk is full");
    }
  }
};

/// One operation of the store for each write of the call.
class WritesOneByOne : public Over {
public:
  using Over::Over;
  awaitable<bool> put_writes(std::string thread, std::string checkpoint, std::string task,
                             std::vector<ChannelWrite> writes) override {
    std::vector<ChannelWrite> so_far;
    for (ChannelWrite& write : writes) {
      so_far.push_back(std::move(write)); // from the first: an index is a position
      auto call = Over::put_writes(thread, checkpoint, task, so_far);
      co_await std::move(call);
    }
    co_return true;
  }
};

class AlwaysWell : public Over {
public:
  using Over::Over;
  awaitable<Health> health_check() override {
    Health health = co_await Over::health_check();
    health.status = Health::Status::healthy;
    health.issues.clear();
    co_return health;
  }
};

class HonestArchive : public FailingArchive {
public:
  HonestArchive(const std::shared_ptr<MemoryArchiveSpace>& space,
                const std::shared_ptr<Faults>& faults)
      : FailingArchive(std::make_shared<MemoryArchive>(space), faults) {}
};

/// An archive whose appends throw.
class ThrowingArchive : public HonestArchive {
public:
  using HonestArchive::HonestArchive;
  awaitable<bool> append_checkpoint(std::string thread, std::string id, Document data,
                                    Document metadata, std::optional<Timestamp> time) override {
    return or_throw(HonestArchive::append_checkpoint(std::move(thread), std::move(id),
                                                     std::move(data), std::move(metadata), time));
  }

private:
  static awaitable<bool> or_throw(awaitable<bool> call) {
    const bool kept = co_await std::move(call);
    if (!kept) {
      throw StorageError(errc::unavailable, "append_checkpoint", "");
    }
    co_return true;
  }
};

/// An archive that says true whatever happens.
class OptimisticArchive : public HonestArchive {
public:
  using HonestArchive::HonestArchive;
  awaitable<bool> append_conversation_session(std::string key, Document data,
                                              std::optional<Timestamp> time) override {
    return always(
        HonestArchive::append_conversation_session(std::move(key), std::move(data), time));
  }

private:
  static awaitable<bool> always(awaitable<bool> call) {
    static_cast<void>(co_await std::move(call));
    co_return true;
  }
};

/// The parts of other rules, as rules of their own.
std::vector<Rule> rules() {
  std::vector<Rule> all = error_rules();
  all.emplace_back("LIF-06", needs::backend, "health", "",
                   [](RuleContext& ctx) { check_health_under_faults(ctx, ctx.open()); });
  all.emplace_back("WRT-08", needs::writes, "all or nothing", "", [](RuleContext& ctx) {
    check_writes_all_or_nothing_under_faults(ctx, ctx.open());
  });
  all.emplace_back("ARC-04", needs::archive, "false", "",
                   [](RuleContext& ctx) { check_archive_under_faults(ctx, ctx.open()); });
  return all;
}

RuleResult judge(std::shared_ptr<AnyHarness> harness, const std::string& id) {
  for (const Rule& rule : rules()) {
    if (rule.id == id) {
      return Suite(std::move(harness), std::vector<Rule>(1, rule)).run(0);
    }
  }
  throw std::logic_error("no rule " + id);
}

template <class Handled, class Layer, class Space>
RuleResult judge_layer(const std::string& id) {
  using Harness = FaultyHarness<Space, Handled>;
  Harness harness([](const std::shared_ptr<Space>& space, const std::shared_ptr<Faults>& faults) {
    auto layer = std::make_shared<Layer>(space, faults);
    if constexpr (std::derived_from<Layer, Handled>) {
      return std::shared_ptr<Handled>(std::move(layer));
    } else {
      return std::make_shared<Handled>(std::move(layer));
    }
  });
  return judge(std::make_shared<HarnessAdapter<Harness>>(std::move(harness)), id);
}

template <class Layer>
RuleResult judge_backend(const std::string& id) {
  return judge_layer<ForwardingBackend, Layer, MemorySpace>(id);
}

template <class Layer>
RuleResult judge_archive(const std::string& id) {
  return judge_layer<FailingArchive, Layer, MemoryArchiveSpace>(id);
}

void expect_broken(const RuleResult& result, const std::string& evidence) {
  INFO(result.id << " " << to_string(result.verdict) << " " << result.reason);
  CHECK(result.verdict == Verdict::broken);
  CHECK(result.reason.find(evidence) != std::string::npos);
}

void expect_held(const RuleResult& result) {
  INFO(result.id << " " << to_string(result.verdict) << " " << result.reason << "\n"
                 << result.details);
  CHECK(result.verdict == Verdict::held);
}

TEST_CASE("a store that throws when it fails holds the rules about failure") {
  expect_held(judge_backend<Honest>("ERR-01"));
  expect_held(judge_backend<Honest>("LIF-06"));
  expect_held(judge_backend<Honest>("WRT-08"));
  expect_held(judge_archive<HonestArchive>("ERR-01"));
  expect_held(judge_archive<HonestArchive>("ARC-04"));
}

TEST_CASE("a failure that passes for an answer breaks ERR-01") {
  expect_broken(judge_backend<FailureIsNotFound>("ERR-01"), "get_session");
  expect_broken(judge_backend<FailureIsAnEmptyList>("ERR-01"), "get_writes");
  expect_broken(judge_backend<FailureIsFalse>("ERR-01"), "nothing to do");
  expect_broken(judge_backend<FailureIsTrue>("ERR-01"), "which was true under a fault");
  expect_broken(judge_backend<NoRecordsAtAll>("ERR-01"), "get_metrics");
  expect_broken(judge_backend<NothingToCleanUp>("ERR-01"), "clean-up");
}

TEST_CASE("a failure of another kind breaks ERR-01") {
  expect_broken(judge_backend<WrongCode>("ERR-01"), "closed");
  expect_broken(judge_backend<ForeignException>("ERR-01"), "the disk is full");
}

TEST_CASE("a call of which a part is stored breaks WRT-08") {
  expect_broken(judge_backend<WritesOneByOne>("WRT-08"), "all of write #2, or nothing");
  expect_broken(judge_backend<WritesOneByOne>("ERR-01"), "all of write #2, or nothing");
}

TEST_CASE("a store that fails and feels well breaks LIF-06") {
  expect_broken(judge_backend<AlwaysWell>("LIF-06"), "not to be healthy");
}

TEST_CASE("an archive that throws, or is true for what is lost, breaks ARC-04") {
  expect_broken(judge_archive<ThrowingArchive>("ARC-04"), "false from append_checkpoint");
  expect_broken(judge_archive<OptimisticArchive>("ARC-04"), "which was true under a fault");
}

struct HooklessHarness {
  static constexpr std::string_view name = "no-faults";
  Claims claims() const { return Claims(); }
  auto open(boost::asio::any_io_executor, const std::string&) {
    return std::make_shared<MemoryBackend>();
  }
  void drop(const std::string&) {}
};

struct IdleHarness : HooklessHarness {
  void inject(const std::string&, Fault) {}
  bool damage(const std::string&, const Damage&) { return true; }
};

TEST_CASE("without faults the rules about failure are untested") {
  for (const char* id : {"ERR-01", "ERR-03", "LIF-06", "WRT-08"}) {
    INFO(id);
    const auto none = std::make_shared<HarnessAdapter<HooklessHarness>>();
    CHECK(judge(none, id).verdict == Verdict::untested);
    const auto idle = std::make_shared<HarnessAdapter<IdleHarness>>();
    CHECK(judge(idle, id).verdict == Verdict::untested);
  }
}

} // namespace
} // namespace agentstore::conformance
