// SPDX-License-Identifier: Apache-2.0
// TWO-02 on files of SQLite, and on stores over it that are right within one process alone.

#include "support/catch.hpp"
#include "support/harnesses/sqlite_harness.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>
#include <agentstore/conformance/rules/durability.hpp>
#include <agentstore/conformance/rules/sharing.hpp>

// Not in an unnamed namespace: g++ warns of classes there that end up in a frame of the kit.
namespace agentstore::conformance::mutants {

/// Files of SQLite behind a store of class `Broken`.
template <class Broken>
class OverSqliteHarness : public test::SqliteHarness {
public:
  std::shared_ptr<ForwardingStore> open(boost::asio::any_io_executor executor, std::string space) {
    return std::make_shared<Broken>(test::SqliteHarness::open(executor, std::move(space)));
  }
};

/// Keeps the sessions that it has read until it changes them itself.
class CacheOfOneProcess : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    if (const std::optional<Session> kept = cache_.get(session_id)) {
      co_return kept;
    }
    auto call = ForwardingStore::get_session(session_id);
    const std::optional<Session> session = co_await std::move(call);
    if (session) {
      cache_.set(session_id, *session);
    }
    co_return session;
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    auto call = ForwardingStore::update_session(session_id, std::move(update));
    const bool done = co_await std::move(call);
    cache_.erase(session_id);
    co_return done;
  }
  awaitable<bool> end_session(std::string session_id, std::string status) override {
    auto call = ForwardingStore::end_session(session_id, std::move(status));
    const bool done = co_await std::move(call);
    cache_.erase(session_id);
    co_return done;
  }

private:
  Kept<Session> cache_;
};

/// Looks whether there is a thread, and then deletes it. Within a process a lock holds the two
/// together, were there one.
class LooksThenDeletes : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> delete_thread(std::string thread_id) override {
    auto look = ForwardingStore::get_checkpoint(thread_id, std::nullopt);
    const std::optional<Checkpoint> latest = co_await std::move(look);
    co_await round_trip(std::chrono::milliseconds(2));
    auto call = ForwardingStore::delete_thread(std::move(thread_id));
    static_cast<void>(co_await std::move(call));
    co_return latest.has_value();
  }
};

/// Merges metadata itself and writes the whole of it.
class MergesInMemory : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    auto look = ForwardingStore::get_session(session_id);
    const std::optional<Session> session = co_await std::move(look);
    if (session && update.metadata_patch()) {
      json whole = session->metadata.tree();
      whole.merge_patch(*update.metadata_patch());
      update.updates(whole);
      co_await round_trip(std::chrono::milliseconds(2));
    }
    auto call = ForwardingStore::update_session(std::move(session_id), std::move(update));
    co_return co_await std::move(call);
  }
};

/// Keeps the histories that it has read until it appends to them itself.
class HistoriesOfOneProcess : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    if (const auto known = histories_.get(session_id)) {
      co_return *known;
    }
    auto call = ForwardingStore::get_conversation_history(session_id, limit);
    std::vector<Message> history = co_await std::move(call);
    histories_.set(session_id, history);
    co_return history;
  }
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    histories_.erase(session_id);
    return ForwardingStore::add_conversation_message(std::move(session_id), std::move(role),
                                                     std::move(content), std::move(metadata));
  }

private:
  Kept<std::vector<Message>> histories_;
};

} // namespace agentstore::conformance::mutants

namespace agentstore::conformance {
namespace {

using namespace mutants;

template <class Harness>
RuleResult judge(std::vector<std::string> child) {
  std::vector<Rule> rules = sharing_rules();
  std::erase_if(rules, [](const Rule& rule) { return rule.id != "TWO-02"; });
  RunOptions options;
  options.child_arguments = std::move(child);
  return Suite(std::make_shared<HarnessAdapter<Harness>>(), rules, options).run(0);
}

template <class Harness>
void child() {
  HarnessAdapter<Harness> harness;
  run_kill_child(harness);
}

using Cached = OverSqliteHarness<CacheOfOneProcess>;
using Looking = OverSqliteHarness<LooksThenDeletes>;
using Merging = OverSqliteHarness<MergesInMemory>;
using Counting = OverSqliteHarness<HistoriesOfOneProcess>;

TEST_CASE("child on files", "[.]") {
  child<test::SqliteHarness>();
}
TEST_CASE("child with a cache", "[.]") {
  child<Cached>();
}
TEST_CASE("child that looks", "[.]") {
  child<Looking>();
}
TEST_CASE("child that merges", "[.]") {
  child<Merging>();
}
TEST_CASE("child with histories", "[.]") {
  child<Counting>();
}
TEST_CASE("child that is none of ours", "[.]") {
  SUCCEED();
}

void expect_broken(const RuleResult& result, const std::string& evidence) {
  INFO(to_string(result.verdict) << " " << result.reason << "\n" << result.details);
  CHECK(result.verdict == Verdict::broken);
  CHECK(result.reason.find(evidence) != std::string::npos);
}

TEST_CASE("processes on one file hold TWO-02") {
  const RuleResult result = judge<test::SqliteHarness>({"child on files"});
  INFO(to_string(result.verdict) << " " << result.reason << "\n" << result.details);
  CHECK(result.verdict == Verdict::held);
}

TEST_CASE("what is right within one process alone breaks TWO-02") {
  expect_broken(judge<Cached>({"child with a cache"}), "process reads after update_session");
  expect_broken(judge<Looking>({"child that looks"}), "by delete_thread");
  expect_broken(judge<Merging>({"child that merges"}), "the metadata that two processes");
  expect_broken(judge<Counting>({"child with histories"}),
                "process reads after add_conversation_message");
}

TEST_CASE("without a child TWO-02 is untested, or an error of the harness") {
  CHECK(judge<test::SqliteHarness>({}).verdict == Verdict::untested);
  CHECK(judge<test::SqliteHarness>({"child that is none of ours"}).verdict == Verdict::error);
}

} // namespace
} // namespace agentstore::conformance
