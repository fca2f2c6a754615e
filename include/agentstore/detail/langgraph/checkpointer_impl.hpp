// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_CHECKPOINTER_IMPL_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_CHECKPOINTER_IMPL_HPP

// The methods of the checkpointer, as coroutines that own all they work on but the backend.

#include <agentstore/capabilities/paginators.hpp>
#include <agentstore/detail/construct_definition.hpp>
#include <agentstore/detail/langgraph/channels.hpp>
#include <agentstore/detail/langgraph/keys.hpp>
#include <agentstore/detail/langgraph/latest_cache.hpp>
#include <agentstore/detail/langgraph/stored_checkpoint.hpp>
#include <agentstore/langgraph/checkpointer.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace agentstore::langgraph {
namespace detail {

class CheckpointerImpl {
public:
  static awaitable<std::optional<CheckpointTuple>> get_tuple(Stores stores, Config config) {
    constexpr auto operation = "get_tuple";
    const std::string key = key_of(operation, config.thread_id, config.checkpoint_ns);
    std::optional<StoredCheckpoint> stored;
    if (config.checkpoint_id) {
      stored = co_await find(stores, operation, key, *config.checkpoint_id);
    } else {
      stored = co_await find_latest(stores, operation, key);
    }
    if (!stored) {
      co_return std::nullopt;
    }
    co_return co_await complete(stores, operation, key, std::move(config), *std::move(stored));
  }

  static awaitable<std::vector<CheckpointTuple>> list(Stores stores, ListOptions options) {
    constexpr auto operation = "list";
    std::vector<CheckpointTuple> tuples;
    std::vector<Config> places;
    const std::size_t limit = options.limit.value_or(std::numeric_limits<std::size_t>::max());
    check_list(options);
    if (limit != 0) {
      places = co_await find_places(stores, options);
    }
    std::set<Found> best;
    for (Config& place : places) {
      co_await search(stores, &options, limit, std::move(place), &best);
    }
    while (!best.empty()) {
      Found found = std::move(best.extract(best.begin()).value());
      const std::string key = key_of(operation, found.place.thread_id, found.place.checkpoint_ns);
      tuples.push_back(co_await complete(stores, operation, key, std::move(found.place),
                                         std::move(found.stored)));
    }
    co_return tuples;
  }

  static awaitable<Config> put(Stores stores, Config config, Document checkpoint, Document metadata,
                               Document new_versions) {
    constexpr auto operation = "put";
    std::string key = key_of(operation, config.thread_id, config.checkpoint_ns);
    StoredCheckpoint stored;
    const CheckpointParts parts(checkpoint);
    stored.id = check_put(config, checkpoint, parts, metadata, new_versions);
    stored.metadata = std::move(metadata);
    stored.parent = config.checkpoint_id;
    stored.has_sends = stored.parent && parts.keeps_sends_as_writes();
    ChannelCarrier channels(std::move(checkpoint), parts, new_versions);

    std::optional<Latest> latest = stores.cache().use(key);
    if (!latest || stored.id <= latest->summary.greatest) {
      latest = (co_await read_newest(stores, operation, key)).latest;
    }
    // An id that is greater than all up to the latest is new, or arrived after the latest. In both
    // cases a note that begins at the latest is right.
    std::optional<StoredCheckpoint> replaced;
    if (stored.id <= latest->summary.greatest) {
      replaced = co_await find_or_pruned(stores, operation, key, stored.id);
    }
    stored.order =
        replaced ? replaced->order : OrderNote(std::move(latest->id), std::move(latest->summary));

    if (channels.needs_more() && stored.parent) {
      carry(operation, key, channels,
            co_await find_or_pruned(stores, operation, key, *stored.parent));
    }
    carry(operation, key, channels, std::move(replaced));
    if (channels.needs_more()) {
      co_await carry_from_any(stores, key, &channels);
    }
    stored.checkpoint = channels.finish();

    config.checkpoint_id = stored.id;
    co_await write(stores, std::move(key), std::move(stored));
    co_return config;
  }

  static awaitable<void> put_writes(Stores stores, Config config, std::vector<ChannelWrite> writes,
                                    std::string task_id, std::string task_path) {
    constexpr auto operation = "put_writes";
    std::string key = key_of(operation, config.thread_id, config.checkpoint_ns);
    const auto arguments = check(operation, config.thread_id);
    arguments.text("task_path", task_path);
    if (!config.checkpoint_id) {
      arguments.refuse(errc::invalid_argument, "checkpoint_id", "is missing");
    }
    std::vector<ChannelWrite> stored = write_writes(std::move(writes), task_path);
    co_await stores.checkpoints().put_writes(std::move(key), *std::move(config.checkpoint_id),
                                             std::move(task_id), std::move(stored));
  }

  static awaitable<bool> delete_thread(Stores stores, std::string thread_id) {
    check_thread("delete_thread", thread_id);
    bool deleted = false;
    std::vector<std::string> keys = co_await keys_of(stores, thread_id);
    std::reverse(keys.begin(), keys.end()); // the graph's own key comes first
    for (std::string& key : keys) {
      stores.cache().forget(key);
      deleted = co_await stores.threads().delete_thread(std::move(key)) || deleted;
    }
    co_await stores.threads().delete_thread(copy_prefix + thread_id);
    co_return deleted;
  }

  static awaitable<bool> copy_thread(Stores stores, std::string source, std::string target) {
    constexpr auto operation = "copy_thread";
    check_thread(operation, source);
    check_thread(operation, target);
    const std::vector<std::string> keys = co_await keys_of(stores, source);
    if (keys.empty()) {
      co_return false;
    }
    std::vector<std::string> copies;
    for (const std::string& key : keys) {
      const std::string ns = key.substr(prefix_of(source).size());
      copies.push_back(key_of(operation, target, ns));
    }

    const std::string note = copy_prefix + target;
    const std::vector<std::string> there = co_await keys_of(stores, target);
    if (!there.empty()) {
      const auto noted = co_await stores.checkpoints().get_checkpoint(note);
      if (!noted || noted->data != json(source)) {
        throw StorageError(errc::already_exists, operation, source, "the target exists");
      }
      // The first key is copied last. If it is there, either all is done but for the note, or the
      // target has been used since.
      if (std::binary_search(there.begin(), there.end(), copies.front())) {
        const bool same = co_await have_equal_latest(stores, keys.front(), copies.front());
        co_await stores.threads().delete_thread(note);
        if (!same) {
          throw StorageError(errc::already_exists, operation, source, "the target exists");
        }
        co_return true;
      }
    }
    json noted_source = source;
    co_await stores.checkpoints().put_checkpoint(note, "source", std::move(noted_source));
    for (const std::string& left : there) {
      stores.cache().forget(left);
      co_await stores.threads().delete_thread(left);
    }
    for (std::size_t i = keys.size(); i-- > 0;) {
      co_await stores.threads().copy_thread(keys[i], copies[i]);
    }
    co_await stores.threads().delete_thread(note);
    co_return true;
  }

  static awaitable<void> prune(Stores stores, std::vector<std::string> thread_ids,
                               PruneStrategy strategy) {
    for (const std::string& thread_id : thread_ids) {
      check_thread("prune", thread_id);
    }
    for (std::string& thread_id : thread_ids) {
      if (strategy == PruneStrategy::delete_all) {
        co_await delete_thread(stores, std::move(thread_id));
        continue;
      }
      std::vector<std::string> keys = co_await keys_of(stores, thread_id);
      for (std::string& key : keys) {
        co_await prune_key(stores, std::move(key));
      }
    }
  }

private:
  /// How many checkpoints are read at once if all are read.
  static constexpr std::size_t piece_size = 32;

  class Found {
  public:
    Found(Config where, StoredCheckpoint what) : place(std::move(where)), stored(std::move(what)) {}

    Config place; // without the id
    StoredCheckpoint stored;

    /// The order of `list`.
    bool operator<(const Found& other) const {
      if (stored.id != other.stored.id) {
        return stored.id > other.stored.id;
      }
      return place.thread_id != other.place.thread_id
                 ? place.thread_id < other.place.thread_id
                 : place.checkpoint_ns < other.place.checkpoint_ns;
    }
  };

  // Arguments.

  /// The checkpoint's id.
  static std::string check_put(const Config& config, const Document& checkpoint,
                               const CheckpointParts& parts, const Document& metadata,
                               const Document& new_versions) {
    const auto arguments = check("put", config.thread_id);
    const auto require = [&](bool holds, const char* name, const char* why) {
      if (!holds) {
        arguments.refuse(errc::invalid_argument, name, why);
      }
    };
    require(checkpoint.is_object(), "checkpoint", "is not a JSON object");
    require(metadata.is_object(), "metadata", "is not a JSON object");
    require(new_versions.is_object(), "new_versions", "is not a JSON object");
    const auto is_object_or_nothing = [](const std::optional<DocumentPart>& part) {
      return !part || part->is_null() || part->is_object();
    };
    require(is_object_or_nothing(parts.values), channel_values, "is not a JSON object");
    require(is_object_or_nothing(parts.versions), channel_versions, "is not a JSON object");
    require(parts.id && parts.id->is_string(), "checkpoint", "has no id that is a text");
    std::string text = parts.id->string();
    arguments.id("checkpoint_id", text);
    if (config.checkpoint_id) {
      arguments.id("checkpoint_id of the parent", *config.checkpoint_id);
    }
    return text;
  }

  static void check_list(const ListOptions& options) {
    const auto arguments = check("list", options.thread_id.value_or(std::string()));
    if (options.thread_id) {
      check_thread("list", *options.thread_id);
    }
    if (options.checkpoint_ns) {
      arguments.id_prefix("checkpoint_ns", *options.checkpoint_ns);
    }
    if (options.checkpoint_id) {
      arguments.id("checkpoint_id", *options.checkpoint_id);
    }
    if (options.before) {
      arguments.id("before", *options.before);
    }
    arguments.object("filter", options.filter);
  }

  // Checkpoints.

  /// What the newest checkpoints of a key tell about all of its checkpoints.
  class Newest {
  public:
    Newest(std::optional<StoredCheckpoint> arrived_last, Latest known)
        : checkpoint(std::move(arrived_last)), latest(std::move(known)) {}

    std::optional<StoredCheckpoint> checkpoint; // even if it is pruned
    Latest latest;
  };

  static awaitable<Newest> read_newest(Stores stores, const char* operation, std::string key) {
    for (std::size_t asked = stores.cache().expected_ids(key);; asked *= 8) {
      ThreadHead head = co_await stores.threads().get_thread_head(key, asked);
      const std::vector<std::string>& ids = head.checkpoint_ids;
      std::optional<StoredCheckpoint> newest;
      OrderNote note;
      if (head.latest) {
        newest = read_stored(operation, *std::move(head.latest));
        note = newest->order;
      }
      std::optional<OrderSummary> summary = summarize(ids, ids.size() < asked, note);
      if (summary) {
        Latest latest(newest ? newest->id : std::string(), *std::move(summary));
        stores.cache().keep(key, latest);
        co_return Newest(std::move(newest), std::move(latest));
      }
    }
  }

  static awaitable<std::optional<StoredCheckpoint>>
  find_or_pruned(Stores stores, const char* operation, std::string key, std::string id) {
    std::optional<Checkpoint> record =
        co_await stores.checkpoints().get_checkpoint(std::move(key), std::move(id));
    std::optional<StoredCheckpoint> stored;
    if (record) {
      stored = read_stored(operation, *std::move(record));
    }
    co_return stored;
  }

  static awaitable<std::optional<StoredCheckpoint>> find(Stores stores, const char* operation,
                                                         std::string key, std::string id) {
    std::optional<StoredCheckpoint> stored =
        co_await find_or_pruned(stores, operation, std::move(key), std::move(id));
    if (stored && stored->is_pruned) {
      stored.reset();
    }
    co_return stored;
  }

  static awaitable<std::optional<StoredCheckpoint>>
  find_latest(Stores stores, const char* operation, std::string key) {
    Newest newest = co_await read_newest(stores, operation, key);
    const std::string& greatest = newest.latest.summary.greatest;
    std::optional<StoredCheckpoint> latest = std::move(newest.checkpoint);
    if (!latest || (latest->id == greatest && !latest->is_pruned)) {
      co_return latest;
    }
    latest = co_await find(stores, operation, key, greatest);
    if (!latest) {
      // The greatest checkpoint was pruned after a note had named it.
      std::vector<StoredCheckpoint> piece_of_all;
      std::string after;
      while (co_await read_piece(stores, operation, key, &after, &piece_of_all)) {
        for (StoredCheckpoint& each : piece_of_all) {
          if (!each.is_pruned && (!latest || latest->id < each.id)) {
            latest = std::move(each);
          }
        }
      }
    }
    co_return latest;
  }

  /// Reads the next checkpoints of a key, newest first, behind the id `after`, which is empty at
  /// the start. False at the end.
  static awaitable<bool> read_piece(Stores stores, const char* operation, std::string key,
                                    std::string* after, std::vector<StoredCheckpoint>* piece) {
    std::vector<Checkpoint> records;
    if (after->empty()) {
      records = co_await stores.checkpoints().list_checkpoints(std::move(key), piece_size);
    } else {
      records =
          co_await stores.threads().list_checkpoints_before(std::move(key), *after, piece_size);
    }
    *piece = read_stored(operation, std::move(records));
    if (piece->empty()) {
      co_return false;
    }
    *after = piece->back().id;
    co_return true;
  }

  static awaitable<void> write(Stores stores, std::string key, StoredCheckpoint stored) {
    std::string id = std::move(stored.id);
    Document data = std::move(stored.checkpoint);
    Document metadata = write_metadata(stored);
    co_await stores.checkpoints().put_checkpoint(std::move(key), std::move(id), std::move(data),
                                                 std::move(metadata));
  }

  /// The checkpoint with its pending writes, and with those of its parent if they belong to it.
  static awaitable<CheckpointTuple> complete(Stores stores, const char* operation, std::string key,
                                             Config place, StoredCheckpoint stored) {
    CheckpointTuple tuple;
    tuple.pending_writes =
        read_writes(operation, key, co_await stores.checkpoints().get_writes(key, stored.id));
    tuple.checkpoint = std::move(stored.checkpoint);
    tuple.metadata = std::move(stored.metadata);
    if (stored.parent) {
      tuple.parent_config = Config(place.thread_id, place.checkpoint_ns, stored.parent);
      if (stored.has_sends) {
        std::vector<PendingWrite> sends =
            co_await stores.checkpoints().get_writes(key, *std::move(stored.parent));
        tuple.checkpoint = with_pending_sends(std::move(tuple.checkpoint),
                                              read_writes(operation, key, std::move(sends)));
      }
    }
    tuple.config =
        Config(std::move(place.thread_id), std::move(place.checkpoint_ns), std::move(stored.id));
    co_return tuple;
  }

  // Channels.

  static void carry(const char* operation, const std::string& key, ChannelCarrier& channels,
                    std::optional<StoredCheckpoint> from) {
    if (from && !channels.carry_from(*from)) {
      throw_corrupted(operation, key);
    }
  }

  /// Takes the missing values from the newest checkpoint that has them. `channels` lives in the
  /// frame that awaits.
  static awaitable<void> carry_from_any(Stores stores, std::string key, ChannelCarrier* channels) {
    constexpr auto operation = "put";
    std::vector<StoredCheckpoint> piece;
    std::string after;
    while (channels->needs_more() && co_await read_piece(stores, operation, key, &after, &piece)) {
      for (StoredCheckpoint& stored : piece) {
        carry(operation, key, *channels, std::move(stored));
      }
    }
  }

  // Threads.

  static awaitable<std::vector<std::string>> keys_with(Stores stores, std::string prefix) {
    std::vector<std::string> keys;
    ThreadPaginator threads(stores.threads(), std::move(prefix), max_page_size);
    while (co_await threads.next()) {
      std::move(threads.page().begin(), threads.page().end(), std::back_inserter(keys));
    }
    co_return keys;
  }

  /// In the order of their bytes: the graph's own namespace, whose name is empty, comes first.
  static awaitable<std::vector<std::string>> keys_of(Stores stores, std::string thread_id) {
    return keys_with(stores, prefix_of(thread_id));
  }

  static awaitable<bool> have_equal_latest(Stores stores, std::string one, std::string other) {
    std::optional<Checkpoint> first = co_await stores.checkpoints().get_checkpoint(std::move(one));
    const std::optional<Checkpoint> second =
        co_await stores.checkpoints().get_checkpoint(std::move(other));
    if (first && second) {
      first->thread_id = second->thread_id;
    }
    co_return first == second;
  }

  static awaitable<void> prune_key(Stores stores, std::string key) {
    constexpr auto operation = "prune";
    const Newest newest = co_await read_newest(stores, operation, key);
    stores.cache().forget(key);
    if (newest.latest.summary.in_order) {
      co_await stores.threads().prune_thread(std::move(key), 1);
      co_return;
    }
    // Checkpoints that arrived before the latest are removed. Checkpoints that arrived after it are
    // emptied, because the backend removes only the oldest.
    const std::optional<StoredCheckpoint> latest = co_await find_latest(stores, operation, key);
    if (!latest) {
      co_return;
    }
    std::vector<StoredCheckpoint> later;
    std::size_t keep = 0;
    std::vector<StoredCheckpoint> piece;
    std::string after;
    bool is_behind = false;
    while (!is_behind && co_await read_piece(stores, operation, key, &after, &piece)) {
      for (auto each = piece.begin(); each != piece.end() && !is_behind; ++each) {
        ++keep;
        is_behind = each->id == latest->id;
        if (!is_behind && !each->is_pruned && each->id < latest->id) {
          later.push_back(std::move(*each));
        }
      }
    }
    for (StoredCheckpoint& stored : later) {
      StoredCheckpoint emptied;
      emptied.id = std::move(stored.id);
      emptied.order = std::move(stored.order);
      emptied.is_pruned = true;
      co_await write(stores, key, std::move(emptied));
    }
    stores.cache().forget(key);
    co_await stores.threads().prune_thread(std::move(key), keep);
  }

  // Lists.

  /// The threads and namespaces that a list goes through.
  static awaitable<std::vector<Config>> find_places(Stores stores, ListOptions options) {
    std::vector<Config> places;
    if (options.thread_id && options.checkpoint_ns) {
      places.emplace_back(*std::move(options.thread_id), *std::move(options.checkpoint_ns));
      co_return places;
    }
    std::string prefix = key_prefix;
    if (options.thread_id) {
      prefix = prefix_of(*options.thread_id);
    }
    const std::vector<std::string> keys = co_await keys_with(stores, std::move(prefix));
    for (const std::string& key : keys) {
      std::optional<Config> place = parse_key(key);
      if (place && (!options.checkpoint_ns || place->checkpoint_ns == *options.checkpoint_ns)) {
        places.push_back(*std::move(place));
      }
    }
    co_return places;
  }

  static bool matches(const StoredCheckpoint& stored, const ListOptions& options) {
    if (stored.is_pruned || (options.before && stored.id >= *options.before)) {
      return false;
    }
    for (const auto& [name, value] : options.filter.items()) {
      const auto found = stored.metadata.find(name);
      if (found == stored.metadata.end() || *found != value) {
        return false;
      }
    }
    return true;
  }

  /// Adds what is asked for in one namespace to the best of those before. `options` and `best`
  /// live in the frame that awaits.
  static awaitable<void> search(Stores stores, const ListOptions* options, std::size_t limit,
                                Config place, std::set<Found>* best) {
    constexpr auto operation = "list";
    const std::string key = key_of(operation, place.thread_id, place.checkpoint_ns);
    if (options->checkpoint_id) {
      std::optional<StoredCheckpoint> stored =
          co_await find(stores, operation, key, *options->checkpoint_id);
      if (stored && matches(*stored, *options)) {
        add(place, *std::move(stored), limit, *best);
      }
      co_return;
    }
    // If all checkpoints arrived in the order of their ids, an id that is too small ends the
    // search.
    std::vector<StoredCheckpoint> piece;
    std::string after;
    bool more = co_await read_piece(stores, operation, key, &after, &piece);
    const bool in_order = is_in_order(piece);
    if (more && in_order && options->before && piece.back().id >= *options->before) {
      std::vector<StoredCheckpoint> jumped;
      std::string from = *options->before;
      if (co_await read_piece(stores, operation, key, &from, &jumped)) {
        piece = std::move(jumped);
        after = std::move(from);
      }
    }
    while (more) {
      for (StoredCheckpoint& stored : piece) {
        if (in_order && best->size() == limit && stored.id < best->rbegin()->stored.id) {
          co_return;
        }
        if (matches(stored, *options)) {
          add(place, std::move(stored), limit, *best);
        }
      }
      more = co_await read_piece(stores, operation, key, &after, &piece);
    }
  }

  /// Whether the newest checkpoints of a key tell that all arrived in the order of their ids.
  static bool is_in_order(const std::vector<StoredCheckpoint>& newest) {
    std::vector<std::string> ids;
    for (const StoredCheckpoint& each : newest) {
      ids.push_back(each.id);
    }
    const auto summary = summarize(ids, ids.size() < piece_size,
                                   newest.empty() ? OrderNote() : newest.front().order);
    return summary && summary->in_order;
  }

  /// Keeps `best` within the limit.
  static void add(const Config& place, StoredCheckpoint stored, std::size_t limit,
                  std::set<Found>& best) {
    best.emplace(place, std::move(stored));
    if (best.size() > limit) {
      best.erase(std::prev(best.end()));
    }
  }
};

} // namespace detail

template <class Stores>
BasicCheckpointer<Stores>::BasicCheckpointer(ICheckpointerBackend& checkpoints,
                                             IThreadDirectory& threads)
    : stores_(checkpoints, threads, agentstore::detail::construct<detail::LatestCache>()) {}

template <class Stores>
awaitable<std::optional<CheckpointTuple>>
BasicCheckpointer<Stores>::get_tuple(Config config) const {
  return detail::CheckpointerImpl::get_tuple(stores_, std::move(config));
}

template <class Stores>
awaitable<std::vector<CheckpointTuple>> BasicCheckpointer<Stores>::list(ListOptions options) const {
  return detail::CheckpointerImpl::list(stores_, std::move(options));
}

template <class Stores>
awaitable<Config> BasicCheckpointer<Stores>::put(Config config, Document checkpoint,
                                                 Document metadata, Document new_versions) const {
  return detail::CheckpointerImpl::put(stores_, std::move(config), std::move(checkpoint),
                                       std::move(metadata), std::move(new_versions));
}

template <class Stores>
awaitable<void>
BasicCheckpointer<Stores>::put_writes(Config config, std::vector<ChannelWrite> writes,
                                      std::string task_id, std::string task_path) const {
  return detail::CheckpointerImpl::put_writes(stores_, std::move(config), std::move(writes),
                                              std::move(task_id), std::move(task_path));
}

template <class Stores>
awaitable<bool> BasicCheckpointer<Stores>::delete_thread(std::string thread_id) const {
  return detail::CheckpointerImpl::delete_thread(stores_, std::move(thread_id));
}

template <class Stores>
awaitable<bool> BasicCheckpointer<Stores>::copy_thread(std::string source,
                                                       std::string target) const {
  return detail::CheckpointerImpl::copy_thread(stores_, std::move(source), std::move(target));
}

template <class Stores>
awaitable<void> BasicCheckpointer<Stores>::prune(std::vector<std::string> thread_ids,
                                                 PruneStrategy strategy) const {
  return detail::CheckpointerImpl::prune(stores_, std::move(thread_ids), strategy);
}

} // namespace agentstore::langgraph

#endif
