// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/capabilities/paginators.hpp>
#include <agentstore/testing/failing.hpp>

#include <algorithm>

using namespace agentstore;
using namespace agentstore::test;

namespace {

constexpr int count = 7;

std::string numbered(const char* name, int i) {
  return name + std::to_string(i);
}

/// Seven sessions of one user and one of another; seven threads of one prefix and one of another,
/// the first with seven checkpoints; seven records of one key of an archive.
class Stores {
public:
  Stores() { run(fill()); }

  MemoryBackend& backend() { return *backend_; }
  MemoryArchive& archive() { return archive_; }
  FailingStore& failing() { return failing_; }
  Faults& faults() { return *faults_; }

private:
  awaitable<void> fill() {
    co_await backend_->initialize();
    co_await archive_.initialize();
    const json data = json::object();
    co_await backend_->create_session("s", "other");
    co_await backend_->store_checkpoint("u/", "c0", data);
    for (int i = 0; i < count; ++i) {
      co_await backend_->create_session(numbered("s", i), "user");
      co_await backend_->store_checkpoint(numbered("t/", i), "c0", data);
      co_await backend_->store_checkpoint("t/0", numbered("c", i), data);
      const json number = json(i);
      co_await archive_.append_conversation_session("key", number);
    }
  }

  std::shared_ptr<MemoryBackend> backend_ = std::make_shared<MemoryBackend>();
  MemoryArchive archive_;
  std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
  FailingStore failing_{backend_, faults_};
};

/// The pages of a list as texts, the items of a page with blanks in between.
template <class Paginator, class Show>
awaitable<std::vector<std::string>> pages_of(Paginator& list, Show show) {
  std::vector<std::string> pages;
  while (co_await list.next()) {
    std::string text;
    for (const auto& item : list.page()) {
      text += (text.empty() ? "" : " ") + show(item);
    }
    pages.push_back(std::move(text));
  }
  co_return pages;
}

std::string show_id(const std::string& id) {
  return id;
}
std::string show_session(const Session& session) {
  return session.session_id;
}
std::string show_checkpoint(const Checkpoint& checkpoint) {
  return checkpoint.checkpoint_id;
}
std::string show_record(const ArchiveRecord& record) {
  return record.fields.at("session_data").dump();
}

using Pages = std::vector<std::string>;

} // namespace

TEST_CASE("threads are read to their end, in pages of the size asked for") {
  Stores stores;
  ThreadPaginator three(stores.backend(), "t/", 3);
  CHECK(run(pages_of(three, show_id)) == Pages{"t/0 t/1 t/2", "t/3 t/4 t/5", "t/6"});
  ThreadPaginator seven(stores.backend(), "t/", 7); // the end is where a page ends
  CHECK(run(pages_of(seven, show_id)) == Pages{"t/0 t/1 t/2 t/3 t/4 t/5 t/6"});
  ThreadPaginator all(stores.backend());
  CHECK(run(pages_of(all, show_id)) == Pages{"t/0 t/1 t/2 t/3 t/4 t/5 t/6 u/"});
  ThreadPaginator none(stores.backend(), "v/");
  CHECK(run(pages_of(none, show_id)).empty());
}

TEST_CASE("the sessions of a user are read to their end") {
  Stores stores;
  std::vector<std::string> ids;
  SessionPaginator pages(stores.backend(), "user", 2);
  for (const std::string& page : run(pages_of(pages, show_session))) {
    ids.push_back(page.substr(0, 2));
    if (page.size() > 2) {
      ids.push_back(page.substr(3));
    }
  }
  std::sort(ids.begin(), ids.end()); // their order is that of their activity
  CHECK(ids == Pages{"s0", "s1", "s2", "s3", "s4", "s5", "s6"});
}

TEST_CASE("the checkpoints of a thread are read to their end, newest first") {
  Stores stores;
  CheckpointPaginator three(stores.backend(), "t/0", 3);
  CHECK(run(pages_of(three, show_checkpoint)) == Pages{"c6 c5 c4", "c3 c2 c1", "c0"});
  CheckpointPaginator seven(stores.backend(), stores.failing(), "t/0", 7);
  CHECK(run(pages_of(seven, show_checkpoint)) == Pages{"c6 c5 c4 c3 c2 c1 c0"});
  CheckpointPaginator none(stores.backend(), "v/");
  CHECK(run(pages_of(none, show_checkpoint)).empty());
  CheckpointPaginator of_none(stores.backend(), "t/0", 0);
  CHECK(run(pages_of(of_none, show_checkpoint)).empty());
}

TEST_CASE("the records of an archive are read to their end, from the start or behind one") {
  Stores stores;
  constexpr ArchiveKind kind = ArchiveKind::conversation_session;
  ArchivePaginator three(stores.archive(), kind, "key", 3);
  CHECK(run(pages_of(three, show_record)) == Pages{"0 1 2", "3 4 5", "6"});
  ArchivePaginator rest(stores.archive(), kind, "key", 3, 4);
  CHECK(run(pages_of(rest, show_record)) == Pages{"4 5 6"});
  ArchivePaginator none(stores.archive(), kind, "other");
  CHECK(run(pages_of(none, show_record)).empty());
}

TEST_CASE("the loop's body may delete what it reads") {
  Stores stores;
  int deleted = 0;
  auto empty_all = [&]() -> awaitable<void> {
    ThreadPaginator threads(stores.backend(), "t/", 2);
    while (co_await threads.next()) {
      for (const std::string& id : threads.page()) {
        deleted += int{co_await stores.backend().delete_thread(id)};
      }
    }
  };
  run(empty_all());
  CHECK(deleted == count);
  ThreadPaginator left(stores.backend());
  CHECK(run(pages_of(left, show_id)) == Pages{"u/"});
}

TEST_CASE("a page that could not be read may be tried again") {
  Stores stores;
  SECTION("of threads") {
    ThreadPaginator threads(stores.failing(), "t/", 4);
    stores.faults().arm(FaultPlan().at(2).times(2));
    CHECK(run(threads.next()));
    for (int i = 0; i < 2; ++i) {
      CHECK_THROWS_AS(run(threads.next()), StorageError);
      CHECK(threads.page() == Pages{"t/0", "t/1", "t/2", "t/3"});
    }
    CHECK(run(threads.next()));
    CHECK(threads.page() == Pages{"t/4", "t/5", "t/6"});
  }
  SECTION("of checkpoints") {
    CheckpointPaginator checkpoints(stores.failing(), "t/0", 6);
    stores.faults().arm(FaultPlan().at(2));
    CHECK(run(checkpoints.next()));
    CHECK_THROWS_AS(run(checkpoints.next()), StorageError);
    REQUIRE(run(checkpoints.next()));
    REQUIRE(checkpoints.page().size() == 1);
    CHECK(checkpoints.page().front().checkpoint_id == "c0");
  }
}

TEST_CASE("behind the end there is nothing, and the store is not asked") {
  Stores stores;
  SessionPaginator sessions(stores.failing(), "user");
  ThreadPaginator threads(stores.failing(), "t/");
  CheckpointPaginator checkpoints(stores.failing(), "t/0");
  CHECK(run(sessions.next()));
  CHECK(run(threads.next()));
  CHECK(run(checkpoints.next()));
  stores.faults().arm(FaultPlan().until_disarmed());
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(run(sessions.next()));
    CHECK(sessions.page().empty());
    CHECK_FALSE(run(threads.next()));
    CHECK(threads.page().empty());
    CHECK_FALSE(run(checkpoints.next()));
    CHECK(checkpoints.page().empty());
  }
  CHECK(stores.faults().failures() == 0);
}

TEST_CASE("what the store refuses, the paginator throws, and nothing before it is awaited") {
  Stores stores;
  ThreadPaginator threads(stores.backend(), "t/", 0);
  {
    const auto dropped = threads.next();
  }
  try {
    static_cast<void>(run(threads.next()));
    FAIL("a page of 0 threads is refused");
  } catch (const StorageError& error) {
    CHECK(error.code() == errc::invalid_argument);
    CHECK(error.operation() == "list_threads");
    CHECK(error.key() == "t/");
  }
}
