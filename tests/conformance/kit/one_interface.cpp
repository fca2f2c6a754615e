// SPDX-License-Identifier: Apache-2.0
// Stores with one interface alone: the rules that are due are those of that interface, they hold
// where they should, and catch what they should.
#include "conformance/odd_stores/all.hpp"
#include "support/catch.hpp"

#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/mutation/mutant.hpp>

#include <map>
#include <set>

using namespace agentstore;
using namespace agentstore::conformance;

namespace {

using Areas = std::set<std::string>;

/// Areas whose rules bind a store of any kind.
const Areas& everyones() {
  static const Areas areas = {"KEY", "VAL", "ERR", "ASY", "CAN", "SPC", "MDL"};
  return areas;
}

/// What only harnesses that claim it are asked.
bool needs_a_claim(const std::string& area) {
  return area == "TWO" || area == "DUR";
}

/// The rules of `own` and everyone's are due, and held; those of other areas are not due.
void expect_due(const std::shared_ptr<AnyHarness>& harness, const Areas& own) {
  const Report report = Suite(harness, all_rules()).run_all();
  INFO(report.to_table());
  CHECK(report.conforms());
  Areas held;
  for (const RuleResult& rule : report.results) {
    const std::string area = rule.id.substr(0, 3);
    const bool is_due = own.count(area) != 0 || everyones().count(area) != 0;
    INFO(rule.id << " " << rule.reason);
    if (rule.verdict == Verdict::held) {
      held.insert(area);
      CHECK((is_due || needs_a_claim(area)));
    } else if (!is_due && !needs_a_claim(area)) {
      CHECK(rule.verdict == Verdict::not_claimed);
    }
  }
  for (const std::string& area : own) {
    CHECK(held.count(area) == 1);
  }
  for (const std::string& area : everyones()) {
    CHECK(held.count(area) == 1);
  }
}

/// The rule is broken where a store with one interface has this bug.
void expect_broken(const std::shared_ptr<AnyHarness>& harness, std::string_view id,
                   const std::string& evidence) {
  const std::vector<Rule> all = all_rules();
  for (const Rule& rule : all) {
    if (rule.id == id) {
      const RuleResult result = Suite(harness, std::vector<Rule>(1, rule)).run(0);
      INFO(rule.id << " " << to_string(result.verdict) << ": " << result.reason);
      CHECK(result.verdict == Verdict::broken);
      CHECK(result.reason.find(evidence) != std::string::npos);
      return;
    }
  }
  FAIL("no rule " << id);
}

std::shared_ptr<AnyHarness> odd_store_named(std::string_view name) {
  for (const auto& odd_stores : {handle_odd_stores(), directory_odd_stores()}) {
    for (const OddStore& odd_store : odd_stores) {
      if (odd_store.name == name) {
        return odd_store.make();
      }
    }
  }
  throw std::logic_error("no odd store of this name");
}

/// A broken store, opened and seen through one interface.
template <class Interface, class Broken>
class BrokenAlone : public conformance::detail::MemoryHarness {
public:
  awaitable<std::shared_ptr<Interface>> open(boost::asio::any_io_executor, std::string space) {
    return opened(std::make_shared<Broken>(backend(space)));
  }

private:
  static awaitable<std::shared_ptr<Interface>> opened(std::shared_ptr<Broken> store) {
    co_await store->initialize();
    co_return std::shared_ptr<Interface>(std::move(store));
  }
};

template <class Harness>
std::shared_ptr<AnyHarness> adapted() {
  return std::make_shared<HarnessAdapter<Harness>>();
}

class EveryEndIsTrue : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> end_session(std::string session_id, std::string status) override {
    return changed(ForwardingBackend::end_session(std::move(session_id), std::move(status)),
                   [](bool& ended) { ended = true; });
  }
};

class ListsOldestFirst : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    return changed(ForwardingBackend::list_checkpoints(std::move(thread_id), limit),
                   [](std::vector<Checkpoint>& all) { std::reverse(all.begin(), all.end()); });
  }
};

class LosesTheLastWrite : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return changed(ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)),
                   [](std::vector<PendingWrite>& writes) {
                     if (!writes.empty()) {
                       writes.pop_back();
                     }
                   });
  }
};

class CountsNoMessages : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<Metrics> get_metrics() override {
    return changed(ForwardingBackend::get_metrics(),
                   [](Metrics& metrics) { metrics.total_messages = 0; });
  }
};

/// Conversations alone, newest first.
class ReversedConversations : public IConversationStorage {
public:
  explicit ReversedConversations(std::shared_ptr<MemorySpace> space) : store_(std::move(space)) {}

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    return store_.add_conversation_message(std::move(session_id), std::move(role),
                                           std::move(content), std::move(metadata));
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return changed(store_.get_conversation_history(std::move(session_id), limit),
                   [](std::vector<Message>& all) { std::reverse(all.begin(), all.end()); });
  }

private:
  conformance::detail::ConversationsAlone store_;
};

/// Contexts alone, of which a null cannot be told from none.
class ContextsWithoutNull : public ITaskContextStorage {
public:
  explicit ContextsWithoutNull(std::shared_ptr<MemorySpace> space) : store_(std::move(space)) {}

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    return changed(store_.get_task_context(std::move(session_id)),
                   [](std::optional<Document>& context) {
                     if (context && context->is_null()) {
                       context.reset();
                     }
                   });
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return store_.store_task_context(std::move(session_id), std::move(context));
  }

private:
  conformance::detail::ContextsAlone store_;
};

class ThrowsWhenClosed : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, Document payload,
                                       std::optional<Timestamp> created_at) override {
    const std::string key = session_id;
    const bool kept = co_await ForwardingArchive::append_session_event(
        std::move(session_id), std::move(user_id), std::move(event_type), std::move(payload),
        created_at);
    if (!kept) {
      throw StorageError(errc::closed, "append_session_event", key, "the archive is not open");
    }
    co_return kept;
  }
};

/// An archive that nobody can read back.
template <class Archive>
class WriteOnly {
public:
  static constexpr std::string_view name = "write_only";

  Claims claims() const { return {}; }
  std::shared_ptr<IPermanentStorageBackend> open(boost::asio::any_io_executor,
                                                 const std::string& space) {
    std::shared_ptr<MemoryArchiveSpace>& data = spaces_[space];
    if (!data) {
      data = std::make_shared<MemoryArchiveSpace>();
    }
    return std::make_shared<Archive>(std::make_shared<MemoryArchive>(data));
  }
  void drop(const std::string& space) { spaces_.erase(space); }

private:
  std::map<std::string, std::shared_ptr<MemoryArchiveSpace>> spaces_;
};

} // namespace

TEST_CASE("sessions alone are held to the rules of sessions") {
  expect_due(odd_store_named("sessions_alone"), {"SES", "CNC"});
  expect_broken(adapted<BrokenAlone<ISessionStorage, EveryEndIsTrue>>(), "SES-08",
                "the second end to be false");
}

TEST_CASE("conversations alone are held to the rules of conversations") {
  expect_due(odd_store_named("conversations_alone"), {"CON", "CNC"});
  expect_broken(adapted<conformance::detail::WrappedHarness<ReversedConversations>>(), "CON-01",
                "message 0's role to be \"system\"");
}

TEST_CASE("checkpoints alone are held to the rules of checkpoints") {
  expect_due(odd_store_named("checkpoints_alone"), {"CHK"});
  expect_broken(adapted<BrokenAlone<ICheckpointStorage, ListsOldestFirst>>(), "CHK-03",
                "the ids of the list");
}

TEST_CASE("task contexts alone are held to the rules of task contexts") {
  expect_due(odd_store_named("contexts_alone"), {"CTX", "CNC"});
  expect_broken(adapted<conformance::detail::WrappedHarness<ContextsWithoutNull>>(), "CTX-03",
                "the context to be null; came nullopt");
}

TEST_CASE("a directory is held to its own rules besides") {
  expect_due(odd_store_named("session_directory_alone"), {"SES", "CNC", "DIR"});
  expect_due(odd_store_named("thread_directory_alone"), {"CHK", "THR"});
}

TEST_CASE("a checkpointer alone is held to the rules of checkpoints and writes") {
  expect_due(odd_store_named("checkpointer_alone"), {"CHK", "WRT"});
  expect_broken(adapted<BrokenAlone<ICheckpointerBackend, LosesTheLastWrite>>(), "WRT-04",
                "equal writes to be 3");
  expect_broken(adapted<BrokenAlone<ICheckpointerBackend, ListsOldestFirst>>(), "CHK-03",
                "the ids of the list");
}

TEST_CASE("a backend without a checkpointer is held to the rules of all that it unites") {
  expect_due(odd_store_named("backend_alone"),
             {"SES", "CON", "CHK", "CTX", "LIF", "CLN", "MET", "CNC"});
  expect_broken(adapted<BrokenAlone<IStorageBackend, CountsNoMessages>>(), "MET-01",
                "the counts of three sessions");
}

TEST_CASE("an archive that cannot be read is held to what can be seen of it") {
  const Report report = Suite(adapted<WriteOnly<ForwardingArchive>>(), all_rules()).run_all();
  INFO(report.to_table());
  CHECK(report.conforms());
  for (const RuleResult& rule : report.results) {
    const std::string area = rule.id.substr(0, 3);
    INFO(rule.id << " " << to_string(rule.verdict) << ": " << rule.reason);
    if (area == "ARC") {
      CHECK((rule.verdict == Verdict::held || rule.verdict == Verdict::untested));
    } else if (area == "SES" || area == "CHK" || area == "WRT") {
      CHECK(rule.verdict == Verdict::not_claimed);
    }
  }
  CHECK(report.find("ARC-09")->verdict == Verdict::held);
  CHECK(report.find("ARC-01")->verdict == Verdict::untested);
  expect_broken(adapted<WriteOnly<ThrowsWhenClosed>>(), "ARC-09", "the archive is not open");
}
