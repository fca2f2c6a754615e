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
    ctx.expect_same(found.value, value, argument.label() + ": the value read");
  }
}

/// What is stored under one id is neither found nor changed under another, by any method.
inline void check_mistakable_ids(RuleContext& ctx) {
  const unsigned offered = ctx.harness().interfaces();
  std::size_t count = 0;
  for (const bool turned : {false, true}) {
    Client client = turned ? ctx.open_other() : ctx.open();
    const auto call = [&](const Method& method, const Operation& operation) {
      return client.call(show(operation), is_positive(method.call(client.handle(), operation)));
    };
    for (const auto& [first, second] : mistakable_ids()) {
      const std::string there = turned ? second : first;
      const std::string other = turned ? first : second;
      const std::string key = "of a checkpoint " + std::to_string(++count) + " ";
      fill_for_reads(ctx, client, there);
      for (const Method& method : methods()) {
        const bool asks = method.on_missing == OnMissing::nothing ||
                          (method.needs_session() && client.has_sessions());
        if (!asks || !method.is_offered(offered)) {
          continue;
        }
        Operation operation = method.prepared(other);
        operation.archive_kind = ArchiveKind::conversation_session;
        operation.target = "a copy of what is not there";
        const bool is_prefix = method.has(Parameter::prefix);
        if (is_prefix && there.starts_with(other)) {
          continue;
        }
        ctx.expect(!call(method, operation),
                   show(operation) + " to find nothing, since there is only " + show(there),
                   "something");
      }
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

/// Writes a value under a key of its own and reads it back.
inline void check_round_trip(RuleContext& ctx, Client& client, const WriteArgument& argument,
                             const std::string& key, const json& value) {
  const Ids ids = argument.ids(key);
  argument.prepare(ctx, client, ids);
  ctx.expect(argument.put(client, ids, value), argument.label() + " to be true", "false");
  if (argument.is_readable) {
    const json actual =
        ctx.must(argument.read(ctx, client, ids), "the value of " + argument.label());
    ctx.expect_same(actual, value, argument.label() + ": the value read");
  }
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
    if (taken && argument.is_readable && depth <= Document::max_depth) {
      const json actual =
          ctx.must(argument.read(ctx, client, ids), call + ", which was taken, to be there");
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
inline void check_other_reads(RuleContext& ctx, Client& client) {
  set_clock_if_any(ctx, first_of_may() + std::chrono::microseconds(123'457));
  json odd = wide_object();
  odd["values"] = json(odd_values());
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    const std::string thread = "odd thread " + letters(1000);
    const std::string id = letters(1023) + "c";
    store(ctx, client, thread, id, odd, odd);
    const Checkpoint read = ctx.must(client.get_checkpoint(thread, id), "the checkpoint");
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
    client.create_session("odd session", "odd user", odd);
    const SessionPage page = client.list_sessions("odd user");
    ctx.expect_same(std::uint64_t{page.sessions.size()}, std::uint64_t{1}, "the sessions listed");
    ctx.expect_same(page.sessions.front(),
                    ctx.must(client.get_session("odd session"), "the session"),
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
               }
             }
             detail::check_other_reads(ctx, client);
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
               detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                        detail::sized(argument, mebibyte));
               if (limit) {
                 detail::check_round_trip(ctx, client, argument, "v" + std::to_string(++count),
                                          detail::sized(argument, *limit));
                 detail::check_refusal(ctx, client, argument, "v" + std::to_string(++count),
                                       detail::sized(argument, *limit + 1), errc::too_large);
               }
             }
             detail::check_large_together(ctx, client, limit.value_or(mebibyte));
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
                 const json fitted = argument.takes == Takes::object ? object("v", value) : value;
                 detail::check_refusal(ctx, client, argument, "k" + std::to_string(++count), fitted,
                                       errc::invalid_argument);
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
            for (const WriteArgument& argument : write_arguments(ctx)) {
              if (argument.takes_text()) {
                continue;
              }
              for (const std::size_t depth : {63u, 64u}) {
                detail::check_round_trip(ctx, client, argument, "k" + std::to_string(++count),
                                         detail::nested(depth));
              }
              const bool takes_any = argument.takes == Takes::any;
              detail::check_round_trip(ctx, client, argument, "k" + std::to_string(++count),
                                       takes_any ? detail::nested_lists(64)
                                                 : object("v", detail::nested_lists(63)));
              if (argument.is_readable) {
                detail::check_forms(ctx, client, argument, "k" + std::to_string(++count),
                                    detail::nested(64));
              }
              for (const std::size_t depth : {65u, 1'000u, 100'000u}) {
                const std::string call =
                    std::string(argument.name) + " of depth " + std::to_string(depth);
                const bool taken =
                    detail::check_deep(ctx, client, argument, "k" + std::to_string(++count),
                                       detail::nested(depth), depth, call);
                if (depth <= Document::max_depth) { // a deeper one has no text
                  const Document text = Document(detail::nested(depth)).as_text();
                  ctx.expect_same(detail::check_deep(ctx, client, argument,
                                                     "k" + std::to_string(++count), text, depth,
                                                     call + " as text"),
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
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
