// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_VALUES_HPP
#define AGENTSTORE_CONFORMANCE_RULES_VALUES_HPP

/// \file
/// KEY and VAL: what ids and values every method takes and keeps, argument by argument.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/methods/steps.hpp>
#include <agentstore/conformance/methods/value_methods.hpp>
#include <agentstore/conformance/rules/areas.hpp>

#include <array>
#include <functional>

namespace agentstore::conformance {

namespace detail {

/// `values` where they are reached only through others, and beside more of them than one counts on.
inline json buried(const json& values) {
  json many = json::array();
  json members = json::object();
  for (int i = 0; i < 1100; ++i) {
    many.push_back(i);
    members["m" + std::to_string(i)] = i;
  }
  json outer = object("a", json::array({object("b", object("c", json::array({values})))}));
  outer["many"] = std::move(many);
  outer["members"] = std::move(members);
  return outer;
}

/// `value` in the form that the argument takes; nothing where it takes only other things.
inline std::optional<json> fitted(const WriteArgument& argument, const json& value) {
  if (argument.takes_text()) {
    const bool fits = value.is_string() && (argument.takes == Takes::text ||
                                            !value.get_ref<const std::string&>().empty());
    return fits ? std::optional<json>(value) : std::nullopt;
  }
  if (argument.takes == Takes::object) {
    // A null member would remove, in an update, what is not there.
    const bool removes = argument.on_repeat == RepeatEffect::merges && !value.is_array();
    return object("v", removes ? json::array({value}) : value);
  }
  return value;
}

/// The write is refused with `code`, or by false where the archive is asked.
inline void expect_refused(RuleContext& ctx, Client& client, const WriteArgument& argument,
                           const Ids& ids, const Document& value, errc code) {
  if (argument.is_archive) {
    ctx.expect_same(argument.put(client, ids, value), false,
                    argument.label() + " of what must be refused");
  } else {
    ctx.expect_error(code, [&] { argument.put(client, ids, value); });
  }
}

/// What is read where nothing was ever written: nothing, or a session without metadata.
inline void expect_nothing(RuleContext& ctx, Client& client, const WriteArgument& argument,
                           const Ids& ids) {
  if (!argument.is_readable) {
    return;
  }
  const std::optional<json> found = argument.read(ctx, client, ids);
  if (argument.on_repeat == RepeatEffect::merges) {
    ctx.expect_same(found, std::optional<json>(json::object()),
                    argument.label() + " after a refusal");
  } else {
    ctx.expect_same(found, std::optional<json>(), argument.label() + " after a refusal");
  }
}

inline std::string counts_if_any(RuleContext& ctx, Client& client) {
  if (!ctx.offers(Interfaces::backend)) {
    return {};
  }
  const Metrics m = client.get_metrics();
  return show(m.total_sessions) + "/" + show(m.active_sessions) + "/" + show(m.total_messages) +
         "/" + show(m.total_checkpoints);
}

/// `depth` objects in each other, built from without, since each move of a value would cost a node.
inline json nested(std::size_t depth) {
  json value = json::object();
  auto* innermost = value.get_ptr<json::object_t*>();
  for (std::size_t i = 1; i < depth; ++i) {
    json& inner = innermost->emplace("v", json::value_t::object).first->second;
    innermost = inner.get_ptr<json::object_t*>();
  }
  return value;
}

/// `depth` lists in each other.
inline json nested_lists(std::size_t depth) {
  json value = json::array();
  for (std::size_t i = 1; i < depth; ++i) {
    json outer = json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

/// How deep objects in each other are, found without recursion.
inline std::size_t nesting(const json& value) {
  std::size_t depth = 0;
  const json* at = &value;
  for (; at->is_object() && !at->empty(); at = &*at->begin()) {
    ++depth;
  }
  return depth + (at->is_object() ? 1u : 0u);
}

/// A value of exactly `bytes`, in the form that the argument takes. It has a letter of two bytes,
/// and in JSON a quote, which takes two in the dump: whoever counts letters, counts what is inside
/// of the quotes, or dumps ASCII alone, counts something else.
inline json sized(const WriteArgument& argument, std::size_t bytes) {
  if (argument.takes_text()) {
    return letters(bytes - 2) + "\xC3\xA9";
  }
  const std::string end = "\xC3\xA9\"";
  return argument.takes == Takes::object ? object("v", letters(bytes - 12) + end)
                                         : json(letters(bytes - 6) + end);
}

/// A write that stands behind a good one is checked as the first: of one call all are refused.
inline void check_second_write_refused(RuleContext& ctx, Client& client, const json& value,
                                       errc code) {
  WriteList writes;
  writes.add("channel", 1).add("channel", value);
  if (ctx.offers(Interfaces::checkpointer)) {
    ctx.expect_error(code, [&] { client.put_writes("second", "checkpoint", "task", writes); });
    ctx.expect_same(written(client.get_writes("second", "checkpoint")), std::vector<std::string>(),
                    "the writes of a call of which the second was refused");
  }
  if (ctx.offers(Interfaces::archive)) {
    ctx.expect_same(client.call("append_checkpoint_writes(\"second\", ...)",
                                client.handle().archive->append_checkpoint_writes(
                                    "second", "checkpoint", "task", writes)),
                    false, "an append of writes of which the second must be refused");
  }
}

/// Uses each of the odd ids as one of the method's ids, all in one store, and reads all back.
inline void check_odd_ids(RuleContext& ctx, Client& client, const WriteArgument& argument,
                          std::size_t varied) {
  std::vector<std::pair<Ids, json>> written;
  std::vector<std::string> prepared;
  for (const std::string& id : odd_ids()) {
    Ids ids = argument.ids("key");
    if (varied >= argument.addressing) {
      ids[0] += std::to_string(written.size());
    }
    ids[varied] = id;
    if (std::find(prepared.begin(), prepared.end(), ids[0]) == prepared.end()) {
      prepared.push_back(ids[0]);
      argument.prepare(ctx, client, ids);
    }
    const json value = argument.sample(written.size());
    ctx.expect(argument.put(client, ids, value), argument.label() + " to be true", "false");
    written.emplace_back(std::move(ids), value);
  }
  if (!argument.is_readable) {
    return;
  }
  for (const auto& [ids, value] : written) {
    const Found found =
        ctx.must(argument.find(ctx, client, ids), argument.label() + " with the id as given");
    ctx.expect_same(found.ids, ids, argument.label() + ": the ids read");
    ctx.expect_same(found.value, value, argument.label() + ": the value read by " + show(ids));
  }
}

/// No method finds under `other` what is there under `there` alone.
inline void expect_nothing_under(RuleContext& ctx, Client& client, const std::string& other,
                                 const std::string& there) {
  for (const Method& method : methods()) {
    const bool asks = method.on_missing == OnMissing::nothing ||
                      (method.needs_session() && client.has_sessions());
    const bool is_prefix = method.has(Parameter::prefix) && there.starts_with(other);
    if (!asks || is_prefix || !method.is_offered(ctx.harness().interfaces())) {
      continue;
    }
    Operation operation = method.prepared(other);
    operation.archive_kind = ArchiveKind::conversation_session;
    operation.target = "a copy of what is not there";
    ctx.expect(!make(client, operation),
               show(operation) + " to find nothing, since there is only " + show(there),
               "something");
  }
}

/// Threads, and sessions, of ids that are much alike: each goes alone, whatever takes it away.
class AlikeIdsGo {
public:
  /// The threads of these ids are there, and others besides.
  AlikeIdsGo(RuleContext& ctx, Client client, std::vector<std::string> ids,
             std::vector<std::string> besides)
      : ctx_(ctx), client_(std::move(client)), ids_(std::move(ids)), besides_(std::move(besides)) {
    add("prune_thread", [this](const std::string& id) { client_.prune_thread(id, 0); });
    add("delete_thread", [this](const std::string& id) { client_.delete_thread(id); });
    if (ctx_.offers(Interfaces::session_directory)) {
      add_with_session();
    }
  }

  void expect_alone();

private:
  class Way {
  public:
    std::string name;
    std::function<void(const std::string&)> take_away;
    bool takes_session = false;
  };

  Way& add(std::string name, std::function<void(const std::string&)> take_away) {
    Way& way = ways_.emplace_back();
    way.name = std::move(name);
    way.take_away = std::move(take_away);
    return way;
  }
  void add_with_session() {
    using namespace std::chrono_literals;
    add("delete_session", [this](const std::string& id) {
      client_.delete_session(id);
    }).takes_session = true;
    if (ctx_.offers(Interfaces::backend) && ctx_.has_clock()) {
      add("cleanup_expired_sessions", [this](const std::string& id) {
        client_.delete_session(id);
        ctx_.set_clock(first_of_may() - 2h);
        make_session(id);
        ctx_.set_clock(first_of_may());
        client_.cleanup(1h);
      }).takes_session = true;
    }
  }
  void make_session(const std::string& id) { client_.create_session(id, "owner of them"); }
  void make(const std::string& id) {
    if (client_.has_sessions() && !client_.get_session(id)) {
      make_session(id);
    }
    store(ctx_, client_, id, "c", 1);
  }
  std::vector<std::string> sessions() {
    return sorted(IdPage(client_.list_sessions("owner of them", Page(max_page_size))).ids);
  }

  RuleContext& ctx_;
  Client client_;
  std::vector<std::string> ids_;
  std::vector<std::string> besides_;
  std::vector<Way> ways_;
};

inline void AlikeIdsGo::expect_alone() {
  set_clock_if_any(ctx_, first_of_may());
  if (ctx_.offers(Interfaces::session_directory)) {
    client_.delete_session(ids_.front()); // it is another user's
  }
  for (const std::string& id : ids_) {
    make(id);
  }
  for (const std::string& id : ids_) {
    std::vector<std::string> others = ids_;
    std::erase(others, id);
    std::vector<std::string> left = others;
    left.insert(left.end(), besides_.begin(), besides_.end());
    for (const Way& way : ways_) {
      way.take_away(id);
      const std::string after = " after " + way.name + " of " + show(id);
      ctx_.expect_same(client_.list_threads("", Page(max_page_size)).thread_ids, sorted(left),
                       "the threads that were neither deleted nor pruned" + after);
      if (way.takes_session) {
        ctx_.expect_same(sessions(), sorted(others), "the sessions that were not deleted" + after);
      }
      make(id);
    }
  }
}

/// What is stored under the first of these ids is not found under the others. Once they are all
/// there, as threads, as checkpoints and as tasks, each has its own, and goes alone.
inline void check_alike_ids(RuleContext& ctx, Client client,
                            const std::vector<std::string>& alike) {
  const std::string& first = alike.front();
  const std::vector<std::string> others(alike.begin() + 1, alike.end());
  const bool has_writes = ctx.offers(Interfaces::checkpointer);
  const bool has_directory = ctx.offers(Interfaces::thread_directory);
  const std::string all = "all of them";
  const std::string copies = "to "; // the copies' ids begin with it
  fill_for_reads(ctx, client, first);
  for (const std::string& other : others) {
    expect_nothing_under(ctx, client, other, first);
  }
  if (!ctx.offers(Interfaces::checkpoints) && !has_writes) {
    return;
  }
  store(ctx, client, "one of them", "before", 1);
  store(ctx, client, "one of them", first, 2);
  if (has_writes) {
    put(ctx, client, "one of them", first, "task", WriteList().add("a", 1));
  }
  for (const std::string& other : others) {
    const std::string where = show(other) + ", where there is only " + show(first);
    ctx.expect_same(client.get_checkpoint("one of them", other), std::optional<Checkpoint>(),
                    "checkpoint " + where);
    if (has_writes) {
      expect_writes(ctx, client, "one of them", other, {}, "the writes of " + where);
    }
    if (has_directory) {
      ctx.expect_same(std::uint64_t{client.list_before("one of them", other).size()},
                      std::uint64_t{0}, "how many are before " + where);
    }
  }
  for (const std::string& id : alike) {
    store(ctx, client, all, id, id);
    if (id != first) {
      store(ctx, client, id, "c", id);
    }
    if (has_writes) {
      put(ctx, client, all, id, "task", WriteList().add("of", id));
      put(ctx, client, all, "of tasks", id, WriteList().add("of", id));
      put(ctx, client, id, "c", "task", WriteList().add("of", id));
    }
    if (has_directory) {
      ctx.expect_same(client.copy_thread(id, copies + id), true, "the copy of " + show(id));
    }
  }
  ctx.expect_same(ids(client.list_checkpoints(all)), reversed(alike),
                  "the checkpoints of a thread");
  for (std::size_t i = 0; i < alike.size(); ++i) {
    const std::string& id = alike[i];
    const std::string of = " of " + show(id) + ", beside others that are much like it,";
    expect_checkpoint(ctx, client.get_checkpoint(all, id), all, id, id);
    const std::vector<std::string> in_thread =
        id == first ? std::vector<std::string>{"the checkpoint_id", "one before it"}
                    : std::vector<std::string>(1, "c");
    ctx.expect_same(ids(client.list_checkpoints(id)), in_thread, "the checkpoints" + of);
    ctx.expect_same(ctx.must(client.get_checkpoint(id), "the latest" + of).checkpoint_id,
                    in_thread.front(), "the latest" + of);
    if (has_writes) {
      const std::string write = " of=" + show(json(id));
      const auto expect_one = [&](const std::string& thread, const std::string& checkpoint) {
        expect_writes(ctx, client, thread, checkpoint,
                      std::vector<std::string>(1, "task:0" + write), "the writes" + of);
      };
      expect_one(all, id);
      expect_one(id, "c");
    }
    if (has_directory) {
      ctx.expect_same(client.get_thread_head(id).checkpoint_ids, in_thread, "the head" + of);
      ctx.expect_same(std::uint64_t{client.list_before(id, in_thread.front()).size()},
                      std::uint64_t{in_thread.size() - 1}, "how many are before the latest" + of);
      ctx.expect_same(std::uint64_t{client.list_before(all, id).size()}, std::uint64_t{i},
                      "how many are before the checkpoint" + of);
    }
  }
  if (has_writes) {
    std::vector<std::string> tasks;
    for (const std::string& id : sorted(alike)) {
      tasks.push_back(id + ":0 of=" + show(json(id)));
    }
    expect_writes(ctx, client, all, "of tasks", tasks, "the writes of tasks that are much alike");
  }
  if (has_directory) {
    std::vector<std::string> besides = {"one of them", all};
    for (const std::string& id : alike) {
      besides.push_back(copies + id);
    }
    AlikeIdsGo(ctx, client, alike, besides).expect_alone();
  }
}

/// What is stored under one id is neither found nor changed under another, by any method.
inline void check_mistakable_ids(RuleContext& ctx) {
  std::size_t count = 0;
  for (const bool turned : {false, true}) {
    Client client = turned ? ctx.open_other() : ctx.open();
    for (const auto& [first, second] : mistakable_ids()) {
      const std::string there = turned ? second : first;
      const std::string other = turned ? first : second;
      const std::string key = "of a checkpoint " + std::to_string(++count) + " ";
      fill_for_reads(ctx, client, there);
      expect_nothing_under(ctx, client, other, there);
      for (const ReadMethod& method : read_methods(ctx)) {
        ctx.expect(method.get(client, method.ids(there)),
                   method.text(method.ids(there)) + " to find what is there", "nothing");
      }
      // What it is has to go in this order: a session takes the thread of its id with it.
      std::vector<ReadMethod> changes = change_methods(ctx);
      std::reverse(changes.begin(), changes.end());
      for (const ReadMethod& method : changes) {
        if (there.size() < 900 || method.name != "copy_thread") { // its target would be too long
          ctx.expect(method.get(client, method.ids(there)),
                     method.text(method.ids(there)) + " to change what is there",
                     "false, or nothing changed");
        }
      }
      // The second ids: of a checkpoint, a task, a copy.
      if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
        store(ctx, client, key, "before", 1);
        store(ctx, client, key, there, 2);
        ctx.expect_same(client.get_checkpoint(key, other), std::optional<Checkpoint>(),
                        "checkpoint " + show(other) + ", where there is only " + show(there));
        if (ctx.offers(Interfaces::checkpointer)) {
          put(ctx, client, key, there, "task", WriteList().add("a", 1));
          expect_writes(ctx, client, key, other, {},
                        "the writes of " + show(other) + ", where there are only those of " +
                            show(there));
        }
        const bool is_long = there.size() > 900;
        if (ctx.offers(Interfaces::thread_directory) && !is_long) {
          ctx.expect_same(ids(client.list_before(key, other)), std::vector<std::string>(),
                          "what is before " + show(other) + ", where there is only " + show(there));
          ctx.expect_same(client.copy_thread(key, key + there), true, "the copy");
          ctx.expect_same(client.get_checkpoint(key + other), std::optional<Checkpoint>(),
                          "thread " + show(key + other) + ", where there is only " +
                              show(key + there));
          ctx.expect_same(client.copy_thread(key, key + other), true,
                          "the copy to " + show(key + other) + ", where there is only " +
                              show(key + there));
          ctx.expect_same(client.delete_thread(key + there), true, "the deletion");
          ctx.must(client.get_checkpoint(key + other),
                   "thread " + show(key + other) + " after the deletion of " + show(key + there));
        }
      }
    }
  }
}

/// All values of one call as large as one may be, each for itself.
inline void check_large_together(RuleContext& ctx, Client& client, std::size_t bytes) {
  std::size_t count = 0;
  for (const Method& method : methods()) {
    if (method.kind != MethodKind::writes || !method.is_offered(ctx.harness().interfaces())) {
      continue;
    }
    const std::string key = "large together " + std::to_string(++count);
    if (method.needs_session()) {
      ctx.need_session(client, key);
    }
    Operation call = method.prepared(key);
    std::size_t large = 0;
    for (const WriteArgument& argument : write_arguments(ctx)) {
      if (argument.name == method.name) {
        argument.set(call, sized(argument, bytes));
        ++large;
      }
    }
    while (method.has(Parameter::writes) && call.writes.size() < 3) {
      call.writes.push_back(call.writes.front());
      ++large;
    }
    if (large > 1) {
      const std::string text = std::string(method.name) + "(" + show(key) + ") of " +
                               std::to_string(large) + " values of " + std::to_string(bytes) +
                               " bytes each";
      ctx.expect(client.call(text, is_positive(method.call(client.handle(), std::move(call)))),
                 text + " to be true", "false");
    }
  }
}

/// Values as large as every store takes, so many in one answer, one copy and one call that they are
/// more together than a message or a transaction may have.
inline void check_large_lists(RuleContext& ctx, Client& client) {
  constexpr std::size_t mebibyte = 1u << 20u;
  constexpr std::size_t count = 5;
  const std::string what = std::to_string(count) + " values of 1 MiB";
  const Document large = letters(mebibyte - 2);
  const auto expect_all = [&](const std::vector<Checkpoint>& found, std::size_t expected,
                              const std::string& by) {
    ctx.expect_same(std::uint64_t{found.size()}, std::uint64_t{expected}, by + " of " + what);
    for (const Checkpoint& each : found) {
      ctx.expect_same(each.data.tree(), large.tree(), "a value by " + by + " of " + what);
    }
  };
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    for (std::size_t i = 0; i < count; ++i) {
      store(ctx, client, "large", "c" + std::to_string(i), large);
    }
    expect_all(client.list_checkpoints("large"), count, "list_checkpoints");
    if (ctx.offers(Interfaces::thread_directory)) {
      expect_all(client.list_before("large", "c4"), count - 1, "list_checkpoints_before");
      ctx.expect_same(client.copy_thread("large", "as large"), true, "a copy of " + what);
      expect_all(client.list_checkpoints("as large"), count, "list_checkpoints of a copy");
    }
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    std::vector<ChannelWrite> writes;
    for (std::size_t i = 0; i < count; ++i) {
      writes.emplace_back("channel", large);
    }
    ctx.expect(client.put_writes("large", "c0", "task", std::move(writes)),
               "put_writes of " + what + " to be true", "false");
    const std::vector<PendingWrite> found = client.get_writes("large", "c0");
    ctx.expect_same(std::uint64_t{found.size()}, std::uint64_t{count}, "get_writes of " + what);
    for (const PendingWrite& each : found) {
      ctx.expect_same(each.value.tree(), large.tree(), "a value by get_writes of " + what);
    }
  }
  if (ctx.offers(Interfaces::session_directory)) {
    const json metadata = object("v", letters(mebibyte - 8));
    for (std::size_t i = 0; i < count; ++i) {
      client.create_session("large " + std::to_string(i), "of large", metadata);
    }
    const SessionPage page = client.list_sessions("of large");
    ctx.expect_same(std::uint64_t{page.sessions.size()}, std::uint64_t{count},
                    "list_sessions of " + what);
    for (const Session& each : page.sessions) {
      ctx.expect_same(each.metadata.tree(), metadata, "a value by list_sessions of " + what);
    }
  }
}

inline void check_bad_ids(RuleContext& ctx, Client& client, const ReadMethod& method) {
  for (std::size_t varied = 0; varied < method.id_names.size(); ++varied) {
    for (const std::string& bad : bad_ids()) {
      Ids ids = method.ids("key");
      ids[varied] = bad;
      if (method.id_names[varied] != "prefix" || !bad.empty()) { // an empty one is for all
        ctx.expect_error(errc::invalid_argument, [&] { method.get(client, ids); });
      }
    }
  }
}

/// A call refuses a bad id however little there is for it to do.
inline void check_bad_ids_of_idle_calls(RuleContext& ctx, Client& client) {
  for (const Operation& idle : idle_calls(ctx, "key")) {
    const Method& method = method_of(idle.kind);
    for (const Parameter parameter : method) {
      for (const std::string& bad : some_bad_ids()) {
        if (!is_id(parameter)) {
          continue;
        }
        Operation call = idle;
        text_argument(call, parameter) = bad;
        if (method.is_archive()) {
          ctx.expect_same(make(client, call), false, show(call) + ", which must be refused,");
        } else {
          ctx.expect_error(errc::invalid_argument, [&] { make(client, call); });
        }
      }
    }
  }
  if (ctx.offers(Interfaces::thread_directory)) {
    for (const std::string& bad : some_bad_ids()) {
      ctx.expect_error(errc::invalid_argument, [&] { client.copy_thread(bad, bad); });
    }
  }
}

/// Writes a value under a key of its own and reads it back. `kind` says which value it is, where
/// that cannot be seen.
inline void check_round_trip(RuleContext& ctx, Client& client, const WriteArgument& argument,
                             const std::string& key, const json& value,
                             const std::string& kind = {}) {
  const Ids ids = argument.ids(key);
  const std::string write = argument.label() + kind;
  argument.prepare(ctx, client, ids);
  ctx.expect(argument.put(client, ids, value), write + " to be true", "false");
  if (argument.is_readable) {
    const json actual = ctx.must(argument.read(ctx, client, ids), "the value of " + write);
    ctx.expect_same(actual, value, write + ": the value read");
  }
}

inline std::string of_bytes(std::size_t size) {
  return " of " + std::to_string(size) + " bytes";
}

/// Writes a value in each of its forms, under two keys, and reads each in the other.
inline void check_forms(RuleContext& ctx, Client& client, const WriteArgument& argument,
                        const std::string& key, const json& value) {
  const Document tree = value;
  const auto found_after_put = [&](const Document& form, const std::string& name) {
    const Ids ids = argument.ids(key + name);
    argument.prepare(ctx, client, ids);
    ctx.expect(argument.put(client, ids, form), argument.label() + name + " to be true", "false");
    return ctx.must(argument.find(ctx, client, ids), "the value of " + argument.label() + name)
        .value;
  };
  ctx.expect_same(found_after_put(tree.as_text(), " as text").tree(), value,
                  argument.label() + " put as text: the tree read");
  const std::string text = found_after_put(tree, " as a tree").text();
  ctx.expect_same(json::parse(text), value, argument.label() + " put as a tree: the text read");
}

/// Writes a text that is spelled as no dump is, and reads it in both forms.
inline void check_spelling(RuleContext& ctx, Client& client, const WriteArgument& argument,
                           const std::string& key, const Document& text) {
  const Ids ids = argument.ids(key);
  argument.prepare(ctx, client, ids);
  ctx.expect(argument.put(client, ids, text),
             argument.label() + " of " + std::string(text.text()) + " to be true", "false");
  const Document read =
      ctx.must(argument.find(ctx, client, ids), "the value of " + argument.label()).value;
  const std::string what = argument.label() + " of the text " + std::string(text.text()) + ": the ";
  ctx.expect_same(read.tree(), text.tree(), what + "tree read");
  ctx.expect_same(json::parse(read.text()), text.tree(), what + "text read");
}

/// Whether something was stored by this write. The value, which may be too deep for it, is not
/// looked into.
inline bool is_there(RuleContext& ctx, Client& client, const WriteArgument& argument,
                     const Ids& ids) {
  if (argument.is_archive) {
    return !ctx.read_archive(client, argument.method().archive_kind(), ids[0]).empty();
  }
  const std::optional<Found> found = argument.find(ctx, client, ids);
  return found && (argument.on_repeat != RepeatEffect::merges || !found->value.tree().empty());
}

/// The store takes a value as deep as that, whole, or refuses it and stores nothing. Says whether
/// it took it.
inline bool check_deep(RuleContext& ctx, Client& client, const WriteArgument& argument,
                       const std::string& key, Document deep, std::size_t depth,
                       const std::string& call) {
  const Ids ids = argument.ids(key);
  argument.prepare(ctx, client, ids);
  try {
    const bool taken = client.call(call, argument.write(client.handle(), ids, std::move(deep)));
    ctx.expect(taken || argument.is_archive, call + " to be true, or refused", "false");
    if (taken && argument.is_readable) {
      ctx.expect(is_there(ctx, client, argument, ids), call + ", which was taken, to be there",
                 "nothing");
    }
    if (taken && argument.is_readable && depth <= Document::max_depth) {
      const json actual = argument.read(ctx, client, ids).value();
      ctx.expect(nesting(actual) == depth, call + ", which was taken, to be read as deep",
                 show(std::uint64_t{nesting(actual)}));
    }
    return taken;
  } catch (const StorageError& error) {
    ctx.expect(!argument.is_archive && means(error.code(), errc::invalid_argument),
               call + " to be taken, or refused with invalid_argument",
               std::string("StorageError: ") + error.what());
    expect_nothing(ctx, client, argument, ids);
    return false;
  }
}

/// The store refuses the value as one of this argument, and stores nothing.
inline void check_refusal(RuleContext& ctx, Client& client, const WriteArgument& argument,
                          const std::string& key, const json& value, errc code) {
  const Ids ids = argument.ids(key);
  argument.prepare(ctx, client, ids);
  const Document tree = value;
  expect_refused(ctx, client, argument, ids, tree, code);
  if (tree.fault() == Document::Fault::none) {
    expect_refused(ctx, client, argument, ids, tree.as_text(), code);
  }
  expect_nothing(ctx, client, argument, ids);
}

/// VAL-01: lists, the latest and the head give what the read by its ids gives.
inline void check_other_reads(RuleContext& ctx, Client& client, const std::string& form,
                              const Document& odd) {
  set_clock_if_any(ctx, first_of_may() + std::chrono::microseconds(123'457));
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    const std::string thread = "odd thread " + form + letters(1000);
    const std::string id = letters(1023) + "c";
    store(ctx, client, thread, id, odd, odd);
    const Checkpoint read = ctx.must(client.get_checkpoint(thread, id), "the checkpoint");
    ctx.expect_same(read.data.tree(), odd.tree(), "the data of the checkpoint " + form);
    const auto expect_as_read = [&](const std::optional<Checkpoint>& other, const std::string& by) {
      ctx.expect_same(ctx.must(other, "the checkpoint by " + by), read,
                      "the same checkpoint by " + by);
    };
    const auto first = [](const std::vector<Checkpoint>& listed) {
      return listed.empty() ? std::optional<Checkpoint>() : listed.front();
    };
    expect_as_read(client.get_checkpoint(thread), "get_checkpoint without an id");
    expect_as_read(first(client.list_checkpoints(thread)), "list_checkpoints");
    if (ctx.offers(Interfaces::thread_directory)) {
      expect_as_read(client.get_thread_head(thread).latest, "get_thread_head");
      const std::string later = letters(1023) + "d";
      store(ctx, client, thread, later, 1);
      expect_as_read(first(client.list_before(thread, later)), "list_checkpoints_before");
    }
  }
  if (ctx.offers(Interfaces::session_directory)) {
    const std::string id = "odd session " + form;
    client.create_session(id, "odd user " + form, odd);
    const SessionPage page = client.list_sessions("odd user " + form);
    ctx.expect_same(std::uint64_t{page.sessions.size()}, std::uint64_t{1}, "the sessions listed");
    ctx.expect_same(page.sessions.front(), ctx.must(client.get_session(id), "the session"),
                    "the same session by list_sessions");
  }
}

} // namespace detail

template <class>
std::vector<Rule> value_rules() {
  return {
      Rule("KEY-01", needs::anything,
           "an id is opaque: 1 to 1024 bytes of UTF-8 without NUL; all of it counts and means "
           "nothing",
           "compare ids by their bytes; pass them as parameters, never in a text",
           [](RuleContext& ctx) {
             std::size_t count = 0;
             for (const WriteArgument& argument : one_per_method(ctx)) {
               for (std::size_t varied = 0; varied < argument.id_names.size(); ++varied) {
                 Client client = ctx.open_in(ctx.space() + "-" + std::to_string(++count));
                 detail::check_odd_ids(ctx, client, argument, varied);
                 ctx.close(client);
               }
             }
             detail::check_mistakable_ids(ctx);
             for (const auto& alike : {detail::alike_ids(), detail::long_alike_ids()}) {
               Client client = ctx.open_in(ctx.space() + "-" + std::to_string(++count));
               detail::check_alike_ids(ctx, client, alike);
               ctx.close(client);
             }
           }),
      Rule("KEY-02", needs::anything,
           "any other id is refused with invalid_argument, by reads too, and nothing is stored",
           "check every id of every method before doing anything",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const std::string before = detail::counts_if_any(ctx, client);
             for (const WriteArgument& argument : one_per_method(ctx)) {
               for (std::size_t varied = 0; varied < argument.id_names.size(); ++varied) {
                 for (const std::string& bad : detail::bad_ids()) {
                   Ids ids = argument.ids("key");
                   ids[varied] = bad;
                   detail::expect_refused(ctx, client, argument, ids, argument.sample(1),
                                          errc::invalid_argument);
                 }
                 if (varied != 0 && argument.is_readable) {
                   Ids ids = argument.ids("key");
                   ctx.expect_same(argument.read(ctx, client, ids), std::optional<json>(),
                                   argument.label() + " after ids that were refused");
                 }
               }
             }
             for (const auto& calls : {read_methods(ctx), change_methods(ctx)}) {
               for (const ReadMethod& method : calls) {
                 detail::check_bad_ids(ctx, client, method);
               }
             }
             detail::check_bad_ids_of_idle_calls(ctx, client);
             ctx.expect_same(detail::counts_if_any(ctx, client), before,
                             "the counts after ids that were refused");
           }),
      Rule("VAL-01", needs::anything,
           "a round trip is exact: integers to both limits, doubles, null members, empty "
           "containers, any Unicode, NUL inside strings",
           "store the bytes of the dump; a database's own JSON type rewrites",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments(ctx)) {
               json bundle = json::array();
               for (const json& value : detail::odd_values()) {
                 bundle.push_back(value);
                 const bool alone = value.is_string() || argument.takes == Takes::any;
                 if (const auto fitted = detail::fitted(argument, value); fitted && alone) {
                   detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                            *fitted);
                 }
               }
               if (!argument.takes_text()) {
                 detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                          *detail::fitted(argument, bundle));
                 detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                          *detail::fitted(argument, detail::buried(bundle)));
                 detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                          detail::wide_object());
                 for (const json& wrapper : detail::wrappers()) {
                   detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                            wrapper);
                 }
                 if (argument.method().id != MethodId::update_session) { // of which null removes
                   detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                            detail::odd_members());
                 }
               }
             }
             json odd = detail::wide_object();
             odd["values"] = json(detail::odd_values());
             odd["members"] = detail::odd_members();
             odd["none"] = nullptr;
             detail::check_other_reads(ctx, client, "", odd);
             detail::check_other_reads(ctx, client, "text", detail::spelled_together(true));
           }),
      Rule("VAL-02", needs::anything,
           "1 MiB is accepted; beyond the backend's stated limit: too_large, nothing stored",
           "measure the text, or the compact dump, before storing",
           [](RuleContext& ctx) {
             constexpr std::size_t mebibyte = 1u << 20u;
             Client client = ctx.open();
             const auto limit = ctx.harness().claims().max_value_bytes();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments(ctx)) {
               // A length, or a row, may be kept in one way up to a size and in another from there.
               for (const std::size_t size :
                    std::array<std::size_t, 6>{255, 256, 4'096, 65'535, 65'536, mebibyte}) {
                 detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                          detail::sized(argument, size), detail::of_bytes(size));
               }
               if (limit) {
                 detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                          detail::sized(argument, *limit),
                                          detail::of_bytes(*limit));
                 detail::check_refusal(ctx, client, argument, "v" + std::to_string(++count),
                                       detail::sized(argument, *limit + 1), errc::too_large);
               }
             }
             detail::check_large_together(ctx, client, limit.value_or(mebibyte));
             detail::check_large_lists(ctx, client);
             if (limit) {
               detail::check_second_write_refused(ctx, client, json(letters(*limit - 1)),
                                                  errc::too_large);
             }
           }),
      Rule("VAL-03", needs::anything, "nothing returned or passed in aliases the store",
           "copy on the way in and on the way out; a read takes nothing away",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments(ctx)) {
               if (!argument.is_readable) {
                 continue;
               }
               const Ids ids = argument.ids("k" + std::to_string(++count));
               argument.prepare(ctx, client, ids);
               const json value = argument.takes_text() ? json(letters(100))
                                                        : object("v", object("long", letters(100)));
               json passed = value;
               ctx.expect(argument.put(client, ids, passed), argument.label() + " to be true",
                          "false");
               passed = "changed after the call";
               for (int again = 0; again < 3; ++again) {
                 std::vector<Found> found = argument.read_all(ctx, client, ids);
                 ctx.expect_same(std::uint64_t{found.size()}, std::uint64_t{1},
                                 argument.label() + ": the number of values read");
                 ctx.expect_same(found[0].value, value,
                                 argument.label() + ": the value read, time " +
                                     std::to_string(again + 1));
                 found[0].value = "changed after the read";
               }
             }
           }),
      Rule("VAL-04", needs::anything,
           "invalid UTF-8, NaN and infinities: invalid_argument, nothing stored",
           "check values on the way in: nlohmann's dump throws too late, or writes null",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments(ctx)) {
               std::vector<json> bad;
               for (const std::string& text : detail::bad_utf8()) {
                 bad.emplace_back(text);
                 if (!argument.takes_text()) {
                   bad.push_back(object("deep", json::array({1, object("in", text)})));
                   bad.push_back(object("name " + text, 1));
                   bad.push_back(object("deep", json::array({object(text, json())})));
                 }
               }
               if (!argument.takes_text()) {
                 for (const double number : {std::numeric_limits<double>::quiet_NaN(),
                                             std::numeric_limits<double>::infinity(),
                                             -std::numeric_limits<double>::infinity()}) {
                   bad.emplace_back(number);
                   bad.push_back(object("deep", json::array({1, number})));
                 }
               }
               for (const json& value : bad) {
                 // An object is bad as it is, and what is none as a member of one.
                 const bool fits = argument.takes != Takes::object || value.is_object();
                 detail::check_refusal(ctx, client, argument, "k" + std::to_string(++count),
                                       fits ? value : object("v", value), errc::invalid_argument);
               }
             }
             detail::check_second_write_refused(
                 ctx, client, object("deep", std::numeric_limits<double>::quiet_NaN()),
                 errc::invalid_argument);
             detail::check_second_write_refused(ctx, client, json("\xff"), errc::invalid_argument);
           }),
      Rule(
          "VAL-05", needs::anything,
          "depth 64 is accepted; beyond the backend's limit invalid_argument, as text and as tree; "
          "100,000 deep never crashes",
          "measure the depth without recursion, or turn back at the limit; ask Document::depth",
          [](RuleContext& ctx) {
            Client client = ctx.open();
            std::size_t count = 0;
            std::vector<std::pair<std::size_t, Document>> deep; // made once: the deepest takes long
            for (const std::size_t depth : {65u, 1'000u, 100'000u}) {
              deep.emplace_back(depth, detail::nested(depth));
            }
            for (const WriteArgument& argument : write_arguments(ctx)) {
              if (argument.takes_text()) {
                continue;
              }
              for (const std::size_t depth : {63u, 64u}) {
                detail::check_round_trip(ctx, client, argument, "k" + std::to_string(++count),
                                         detail::nested(depth),
                                         " of depth " + std::to_string(depth));
              }
              const bool takes_any = argument.takes == Takes::any;
              detail::check_round_trip(ctx, client, argument, "k" + std::to_string(++count),
                                       takes_any ? detail::nested_lists(64)
                                                 : object("v", detail::nested_lists(63)));
              if (argument.is_readable) {
                detail::check_forms(ctx, client, argument, "k" + std::to_string(++count),
                                    detail::nested(64));
              }
              for (const auto& [depth, tree] : deep) {
                const std::string call =
                    std::string(argument.name) + " of depth " + std::to_string(depth);
                // A patch is a json, which cannot be shared.
                const bool is_patch = argument.method().has(Parameter::updates);
                const bool taken = detail::check_deep(
                    ctx, client, argument, "k" + std::to_string(++count),
                    is_patch ? Document(detail::nested(depth)) : tree, depth, call);
                if (depth <= Document::max_depth) { // a deeper one has no text
                  ctx.expect_same(detail::check_deep(ctx, client, argument,
                                                     "k" + std::to_string(++count), tree.as_text(),
                                                     depth, call + " as text"),
                                  taken, call + " as text, if it is taken as a tree");
                }
              }
              detail::check_round_trip(ctx, client, argument, "k" + std::to_string(++count),
                                       argument.sample(1));
            }
          }),
      Rule("VAL-06", needs::anything,
           "a value is the same in both forms: put as text and read as a tree, put as a tree and "
           "read as text",
           "store text() of whatever comes, and answer with Document::from_text",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             std::size_t count = 0;
             for (const WriteArgument& argument : write_arguments(ctx)) {
               if (argument.takes_text() || !argument.is_readable) {
                 continue;
               }
               const auto check = [&](const json& value) {
                 const json fitted = *detail::fitted(argument, value);
                 detail::check_forms(ctx, client, argument, "v" + std::to_string(++count), fitted);
               };
               json bundle = json::array();
               for (const json& value : detail::odd_values()) {
                 bundle.push_back(value);
               }
               check(bundle);
               if (argument.takes == Takes::any) {
                 for (const json& value : bundle) {
                   if (value.is_primitive() || value.empty()) {
                     check(value);
                   }
                 }
               }
               const bool is_object = argument.takes == Takes::object;
               detail::check_spelling(ctx, client, argument, "v" + std::to_string(++count),
                                      detail::spelled_together(is_object));
               for (const std::string& text : detail::odd_spellings()) {
                 const char first = text.front();
                 if (is_object ? first == '{' : first != '[' && first != '{') {
                   detail::check_spelling(ctx, client, argument, "v" + std::to_string(++count),
                                          detail::spelled(text));
                 }
               }
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
