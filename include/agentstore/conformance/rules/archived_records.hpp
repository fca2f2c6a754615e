// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVED_RECORDS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVED_RECORDS_HPP

/// \file
/// DUA-02: which calls leave a record, and what is in it.

#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/archive.hpp>
#include <agentstore/conformance/rules/archiving_store.hpp>
#include <agentstore/conformance/rules/canceller.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/values.hpp>

#include <optional>

namespace agentstore::conformance::detail {

inline void check_what_is_archived(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  store.need_room(4); // between two drains
  std::vector<json> messages;
  std::vector<std::string> ids;
  std::vector<json> contexts;
  client.create_session("s", "the user");
  for (int i = 0; i < 8; ++i) {
    const std::string content = "message " + std::to_string(i);
    client.add_message("s", "user", content, object("n", i));
    messages.emplace_back(content);
    ids.push_back(std::to_string(9 - i));
    client.put_checkpoint("t", ids.back(), i, object("n", i));
    client.store_task_context("s", i);
    contexts.emplace_back(i);
    store.expect_drained();
  }
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", 1);
  writes.emplace_back("a", nullptr);
  client.put_writes("t", "9", "task", writes);
  std::vector<json> all_writes(1, writes);
  for (int twice = 0; twice < 2; ++twice) { // a special channel's value is stored again
    client.put_writes("t", "9", "task", one_write("__interrupt__", json("the same")));
    all_writes.emplace_back(one_write("__interrupt__", json("the same")));
  }
  store.expect_drained();
  client.update_session("s", SessionUpdate().increment_requests());

  // None of these stores anything.
  ctx.expect_same(client.put_writes("t", "9", "none", std::vector<ChannelWrite>()), true,
                  "an empty list of writes");
  ctx.expect_same(client.add_message("unknown", "user", "lost"), false, "a message to no session");
  ctx.expect_same(client.store_task_context("unknown", 1), false, "a context of no session");
  ctx.expect_same(client.update_session("unknown", SessionUpdate().mark_error()), false,
                  "an update of no session");
  ctx.expect_same(client.end_session("unknown"), false, "an end of no session");
  ctx.expect_error(errc::already_exists, [&] { client.create_session("s"); });
  ctx.expect_error(errc::invalid_argument, [&] { client.put_checkpoint("t", "", 1); });
  ctx.expect_error(errc::invalid_argument, [&] { client.add_message("s", "", "no role"); });
  client.end_session("s");
  ctx.expect_same(client.add_message("s", "user", "too late"), false, "a message after the end");
  ctx.expect_same(client.end_session("s"), false, "a second end");
  store.expect_drained();

  const auto archived = [&store](ArchiveKind kind, const std::string& key, const char* field) {
    std::vector<json> found;
    for (const ArchiveRecord& record : store.archived(kind, key)) {
      found.push_back(record.fields.value(field, json()));
    }
    return found;
  };
  ctx.expect_same(archived(ArchiveKind::conversation_message, "s", "content"), messages,
                  "the messages that are archived");
  ctx.expect_same(store.archived_ids("t"), ids, "the checkpoints that are archived");
  ctx.expect_same(archived(ArchiveKind::task_context_snapshot, "s", "context_data"), contexts,
                  "the contexts that are archived");
  ctx.expect_same(archived(ArchiveKind::checkpoint_writes, "t", "writes"), all_writes,
                  "the writes that are archived");
  const auto events = store.archived(ArchiveKind::session_event, "s");
  ctx.expect_same(std::uint64_t{events.size()}, std::uint64_t{3}, "the events of a session");
  ctx.expect_same(events[0].fields.value("user_id", json()), json("the user"),
                  "the user of the first event");
  const std::vector<std::string> calls = {"create_session", "update_session", "end_session"};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    ctx.expect_same(events[i].fields.value("event_type", json()), json(calls[i]),
                    "the type of event " + std::to_string(i + 1) + " of a session");
  }
  for (const ArchiveKind kind : {ArchiveKind::session_event, ArchiveKind::conversation_message,
                                 ArchiveKind::task_context_snapshot}) {
    ctx.expect_same(std::uint64_t{store.archived(kind, "unknown").size()}, std::uint64_t{0},
                    "the records of calls that stored nothing");
  }
  ctx.expect_same(std::uint64_t{store.metrics().accepted}, std::uint64_t{8 * 3 + 3 + 3},
                  "the number of records accepted");
}

/// The append that archives what a method writes; nothing if its record is an event.
inline std::optional<MethodId> append_of(const Method& method) {
  switch (method.id) {
  case MethodId::add_conversation_message:
    return MethodId::append_conversation_message;
  case MethodId::store_checkpoint:
  case MethodId::put_checkpoint:
    return MethodId::append_checkpoint;
  case MethodId::put_writes:
    return MethodId::append_checkpoint_writes;
  case MethodId::store_task_context:
    return MethodId::append_task_context_snapshot;
  default:
    return std::nullopt;
  }
}

/// What an archive might lose, cut or take for something else, as far as the argument takes it.
inline std::vector<json> values_to_archive(const WriteArgument& argument,
                                           std::uint64_t max_queued_bytes) {
  std::vector<json> values;
  const auto add = [&](const json& value) {
    auto taken = fitted(argument, value);
    constexpr std::uint64_t others = 100;
    constexpr std::uint64_t per_byte = 8; // a queue may count a text at its longest, as JSON
    if (taken && (taken->dump().size() + others) * per_byte <= max_queued_bytes) {
      values.push_back(*std::move(taken));
    }
  };
  for (const json& value : odd_values()) {
    add(value);
  }
  for (const char* word : {"user", "assistant", "system", "tool", "__error__", "__interrupt__",
                           "__resume__", "__start__", "branch:to:a"}) {
    add(word);
  }
  for (const std::size_t size : {300u, 5'000u, 70'000u}) {
    add(letters(size));
  }
  values.push_back(values.back()); // the same again is a record again
  return values;
}

inline void check_each_value_is_archived(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  for (const WriteArgument& argument : write_arguments(ctx)) {
    const Method& method = argument.method();
    const std::optional<MethodId> append = append_of(method);
    if (!append) {
      continue;
    }
    const std::string key = "of " + argument.label();
    const std::uint64_t max_queued_bytes = store.metrics().max_queued_bytes;
    argument.prepare(ctx, client, argument.ids(key));
    std::vector<json> expected;
    for (const json& value : values_to_archive(argument, max_queued_bytes)) {
      Operation call = method.prepared(key);
      call.task_id += " " + std::to_string(expected.size()); // the same task's would not be stored
      call.metadata = object("number", expected.size());
      argument.set(call, value);
      const std::string text = show(call);
      ctx.expect(client.call(text, is_positive(method.call(client.handle(), call))),
                 text + " to be true", "false");
      call.kind = *append;
      expected.push_back(archived_fields(call));
      store.expect_drained();
    }
    ctx.expect_same(fields_of(store.archived(method_of(*append).archive_kind(), key)), expected,
                    "the records of " + argument.label());
  }
}

/// Keys that are not the same, though they look alike.
inline void check_each_key_is_archived(RuleContext& ctx, ArchivingStore& store) {
  constexpr std::size_t at_once = 4; // records that wait at a time
  const std::vector<std::string> keys = {
      "key",   "Key",      "key ",      " key", "key/",       "key:a",      "key%",
      "key\n", "\xC3\xA9", "e\xCC\x81", "0",    letters(255), letters(256), letters(1024)};
  std::size_t waiting = 0;
  for (const std::string& key : keys) {
    const auto expect_true = [&](bool done) {
      ctx.expect_same(done, true, "a call of the hot store");
      if (++waiting % at_once == 0) {
        store.expect_drained();
      }
    };
    store.client().create_session(key);
    expect_true(true);
    expect_true(store.client().add_message(key, "user", "hi"));
    expect_true(store.client().put_checkpoint(key, "c", 1));
    expect_true(store.client().store_task_context(key, 1));
    expect_true(store.client().put_writes(key, "c", "t", one_write("a", json(1))));
  }
  store.expect_drained();
  for (const std::string& key : keys) {
    for (const Method& method : methods()) {
      if (method.is_archive() && method.id != MethodId::append_conversation_session) {
        const auto records = store.archived(method.archive_kind(), key);
        ctx.expect_same(std::uint64_t{records.size()}, std::uint64_t{1},
                        "the number of records of kind " +
                            std::string(to_string(method.archive_kind())) + " and the key " +
                            show(key));
        for (const char* of_key : {"session_id", "thread_id"}) {
          ctx.expect_same(records[0].fields.value(of_key, key), key, "the key of its record");
        }
      }
    }
  }
}

/// Calls of several threads lose no record, and those of each thread keep their order.
inline void check_crowd_is_archived(RuleContext& ctx, ArchivingStore& store) {
  constexpr std::size_t writers = 3;
  constexpr std::size_t rounds = 5;
  store.need_room(writers * rounds);
  ctx.in_rounds(
      store.client(), writers, rounds, [&](std::size_t round, std::size_t writer, Client mine) {
        const std::string id = "w" + std::to_string(writer) + "-" + std::to_string(round);
        ctx.expect_same(mine.put_checkpoint("crowd", id, 1), true, "a call of the hot store");
      });
  store.expect_drained();
  expect_writers_order(ctx, store.archived_ids("crowd"), writers, rounds);
}

/// A call that was cancelled leaves a record only if it has stored something, and does so if it
/// says that it has.
inline void check_cancelled_calls(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  Canceller canceller(ctx.driver());
  std::size_t count = 0;
  const std::vector<CancelPoint> points = {CancelPoint::after_steps(0), CancelPoint::after_steps(1),
                                           CancelPoint::after_steps(3), CancelPoint::after_steps(6),
                                           CancelPoint::after(std::chrono::microseconds(100))};
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    for (const CancelPoint& point : points) {
      const std::string key = "cancelled " + std::to_string(++count);
      tagged.prepare(ctx, client, key);
      store.expect_drained(); // so that the steps are those of the call
      const std::uint64_t before = store.metrics().accepted;
      const std::string text = tagged.text(key, 1);
      const CancelResult result = canceller.run(text, tagged.write(client.handle(), key, 1), point);
      const std::uint64_t more = store.metrics().accepted - before;
      const bool is_stored = !tagged.numbers(ctx, client, key).empty();
      const std::string what = "record of " + text + ", cancelled " + point.text();
      ctx.expect(more <= (is_stored ? 1 : 0), "no " + what + ", which has stored nothing",
                 show(more));
      ctx.expect(result.value != true || more == 1, "a " + what + " and true all the same",
                 show(more));
    }
  }
  store.expect_drained();
}

/// The latest event of a key is the one that a call of this name leaves.
inline void expect_last_event(RuleContext& ctx, ArchivingStore& store, const std::string& key,
                              std::string_view name) {
  const auto events = store.archived(ArchiveKind::session_event, key);
  const std::string call(name);
  ctx.expect(!events.empty(), "an event of the key " + show(key) + " after " + call, "none");
  ctx.expect_same(events.back().fields.value("event_type", json()), json(call),
                  "the type of the latest event of the key " + show(key));
}

/// A clean-up is one change, however many sessions it removes.
inline void check_clean_up_is_archived(RuleContext& ctx, ArchivingStore& store) {
  using namespace std::chrono_literals;
  Client& client = store.client();
  const std::string name = "cleanup_expired_sessions";
  const std::vector<std::string> ids = {"idle 1", "idle 2", "idle 3"};
  for (const std::string& id : ids) {
    client.create_session(id, "the user");
    store.expect_drained();
  }
  const auto expect_records = [&](std::uint64_t more, const std::string& what) {
    const std::uint64_t accepted = store.metrics().accepted;
    const auto before = store.archived(ArchiveKind::session_event, name).size();
    const std::uint64_t removed = client.cleanup(0us);
    ctx.expect((removed != 0) == (more != 0), what + " to remove " + (more != 0 ? "some" : "none"),
               std::to_string(removed));
    store.expect_drained();
    ctx.expect_same(store.metrics().accepted, accepted + more, "what was queued after " + what);
    ctx.expect_same(std::uint64_t{store.archived(ArchiveKind::session_event, name).size()},
                    before + more, "the number of events of the key " + show(name));
  };
  expect_records(1, "a clean-up of several sessions");
  expect_last_event(ctx, store, name, name);
  for (const std::string& id : ids) {
    ctx.expect_same(std::uint64_t{store.count_archived(id)}, std::uint64_t{1},
                    "the records of a session that was created and cleaned up");
  }
  expect_records(0, "a clean-up of none");
}

/// A call is archived whatever its arguments are: an update of nothing, an end with a status of its
/// own, a pruning of everything, what is large.
inline void check_calls_of_one_method(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  std::vector<Operation> calls;
  const auto add = [&](MethodId id) -> Operation& {
    const std::string key = "call " + std::to_string(calls.size());
    return calls.emplace_back(method_of(id).prepared(key));
  };
  add(MethodId::update_session);
  add(MethodId::update_session).update.increment_requests();
  add(MethodId::update_session).update.updates(object("a", 1));
  for (const char* status : {"completed", "failed", "a status of its own"}) {
    add(MethodId::end_session).text = status;
  }
  add(MethodId::prune_thread).limit = 0;
  add(MethodId::add_conversation_message).content = letters(200'000);
  add(MethodId::store_task_context).value = letters(200'000);
  for (const Operation& call : calls) {
    if (method_of(call.kind).is_offered(ctx.harness().interfaces())) {
      fill_for_reads(ctx, client, call.key);
      store.expect_drained();
      const std::uint64_t accepted = store.metrics().accepted;
      ctx.expect(make(client, call), show(call) + " to change something", "nothing");
      ctx.expect_same(store.metrics().accepted, accepted + 1,
                      "what was queued after " + show(call));
    }
  }
  store.expect_drained();
}

inline void check_each_change_is_archived(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  const auto expect_records = [&](const ReadMethod& method, const Ids& ids, bool changes) {
    const auto count = [&] {
      store.expect_drained();
      std::uint64_t sum = 0;
      for (const std::string& id : ids) {
        sum += store.count_archived(id);
      }
      return sum;
    };
    const std::uint64_t before = count();
    const std::uint64_t accepted = store.metrics().accepted;
    const std::string text = method.text(ids);
    ctx.expect_same(client.call(text, method.read(client.handle(), ids)), changes, text);
    const std::uint64_t more = changes ? 1 : 0;
    ctx.expect_same(count(), before + more, "the number of records after " + text);
    ctx.expect_same(store.metrics().accepted, accepted + more, "what was queued after " + text);
    if (changes) {
      const std::string& key = method.name == "copy_thread" ? ids.back() : ids.front();
      expect_last_event(ctx, store, key, method.name);
    }
  };
  for (const ReadMethod& method : change_methods(ctx)) {
    const std::string key = std::string(method.name) + " of what is there";
    fill_for_reads(ctx, client, key);
    expect_records(method, method.ids(key), true);
    expect_records(method, method.ids(std::string(method.name) + " of what is not"), false);
  }
  check_calls_of_one_method(ctx, store);
}

inline void check_refusals_leave_no_record(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  const auto limit = ctx.harness().claims().max_value_bytes();
  constexpr std::size_t testable = std::size_t{8} << 20u;
  for (const WriteArgument& argument : one_per_method(ctx)) {
    if (argument.is_archive) {
      continue;
    }
    const Ids ids = argument.ids("refused " + argument.label());
    argument.prepare(ctx, client, ids);
    store.expect_drained();
    const std::uint64_t before = store.metrics().accepted;
    const std::uint64_t before_of_key = store.count_archived(ids.front());
    for (const std::string& bad : bad_ids()) {
      Ids bad_ones = ids;
      bad_ones.front() = bad;
      ctx.expect_error(errc::invalid_argument,
                       [&] { argument.put(client, bad_ones, argument.sample(1)); });
    }
    if (limit && *limit <= testable && argument.takes == Takes::any) {
      ctx.expect_error(errc::too_large, [&] { argument.put(client, ids, json(letters(*limit))); });
    }
    ctx.expect_same(store.metrics().accepted, before,
                    "what was queued after refusals of " + argument.label());
    store.expect_drained();
    ctx.expect_same(store.count_archived(ids.front()), before_of_key,
                    "the number of records after refusals of " + argument.label());
  }
}

inline void check_failures_leave_no_record(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  Failing failing(ctx, client, "failed ");
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    for (const Fault::Effect effect : {Fault::Effect::before, Fault::Effect::after}) {
      const std::string key = failing.new_key();
      const std::string text = tagged.text(key, 1);
      tagged.prepare(ctx, client, key);
      store.expect_drained();
      const std::uint64_t before = store.count_archived(key);
      const std::uint64_t accepted = store.metrics().accepted;
      ctx.inject(Fault(effect));
      bool is_done = false;
      failing.fails(text, [&] { is_done = tagged.put(client, key, 1); });
      ctx.inject(Fault());
      store.expect_drained();
      const std::uint64_t most = is_done ? 1 : 0;
      ctx.expect_same(store.metrics().accepted, accepted + most,
                      "what was queued after " + text + " of a store that fails");
      ctx.expect(store.count_archived(key) <= before + most,
                 "at most " + show(before + most) + " records after " + text +
                     " of a store that fails",
                 show(store.count_archived(key)));
    }
  }
}

} // namespace agentstore::conformance::detail

#endif
