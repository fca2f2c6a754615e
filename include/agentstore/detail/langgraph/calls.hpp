// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_CALLS_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_CALLS_HPP

// The methods of the checkpointer, as coroutines that own all they work on but the backend.

#include <agentstore/detail/langgraph/document.hpp>
#include <agentstore/detail/langgraph/keys.hpp>
#include <agentstore/detail/langgraph/seen.hpp>
#include <agentstore/langgraph/checkpointer.hpp>

#include <algorithm>
#include <set>

namespace agentstore::langgraph {

class Checkpointer::Calls {
  using Document = detail::Document;
  using Standing = detail::Standing;

public:
  static awaitable<std::optional<CheckpointTuple>> get_tuple(Stores stores, Config config) {
    constexpr auto operation = "get_tuple";
    const std::string key = detail::key_of(operation, config.thread_id, config.checkpoint_ns);
    std::optional<Document> document;
    if (config.checkpoint_id) {
      document = co_await find(stores, operation, key, *config.checkpoint_id);
    } else {
      document = co_await find_latest(stores, operation, key);
    }
    if (!document) {
      co_return std::nullopt;
    }
    co_return co_await complete(stores, operation, key, std::move(config), *std::move(document));
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
      const std::string key =
          detail::key_of(operation, found.place.thread_id, found.place.checkpoint_ns);
      tuples.push_back(co_await complete(stores, operation, key, std::move(found.place),
                                         std::move(found.document)));
    }
    co_return tuples;
  }

  static awaitable<Config> put(Stores stores, Config config, json checkpoint, json metadata,
                               json new_versions) {
    constexpr auto operation = "put";
    const std::string key = detail::key_of(operation, config.thread_id, config.checkpoint_ns);
    Document document;
    document.id = check_put(config, checkpoint, metadata, new_versions);
    document.parent = config.checkpoint_id;
    std::vector<Document> newest;
    std::optional<detail::Top> top = stores.seen().take(key);
    if (!top || document.id <= top->standing.greatest) {
      top = co_await read_top(stores, operation, key, &newest);
    }

    std::optional<Document> replaced;
    if (document.id <= top->standing.greatest) {
      replaced = co_await pick(stores, operation, key, document.id, &newest);
    }
    if (replaced) {
      document.arrival = replaced->arrival; // it keeps its place
    } else {
      document.arrival.in_order = top->standing.in_order && document.id > top->standing.greatest;
      document.arrival.after = std::move(top->id);
      document.arrival.greatest = std::move(top->standing.greatest);
    }

    json given = std::move(checkpoint["channel_values"]);
    json values = json::object();
    std::vector<std::string> carried;
    for (const auto& [channel, version] : checkpoint["channel_versions"].items()) {
      if (!new_versions.contains(channel)) {
        carried.push_back(channel);
      } else if (given.contains(channel)) {
        values[channel] = std::move(given[channel]);
      }
    }
    document.checkpoint = std::move(checkpoint);
    if (!carried.empty()) {
      std::optional<Document> parent;
      if (document.parent) {
        parent = co_await pick(stores, operation, key, *document.parent, &newest);
      }
      const json& versions = document.checkpoint["channel_versions"];
      carry_over(parent, versions, &carried, &values);
      carry_over(replaced, versions, &carried, &values);
      if (!carried.empty()) {
        co_await carry_over_from_any(stores, key, versions, std::move(carried), &values);
      }
    }
    document.checkpoint["channel_values"] = std::move(values);

    config.checkpoint_id = document.id;
    std::string id = document.id;
    json data = detail::write_document(std::move(document));
    co_await stores.checkpoints().put_checkpoint(key, std::move(id), std::move(data),
                                                 std::move(metadata));
    co_return config;
  }

  static awaitable<void> put_writes(Stores stores, Config config, std::vector<ChannelWrite> writes,
                                    std::string task_id, std::string task_path) {
    constexpr auto operation = "put_writes";
    std::string key = detail::key_of(operation, config.thread_id, config.checkpoint_ns);
    const auto arguments = check(operation, config.thread_id);
    arguments.text("task_path", task_path);
    if (!config.checkpoint_id) {
      arguments.refuse(errc::invalid_argument, "checkpoint_id", "is missing");
    }
    std::vector<ChannelWrite> stored = detail::write_writes(std::move(writes), task_path);
    co_await stores.checkpoints().put_writes(std::move(key), *std::move(config.checkpoint_id),
                                             std::move(task_id), std::move(stored));
  }

  static awaitable<bool> delete_thread(Stores stores, std::string thread_id) {
    detail::check_thread("delete_thread", thread_id);
    bool deleted = false;
    std::vector<std::string> keys = co_await keys_of(stores, thread_id);
    std::reverse(keys.begin(), keys.end()); // the graph's own is the first
    for (std::string& key : keys) {
      deleted = co_await stores.threads().delete_thread(std::move(key)) || deleted;
    }
    co_await stores.threads().delete_thread(detail::copy_prefix + thread_id);
    co_return deleted;
  }

  static awaitable<bool> copy_thread(Stores stores, std::string source, std::string target) {
    constexpr auto operation = "copy_thread";
    detail::check_thread(operation, source);
    detail::check_thread(operation, target);
    const std::vector<std::string> keys = co_await keys_of(stores, source);
    if (keys.empty()) {
      co_return false;
    }
    std::vector<std::string> copies;
    for (const std::string& key : keys) {
      const std::string ns = key.substr(detail::prefix_of(source).size());
      copies.push_back(detail::key_of(operation, target, ns));
    }

    const std::string note = detail::copy_prefix + target;
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
      detail::check_thread("prune", thread_id);
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
  /// How many documents are read at once where many are.
  static constexpr std::size_t piece = 32;

  class Found {
  public:
    Found(Config where, Document what) : place(std::move(where)), document(std::move(what)) {}

    Config place; // without the id
    Document document;

    /// The order of `list`.
    bool operator<(const Found& other) const {
      if (document.id != other.document.id) {
        return document.id > other.document.id;
      }
      return place.thread_id != other.place.thread_id
                 ? place.thread_id < other.place.thread_id
                 : place.checkpoint_ns < other.place.checkpoint_ns;
    }
  };

  // Arguments.

  static std::string check_put(const Config& config, json& checkpoint, const json& metadata,
                               const json& new_versions) {
    const auto arguments = check("put", config.thread_id);
    const auto require = [&](bool holds, const char* name, const char* why) {
      if (!holds) {
        arguments.refuse(errc::invalid_argument, name, why);
      }
    };
    require(checkpoint.is_object(), "checkpoint", "is not a JSON object");
    require(metadata.is_object(), "metadata", "is not a JSON object");
    require(new_versions.is_object(), "new_versions", "is not a JSON object");
    for (const char* const name : {"channel_values", "channel_versions"}) {
      json& member = checkpoint[name];
      if (member.is_null()) {
        member = json::object();
      }
      require(member.is_object(), name, "is not a JSON object");
    }
    const auto id = checkpoint.find("id");
    require(id != checkpoint.end() && id->is_string(), "checkpoint", "has no id that is a text");
    arguments.id("checkpoint_id", id->get_ref<const std::string&>());
    if (config.checkpoint_id) {
      arguments.id("checkpoint_id of the parent", *config.checkpoint_id);
    }
    return *id;
  }

  static void check_list(const ListOptions& options) {
    const auto arguments = check("list", options.thread_id.value_or(std::string()));
    if (options.thread_id) {
      detail::check_thread("list", *options.thread_id);
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

  // Documents.

  static awaitable<std::optional<Document>> find(Stores stores, const char* operation,
                                                 std::string key, std::string id) {
    std::optional<Checkpoint> record =
        co_await stores.checkpoints().get_checkpoint(std::move(key), std::move(id));
    if (!record) {
      co_return std::nullopt;
    }
    Document document = detail::read_document(operation, *std::move(record));
    if (document.is_pruned) {
      co_return std::nullopt;
    }
    co_return document;
  }

  /// The document of an id, be it pruned: a copy of one of `newest`, or read.
  static awaitable<std::optional<Document>> pick(Stores stores, const char* operation,
                                                 std::string key, std::string id,
                                                 const std::vector<Document>* newest) {
    const auto found = std::find_if(newest->begin(), newest->end(),
                                    [&](const Document& each) { return each.id == id; });
    if (found != newest->end()) {
      co_return *found;
    }
    std::optional<Checkpoint> record =
        co_await stores.checkpoints().get_checkpoint(std::move(key), std::move(id));
    if (!record) {
      co_return std::nullopt;
    }
    co_return detail::read_document(operation, *std::move(record));
  }

  /// Reads the newest two documents of a key, and more if they do not tell about all of them, into
  /// `newest`, and what they tell.
  static awaitable<detail::Top> read_top(Stores stores, const char* operation, std::string key,
                                         std::vector<Document>* newest) {
    for (std::size_t asked = 2;; asked *= 8) {
      std::vector<Checkpoint> records = co_await stores.checkpoints().list_checkpoints(key, asked);
      *newest = detail::read_documents(operation, std::move(records));
      std::optional<Standing> standing = detail::standing_of(*newest, newest->size() < asked);
      if (standing) {
        const std::string id = newest->empty() ? std::string() : newest->front().id;
        co_return detail::Top(id, *std::move(standing));
      }
    }
  }

  static awaitable<std::optional<Document>> find_latest(Stores stores, const char* operation,
                                                        std::string key) {
    std::vector<Document> newest;
    const detail::Top top = co_await read_top(stores, operation, key, &newest);
    stores.seen().keep(key, top);
    const Standing& standing = top.standing;
    if (newest.empty()) {
      co_return std::nullopt;
    }
    Document* const here = detail::find_document(newest, standing.greatest);
    if (here != nullptr && !here->is_pruned) {
      co_return std::move(*here);
    }
    std::optional<Document> latest = co_await find(stores, operation, key, standing.greatest);
    if (!latest) {
      // It was pruned after it had been noted.
      std::vector<Document> piece_of_all;
      std::string after;
      while (co_await read_piece(stores, operation, key, &after, &piece_of_all)) {
        for (Document& each : piece_of_all) {
          if (!each.is_pruned && (!latest || latest->id < each.id)) {
            latest = std::move(each);
          }
        }
      }
    }
    co_return latest;
  }

  /// Reads the next documents of a key, newest first, behind the one of the id `after`, which is
  /// empty at the start; false at the end.
  static awaitable<bool> read_piece(Stores stores, const char* operation, std::string key,
                                    std::string* after, std::vector<Document>* documents) {
    std::vector<Checkpoint> records;
    if (after->empty()) {
      records = co_await stores.checkpoints().list_checkpoints(std::move(key), piece);
    } else {
      records = co_await stores.threads().list_checkpoints_before(std::move(key), *after, piece);
    }
    *documents = detail::read_documents(operation, std::move(records));
    if (documents->empty()) {
      co_return false;
    }
    *after = documents->back().id;
    co_return true;
  }

  /// With its pending writes, and those of its parent where they belong to it.
  static awaitable<CheckpointTuple> complete(Stores stores, const char* operation, std::string key,
                                             Config place, Document document) {
    CheckpointTuple tuple;
    tuple.pending_writes = detail::read_writes(
        operation, key, co_await stores.checkpoints().get_writes(key, document.id));
    tuple.checkpoint = std::move(document.checkpoint);
    tuple.metadata = std::move(document.metadata);
    if (document.parent) {
      tuple.parent_config = Config(place.thread_id, place.checkpoint_ns, document.parent);
      if (detail::keeps_sends_as_writes(tuple.checkpoint)) {
        std::vector<PendingWrite> sends =
            co_await stores.checkpoints().get_writes(key, *std::move(document.parent));
        detail::add_pending_sends(tuple.checkpoint,
                                  detail::read_writes(operation, key, std::move(sends)));
      }
    }
    tuple.config =
        Config(std::move(place.thread_id), std::move(place.checkpoint_ns), std::move(document.id));
    co_return tuple;
  }

  // Channels.

  /// Gives `values` those of the carried channels that `from` has in their version, and strikes
  /// them off.
  static void carry_over(std::optional<Document>& from, const json& versions,
                         std::vector<std::string>* carried, json* values) {
    if (from) {
      std::erase_if(*carried, [&](const std::string& channel) {
        const bool has = detail::has_version(*from, channel, versions.at(channel));
        if (has) {
          detail::take_value(*from, channel, *values);
        }
        return has;
      });
    }
  }

  static awaitable<void> carry_over_from_any(Stores stores, std::string key, json versions,
                                             std::vector<std::string> carried, json* values) {
    std::vector<Document> documents;
    std::string after;
    while (!carried.empty() && co_await read_piece(stores, "put", key, &after, &documents)) {
      for (Document& document : documents) {
        std::optional<Document> from(std::move(document));
        carry_over(from, versions, &carried, values);
      }
    }
  }

  // Threads.

  static awaitable<std::vector<std::string>> keys_with(Stores stores, std::string prefix) {
    std::vector<std::string> keys;
    Page page(max_page_size);
    do {
      ThreadPage threads = co_await stores.threads().list_threads(prefix, page);
      std::move(threads.thread_ids.begin(), threads.thread_ids.end(), std::back_inserter(keys));
      page.after(std::move(threads.next));
    } while (!page.is_first());
    co_return keys;
  }

  /// In the order of their bytes: the graph's own namespace, whose name is empty, comes first.
  static awaitable<std::vector<std::string>> keys_of(Stores stores, std::string thread_id) {
    return keys_with(stores, detail::prefix_of(thread_id));
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
    std::vector<Document> newest;
    const detail::Top top = co_await read_top(stores, operation, key, &newest);
    if (top.standing.in_order) {
      co_await stores.threads().prune_thread(std::move(key), 1);
      co_return;
    }
    // What arrived before the latest goes, what came after it is emptied.
    std::vector<Document> later;
    std::size_t keep = 0;
    const std::optional<Document> latest = co_await find_latest(stores, operation, key);
    if (!latest) {
      co_return;
    }
    std::string after;
    bool is_behind = false;
    while (!is_behind && co_await read_piece(stores, operation, key, &after, &newest)) {
      for (auto each = newest.begin(); each != newest.end() && !is_behind; ++each) {
        ++keep;
        is_behind = each->id == latest->id;
        if (!is_behind && !each->is_pruned && each->id < latest->id) {
          later.push_back(std::move(*each));
        }
      }
    }
    for (Document& document : later) {
      std::string id = document.id;
      document.is_pruned = true;
      json data = detail::write_document(std::move(document));
      co_await stores.checkpoints().put_checkpoint(key, std::move(id), std::move(data));
    }
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
    std::string prefix = detail::key_prefix;
    if (options.thread_id) {
      prefix = detail::prefix_of(*options.thread_id);
    }
    const std::vector<std::string> keys = co_await keys_with(stores, std::move(prefix));
    for (const std::string& key : keys) {
      std::optional<Config> place = detail::parse_key(key);
      if (place && (!options.checkpoint_ns || place->checkpoint_ns == *options.checkpoint_ns)) {
        places.push_back(*std::move(place));
      }
    }
    co_return places;
  }

  static bool matches(const Document& document, const ListOptions& options) {
    if (document.is_pruned || (options.before && document.id >= *options.before)) {
      return false;
    }
    for (const auto& [name, value] : options.filter.items()) {
      const auto found = document.metadata.find(name);
      if (found == document.metadata.end() || *found != value) {
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
    const std::string key = detail::key_of(operation, place.thread_id, place.checkpoint_ns);
    std::vector<Document> documents;
    if (options->checkpoint_id) {
      std::optional<Document> document =
          co_await find(stores, operation, key, *options->checkpoint_id);
      if (document && matches(*document, *options)) {
        add(place, *std::move(document), limit, *best);
      }
      co_return;
    }
    // In order of the ids, if that is how they arrived: then one that is too small ends it.
    std::string after;
    bool more = co_await read_piece(stores, operation, key, &after, &documents);
    const auto standing = detail::standing_of(documents, documents.size() < piece);
    const bool in_order = standing && standing->in_order;
    if (more && in_order && options->before && documents.back().id >= *options->before) {
      std::vector<Document> jumped;
      std::string from = *options->before;
      if (co_await read_piece(stores, operation, key, &from, &jumped)) {
        documents = std::move(jumped);
        after = std::move(from);
      }
    }
    while (more) {
      for (Document& document : documents) {
        if (in_order && best->size() == limit && document.id < best->rbegin()->document.id) {
          co_return;
        }
        if (matches(document, *options)) {
          add(place, std::move(document), limit, *best);
        }
      }
      more = co_await read_piece(stores, operation, key, &after, &documents);
    }
  }

  /// Keeps `best` within the limit.
  static void add(const Config& place, Document document, std::size_t limit,
                  std::set<Found>& best) {
    best.emplace(place, std::move(document));
    if (best.size() > limit) {
      best.erase(std::prev(best.end()));
    }
  }
};

inline Checkpointer::Stores::Stores(ICheckpointerBackend& checkpoints, IThreadDirectory& threads)
    : checkpoints_(&checkpoints), threads_(&threads), seen_(std::make_shared<detail::Seen>()) {}

inline awaitable<std::optional<CheckpointTuple>> Checkpointer::get_tuple(Config config) const {
  return Calls::get_tuple(stores_, std::move(config));
}

inline awaitable<std::vector<CheckpointTuple>> Checkpointer::list(ListOptions options) const {
  return Calls::list(stores_, std::move(options));
}

inline awaitable<Config> Checkpointer::put(Config config, json checkpoint, json metadata,
                                           json new_versions) const {
  return Calls::put(stores_, std::move(config), std::move(checkpoint), std::move(metadata),
                    std::move(new_versions));
}

inline awaitable<void> Checkpointer::put_writes(Config config, std::vector<ChannelWrite> writes,
                                                std::string task_id, std::string task_path) const {
  return Calls::put_writes(stores_, std::move(config), std::move(writes), std::move(task_id),
                           std::move(task_path));
}

inline awaitable<bool> Checkpointer::delete_thread(std::string thread_id) const {
  return Calls::delete_thread(stores_, std::move(thread_id));
}

inline awaitable<bool> Checkpointer::copy_thread(std::string source, std::string target) const {
  return Calls::copy_thread(stores_, std::move(source), std::move(target));
}

inline awaitable<void> Checkpointer::prune(std::vector<std::string> thread_ids,
                                           PruneStrategy strategy) const {
  return Calls::prune(stores_, std::move(thread_ids), strategy);
}

} // namespace agentstore::langgraph

#endif
