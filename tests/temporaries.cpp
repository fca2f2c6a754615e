// SPDX-License-Identifier: Apache-2.0

// Every method with arguments that are temporaries of the `co_await` expression itself, and with
// arguments that die between the call and the await. g++ 12 destroys some temporaries twice there;
// the address sanitizer tells whether it does to these.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>

#include <memory>

using namespace agentstore;
using namespace agentstore::test;

namespace {

// Longer than any small-string buffer, so that a text destroyed twice is freed twice.
std::string text(const char* start) {
  return std::string(start) + std::string(100, '.');
}

json value() {
  return object_of("member", text("value"));
}

std::vector<ChannelWrite> writes() {
  return std::vector<ChannelWrite>(3, ChannelWrite(text("channel"), value()));
}

const Timestamp moment = Timestamp(std::chrono::hours(1));

class Stores {
public:
  Stores() {
    REQUIRE(run(backend_->initialize()));
    REQUIRE(run(archive_->initialize()));
  }

  ISessionStorage& sessions() { return *backend_; }
  IConversationStorage& conversations() { return *backend_; }
  ICheckpointStorage& checkpoints() { return *backend_; }
  ITaskContextStorage& contexts() { return *backend_; }
  IStorageBackend& whole() { return *backend_; }
  ICheckpointerBackend& checkpointer() { return *backend_; }
  IPermanentStorageBackend& archive() { return *archive_; }
  IArchiveReader& reader() { return *archive_; }

private:
  std::shared_ptr<MemoryBackend> backend_ = std::make_shared<MemoryBackend>();
  std::shared_ptr<MemoryArchive> archive_ = std::make_shared<MemoryArchive>();
};

/// What came of the calls; all of it is compared, so that an argument that died too early shows
/// as a wrong value even without a sanitizer.
class Results {
public:
  int taken = 0;
  std::optional<Session> session;
  std::vector<Message> messages;
  std::optional<Checkpoint> checkpoint;
  std::vector<Checkpoint> checkpoints;
  std::vector<PendingWrite> pending;
  std::optional<json> context;
  std::vector<ArchiveRecord> records;

  void check() const {
    REQUIRE(session);
    CHECK(session->user_id == text("user"));
    CHECK(session->metadata["member"] == json(text("value")));
    CHECK(session->metadata["patched"] == json(text("patch")));
    CHECK(session->request_count == 1);
    CHECK(session->total_processing_time == std::chrono::microseconds(5));
    CHECK(session->status == text("status"));
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].role == text("role"));
    CHECK(messages[0].content == text("content"));
    CHECK(messages[0].metadata == value());
    REQUIRE(checkpoint);
    CHECK(checkpoint->checkpoint_id == text("checkpoint"));
    CHECK(checkpoint->data == value());
    CHECK(checkpoint->metadata == value());
    REQUIRE(checkpoints.size() == 2);
    CHECK(checkpoints[0].checkpoint_id == text("put"));
    REQUIRE(pending.size() == 3);
    CHECK(pending[2].task_id == text("task"));
    CHECK(pending[2].channel == text("channel"));
    CHECK(pending[2].value == value());
    CHECK(context == value());
    CHECK(records.size() == 6);
    for (const ArchiveRecord& record : records) {
      CHECK(record.created_at == moment);
      CHECK(record.fields.dump().find(text("key")) != std::string::npos);
    }
  }
};

awaitable<void> use_sessions(Stores& stores, Results& results) {
  ISessionStorage& store = stores.sessions();
  (void)co_await store.create_session(text("s"), text("user"), value());
  results.taken += co_await store.update_session(
      text("s"), SessionUpdate()
                     .updates(object_of("patched", text("patch")))
                     .increment_requests()
                     .add_processing_time(std::chrono::microseconds(5)));
  (void)co_await stores.whole().cleanup_expired_sessions(std::chrono::hours(1));
  results.taken += co_await stores.conversations().add_conversation_message(
      text("s"), text("role"), text("content"), value());
  results.messages = co_await stores.conversations().get_conversation_history(text("s"), 5);
  results.taken += co_await stores.contexts().store_task_context(text("s"), value());
  results.context = co_await stores.contexts().get_task_context(text("s"));
  results.taken += co_await store.end_session(text("s"), text("status"));
  results.session = co_await store.get_session(text("s"));
}

awaitable<void> use_checkpoints(Stores& stores, Results& results) {
  ICheckpointStorage& store = stores.checkpoints();
  ICheckpointerBackend& checkpointer = stores.checkpointer();
  results.taken += co_await store.store_checkpoint(text("t"), text("checkpoint"), value(), value());
  results.taken += co_await checkpointer.put_checkpoint(text("t"), text("put"), value(), value());
  results.checkpoint =
      co_await store.get_checkpoint(text("t"), std::optional<std::string>(text("checkpoint")));
  const std::optional<Checkpoint> same =
      co_await checkpointer.get_checkpoint(text("t"), text("checkpoint"));
  results.taken += same == results.checkpoint;
  results.checkpoints = co_await store.list_checkpoints(text("t"), 3);
  const std::vector<Checkpoint> list = co_await checkpointer.list_checkpoints(text("t"), 3);
  results.taken += list == results.checkpoints;
  results.taken +=
      co_await checkpointer.put_writes(text("t"), text("checkpoint"), text("task"), writes());
  results.taken += co_await checkpointer.put_writes(
      text("other"), text("checkpoint"), text("task"),
      std::vector<ChannelWrite>(1, ChannelWrite(text("channel"), value())));
  results.pending = co_await checkpointer.get_writes(text("t"), text("checkpoint"));
}

awaitable<void> use_archive(Stores& stores, Results& results) {
  IPermanentStorageBackend& archive = stores.archive();
  results.taken += co_await archive.append_session_event(text("key"), text("user"), text("event"),
                                                         value(), Timestamp(moment));
  results.taken += co_await archive.append_conversation_message(
      text("key"), text("role"), text("content"), value(), std::optional<Timestamp>(moment));
  results.taken += co_await archive.append_checkpoint(text("key"), text("checkpoint"), value(),
                                                      value(), Timestamp(moment));
  results.taken += co_await archive.append_checkpoint_writes(
      text("key"), text("checkpoint"), text("task"), writes(), Timestamp(moment));
  results.taken +=
      co_await archive.append_conversation_session(text("key"), value(), Timestamp(moment));
  results.taken +=
      co_await archive.append_task_context_snapshot(text("key"), value(), Timestamp(moment));
}

awaitable<void> read_archive(Stores& stores, Results& results) {
  for (const ArchiveKind kind :
       {ArchiveKind::session_event, ArchiveKind::conversation_message, ArchiveKind::checkpoint,
        ArchiveKind::checkpoint_writes, ArchiveKind::conversation_session,
        ArchiveKind::task_context_snapshot}) {
    const std::vector<ArchiveRecord> page =
        co_await stores.reader().read_archive(kind, text("key"), std::uint64_t(0), 10);
    results.records.insert(results.records.end(), page.begin(), page.end());
  }
}

/// Arguments that are overwritten and destroyed when the call has been made.
class Arguments {
public:
  std::string s = text("s");
  std::string user = text("user");
  std::string role = text("role");
  std::string content = text("content");
  std::string status = text("status");
  std::string t = text("t");
  std::string checkpoint = text("checkpoint");
  std::string put = text("put");
  std::string task = text("task");
  std::string key = text("key");
  std::string event = text("event");
  json document = value();
  std::vector<ChannelWrite> list = writes();
  std::optional<std::string> some_checkpoint = text("checkpoint");
  std::optional<Timestamp> time = moment;
  std::chrono::microseconds hour = std::chrono::hours(1);

  ~Arguments() {
    for (std::string* one : {&s, &user, &role, &content, &status, &t, &checkpoint, &put, &task,
                             &key, &event, &*some_checkpoint}) {
      std::fill(one->begin(), one->end(), '#');
    }
    std::string& member = document["member"].get_ref<std::string&>();
    std::fill(member.begin(), member.end(), '#');
    for (ChannelWrite& write : list) {
      std::fill(write.channel.begin(), write.channel.end(), '#');
    }
  }
};

/// Makes a call by arguments that are gone when it returns.
template <class Make>
auto orphan(const Make& make) {
  const auto arguments = std::make_unique<Arguments>();
  return make(*arguments);
}

template <class Make>
auto run_orphan(const Make& make) {
  return run(orphan(make));
}

} // namespace

TEST_CASE("Temporaries of the await expression reach every method of the hot interfaces") {
  Stores stores;
  Results results;
  run(use_sessions(stores, results));
  CHECK(results.taken == 4);
  run(use_checkpoints(stores, results));
  CHECK(results.taken == 10);
  run(use_archive(stores, results));
  CHECK(results.taken == 16);
  run(read_archive(stores, results));
  results.check();
}

TEST_CASE("Arguments may die before the await") {
  using A = Arguments;
  Stores stores;
  Results results;
  ISessionStorage& sessions = stores.sessions();
  IConversationStorage& conversations = stores.conversations();
  ICheckpointStorage& checkpoints = stores.checkpoints();
  ITaskContextStorage& contexts = stores.contexts();
  ICheckpointerBackend& checkpointer = stores.checkpointer();
  IPermanentStorageBackend& archive = stores.archive();

  run_orphan([&](A& a) { return sessions.create_session(a.s, a.user, a.document); });
  CHECK(run_orphan([&](A& a) {
    SessionUpdate update;
    update.updates(object_of("patched", text("patch"))).increment_requests();
    update.add_processing_time(std::chrono::microseconds(5));
    auto call = sessions.update_session(a.s, update);
    update.updates(object_of("patched", "too late")).mark_error();
    return call;
  }));
  CHECK(run_orphan([&](A& a) {
    return conversations.add_conversation_message(a.s, a.role, a.content, a.document);
  }));
  results.messages =
      run_orphan([&](A& a) { return conversations.get_conversation_history(a.s, 5); });
  CHECK(run_orphan([&](A& a) { return contexts.store_task_context(a.s, a.document); }));
  results.context = run_orphan([&](A& a) { return contexts.get_task_context(a.s); });
  CHECK(run_orphan([&](A& a) { return stores.whole().cleanup_expired_sessions(a.hour); }) == 0);
  CHECK(run_orphan([&](A& a) { return sessions.end_session(a.s, a.status); }));
  results.session = run_orphan([&](A& a) { return sessions.get_session(a.s); });

  CHECK(run_orphan([&](A& a) {
    return checkpoints.store_checkpoint(a.t, a.checkpoint, a.document, a.document);
  }));
  CHECK(run_orphan(
      [&](A& a) { return checkpointer.put_checkpoint(a.t, a.put, a.document, a.document); }));
  results.checkpoint =
      run_orphan([&](A& a) { return checkpoints.get_checkpoint(a.t, a.some_checkpoint); });
  CHECK(run_orphan([&](A& a) { return checkpointer.get_checkpoint(a.t, a.some_checkpoint); }) ==
        results.checkpoint);
  results.checkpoints = run_orphan([&](A& a) { return checkpoints.list_checkpoints(a.t, 3); });
  CHECK(run_orphan([&](A& a) { return checkpointer.list_checkpoints(a.t, 3); }) ==
        results.checkpoints);
  CHECK(
      run_orphan([&](A& a) { return checkpointer.put_writes(a.t, a.checkpoint, a.task, a.list); }));
  results.pending = run_orphan([&](A& a) { return checkpointer.get_writes(a.t, a.checkpoint); });

  CHECK(run_orphan([&](A& a) {
    return archive.append_session_event(a.key, a.user, a.event, a.document, a.time);
  }));
  CHECK(run_orphan([&](A& a) {
    return archive.append_conversation_message(a.key, a.role, a.content, a.document, a.time);
  }));
  CHECK(run_orphan([&](A& a) {
    return archive.append_checkpoint(a.key, a.checkpoint, a.document, a.document, a.time);
  }));
  CHECK(run_orphan([&](A& a) {
    return archive.append_checkpoint_writes(a.key, a.checkpoint, a.task, a.list, a.time);
  }));
  CHECK(run_orphan(
      [&](A& a) { return archive.append_conversation_session(a.key, a.document, a.time); }));
  CHECK(run_orphan(
      [&](A& a) { return archive.append_task_context_snapshot(a.key, a.document, a.time); }));
  for (const ArchiveKind kind :
       {ArchiveKind::session_event, ArchiveKind::conversation_message, ArchiveKind::checkpoint,
        ArchiveKind::checkpoint_writes, ArchiveKind::conversation_session,
        ArchiveKind::task_context_snapshot}) {
    const auto page =
        run_orphan([&](A& a) { return stores.reader().read_archive(kind, a.key, 0, 10); });
    results.records.insert(results.records.end(), page.begin(), page.end());
  }
  results.check();
}

TEST_CASE("A call that is dropped has no effect") {
  Stores stores;
  run(stores.sessions().create_session("s", "u"));
  {
    const auto create = stores.sessions().create_session("dropped", "u");
    const auto append = stores.conversations().add_conversation_message("s", "user", "hello");
    const auto store = stores.checkpoints().store_checkpoint("t", "c", 1);
    const auto put = stores.checkpointer().put_checkpoint("t", "c", 1);
    const auto write = stores.checkpointer().put_writes("t", "c", "task", writes());
    const auto context = stores.contexts().store_task_context("s", 1);
    const auto end = stores.sessions().end_session("s");
    const auto clean = stores.whole().cleanup_expired_sessions(std::chrono::microseconds(0));
    const auto close = stores.whole().close();
    const auto archive = stores.archive().append_session_event("s", "u", "create", 1);
  }
  const Metrics metrics = run(stores.whole().get_metrics());
  CHECK(metrics.active_sessions == 1);
  CHECK(metrics.total_sessions == 1);
  CHECK(metrics.total_messages == 0);
  CHECK(metrics.total_checkpoints == 0);
  CHECK(run(stores.checkpointer().get_writes("t", "c")).empty());
  CHECK_FALSE(run(stores.contexts().get_task_context("s")));
  CHECK(run(stores.reader().read_archive(ArchiveKind::session_event, "s")).empty());
}
