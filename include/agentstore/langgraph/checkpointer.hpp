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

/// Names a checkpoint, as the `configurable` of a LangGraph config does.
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
  /// None: the latest checkpoint when one is read, no parent when one is put.
  std::optional<std::string> checkpoint_id;

  bool operator==(const Config&) const = default;
};

/// A checkpoint with all that belongs to it.
class CheckpointTuple {
public:
  CheckpointTuple() = default;

  /// The config of this checkpoint, with all three members set.
  Config config;
  /// The checkpoint as it was put, with all `channel_values`, also those that were carried over.
  Document checkpoint;
  Document metadata = Document::object();
  std::optional<Config> parent_config;
  /// Ordered by task path, then task id, both by bytes, then index, because LangGraph applies them
  /// in this order.
  std::vector<PendingWrite> pending_writes;

  bool operator==(const CheckpointTuple&) const = default;
};

/// Which checkpoints `list` gives. By default all of them.
class ListOptions {
public:
  ListOptions() = default;

  /// None: the checkpoints of all threads.
  std::optional<std::string> thread_id;
  /// None: the checkpoints of all namespaces.
  std::optional<std::string> checkpoint_ns;
  /// Only checkpoints of this id; each thread and namespace may have one.
  std::optional<std::string> checkpoint_id;
  /// Only checkpoints whose id is less.
  std::optional<std::string> before;
  /// Only checkpoints whose metadata has each of these keys with an equal value.
  json filter = json::object();
  /// At most this many checkpoints.
  std::optional<std::size_t> limit;

  bool operator==(const ListOptions&) const = default;
};

/// The part of a thread that `prune` keeps.
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

/// LangGraph's checkpointer. It does what LangGraph's Python and JavaScript savers do, with values
/// as JSON. The caller encodes what JSON cannot hold (bytes, dates, undefined).
///
///     agentstore::SqliteBackend backend("graphs.db");
///     co_await backend.initialize();
///     agentstore::langgraph::Checkpointer saver(backend);
///     agentstore::langgraph::Config config("thread-1");
///     config = co_await saver.put(config, checkpoint, metadata, new_versions);
///
/// A checkpoint is what LangGraph makes, `{"id": "1", "channel_values": {"messages": []},
/// "channel_versions": {"messages": 1}}` with all else that LangGraph puts in, and `new_versions`
/// has the versions of the channels that changed, `{"messages": 1}`.
///
/// \par How it is stored
/// Each namespace of a LangGraph thread is one thread of the backend, and each checkpoint one
/// checkpoint there, under its own id. The backend's thread id is
///
///     lg:<bytes in thread_id>:<thread_id>:<checkpoint_ns>
///
/// so that no two pairs of thread and namespace share an id, whatever they hold, and so that the
/// namespaces of one thread begin with bytes that no other thread's begin with. Threads of the same
/// backend with other names are not touched. `data` is the checkpoint with all its channel values,
/// as LangGraph made it. `metadata` has LangGraph's metadata under `metadata`, and the parent and
/// what is known of the order (below) under `notes`. A pending write's value is `{"value": ...}`,
/// with the `task_path` beside it if it has one.
///
/// \par Channel values
/// A checkpoint is stored whole. `put` is given the values of the channels that changed; the other
/// values are copied from the parent. So a checkpoint is read by itself, and pruning its ancestors
/// takes nothing from it. Two children of one parent that both write version 2 of a channel keep a
/// value each, which a table of values by channel and version cannot do. In return, a `put` that
/// does not bring all values reads its parent before it writes, and a large channel that never
/// changes is stored again with every checkpoint, as in LangGraph's own memory and SQLite savers. A
/// checkpoint with all its values is one value of the backend (VAL-02, VAL-05).
///
/// A checkpoint that comes as text is stored as that text, and a checkpoint that comes as a tree is
/// stored as that tree. Neither is converted into the other.
///
/// \par Order
/// The latest checkpoint of a namespace is the one with the greatest id, by bytes, whenever it was
/// put. A smaller id that is put later does not become the latest. The backend keeps the order of
/// arrival, and the checkpointer notes with each checkpoint what it knew of the checkpoints before
/// it. So the latest is found by one read of one checkpoint and the ids of some others, however
/// many there are, also if several processes put at once. Of many `put`s by one checkpointer only
/// some read first. If ids came out of order, finding the latest may take one read more, and `list`
/// reads the whole namespace.
///
/// \par Lifetime
/// A checkpointer is a handle that is cheap to copy. Copies share what they last saw of some
/// thousand namespaces, which only saves reads. The backend must outlive every call; the
/// checkpointer need not. Parameters are by value and belong to the call.
///
/// \par Threads, executor, cancellation
/// Those of the backend (ASY, CAN). Each method makes several calls on it, one after the other.
/// `put` and `put_writes` write by one call: they are applied whole or not at all. For
/// `delete_thread`, `copy_thread` and `prune` see there.
///
/// \par Errors
/// `StorageError` with `invalid_argument`: an empty thread or checkpoint id, an id with a NUL or
/// that is not UTF-8, a thread id and namespace of more than `max_key_bytes` together, a checkpoint
/// or task id beyond KEY-01, a checkpoint without an id, values of the wrong kind. `corrupted`: the
/// backend holds data under such a name that the checkpointer did not put. The backend's own errors
/// are thrown as well.
template <class Stores>
class BasicCheckpointer {
public:
  template <class Backend>
    requires std::derived_from<Backend, ICheckpointerBackend> &&
             std::derived_from<Backend, IThreadDirectory>
  explicit BasicCheckpointer(Backend& backend) : BasicCheckpointer(backend, backend) {}
  BasicCheckpointer(ICheckpointerBackend& checkpoints, IThreadDirectory& threads);

  /// Returns the checkpoint that `config` names, or the latest of the thread and namespace. An
  /// unknown checkpoint is nullopt, never another one.
  ///
  /// A checkpoint of a format before 4 that has a parent gets the parent's pending sends, in the
  /// form of newer formats. The values that were written at the parent to the channel
  /// `__pregel_tasks` become that channel's value, as an array. Its version becomes the greatest of
  /// the checkpoint's versions.
  [[nodiscard]] awaitable<std::optional<CheckpointTuple>> get_tuple(Config config) const;

  /// Returns the checkpoints that are asked for, each as `get_tuple` does. The greatest ids come
  /// first, across threads and namespaces; equal ids are ordered by thread id, then namespace, by
  /// bytes.
  ///
  /// `before` selects ids that are strictly less, whatever thread or namespace the given id comes
  /// from, and whether or not it exists. A filter's key is a top-level key of the metadata: `a.b`
  /// is a key with a dot in it. Its value must be equal as a whole. An object matches if all
  /// members are equal, in any order, and there are no others. Null matches a null, but not a
  /// missing key. The filter `{}` matches all. The limit is applied last, so it keeps the greatest
  /// ids; 0 gives none.
  ///
  /// Without a thread, `list` reads at least one piece of every namespace in the store. The whole
  /// result is in memory at once. Others may write while it is read; the result may or may not have
  /// their changes.
  [[nodiscard]] awaitable<std::vector<CheckpointTuple>>
  list(ListOptions options = ListOptions()) const;

  /// Stores a checkpoint under the id `checkpoint["id"]`, with `config` as its parent if that names
  /// a checkpoint. Returns the config of the stored checkpoint.
  ///
  /// A value of `channel_values` is stored if its channel is in `new_versions`, whose keys are the
  /// channels that changed, and in `channel_versions`. A channel of `channel_versions` that is not
  /// in `new_versions` keeps the value it has at the parent if the parent has it in this version.
  /// If not, e.g. in a copy that is made beside the original, the channel gets the value of the
  /// newest checkpoint of the namespace that has this version. If there is no such checkpoint, the
  /// channel has no value. All other members of the checkpoint are kept as they are.
  ///
  /// If an id is put again, checkpoint, metadata and parent are replaced. Its pending writes stay.
  [[nodiscard]] awaitable<Config> put(Config config, Document checkpoint, Document metadata,
                                      Document new_versions) const;

  /// Stores what a task wrote since the checkpoint that `config` names, which need not be there
  /// yet.
  ///
  /// A write's index is its position in the call, or the fixed negative one of a special channel
  /// (`__error__`, `__scheduled__`, `__interrupt__`, `__resume__`). If a task and index are
  /// repeated, the first value stays, and for special channels the last. This is decided write by
  /// write, also if a call has both kinds (WRT-02, WRT-03).
  [[nodiscard]] awaitable<void> put_writes(Config config, std::vector<ChannelWrite> writes,
                                           std::string task_id, std::string task_path = "") const;

  /// Deletes all checkpoints and writes of a thread, in all namespaces. True: there was something
  /// to delete. False: there was nothing.
  ///
  /// One namespace is deleted after the other, each at once, the graph's own last. If the call is
  /// interrupted, whole namespaces are left; the same call again deletes them.
  [[nodiscard]] awaitable<bool> delete_thread(std::string thread_id) const;

  /// Copies a thread with all namespaces, writes and metadata to an id that has no thread. True:
  /// copied. False: there is no `source`. A `target` that is there, the source itself too, throws
  /// `already_exists`, and nothing is changed.
  ///
  /// One namespace is copied after the other, each at once, the graph's own last. If the call is
  /// interrupted, a note stays in the store. The same call again throws away what was copied, of
  /// which the graph itself has seen nothing, and copies afresh. Requires: until then the target is
  /// not used, and no other call copies to it at the same time.
  [[nodiscard]] awaitable<bool> copy_thread(std::string source, std::string target) const;

  /// Removes the checkpoints that the strategy does not keep, with their pending writes. Unknown
  /// threads have nothing to remove.
  ///
  /// One namespace is pruned after the other, each at once. If the call is interrupted, the
  /// remaining namespaces are as they were; the same call again prunes them. A checkpoint with a
  /// smaller id than the latest that was put after the latest cannot be removed from the backend by
  /// itself. It is emptied and no longer found, and is removed, with its pending writes, by a later
  /// prune or with the thread.
  [[nodiscard]] awaitable<void> prune(std::vector<std::string> thread_ids,
                                      PruneStrategy strategy = PruneStrategy::keep_latest) const;

private:
  Stores stores_;
};

/// The only instance of the template. BasicCheckpointer is a template so that a program may define
/// its methods in one file, as agentstore::compiled does.
using Checkpointer = BasicCheckpointer<detail::Stores>;

} // namespace agentstore::langgraph

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/langgraph/checkpointer_impl.hpp>
#endif

#endif
