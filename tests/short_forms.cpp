// SPDX-License-Identifier: Apache-2.0

// The default arguments of the contract, through a concrete class and through every interface.

#include "support/catch.hpp"
#include "support/json_values.hpp"
#include "support/run.hpp"

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/intercepting_archive.hpp>
#include <agentstore/testing/intercepting_backend.hpp>

using namespace agentstore;
using namespace agentstore::test;

namespace {

/// A class of both interfaces. `get_checkpoint` and `list_checkpoints` are overridden once, and
/// that there is nothing else to override is what makes it compile.
class Both : public ICheckpointStorage, public ICheckpointerBackend {
public:
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata = Document::object()) override {
    return put_checkpoint(std::move(thread_id), std::move(checkpoint_id), std::move(data),
                          std::move(metadata));
  }
  awaitable<bool> put_checkpoint(std::string, std::string, Document, Document metadata) override {
    co_return metadata == json::object();
  }
  awaitable<std::optional<Checkpoint>> get_checkpoint(std::string,
                                                      std::optional<std::string> id) override {
    Checkpoint checkpoint;
    checkpoint.checkpoint_id = id.value_or("the latest");
    co_return checkpoint;
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string, std::size_t limit) override {
    co_return std::vector<Checkpoint>(limit);
  }
  awaitable<bool> put_writes(std::string, std::string, std::string,
                             std::vector<ChannelWrite>) override {
    co_return true;
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string, std::string) override {
    co_return std::vector<PendingWrite>();
  }
};

static_assert(!std::is_abstract_v<Both>);

template <class Backend>
std::shared_ptr<Backend> opened(std::shared_ptr<Backend> backend) {
  REQUIRE(run(backend->initialize()));
  return backend;
}

template <class Sessions>
void check_sessions(Sessions& store) {
  CHECK(run(store.create_session("s", "u")).metadata == json::object());
  CHECK(run(store.end_session("s")));
  CHECK(run(store.get_session("s"))->status == "completed");
}

template <class Conversations>
void check_conversations(Conversations& store, const char* session_id) {
  for (std::size_t i = 0; i < default_history_limit + 1; ++i) {
    REQUIRE(run(store.add_conversation_message(session_id, "user", std::to_string(i))));
  }
  const std::vector<Message> history = run(store.get_conversation_history(session_id));
  REQUIRE(history.size() == 50);
  CHECK(history.front().content == "1");
  CHECK(history.front().metadata == json::object());
}

template <class Checkpoints>
void check_reads(Checkpoints& store) {
  const std::optional<Checkpoint> latest = run(store.get_checkpoint("t"));
  REQUIRE(latest);
  CHECK(latest->checkpoint_id == "10");
  CHECK(latest->metadata == json::object());
  const std::vector<Checkpoint> list = run(store.list_checkpoints("t"));
  REQUIRE(list.size() == 10);
  CHECK(list.back().checkpoint_id == "1");
}

template <class Storage>
void check_checkpoint_storage(Storage& store) {
  for (std::size_t i = 0; i < default_checkpoint_limit + 1; ++i) {
    REQUIRE(run(store.store_checkpoint("t", std::to_string(i), i)));
  }
  check_reads(store);
}

template <class Storage>
void check_checkpointer(Storage& store) {
  for (std::size_t i = 0; i < default_checkpoint_limit + 1; ++i) {
    REQUIRE(run(store.put_checkpoint("t", std::to_string(i), i)));
  }
  check_reads(store);
}

/// All short forms of a backend, as objects of `Seen`, which is the class or an interface of it.
template <class Seen, class Make>
void check_backend(const Make& make) {
  const auto with_sessions = opened(make());
  check_sessions(static_cast<Seen&>(*with_sessions));
  const auto with_messages = opened(make());
  run(with_messages->create_session("s", "u"));
  check_conversations(static_cast<Seen&>(*with_messages), "s");
  const auto with_checkpoints = opened(make());
  check_checkpoint_storage(static_cast<Seen&>(*with_checkpoints));
  CHECK(run(static_cast<Seen&>(*with_messages).cleanup_expired_sessions()) == 0);
}

template <class Archive>
void check_archive(Archive& archive) {
  const std::vector<ChannelWrite> writes(1, ChannelWrite("channel", 1));
  CHECK(run(archive.append_session_event("k", "u", "create", 1)));
  CHECK(run(archive.append_conversation_message("k", "user", "hello")));
  CHECK(run(archive.append_conversation_message("k", "user", "hello", object_of("a", 1))));
  CHECK(run(archive.append_checkpoint("k", "c", 1)));
  CHECK(run(archive.append_checkpoint("k", "c", 1, object_of("a", 1))));
  CHECK(run(archive.append_checkpoint_writes("k", "c", "task", writes)));
  CHECK(run(archive.append_conversation_session("k", 1)));
  CHECK(run(archive.append_task_context_snapshot("k", 1)));
}

template <class Reader>
void check_reader(Reader& reader) {
  const auto events = run(reader.read_archive(ArchiveKind::session_event, "k"));
  REQUIRE(events.size() == 1);
  CHECK(events.front().created_at > Timestamp());
  const auto messages = run(reader.read_archive(ArchiveKind::conversation_message, "k"));
  REQUIRE(messages.size() == 2);
  CHECK(messages.front().fields["metadata"] == json::object());
  CHECK(run(reader.read_archive(ArchiveKind::checkpoint, "k", 1)).size() == 1);
}

std::shared_ptr<MemoryBackend> memory() {
  return std::make_shared<MemoryBackend>();
}

std::shared_ptr<ForwardingBackend> forwarding() {
  return std::make_shared<ForwardingBackend>(memory());
}

class Nothing final : public Interceptor {};

std::shared_ptr<InterceptingBackend> intercepting() {
  return std::make_shared<InterceptingBackend>(forwarding(), std::make_shared<Nothing>());
}

} // namespace

TEST_CASE("The short forms work on each concrete backend") {
  check_backend<MemoryBackend>(memory);
  check_backend<ForwardingBackend>(forwarding);
  check_backend<InterceptingBackend>(intercepting);
}

TEST_CASE("The short forms work through the whole interface") {
  check_backend<IStorageBackend>(memory);
  check_backend<IStorageBackend>(forwarding);
  check_backend<IStorageBackend>(intercepting);
}

TEST_CASE("The short forms work through each of its parts") {
  const auto sessions = opened(memory());
  check_sessions(static_cast<ISessionStorage&>(*sessions));
  const auto messages = opened(memory());
  run(messages->create_session("s", "u"));
  check_conversations(static_cast<IConversationStorage&>(*messages), "s");
  const auto checkpoints = opened(memory());
  check_checkpoint_storage(static_cast<ICheckpointStorage&>(*checkpoints));
}

TEST_CASE("The short forms work on a checkpointer, as a class and as its interface") {
  const auto as_class = opened(memory());
  check_checkpointer(*as_class);
  const auto as_interface = opened(memory());
  check_checkpointer(static_cast<ICheckpointerBackend&>(*as_interface));
  const auto forwarded = opened(forwarding());
  check_checkpointer(*forwarded);
  const auto intercepted = opened(intercepting());
  check_checkpointer(*intercepted);
}

TEST_CASE("One override answers both interfaces that have the method") {
  Both both;
  auto& checkpoints = static_cast<ICheckpointStorage&>(both);
  auto& checkpointer = static_cast<ICheckpointerBackend&>(both);
  CHECK(run(checkpoints.get_checkpoint("t"))->checkpoint_id == "the latest");
  CHECK(run(checkpointer.get_checkpoint("t"))->checkpoint_id == "the latest");
  CHECK(run(checkpoints.list_checkpoints("t")).size() == 10);
  CHECK(run(checkpointer.list_checkpoints("t")).size() == 10);
  CHECK(run(checkpoints.store_checkpoint("t", "c", 1)));
  CHECK(run(checkpointer.put_checkpoint("t", "c", 1)));
}

TEST_CASE("The short forms work on an archive, as each class and as each interface") {
  const auto archive = opened(std::make_shared<MemoryArchive>());
  check_archive(*archive);
  check_reader(*archive);
  const auto seen = opened(std::make_shared<MemoryArchive>());
  check_archive(static_cast<IPermanentStorageBackend&>(*seen));
  check_reader(static_cast<IArchiveReader&>(*seen));
  const auto forwarded =
      opened(std::make_shared<ForwardingArchive>(std::make_shared<MemoryArchive>()));
  check_archive(*forwarded);
  check_reader(*forwarded);
  const auto intercepted = opened(std::make_shared<InterceptingArchive>(
      std::make_shared<MemoryArchive>(), std::make_shared<Nothing>()));
  check_archive(*intercepted);
  check_reader(*intercepted);
}
