// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_LANGGRAPH_CHECKPOINTER_HPP
#define AGENTSTORE_LANGGRAPH_CHECKPOINTER_HPP

/// \file
/// LangGraph's checkpointer over any store of checkpoints that is a directory of its threads.

#include <agentstore/capabilities/thread_directory.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/detail/langgraph/stores.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agentstore::langgraph {

/// Which checkpoint: what LangGraph calls the `configurable` of a config.
class Config {
public:
  Config() = default;
  explicit Config(std::string thread, std::string ns = "",
                  std::optional<std::string> checkpoint = std::nullopt)
      : thread_id(std::move(thread)), checkpoint_ns(std::move(ns)),
        checkpoint_id(std::move(checkpoint)) {}

  std::string thread_id;
  /// Empty for the graph itself; the path of a subgraph otherwise.
  std::string checkpoint_ns;
  /// None: the latest where one is read, no parent where one is put.
  std::optional<std::string> checkpoint_id;

  bool operator==(const Config&) const = default;
};

/// A checkpoint with all that belongs to it.
class CheckpointTuple {
public:
  CheckpointTuple() = default;

  /// Its own: all three are there.
  Config config;
  /// As it was put, `channel_values` whole: those that were carried over are there too.
  Document checkpoint;
  Document metadata = Document::object();
  std::optional<Config> parent_config;
  /// By task path, then task id, both by bytes, then index: the order in which LangGraph applies
  /// them.
  std::vector<PendingWrite> pending_writes;

  bool operator==(const CheckpointTuple&) const = default;
};

/// Which checkpoints `list` gives. As it is made: all of them.
class ListOptions {
public:
  ListOptions() = default;

  /// None: of all threads.
  std::optional<std::string> thread_id;
  /// None: of all namespaces.
  std::optional<std::string> checkpoint_ns;
  /// Only this one; there may be one of this id in each thread and namespace.
  std::optional<std::string> checkpoint_id;
  /// Only those whose id is less.
  std::optional<std::string> before;
  /// Only those whose metadata has each of these keys with an equal value.
  json filter = json::object();
  /// At most so many.
  std::optional<std::size_t> limit;

  bool operator==(const ListOptions&) const = default;
};

/// What `prune` leaves of a thread.
enum class PruneStrategy {
  /// The latest checkpoint of each namespace.
  keep_latest,
  /// Nothing.
  delete_all,
};

static_assert(!std::is_aggregate_v<Config> && !std::is_aggregate_v<CheckpointTuple> &&
              !std::is_aggregate_v<ListOptions>);

/// The most bytes that a thread id and a namespace may have together.
inline constexpr std::size_t max_key_bytes = 1'000;

/// LangGraph's checkpointer: what its Python and JavaScript savers do, with values as JSON. What
/// JSON cannot hold (bytes, dates, undefined) is encoded by the caller.
///
///     agentstore::SqliteBackend backend("graphs.db");
///     co_await backend.initialize();
///     agentstore::langgraph::Checkpointer saver(backend);
///     agentstore::langgraph::Config config("thread-1");
///     config = co_await saver.put(config, checkpoint, metadata, new_versions);
///
/// A checkpoint is what LangGraph makes, `{"id": "1", "channel_values": {"messages": []},
/// "channel_versions": {"messages": 1}}` with what else it puts in, and `new_versions` those of the
/// channels that changed, `{"messages": 1}`.
///
/// \par How it is stored
/// Each namespace of a LangGraph thread is one thread of the backend, and each checkpoint one
/// checkpoint there, under its own id. The backend's thread id is
///
///     lg:<bytes in thread_id>:<thread_id>:<checkpoint_ns>
///
/// so that no two pairs of thread and namespace meet, whatever they hold, and so that the
/// namespaces of one thread, and of no other, begin with the same bytes. Threads of the same
/// backend with other names are not touched. `data` is the checkpoint with all its channel values,
/// as LangGraph made it. `metadata` has LangGraph's own under `metadata`, and the parent and what
/// is known of the order (below) under `notes`. A pending write's value is `{"value": ...}`, with
/// the `task_path` beside it if it has one.
///
/// \par Channel values
/// A checkpoint is stored whole. `put` is handed values of the channels that changed; those that
/// did not are copied from the parent. So a checkpoint is read by itself, pruning its ancestors
/// takes nothing from it, and two children of one parent that both write version 2 of a channel
/// keep a value each, which a table of values by channel and version cannot do. The price: a `put`
/// that does not bring all values reads its parent before it writes, and a large channel that never
/// changes is stored again with every checkpoint, as LangGraph's own memory and SQLite savers do. A
/// checkpoint with all its values is one value of the backend (VAL-02, VAL-05).
///
/// A checkpoint that comes as text is stored as that text, and one that comes as a tree as that
/// tree; neither is made of the other.
///
/// \par Order
/// The latest checkpoint of a namespace is the one with the greatest id, by bytes, whenever it was
/// put: an older id that is put later does not become the latest. The backend keeps the order of
/// arrival; the checkpointer notes with each checkpoint what it knew of those before it. So the
/// latest is found by one read of one checkpoint and the ids of some others, however many there
/// are, also if several processes put at once. Of many `put`s by one checkpointer only some read
/// first. Where ids came out of order, that may take one read more, and `list` reads the whole
/// namespace.
///
/// \par Lifetime
/// A handle: cheap to copy. Copies share what they last saw of some thousand namespaces, which only
/// saves reads. The backend must outlive every call; the object itself need not. Parameters are by
/// value and belong to the call.
///
/// \par Threads, executor, cancellation
/// Those of the backend (ASY, CAN). Each method makes several calls on it, one after the other.
/// `put` and `put_writes` write by one call: they are applied whole or not at all. For
/// `delete_thread`, `copy_thread` and `prune` see there.
///
/// \par Errors
/// `StorageError` with `invalid_argument`: an empty thread or checkpoint id, one with a NUL or that
/// is not UTF-8, a thread id and namespace of more than `max_key_bytes` together, a checkpoint or
/// task id beyond KEY-01, a checkpoint without an id, values of the wrong kind. `corrupted`: the
/// backend holds under such a name what the checkpointer did not put. And all that the backend
/// throws.
template <class Stores>
class BasicCheckpointer {
public:
  template <class Backend>
    requires std::derived_from<Backend, ICheckpointerBackend> &&
             std::derived_from<Backend, IThreadDirectory>
  explicit BasicCheckpointer(Backend& backend) : BasicCheckpointer(backend, backend) {}
  BasicCheckpointer(ICheckpointerBackend& checkpoints, IThreadDirectory& threads);

  /// Returns the checkpoint that is named, or the latest of the thread and namespace. An unknown
  /// one is nullopt, never another.
  ///
  /// A checkpoint of a format before 4 that has a parent gets the parent's pending sends, as newer
  /// formats keep them: the values that were written there to the channel `__pregel_tasks`, an
  /// array, become that channel's value, and its version the greatest of the checkpoint's.
  [[nodiscard]] awaitable<std::optional<CheckpointTuple>> get_tuple(Config config) const;

  /// Returns the checkpoints that are asked for, as `get_tuple` does: those with the greatest ids
  /// first, across threads and namespaces; of equal ids by thread id, then namespace, by bytes.
  ///
  /// `before` is strictly less by id, whatever thread or namespace the id comes from, whether or
  /// not it exists. A filter's key is a top-level key of the metadata: `a.b` is a key with a dot in
  /// it. Its value must be equal as a whole: an object has all members equal, in any order, and no
  /// other; null matches a null, and not a key that is missing. No filter and `{}` match all. The
  /// limit cuts last, so it leaves the greatest ids; 0 gives none.
  ///
  /// Without a thread it reads at least one piece of every namespace in the store. The result is
  /// in memory at once; while it is read, others may write, and what they change may be in it or
  /// not.
  [[nodiscard]] awaitable<std::vector<CheckpointTuple>>
  list(ListOptions options = ListOptions()) const;

  /// Stores a checkpoint, `checkpoint["id"]`, with `config` as its parent if that names a
  /// checkpoint; returns its config.
  ///
  /// Of `channel_values` those are stored that are in `new_versions`, whose keys are the channels
  /// that changed, and in `channel_versions`. A channel of `channel_versions` that is not in
  /// `new_versions` keeps the value it has at the parent if the parent has it in this version. If
  /// not, e.g. in a copy that is made beside the original, it gets that of the newest checkpoint of
  /// the namespace that has this version; if there is none, it has no value. All other members of
  /// the checkpoint are kept as they are.
  ///
  /// An id that is put again is replaced: checkpoint, metadata and parent. Its pending writes stay.
  [[nodiscard]] awaitable<Config> put(Config config, Document checkpoint, Document metadata,
                                      Document new_versions) const;

  /// Stores what a task wrote since the checkpoint that `config` names, which need not be there
  /// yet.
  ///
  /// A write's index is its position in the call, or the fixed negative one of a special channel
  /// (`__error__`, `__scheduled__`, `__interrupt__`, `__resume__`). Of a repeated task and index
  /// the first value stays, and for special channels the last, decided write by write also where a
  /// call has both kinds (WRT-02, WRT-03).
  [[nodiscard]] awaitable<void> put_writes(Config config, std::vector<ChannelWrite> writes,
                                           std::string task_id, std::string task_path = "") const;

  /// Deletes all checkpoints and writes of a thread, in all namespaces. True: there was something;
  /// false: there was nothing.
  ///
  /// One namespace is deleted after the other, each at once, the graph's own last. If that is
  /// interrupted, what is left is whole namespaces; the same call again deletes them.
  [[nodiscard]] awaitable<bool> delete_thread(std::string thread_id) const;

  /// Copies a thread with all namespaces, writes and metadata to an id that has none. True: copied;
  /// false: there is no `source`. A `target` that is there, the source itself too, throws
  /// `already_exists`, and nothing is changed.
  ///
  /// One namespace is copied after the other, each at once, the graph's own last. If that is
  /// interrupted, a note stays in the store, and the same call again throws away what has been
  /// copied, of which the graph itself has seen nothing, and copies afresh. Until then the target
  /// must not be used, nor copied to from elsewhere at the same time.
  [[nodiscard]] awaitable<bool> copy_thread(std::string source, std::string target) const;

  /// Removes what the strategy does not keep, with its pending writes; unknown threads have
  /// nothing to remove.
  ///
  /// One namespace after the other, each at once. If that is interrupted, those behind are as they
  /// were; the same call again prunes them. Where an id smaller than the latest was put after it,
  /// that one cannot be taken out of the backend by itself: it is emptied and no longer found, and
  /// goes, with its pending writes, with a later prune or with the thread.
  [[nodiscard]] awaitable<void> prune(std::vector<std::string> thread_ids,
                                      PruneStrategy strategy = PruneStrategy::keep_latest) const;

private:
  Stores stores_;
};

/// There is one kind of it. It is a template so that a program may define its methods in one file,
/// as agentstore::compiled does.
using Checkpointer = BasicCheckpointer<detail::Stores>;

} // namespace agentstore::langgraph

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/langgraph/checkpointer_impl.hpp>
#endif

#endif
