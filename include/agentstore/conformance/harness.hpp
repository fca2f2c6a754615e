// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_HARNESS_HPP
#define AGENTSTORE_CONFORMANCE_HARNESS_HPP

/// \file
/// How the kit reaches a backend. A harness is any default-constructible class with
///
///     static constexpr std::string_view name = "mine";   // letters, digits, '-' and '_'
///     Claims claims() const;
///     auto open(boost::asio::any_io_executor executor, std::string space);
///     auto drop(std::string space);
///
/// `open` returns a `std::shared_ptr` or `std::unique_ptr` to a backend, a `std::tuple` of such
/// pointers if several objects make up one store, or an `awaitable` of either. The backend
/// derives from one or more of the seven interfaces and the capability interfaces; which rules are
/// due follows from its static type. Requires: the backend is not yet initialized (else:
/// `opened_by_harness`). The same space means the same data, and a name that was never used before
/// means an empty store. Names consist of lower-case letters, digits and '-', and stay below 40
/// characters. `drop` removes a space for good, after all handles on it are closed; it may return
/// an `awaitable<void>`.
///
/// Optional hooks, for what a rule needs from outside. A rule whose hook is missing is UNTESTED.
///
/// - `void set_clock(Timestamp now)` sets the clock of all handles of the harness, from now on.
/// - `void inject(std::string space, Fault fault)` makes the store of a space fail, as Fault says.
///   `open` may put a backend that has no switch for it inside of a FailingBackend of
///   testing/failing.hpp (a FailingStore with the directories, a FailingArchive), with one
///   `std::shared_ptr<Faults>` a space. Whole calls fail then. Failures inside of the backend are
///   left to tests of its own:
///
///       void inject(std::string space, Fault fault) {
///         FaultPlan plan;
///         if (fault.effect == Fault::Effect::after) {
///           plan.after();
///         }
///         plan.at(fault.first).until_disarmed();
///         if (fault.effect == Fault::Effect::none) {
///           faults_[space]->disarm();
///         } else {
///           faults_[space]->arm(plan);
///         }
///       }
///
/// - `void hold(std::string space, bool is_held)` makes the writes to a space wait, without
///   effect, until the space is released. Another process does the same if it has locked what the
///   writes need. The hook is for a backend whose cancelled calls stop waiting.
/// - `auto read_archive(std::string space, ArchiveKind kind, std::string key)` returns all records
///   of an archive that is no IArchiveReader: a `std::vector<ArchiveRecord>`, or an awaitable of
///   it.
/// - `void set_archive(std::string space, ArchiveState state)` and `auto read_archived(std::string
///   space, ArchiveKind kind, std::string key)`, both or none, are for the rules of IArchiving. The
///   first makes the archive behind the store of a space work or not; SwitchedArchive of
///   switched_archive.hpp does that. The second is `read_archive` for that archive. The store is
///   best opened with a queue of 10 to 100 records, of which each may have 1 KiB, pauses of some
///   milliseconds, about ten attempts, and limits below half of the deadline.
/// - `bool damage(std::string space, Damage what)` spoils one record of a space, as Damage says,
///   and is false if that cannot be done to such a record. If `durable` is claimed, no handle
///   is open on the space meanwhile. For a file of JSON it may cut a bracket, for a table it may be
///   `UPDATE messages SET metadata = '{' WHERE instr(metadata, '...')`.
/// - `std::chrono::milliseconds deadline() const` is the time for one call. `open`, `drop` and a
///   destructor each have as much. Without the hook it is 10 s.

#include <agentstore/agentstore.hpp>
#include <agentstore/capabilities/archive_once.hpp>
#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/capabilities/archiving.hpp>
#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/conformance/claims.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>

namespace agentstore::conformance {

/// The fault that `inject` puts into a store, from now on until `Fault()` is injected. An operation
/// is a step of a call that can fail, such as a write to the disk or a request to a server. A
/// single step that is the whole call will do.
class Fault {
public:
  enum class Effect {
    none,   ///< all works again
    before, ///< the operation fails and has no effect
    after,  ///< the operation takes effect and then fails
  };

  Fault() = default;
  explicit Fault(Effect what, std::size_t nth = 1) : effect(what), first(nth) {}

  Effect effect = Effect::none;
  /// The number of the first operation to fail, counted from now and from 1. All later operations
  /// fail too.
  std::size_t first = 1;
};

/// How the archive behind a store that is an IArchiving is to behave after `set_archive`.
enum class ArchiveState {
  works,
  refuses,           ///< each append is false, and keeps nothing
  keeps_and_refuses, ///< each append is false, though its record is kept
  hangs,             ///< each append waits, until the state is another
};

/// Which record `damage` is to spoil. The record must no longer be readable as what was written:
/// its JSON is no longer JSON, its time no time, or its size another one.
class Damage {
public:
  enum class Record { session, message, checkpoint, write, context };

  Damage(Record kind, std::string of, std::string words)
      : record(kind), key(std::move(of)), text(std::move(words)) {}

  Record record;
  /// The id of its session or thread: letters alone.
  std::string key;
  /// A text that stands in the record and in no other record of the space. It is in the metadata of
  /// a session, in the metadata and the content of a message, in the data of a checkpoint, in the
  /// value of a write, or in the context. It consists of letters, digits and spaces.
  std::string text;
};

std::string_view to_string(Damage::Record record);

/// The result of `open`: its interfaces, and the pointers that keep them alive.
class Handle {
public:
  ISessionStorage* sessions = nullptr;
  IConversationStorage* conversations = nullptr;
  ICheckpointStorage* checkpoints = nullptr;
  ITaskContextStorage* contexts = nullptr;
  IStorageBackend* backend = nullptr;
  ICheckpointerBackend* checkpointer = nullptr;
  IPermanentStorageBackend* archive = nullptr;
  IArchiveReader* archive_reader = nullptr;
  IArchiveOnce* archive_once = nullptr;
  IArchiving* archiving = nullptr;
  ISessionDirectory* session_directory = nullptr;
  IThreadDirectory* thread_directory = nullptr;

  template <class Backend>
  void add(std::shared_ptr<Backend> object) {
    set(sessions, object);
    set(conversations, object);
    set(checkpoints, object);
    set(contexts, object);
    set(backend, object);
    set(checkpointer, object);
    set(archive, object);
    set(archive_reader, object);
    set(archive_once, object);
    set(archiving, object);
    set(session_directory, object);
    set(thread_directory, object);
    owners.push_back(std::move(object));
  }

  /// Null if the store lacks the interface.
  template <class Interface>
  Interface* get() const {
    return std::get<Interface*>(std::make_tuple(
        sessions, conversations, checkpoints, contexts, backend, checkpointer, archive,
        archive_reader, archive_once, archiving, session_directory, thread_directory));
  }

  std::vector<std::shared_ptr<void>> owners;
  std::string space;

private:
  template <class Interface, class Backend>
  static void set(Interface*& slot, const std::shared_ptr<Backend>& object) {
    if constexpr (std::is_base_of_v<Interface, Backend>) {
      slot = object.get();
    }
  }
};

inline std::string show(const Handle& handle) {
  return "a handle of " + std::to_string(handle.owners.size()) + " object(s)";
}

/// Which interfaces a harness offers, as bits.
class Interfaces {
public:
  enum : unsigned {
    sessions = 1,
    conversations = 2,
    checkpoints = 4,
    contexts = 8,
    backend = 16,
    checkpointer = 32,
    archive = 64,
    archive_reader = 128,
    session_directory = 256,
    thread_directory = 512,
    archive_once = 1024,
    archiving = 2048,
  };

  template <class Backend>
  static constexpr unsigned of() {
    return bit<ISessionStorage, Backend>(sessions) |
           bit<IConversationStorage, Backend>(conversations) |
           bit<ICheckpointStorage, Backend>(checkpoints) |
           bit<ITaskContextStorage, Backend>(contexts) | bit<IStorageBackend, Backend>(backend) |
           bit<ICheckpointerBackend, Backend>(checkpointer) |
           bit<IPermanentStorageBackend, Backend>(archive) |
           bit<IArchiveReader, Backend>(archive_reader) | bit<IArchiveOnce, Backend>(archive_once) |
           bit<IArchiving, Backend>(archiving) |
           bit<ISessionDirectory, Backend>(session_directory) |
           bit<IThreadDirectory, Backend>(thread_directory);
  }

private:
  template <class Interface, class Backend>
  static constexpr unsigned bit(unsigned value) {
    return std::is_base_of_v<Interface, Backend> ? value : 0;
  }
};

/// A harness of any type, as the kit sees it.
class AnyHarness {
public:
  virtual ~AnyHarness() = default;

  virtual std::string name() const = 0;
  virtual Claims claims() const = 0;
  virtual unsigned interfaces() const = 0;
  virtual std::chrono::milliseconds deadline() const = 0;

  virtual awaitable<Handle> open(boost::asio::any_io_executor executor, std::string space) = 0;
  virtual awaitable<void> drop(std::string space) = 0;

  virtual bool has_clock() const = 0;
  virtual void set_clock(Timestamp now) = 0;
  virtual bool has_faults() const = 0;
  virtual void inject(std::string space, Fault fault) = 0;
  virtual bool can_read_archive() const = 0;
  virtual awaitable<std::vector<ArchiveRecord>> read_archive(std::string space, ArchiveKind kind,
                                                             std::string key) = 0;

  // A harness without these hooks need not have them.
  virtual bool can_hold() const { return false; }
  virtual void hold(std::string, bool) {}
  virtual bool has_archive_behind() const { return false; }
  virtual void set_archive(std::string, ArchiveState) {}
  virtual awaitable<std::vector<ArchiveRecord>> read_archived(std::string, ArchiveKind,
                                                              std::string);
  virtual bool has_damage() const { return false; }
  virtual bool damage(std::string, Damage) { return false; }
};

/// Makes an AnyHarness of a harness class.
template <class Harness>
class HarnessAdapter;

// Only machinery below this line.

inline std::string_view to_string(Damage::Record record) {
  switch (record) {
  case Damage::Record::session:
    return "session";
  case Damage::Record::message:
    return "message";
  case Damage::Record::checkpoint:
    return "checkpoint";
  case Damage::Record::write:
    return "write";
  case Damage::Record::context:
    return "context";
  }
  return "record";
}

namespace detail {

template <class T>
struct Awaited {
  using type = T;
};
template <class T>
struct Awaited<awaitable<T>> {
  using type = T;
};

/// Awaits an awaitable, and passes on any other value.
template <class T>
awaitable<T> settle(awaitable<T> value) {
  return value;
}
template <class T>
awaitable<T> settle(T value) {
  co_return value;
}

template <class Backend>
void fill(Handle& handle, std::shared_ptr<Backend> backend) {
  handle.add(std::move(backend));
}
template <class Backend, class Deleter>
void fill(Handle& handle, std::unique_ptr<Backend, Deleter> backend) {
  handle.add(std::shared_ptr<Backend>(std::move(backend)));
}
template <class... Pointers>
void fill(Handle& handle, std::tuple<Pointers...> pointers) {
  std::apply([&handle](auto&... each) { (fill(handle, std::move(each)), ...); }, pointers);
}

template <class Opened>
struct InterfacesOf {
  static constexpr unsigned value = Interfaces::of<typename Opened::element_type>();
};
template <class... Pointers>
struct InterfacesOf<std::tuple<Pointers...>> {
  static constexpr unsigned value = (InterfacesOf<Pointers>::value | ...);
};

template <class Harness>
concept HasClock = requires(Harness h, Timestamp now) { h.set_clock(now); };
template <class Harness>
concept HasFaults = requires(Harness h, Fault fault) { h.inject(std::string(), fault); };
template <class Harness>
concept CanHold = requires(Harness h) { h.hold(std::string(), true); };
template <class Harness>
concept ReadsArchive =
    requires(Harness h) { h.read_archive(std::string(), ArchiveKind::checkpoint, std::string()); };
template <class Harness>
concept HasArchiveBehind = requires(Harness h) {
  h.set_archive(std::string(), ArchiveState::works);
  h.read_archived(std::string(), ArchiveKind::checkpoint, std::string());
};
template <class Harness>
concept HasDamage = requires(Harness h, Damage what) {
  { h.damage(std::string(), what) } -> std::same_as<bool>;
};
template <class Harness>
concept HasDeadline = requires(const Harness h) { h.deadline(); };

} // namespace detail

inline awaitable<std::vector<ArchiveRecord>> AnyHarness::read_archived(std::string, ArchiveKind,
                                                                       std::string) {
  return detail::settle(std::vector<ArchiveRecord>());
}

template <class Harness>
class HarnessAdapter final : public AnyHarness {
  using Opened = typename detail::Awaited<decltype(std::declval<Harness&>().open(
      std::declval<boost::asio::any_io_executor>(), std::string()))>::type;
  static constexpr unsigned offered = detail::InterfacesOf<Opened>::value;
  static_assert(offered != 0, "what open() returns derives from none of agentstore's interfaces");

public:
  HarnessAdapter() = default;
  explicit HarnessAdapter(Harness harness) : harness_(std::move(harness)) {}

  std::string name() const override { return std::string(harness_.name); }
  Claims claims() const override { return harness_.claims(); }
  unsigned interfaces() const override { return offered; }

  std::chrono::milliseconds deadline() const override {
    if constexpr (detail::HasDeadline<Harness>) {
      return harness_.deadline();
    } else {
      return std::chrono::seconds(10);
    }
  }

  awaitable<Handle> open(boost::asio::any_io_executor executor, std::string space) override {
    // All of `open` runs inside of the coroutine, where the kit keeps watch.
    auto opened = harness_.open(executor, std::move(space));
    Handle handle;
    if constexpr (std::is_same_v<decltype(opened), Opened>) {
      detail::fill(handle, std::move(opened));
    } else {
      detail::fill(handle, co_await std::move(opened));
    }
    co_return handle;
  }

  awaitable<void> drop(std::string space) override {
    using Result = decltype(harness_.drop(std::string()));
    if constexpr (std::is_void_v<Result>) {
      harness_.drop(std::move(space));
    } else {
      co_await harness_.drop(std::move(space));
    }
    co_return;
  }

  bool has_clock() const override { return detail::HasClock<Harness>; }
  void set_clock(Timestamp now) override {
    if constexpr (detail::HasClock<Harness>) {
      harness_.set_clock(now);
    }
  }

  bool has_faults() const override { return detail::HasFaults<Harness>; }
  void inject(std::string space, Fault fault) override {
    if constexpr (detail::HasFaults<Harness>) {
      harness_.inject(std::move(space), fault);
    }
  }

  bool can_hold() const override { return detail::CanHold<Harness>; }
  void hold(std::string space, bool is_held) override {
    if constexpr (detail::CanHold<Harness>) {
      harness_.hold(std::move(space), is_held);
    }
  }

  bool can_read_archive() const override {
    return detail::ReadsArchive<Harness> || (offered & Interfaces::archive_reader) != 0;
  }
  awaitable<std::vector<ArchiveRecord>> read_archive(std::string space, ArchiveKind kind,
                                                     std::string key) override {
    if constexpr (detail::ReadsArchive<Harness>) {
      return detail::settle(harness_.read_archive(std::move(space), kind, std::move(key)));
    } else {
      return detail::settle(std::vector<ArchiveRecord>());
    }
  }

  bool has_archive_behind() const override { return detail::HasArchiveBehind<Harness>; }
  void set_archive(std::string space, ArchiveState state) override {
    if constexpr (detail::HasArchiveBehind<Harness>) {
      harness_.set_archive(std::move(space), state);
    }
  }
  awaitable<std::vector<ArchiveRecord>> read_archived(std::string space, ArchiveKind kind,
                                                      std::string key) override {
    if constexpr (detail::HasArchiveBehind<Harness>) {
      return detail::settle(harness_.read_archived(std::move(space), kind, std::move(key)));
    } else {
      return AnyHarness::read_archived(std::move(space), kind, std::move(key));
    }
  }

  bool has_damage() const override { return detail::HasDamage<Harness>; }
  bool damage(std::string space, Damage what) override {
    if constexpr (detail::HasDamage<Harness>) {
      return harness_.damage(std::move(space), std::move(what));
    } else {
      return AnyHarness::damage(std::move(space), std::move(what));
    }
  }

private:
  Harness harness_;
};

} // namespace agentstore::conformance

#endif
