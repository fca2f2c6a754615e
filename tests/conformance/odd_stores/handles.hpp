// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_HANDLES_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_HANDLES_HPP

/// \file
/// Odd stores that offer less than all, and harnesses of every form that harness.hpp allows.

#include "conformance/odd_stores/odd_store.hpp"

#include <agentstore/testing/forwarding_backend.hpp>

#include <set>

namespace agentstore::conformance {

std::vector<OddStore> handle_odd_stores();

// Only machinery below this line.

namespace detail {

/// What the harnesses below have in common: spaces in memory.
class MemoryHarness {
public:
  static constexpr std::string_view name = "odd";

  Claims claims() const { return Claims().durable().shared_handles(); }
  void drop(std::string space) { spaces_->drop(space); }

protected:
  std::shared_ptr<MemoryBackend> backend(const std::string& space) {
    return std::make_shared<MemoryBackend>(spaces_->at(space));
  }

private:
  std::shared_ptr<Spaces<MemorySpace>> spaces_ =
      std::make_shared<Spaces<MemorySpace>>([] { return std::make_shared<MemorySpace>(); });
};

/// The reference, seen through one interface that has no life cycle.
template <class Interface>
class AloneHarness : public MemoryHarness {
public:
  awaitable<std::shared_ptr<Interface>> open(boost::asio::any_io_executor, std::string space) {
    return opened(backend(space));
  }

private:
  static awaitable<std::shared_ptr<Interface>> opened(std::shared_ptr<MemoryBackend> store) {
    static_cast<void>(co_await store->initialize());
    co_return std::shared_ptr<Interface>(std::move(store));
  }
};

/// `call` of another method, the errors of which name the one it is for.
template <class T>
awaitable<T> in_the_name_of(const char* operation, awaitable<T> call) {
  try {
    co_return co_await std::move(call);
  } catch (const StorageError& error) {
    throw StorageError(error.code(), operation, error.key());
  }
}

/// Conversations that begin with their first message.
class ConversationsAlone final : public IConversationStorage {
public:
  explicit ConversationsAlone(std::shared_ptr<MemorySpace> space) : store_(std::move(space)) {}

  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content,
                                           Document metadata = Document::object()) override {
    co_await begin(session_id);
    co_return co_await store_.add_conversation_message(std::move(session_id), std::move(role),
                                                       std::move(content), std::move(metadata));
  }
  awaitable<std::vector<Message>>
  get_conversation_history(std::string session_id,
                           std::size_t limit = default_history_limit) override {
    static_cast<void>(co_await store_.initialize());
    co_return co_await store_.get_conversation_history(std::move(session_id), limit);
  }

private:
  awaitable<void> begin(std::string session_id) {
    static_cast<void>(co_await store_.initialize());
    try {
      static_cast<void>(co_await store_.create_session(std::move(session_id), "nobody"));
    } catch (const StorageError& error) {
      if (!means(error.code(), errc::already_exists)) {
        throw StorageError(error.code(), "add_conversation_message", error.key());
      }
    }
  }

  MemoryBackend store_;
};

/// Contexts of ids that nobody created.
class ContextsAlone final : public ITaskContextStorage {
public:
  explicit ContextsAlone(std::shared_ptr<MemorySpace> space) : store_(std::move(space)) {}

  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    static_cast<void>(co_await store_.initialize());
    std::string checkpoint = "context";
    const auto found = co_await in_the_name_of(
        "get_task_context", store_.get_checkpoint(std::move(session_id), std::move(checkpoint)));
    if (!found) {
      co_return std::nullopt;
    }
    co_return std::optional<Document>(found->data);
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    static_cast<void>(co_await store_.initialize());
    co_return co_await in_the_name_of(
        "store_task_context",
        store_.store_checkpoint(std::move(session_id), "context", std::move(context)));
  }

private:
  MemoryBackend store_;
};

template <class Store>
class WrappedHarness {
public:
  static constexpr std::string_view name = "odd";

  Claims claims() const { return Claims().shared_handles(); }
  std::shared_ptr<Store> open(boost::asio::any_io_executor, std::string space) {
    return std::make_shared<Store>(spaces_->at(space));
  }
  void drop(std::string space) { spaces_->drop(space); }

private:
  std::shared_ptr<Spaces<MemorySpace>> spaces_ =
      std::make_shared<Spaces<MemorySpace>>([] { return std::make_shared<MemorySpace>(); });
};

class StorageBackendHarness : public MemoryHarness {
public:
  std::shared_ptr<IStorageBackend> open(boost::asio::any_io_executor, std::string space) {
    return backend(space);
  }
};

class UniqueHarness : public MemoryHarness {
public:
  std::unique_ptr<MemoryBackend> open(boost::asio::any_io_executor, std::string space) {
    return std::make_unique<MemoryBackend>(*backend(space));
  }
  awaitable<void> drop(std::string space) {
    MemoryHarness::drop(std::move(space));
    co_return;
  }
  std::chrono::milliseconds deadline() const { return std::chrono::seconds(7); }
};

class TupleHarness : public MemoryHarness {
public:
  using Parts = std::tuple<std::shared_ptr<ISessionStorage>, std::shared_ptr<IConversationStorage>,
                           std::shared_ptr<ITaskContextStorage>>;

  awaitable<Parts> open(boost::asio::any_io_executor, std::string space) {
    return opened(backend(space), backend(space), backend(space));
  }

private:
  static awaitable<Parts> opened(std::shared_ptr<MemoryBackend> a, std::shared_ptr<MemoryBackend> b,
                                 std::shared_ptr<MemoryBackend> c) {
    static_cast<void>(co_await a->initialize());
    static_cast<void>(co_await b->initialize());
    static_cast<void>(co_await c->initialize());
    co_return Parts(std::move(a), std::move(b), std::move(c));
  }
};

class OpenedHarness : public MemoryHarness {
public:
  Claims claims() const { return MemoryHarness::claims().opened_by_harness(); }
  awaitable<std::shared_ptr<MemoryBackend>> open(boost::asio::any_io_executor, std::string space) {
    return opened(backend(space));
  }

private:
  static awaitable<std::shared_ptr<MemoryBackend>> opened(std::shared_ptr<MemoryBackend> store) {
    static_cast<void>(co_await store->initialize());
    co_return store;
  }
};

/// One object for a space, given out at each open. It is closed for all who have it at once, which
/// a store that does not claim shared_handles may be.
class SameObjectHarness : public MemoryHarness {
public:
  Claims claims() const { return Claims().durable(); }
  std::shared_ptr<MemoryBackend> open(boost::asio::any_io_executor, std::string space) {
    std::shared_ptr<MemoryBackend>& object = objects_[space];
    if (!object) {
      object = backend(space);
    }
    return object;
  }
  void drop(std::string space) {
    objects_.erase(space);
    MemoryHarness::drop(std::move(space));
  }

private:
  std::map<std::string, std::shared_ptr<MemoryBackend>> objects_;
};

/// Which spaces are open at this moment.
class Locks {
public:
  bool take(const std::string& space) {
    const std::lock_guard lock(mutex_);
    return taken_.insert(space).second;
  }
  void release(const std::string& space) {
    const std::lock_guard lock(mutex_);
    taken_.erase(space);
  }

private:
  std::mutex mutex_;
  std::set<std::string> taken_;
};

/// Opens only where no other handle is open, as a store behind a lock file does.
class Exclusive : public ForwardingBackend {
public:
  Exclusive(InnerBackend inner, std::shared_ptr<Locks> locks, std::string space)
      : ForwardingBackend(std::move(inner)), locks_(std::move(locks)), space_(std::move(space)) {}
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;
  ~Exclusive() override { release(); }

  awaitable<bool> initialize() override {
    if (!has_lock_ && !locks_->take(space_)) {
      throw StorageError(errc::unavailable, "initialize", "", "another handle is open");
    }
    has_lock_ = true;
    co_return co_await ForwardingBackend::initialize();
  }
  awaitable<void> close() override {
    co_await ForwardingBackend::close();
    release();
  }

private:
  void release() {
    if (has_lock_.exchange(false)) {
      locks_->release(space_);
    }
  }

  std::shared_ptr<Locks> locks_;
  std::string space_;
  std::atomic<bool> has_lock_ = false;
};

class ExclusiveHarness : public MemoryHarness {
public:
  Claims claims() const { return Claims().durable(); }
  std::shared_ptr<Exclusive> open(boost::asio::any_io_executor, std::string space) {
    return std::make_shared<Exclusive>(backend(space), locks_, space);
  }

private:
  std::shared_ptr<Locks> locks_ = std::make_shared<Locks>();
};

template <class Harness>
std::shared_ptr<AnyHarness> adapted() {
  return std::make_shared<HarnessAdapter<Harness>>();
}

} // namespace detail

inline std::vector<OddStore> handle_odd_stores() {
  using namespace detail;
  return {
      OddStore("sessions_alone", "ISessionStorage and nothing else",
               &adapted<AloneHarness<ISessionStorage>>),
      OddStore("conversations_alone", "IConversationStorage and nothing else",
               &adapted<WrappedHarness<ConversationsAlone>>),
      OddStore("checkpoints_alone", "ICheckpointStorage and nothing else",
               &adapted<AloneHarness<ICheckpointStorage>>),
      OddStore("contexts_alone", "ITaskContextStorage and nothing else",
               &adapted<WrappedHarness<ContextsAlone>>),
      OddStore("checkpointer_alone", "ICheckpointerBackend and nothing else",
               &adapted<AloneHarness<ICheckpointerBackend>>),
      OddStore("backend_alone", "IStorageBackend without ICheckpointerBackend",
               &adapted<StorageBackendHarness>),
      OddStore("unique_object", "opened as a unique_ptr, dropped by an awaitable",
               &adapted<UniqueHarness>),
      OddStore("three_objects", "sessions, conversations and contexts as objects of their own",
               &adapted<TupleHarness>),
      OddStore("opened_before", "the harness opens the backend itself", &adapted<OpenedHarness>),
      OddStore("same_object", "one object for all handles on a space", &adapted<SameObjectHarness>),
      OddStore("exclusive", "refuses to open while another handle is open",
               &adapted<ExclusiveHarness>),
  };
}

} // namespace agentstore::conformance

#endif
