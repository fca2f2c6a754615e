// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_OFFLOADED_BACKEND_HPP
#define AGENTSTORE_AUTHORING_OFFLOADED_BACKEND_HPP

/// \file
/// A whole backend over a store that blocks: the author writes the store as plain functions, and a
/// function that opens it. Life cycle, threads, argument checks and errors are here.
///
///     class MyStore {
///     public:
///       explicit MyStore(const std::string& path);    // opens, or throws
///       ~MyStore();                                   // closes
///       Session create_session(std::string session_id, std::string user_id, Document metadata);
///       ...                                           // as the list at OffloadedBackend says
///       using Error = my_engine::error;               // what the engine throws
///       static errc code_of(const Error& error);      // what that means
///     };
///
///     class MyBackend final : public OffloadedBackend<MyStore> {
///     public:
///       explicit MyBackend(std::string path)
///           : OffloadedBackend("mine", [path] { return std::make_unique<MyStore>(path); }) {}
///     };

#include <agentstore/authoring/offload.hpp>
#include <agentstore/authoring/routed_backend.hpp>
#include <agentstore/detail/optional_directories.hpp>
#include <agentstore/detail/process.hpp>
#include <agentstore/detail/worker_threads.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <system_error>
#include <type_traits>

namespace agentstore {

/// The options of an OffloadedBackend; everything but the name may stay at its default.
class OffloadedOptions {
public:
  explicit OffloadedOptions(std::string backend_name) : name(std::move(backend_name)) {}

  /// The kind of the backend, as `health_check` reports it.
  std::string name;
  /// How many calls the store works on at once. With one, all of the store runs on one thread, from
  /// its opening to its end, and the store needs no lock. With more, its methods must be safe to be
  /// called at once; opening and closing still run alone. 0 means one, more than 256 mean 256.
  std::size_t threads = 1;
  /// 16 MiB a value, depth 256.
  Limits limits;
};

/// Thrown by any method of a store that cannot go on, e.g. because the disk no longer holds what
/// the store believes. The call ends with `unavailable`, and the store is let go of. Until
/// `initialize` opens a new one or `close` is called, every call throws `unavailable` with this
/// reason, and `health_check` reports the reason.
class FatalStoreError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

namespace detail {
template <class Store>
concept ListsSessions = requires(Store& store, std::string user_id, Page page) {
  { store.list_sessions(user_id, page) } -> std::same_as<SessionPage>;
};
template <class Store>
concept ListsThreads = requires(Store& store, std::string prefix, Page page) {
  { store.list_threads(prefix, page) } -> std::same_as<ThreadPage>;
};
} // namespace detail

/// A backend over a `Store` whose methods block: IStorageBackend, ICheckpointerBackend, and
/// ISessionDirectory and IThreadDirectory if the store has `list_sessions` and `list_threads`.
/// Derive from it, or use it as it is.
///
/// \par The store
/// A class with the methods of these interfaces, of the same names and parameters, that return
/// their results themselves, not awaitables: `create_session`, `get_session`, `update_session`,
/// `end_session`, `add_conversation_message`, `get_conversation_history`, `put_checkpoint` (for
/// `store_checkpoint` too), `get_checkpoint`, `list_checkpoints`, `put_writes`, `get_writes`,
/// `get_task_context`, `store_task_context`, `get_metrics`, `cleanup_expired_sessions`; of a
/// directory all its methods. Parameters may be taken by value or by const reference. The arguments
/// have been checked (KEY, VAL, against OffloadedOptions::limits); the store checks what only it
/// can know: that an id exists (it throws `already_exists`), that merged metadata has become too
/// large (`apply_update` of session_update.hpp does that). The store may also have
/// - `Health health_check()`, asked while the store is open, with the backend's name filled in; an
///   exception means `unhealthy`. A store without this method is healthy while it is open.
/// - `void close()`, called before the store is let go of, for steps that may fail; `close` of the
///   backend throws what it throws.
/// - `using Error = ...` and `static errc code_of(const Error&)`, for the exception of its engine,
///   which has a `what()`. It may give a `boost::system::error_code` of a category of its own too.
///
/// \par Life cycle
/// `Open` makes an open store or throws; `initialize` calls it. `close` lets go of it, after the
/// calls that were made before have ended. LIF-01 to LIF-06 hold: `initialize` opens a store if
/// there is none, also if a store was let go of for a FatalStoreError, and does nothing on an open
/// backend, however unhealthy. An `initialize` that failed leaves the backend closed, and
/// `health_check` says why. If the function gives a `std::shared_ptr` that others hold too, several
/// backends may work on one store. The store must be safe for that. If it has a method `close`,
/// closing one backend closes the store for all of them.
///
/// \par Errors
/// `StorageError` with the name of the method and its first id (ERR-02), whatever the store threw:
/// - a `StorageError` that names this call goes through; a `StorageError` of another call becomes
///   one of this call, with its code, text and cause;
/// - FatalStoreError: `unavailable`, and the store is let go of;
/// - `Store::Error`: what `code_of` says, with its `what()`;
/// - an exception of nlohmann's json: `corrupted`, because the arguments have been checked and only
///   stored data is parsed;
/// - any other exception, also one that is not derived from the standard library's: `unavailable`.
///
/// If the exception is a `std::system_error`, its condition is the error's `cause`, so that a full
/// disk is not taken for a fault that passes (`is_transient`).
///
/// \par Threads, executor
/// All of the store, `Open` and its destructor included, runs on threads of the backend's own.
/// `initialize` starts them, and throws `unavailable` if the system gives none. A call hops there
/// once, and completes on the awaiting coroutine's executor (ASY-03). The caller's thread waits
/// only in the destructor. A store that blocks for ever holds up the calls behind it, too: give the
/// engine time-outs.
///
/// \par Lifetime
/// Calls keep alive all that they need, so the backend may be destroyed while they are under way;
/// its store is closed after the last of them. The contexts on which calls are awaited may be
/// destroyed before or after it, as `offload` says. The last owner, the backend or a call, joins
/// the threads: never destroy a backend, or run the caller's context, from within the store. In the
/// child of a fork every call on a backend of the parent's throws `closed`, and its store is left
/// alone, never closed.
///
/// \par Cancellation
/// A call that waits for a thread ends at once. A call that the store works on runs to its end and
/// then ends by its result or by Asio's exception, as `offload` says. CAN-01 to CAN-03 hold if the
/// store's methods end.
///
/// \par Cost
/// A hop to a thread and back, a shared lock that is free while nobody opens or closes, two
/// coroutine frames, and two allocations, for the arguments and for the call that is awaited.
template <class Store>
class OffloadedBackend
    : public RoutedBackend<OffloadedBackend<Store>>,
      public detail::SessionDirectoryIf<detail::ListsSessions<Store>, OffloadedBackend<Store>>,
      public detail::ThreadDirectoryIf<detail::ListsThreads<Store>, OffloadedBackend<Store>> {
public:
  /// Makes an open store, on a thread of the backend's; may be called again after a `close`.
  /// `initialize` throws what it throws. Null is `unavailable`.
  using Open = std::function<std::shared_ptr<Store>()>;

  OffloadedBackend(OffloadedOptions options, Open open)
      : shared_(std::make_shared<Shared>(std::in_place, std::move(options), std::move(open))) {}
  OffloadedBackend(std::string name, Open open)
      : OffloadedBackend(OffloadedOptions(std::move(name)), std::move(open)) {}

  awaitable<bool> initialize() override { return open(shared_); }
  awaitable<void> close() override {
    return on_thread("close", "", [](State& state) { state.close(); });
  }
  awaitable<Health> health_check() override { return health_of(shared_); }

private:
  class State;
  using Shared = detail::OfThisProcess<State>;

  friend RoutedBackend<OffloadedBackend>;
  friend RoutedSessionDirectory<OffloadedBackend>;
  friend RoutedThreadDirectory<OffloadedBackend>;
  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const {
    std::string key(calls::key(arguments...));
    return on_thread(Call::name, std::move(key),
                     [... arguments = std::move(arguments)](State& state) mutable {
                       return state.template call<Call>(std::move(arguments)...);
                     });
  }

  template <class Work>
  awaitable<std::invoke_result_t<Work&, State&>> on_thread(const char* operation, std::string key,
                                                           Work work) const {
    // The work is erased: one coroutine serves all calls of the same result, and its frame names no
    // type of the store, because g++ 12 warns of that if the store is in an unnamed namespace.
    std::function<std::invoke_result_t<Work&, State&>()> erased =
        [shared = shared_, work = std::move(work)]() mutable { return work(**shared); };
    return run(shared_, operation, std::move(key), std::move(erased));
  }

  template <class Result>
  static awaitable<Result> run(std::shared_ptr<Shared> shared, std::string operation,
                               std::string key, std::function<Result()> work) {
    shared->require_here(operation.c_str(), key);
    State& state = **shared;
    if (!state.has_started()) { // there is no store, which `work` finds out without waiting
      co_return work();
    }
    co_return co_await offload(state.executor(), std::move(work));
  }

  static awaitable<bool> open(std::shared_ptr<Shared> shared) {
    if (shared->is_here()) {
      (*shared)->start();
    }
    std::function<bool()> work = [shared] { return (*shared)->open(); };
    co_return co_await run(shared, "initialize", "", std::move(work));
  }

  static awaitable<Health> health_of(std::shared_ptr<Shared> shared) {
    if (!shared->is_here()) {
      Health health;
      health.backend = (*shared)->name();
      health.issues.emplace_back(detail::not_of_this_process);
      co_return health;
    }
    std::function<Health()> work = [shared] { return (*shared)->health(); };
    co_return co_await run(shared, "health_check", "", std::move(work));
  }

  std::shared_ptr<Shared> shared_;
};

// Only machinery below this line.

namespace detail {

/// Why the engine failed, where the exception is one of the system.
template <class Error>
boost::system::error_condition cause_in(const Error& error) {
  if constexpr (std::is_polymorphic_v<Error>) {
    if (const auto* of_system = dynamic_cast<const std::system_error*>(&error)) {
      const std::error_condition cause = of_system->code().default_error_condition();
      if (cause.category() == std::generic_category()) {
        return boost::system::error_condition(cause.value(), boost::system::generic_category());
      }
    }
  }
  return {};
}

/// The exception that is being handled, if the engine itself threw it, as the StorageError of a
/// call. Any other exception is thrown on.
template <class Store>
StorageError error_of_engine(const char* operation, const std::string& key) {
  if constexpr (requires { typename Store::Error; }) {
    try {
      throw;
    } catch (const FatalStoreError&) { // Store::Error may be a base of these two
      throw;
    } catch (const StorageError&) {
      throw;
    } catch (const typename Store::Error& error) {
      return StorageError(Store::code_of(error), operation, key, error.what(), cause_in(error));
    }
  } else {
    throw;
  }
}

/// The exception that is being handled, as the StorageError of a call.
template <class Store>
StorageError error_of_call(const char* operation, const std::string& key) {
  try {
    return error_of_engine<Store>(operation, key);
  } catch (const StorageError& error) {
    if (error.operation() == operation) {
      return error;
    }
    return StorageError(error.code(), operation, key, error.what(), error.cause());
  } catch (const json::exception& error) {
    return StorageError(errc::corrupted, operation, key, error.what());
  } catch (const std::exception& error) { // FatalStoreError included
    return StorageError(errc::unavailable, operation, key, error.what(), cause_in(error));
  } catch (...) {
    return StorageError(errc::unavailable, operation, key,
                        "the store threw what is no std::exception");
  }
}

} // namespace detail

/// What a backend and its calls share. Methods that have to do with the store run on its threads.
template <class Store>
class OffloadedBackend<Store>::State {
public:
  State(OffloadedOptions options, Open open)
      : options_(std::move(options)), open_(std::move(open)), threads_(options_.threads) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // The store ends on a thread where it began. The last owner is the backend or a call, and a call
  // ends on its caller's thread, so the last owner hardly ever ends on one of these threads.
  ~State() {
    if (!threads_.runs_this_thread()) {
      boost::asio::post(threads_.executor(), [this] { store_.reset(); });
    }
  }

  const std::string& name() const { return options_.name; }
  boost::asio::any_io_executor executor() const { return threads_.executor(); }
  bool has_started() const { return threads_.has_started(); }

  void start() {
    try {
      threads_.start();
    } catch (const std::exception& error) {
      const std::lock_guard turn(turnstile_);
      const std::lock_guard alone(mutex_);
      why_not_open_ = std::string("there is no thread to work on: ") + error.what();
      throw StorageError(errc::unavailable, "initialize", "", why_not_open_);
    }
  }

  bool open() {
    if (const auto lock = among_others(); store_ != nullptr) {
      return true;
    }
    const std::lock_guard turn(turnstile_);
    const std::lock_guard alone(mutex_);
    if (store_ != nullptr) { // opened by another `initialize`, meanwhile
      return true;
    }
    try {
      store_ = open_();
      if (store_ == nullptr) {
        throw StorageError(errc::unavailable, "initialize", "", "there is no store");
      }
    } catch (...) {
      const StorageError error = detail::error_of_call<Store>("initialize", "");
      why_not_open_ = error.what();
      throw StorageError(error);
    }
    ++times_opened_;
    return true;
  }

  void close() {
    const std::lock_guard turn(turnstile_);
    const std::lock_guard alone(mutex_);
    const std::shared_ptr<Store> store = std::exchange(store_, nullptr);
    code_if_not_open_ = errc::closed;
    why_not_open_ = never_opened;
    if constexpr (requires(Store& s) { s.close(); }) {
      if (store != nullptr) {
        try {
          store->close();
        } catch (...) {
          throw detail::error_of_call<Store>("close", "");
        }
      }
    }
  }

  Health health() {
    auto lock = among_others();
    Health health;
    if (store_ == nullptr) {
      health.issues.push_back(why_not_open_);
    } else if constexpr (requires(Store& s) { s.health_check(); }) {
      try {
        health = on_store(lock, [](Store& store) { return store.health_check(); });
      } catch (...) {
        health.issues.emplace_back(detail::error_of_call<Store>("health_check", "").what());
      }
    } else {
      health.status = Health::Status::healthy;
    }
    if (health.backend.empty()) {
      health.backend = options_.name;
    }
    return health;
  }

  template <class Call, class... Arguments>
  typename Call::Result call(Arguments... arguments) {
    const std::string key(calls::key(arguments...));
    auto lock = among_others();
    if (store_ == nullptr) {
      throw StorageError(code_if_not_open_, Call::name, key, why_not_open_);
    }
    Call::check(options_.limits, arguments...);
    try {
      return on_store(lock, [&](Store& store) { return Call::on(store, std::move(arguments)...); });
    } catch (...) {
      throw detail::error_of_call<Store>(Call::name, key);
    }
  }

private:
  static constexpr const char* never_opened = "the backend is not open";

  /// A lock for work that others may do at the same time. Work that waits to be alone holds the
  /// turnstile, so that a stream of calls cannot keep it waiting.
  std::shared_lock<std::shared_mutex> among_others() {
    const std::lock_guard turn(turnstile_);
    return std::shared_lock(mutex_);
  }

  /// The result of `work` on the open store. The store is let go of if it cannot go on.
  template <class Work>
  std::invoke_result_t<Work&, Store&> on_store(std::shared_lock<std::shared_mutex>& lock,
                                               Work work) {
    try {
      return work(*store_);
    } catch (const FatalStoreError& error) {
      const std::uint64_t broken = times_opened_;
      lock.unlock();
      give_up(broken, error.what());
      throw;
    }
  }

  void give_up(std::uint64_t broken, const char* why) {
    const std::lock_guard turn(turnstile_);
    const std::lock_guard alone(mutex_);
    if (store_ != nullptr && times_opened_ == broken) { // and not a store that was opened since
      store_.reset();
      code_if_not_open_ = errc::unavailable;
      why_not_open_ = why;
    }
  }

  const OffloadedOptions options_;
  const Open open_;
  std::mutex turnstile_;
  std::shared_mutex mutex_; // guards `store_` and the reason why it is null
  std::shared_ptr<Store> store_;
  std::uint64_t times_opened_ = 0;
  errc code_if_not_open_ = errc::closed;
  std::string why_not_open_ = never_opened;
  detail::WorkerThreads threads_; // destroyed first, and waits for running work
};

} // namespace agentstore

#endif
