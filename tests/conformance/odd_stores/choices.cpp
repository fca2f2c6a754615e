// SPDX-License-Identifier: Apache-2.0

// Odd stores that choose otherwise than the reference where the contract leaves the choice, and
// those with other clocks, errors and limits.

#include "conformance/odd_stores/all.hpp"
#include "conformance/odd_stores/table_store.hpp"

#include <agentstore/authoring/arguments.hpp>
#include <agentstore/testing/forwarding_directories.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

namespace agentstore::conformance {

namespace detail {

/// A harness over the rows of all spaces in common tables.
inline std::shared_ptr<FunctionHarness> over_tables(TableOptions options, Claims claims) {
  const auto tables = std::make_shared<Tables>(std::move(options));
  return std::make_shared<FunctionHarness>(
      Interfaces::of<TableStore>(), std::move(claims),
      [tables](const std::string& space) {
        Handle handle;
        handle.add(std::make_shared<TableStore>(tables, space));
        return handle;
      },
      [tables](const std::string& space) { tables->drop(space); });
}

inline std::shared_ptr<AnyHarness> over_tables(TableOptions options = TableOptions()) {
  const SettableClock clock;
  options.clock = clock.clock();
  auto harness = over_tables(std::move(options), Claims().durable().shared_handles());
  harness->let_set(clock);
  return harness;
}

inline std::shared_ptr<AnyHarness> with_foreign_data() {
  const auto tables = std::make_shared<Tables>(TableOptions());
  const auto open = [tables](const std::string& space) {
    // What some other program keeps in the same tables, under the ids that the rules use.
    static const std::vector<ChannelWrite> writes(1, ChannelWrite("a", "foreign"));
    TableStore other(tables, space + "-foreign");
    boost::asio::io_context context;
    const auto run = [&context](auto call) {
      boost::asio::co_spawn(context, std::move(call), boost::asio::detached);
    };
    run(other.initialize());
    for (const char* id : {"s", "t", "a", "k1"}) {
      run(other.create_session(id, "foreign"));
      run(other.add_conversation_message(id, "user", "foreign"));
      run(other.store_task_context(id, json("foreign")));
      run(other.store_checkpoint(id, "c", json("foreign")));
      run(other.put_writes(id, "c", "task", writes));
    }
    context.run();
    Handle handle;
    handle.add(std::make_shared<TableStore>(tables, space));
    return handle;
  };
  return std::make_shared<FunctionHarness>(
      Interfaces::of<TableStore>(), Claims().shared_handles(), open,
      [tables](const std::string& space) { tables->drop(space); });
}

/// Keeps a pool as long as the harness.
inline std::shared_ptr<AnyHarness> on_one_worker() {
  class Worker {
  public:
    ~Worker() { pool.join(); }
    boost::asio::thread_pool pool{1};
  };
  const auto worker = std::make_shared<Worker>();
  TableOptions options;
  options.worker = worker->pool.get_executor();
  const auto tables = std::make_shared<Tables>(std::move(options));
  return std::make_shared<FunctionHarness>(
      Interfaces::of<TableStore>(), Claims().shared_handles(),
      [tables, worker](const std::string& space) {
        Handle handle;
        handle.add(std::make_shared<TableStore>(tables, space));
        return handle;
      },
      [tables](const std::string& space) { tables->drop(space); });
}

/// A backend's own exception, which says more than the library's.
class TableError : public StorageError {
public:
  explicit TableError(const StorageError& error)
      : StorageError(error.code(), error.operation(), error.key(), "the tables say so"),
        statement("UPDATE"), state(23505) {}

  std::string statement;
  int state;
};

/// Codes of a database's own, each of which means one of the library's.
class TableCategory final : public boost::system::error_category {
public:
  const char* name() const noexcept override { return "tables"; }
  std::string message(int value) const override { return "state " + std::to_string(value); }
  boost::system::error_condition default_error_condition(int value) const noexcept override {
    return make_error_condition(static_cast<errc>(value - 23000));
  }
};

inline const TableCategory& table_category() {
  static const TableCategory category;
  return category;
}

inline TableOptions own_codes() {
  TableOptions options;
  options.translate = [](const StorageError& error) {
    const boost::system::error_code code(error.code().value() + 23000, table_category());
    return std::make_exception_ptr(StorageError(code, error.operation(), error.key()));
  };
  return options;
}

inline Clock clock_going_backwards() {
  return [now = std::make_shared<std::atomic<std::int64_t>>(1'780'000'000'000'000)] {
    return Timestamp(std::chrono::microseconds(now->fetch_sub(1'000'000)));
  };
}

inline Clock frozen_clock() {
  return [] { return Timestamp(std::chrono::sys_days(std::chrono::year(2026) / 5 / 1)); };
}

/// Its times have no four digits for the year.
inline Clock clock_far_ahead() {
  return [running = system_clock()] { return running() + std::chrono::years(20'000); };
}

/// Each clock in a store of its own kind: without the hook, a rule has to take it as it comes.
inline std::shared_ptr<AnyHarness> with_clock(Clock clock) {
  TableOptions options;
  options.clock = std::move(clock);
  return over_tables(std::move(options), Claims().shared_handles());
}

/// A clock that the harness sets, and that shows whole units alone.
inline std::shared_ptr<AnyHarness> with_coarse_clock(std::chrono::microseconds unit) {
  const SettableClock clock;
  TableOptions options;
  options.clock = coarse(clock.clock(), unit);
  auto harness = over_tables(std::move(options), Claims().durable().shared_handles());
  harness->let_set(clock);
  return harness;
}

/// Serves, and always has something to say against itself.
class AlwaysDegraded : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<Health> health_check() override {
    Health health = co_await ForwardingStore::health_check();
    if (health.status == Health::Status::healthy) {
      health.status = Health::Status::degraded;
      health.issues.emplace_back("what is written is not copied to anywhere");
    }
    co_return health;
  }
};

/// Looks at arguments before it looks whether it is open, and at the last one first.
class ChecksBackwards : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    check("create_session", session_id)
        .object("metadata", metadata)
        .id("user_id", user_id)
        .id("session_id", session_id);
    co_return co_await ForwardingStore::create_session(std::move(session_id), std::move(user_id),
                                                       std::move(metadata));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    check("update_session", session_id).update(update).id("session_id", session_id);
    co_return co_await ForwardingStore::update_session(std::move(session_id), std::move(update));
  }
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    check("add_conversation_message", session_id)
        .object("metadata", metadata)
        .text("content", content)
        .nonempty_text("role", role)
        .id("session_id", session_id);
    co_return co_await ForwardingStore::add_conversation_message(
        std::move(session_id), std::move(role), std::move(content), std::move(metadata));
  }
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    check("store_checkpoint", thread_id)
        .object("metadata", metadata)
        .value("data", data)
        .id("checkpoint_id", checkpoint_id)
        .id("thread_id", thread_id);
    co_return co_await ForwardingStore::store_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    check("put_writes", thread_id)
        .writes(writes)
        .id("task_id", task_id)
        .id("checkpoint_id", checkpoint_id)
        .id("thread_id", thread_id);
    co_return co_await ForwardingStore::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                                   std::move(task_id), std::move(writes));
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    check("store_task_context", session_id).value("context", context).id("session_id", session_id);
    co_return co_await ForwardingStore::store_task_context(std::move(session_id),
                                                           std::move(context));
  }
};

inline std::shared_ptr<AnyHarness> with_limits(std::size_t bytes, std::size_t depth) {
  TableOptions options;
  options.limits.max_value_bytes = bytes;
  options.limits.max_depth = depth;
  return over_tables(std::move(options), Claims().shared_handles().max_value(bytes));
}

} // namespace detail

std::vector<OddStore> choice_odd_stores() {
  return {
      OddStore("one_lock", "the rows of all spaces in common tables under one lock, JSON as text",
               [] { return detail::over_tables(); }),
      OddStore("one_worker", "one thread does all the work, call after call",
               [] { return detail::on_one_worker(); }),
      OddStore("gaps", "sequences are shared by all conversations, and versions leap",
               [] {
                 TableOptions options;
                 options.step = 1000;
                 return detail::over_tables(std::move(options));
               }),
      OddStore("quiet_end", "the end of a session is no activity: last_activity stays",
               [] {
                 TableOptions options;
                 options.end_is_activity = false;
                 return detail::over_tables(std::move(options));
               }),
      OddStore("lively_context", "storing a context is activity, and changes the version",
               [] {
                 TableOptions options;
                 options.context_is_activity = true;
                 return detail::over_tables(std::move(options));
               }),
      OddStore("looks_first", "no such session comes before a value that is refused",
               [] {
                 TableOptions options;
                 options.looks_before_checking = true;
                 return detail::over_tables(std::move(options));
               }),
      OddStore("talkative", "details in health and metrics, several issues at once",
               [] {
                 TableOptions options;
                 options.is_talkative = true;
                 return detail::over_tables(std::move(options));
               }),
      OddStore("subclassed_errors", "throws a class derived from StorageError",
               [] {
                 TableOptions options;
                 options.translate = [](const StorageError& error) {
                   return std::make_exception_ptr(detail::TableError(error));
                 };
                 return detail::over_tables(std::move(options));
               }),
      OddStore("own_codes", "codes of a category of its own, equal to the library's conditions",
               [] { return detail::over_tables(detail::own_codes()); }),
      OddStore("frozen_clock", "the clock stands still for ever, and nobody can set it",
               [] { return detail::with_clock(detail::frozen_clock()); }),
      OddStore("backward_clock", "the clock goes back a second with each look",
               [] { return detail::with_clock(detail::clock_going_backwards()); }),
      OddStore("clock_far_ahead", "the clock shows the year 22,000 and more",
               [] { return detail::with_clock(detail::clock_far_ahead()); }),
      OddStore("whole_seconds", "the clock counts whole seconds, whatever it is set to",
               [] { return detail::with_coarse_clock(std::chrono::seconds(1)); }),
      OddStore("milliseconds", "the clock counts milliseconds, whatever it is set to",
               [] { return detail::with_coarse_clock(std::chrono::milliseconds(1)); }),
      OddStore("always_degraded", "serves with something amiss, all the time, and says what",
               [] {
                 return over_memory(
                     [](std::shared_ptr<MemoryBackend> inner) {
                       return std::make_shared<detail::AlwaysDegraded>(std::move(inner));
                     },
                     [](std::shared_ptr<MemoryArchive> inner) { return inner; });
               }),
      OddStore("checks_backwards",
               "of several errors of a call it is the last argument's, on a closed store too",
               [] {
                 return over_memory(
                     [](std::shared_ptr<MemoryBackend> inner) {
                       return std::make_shared<detail::ChecksBackwards>(std::move(inner));
                     },
                     [](std::shared_ptr<MemoryArchive> inner) { return inner; });
               }),
      OddStore("least_limits", "values of 1 MiB and depth 64, which is the least allowed",
               [] { return detail::with_limits(std::size_t{1} << 20u, 64); }),
      OddStore("great_limits", "values of 2 MiB and depth 1,500",
               [] { return detail::with_limits(std::size_t{2} << 20u, 1500); }),
      OddStore("foreign_data", "the same ids, of others, in the same tables",
               [] { return detail::with_foreign_data(); }),
      OddStore("modest", "shares handles and outlives them, and claims neither",
               [] {
                 return std::shared_ptr<AnyHarness>(detail::over_tables(TableOptions(), Claims()));
               }),
  };
}

} // namespace agentstore::conformance
