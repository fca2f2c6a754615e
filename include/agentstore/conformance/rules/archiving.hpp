// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVING_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVING_HPP

/// \file
/// DUA: the rules of IArchiving, with an archive that the harness makes fail and hang.

#include <agentstore/conformance/methods/steps.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/archive.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/canceller.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/values.hpp>

#include <optional>

namespace agentstore::conformance {

namespace detail {

/// A store that is an IArchiving, and the archive behind it.
class ArchivingStore {
public:
  explicit ArchivingStore(RuleContext& ctx) : ctx_(ctx), client_(open(ctx)) {}
  ArchivingStore(const ArchivingStore&) = delete;
  ArchivingStore& operator=(const ArchivingStore&) = delete;
  ~ArchivingStore() { ctx_.harness().set_archive(ctx_.space(), ArchiveState::works); }

  Client& client() { return client_; }
  /// Destroys the store.
  void let_go() { ctx_.let_go(std::move(client_)); }
  void set_archive(ArchiveState state) { ctx_.harness().set_archive(ctx_.space(), state); }

  bool drain(std::chrono::milliseconds limit) {
    return client_.call("drain(" + std::to_string(limit.count()) + " ms)",
                        client_.handle().archiving->drain(limit));
  }
  /// Drains as long as a call may take.
  void expect_drained() { ctx_.expect(drain(patience()), "drain to be true", "false"); }
  std::chrono::milliseconds patience() const { return ctx_.deadline().call() * 3 / 4; }

  /// That many small records wait at one time. A queue that is smaller may drop some of them.
  void need_room(std::uint64_t records) {
    constexpr std::uint64_t most_of_one = 1'024;
    const ArchivingMetrics limits = metrics();
    if (limits.max_queued < records || limits.max_queued_bytes < records * most_of_one) {
      throw NotTestable("the queue has no room for " + std::to_string(records) + " records");
    }
  }
  /// A store may give a record up once it has tried again (DUA-05), be it before the archive works.
  void need_attempts(const ArchivingMetrics& before) {
    const ArchivingMetrics now = metrics();
    const std::uint64_t dropped = now.dropped - before.dropped;
    if (dropped != 0 && now.retried - before.retried >= dropped) {
      throw NotTestable("the store gives records up before the archive takes them again");
    }
  }

  /// What became of the records; their sum is looked at every time (DUA-06).
  ArchivingMetrics metrics() {
    const ArchivingMetrics metrics = client_.call(
        "get_archiving_metrics()", client_.handle().archiving->get_archiving_metrics());
    ctx_.expect_same(std::uint64_t{metrics.archived + metrics.dropped + metrics.queued},
                     metrics.accepted, "archived and dropped and queued together");
    ctx_.expect(metrics.queued <= metrics.max_queued &&
                    metrics.queued_bytes <= metrics.max_queued_bytes,
                "at most " + show(metrics.max_queued) + " records and " +
                    show(metrics.max_queued_bytes) + " bytes in the queue",
                show(metrics.queued) + " of " + show(metrics.queued_bytes) + " bytes");
    return metrics;
  }

  std::vector<ArchiveRecord> archived(ArchiveKind kind, const std::string& key) {
    return ctx_.driver().finish(ctx_.driver().start(
        "read_archived(" + std::string(to_string(kind)) + ", " + show(key) + ") of the harness",
        ctx_.harness().read_archived(ctx_.space(), kind, key)));
  }
  /// The ids of the checkpoints that are archived for a thread, in their order.
  std::vector<std::string> archived_ids(const std::string& thread) {
    std::vector<std::string> ids;
    for (const ArchiveRecord& record : archived(ArchiveKind::checkpoint, thread)) {
      ids.push_back(record.fields.value("checkpoint_id", std::string()));
    }
    return ids;
  }
  /// How many records there are of all kinds.
  std::uint64_t count_archived(const std::string& key) {
    std::uint64_t count = 0;
    for (const Method& method : methods()) {
      if (method.is_archive() && method.on_repeat == RepeatEffect::appends) {
        count += archived(method.archive_kind(), key).size();
      }
    }
    return count;
  }
  void put(const std::string& thread, const std::string& id) {
    ctx_.expect_same(client_.put_checkpoint(thread, id, object("of", id)), true,
                     "a call of the hot store");
  }
  /// As many checkpoints, "0" and so on. Returns their ids.
  std::vector<std::string> put_many(const std::string& thread, std::size_t count) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < count; ++i) {
      ids.push_back(std::to_string(i));
      put(thread, ids.back());
    }
    return ids;
  }

  /// Two calls that leave records of one kind; an event comes last, because it ends the session.
  class Pair {
  public:
    ArchiveKind kind;
    std::string_view field;
    std::function<bool(Client&, const std::string& key, const std::string& word)> call;
  };
  static std::vector<Pair> pairs() {
    return {{ArchiveKind::conversation_message, "content",
             [](Client& client, const std::string& key, const std::string& word) {
               return client.add_message(key, "user", word);
             }},
            {ArchiveKind::checkpoint, "checkpoint_id",
             [](Client& client, const std::string& key, const std::string& word) {
               return client.put_checkpoint(key, word, 1);
             }},
            {ArchiveKind::task_context_snapshot, "context_data",
             [](Client& client, const std::string& key, const std::string& word) {
               return client.store_task_context(key, word);
             }},
            {ArchiveKind::checkpoint_writes, "task_id",
             [](Client& client, const std::string& key, const std::string& word) {
               return client.put_writes(key, "c", word, one_write("channel", json(1)));
             }},
            {ArchiveKind::session_event, "event_type",
             [](Client& client, const std::string& key, const std::string& word) {
               return word == update ? client.update_session(key, SessionUpdate().mark_error())
                                     : client.end_session(key);
             }}};
  }
  static constexpr const char* update = "update_session";
  static std::vector<std::string> words_of(const Pair& pair) {
    return pair.kind == ArchiveKind::session_event ? std::vector<std::string>{update, "end_session"}
                                                   : std::vector<std::string>{"first", "second"};
  }

  /// The session of the calls. Nothing is queued then.
  void prepare_pairs(const std::string& key) {
    client_.create_session(key);
    expect_drained();
  }
  void call_twice(const Pair& pair, const std::string& key) {
    for (const std::string& word : words_of(pair)) {
      ctx_.expect(pair.call(client_, key, word), "a call of the hot store to be true", "false");
    }
  }
  void expect_pair(const Pair& pair, const std::string& key, const std::string& when) {
    std::vector<std::string> found;
    for (const ArchiveRecord& record : archived(pair.kind, key)) {
      found.push_back(record.fields.value(std::string(pair.field), std::string()));
    }
    std::erase(found, "create_session");
    ctx_.expect_same(found, words_of(pair),
                     "the records of kind " + std::string(to_string(pair.kind)) + " " + when);
  }

private:
  static Client open(RuleContext& ctx) {
    if (!ctx.harness().has_archive_behind()) {
      throw NotTestable("the harness has no set_archive and read_archived");
    }
    ctx.harness().set_archive(ctx.space(), ArchiveState::works);
    return ctx.open();
  }

  RuleContext& ctx_;
  Client client_;
};

/// Each kind of call that leaves a record, once.
inline void make_each_call(RuleContext& ctx, Client& client, const std::string& id) {
  client.create_session(id);
  ctx.expect_same(client.update_session(id, SessionUpdate().increment_requests()), true,
                  "update_session");
  ctx.expect_same(client.add_message(id, "user", "hello"), true, "add_conversation_message");
  ctx.expect_same(client.store_task_context(id, 1), true, "store_task_context");
  ctx.expect_same(client.store_checkpoint(id, "c", 1), true, "store_checkpoint");
  ctx.expect_same(client.put_checkpoint(id, "c", 2), true, "put_checkpoint");
  std::vector<ChannelWrite> writes;
  writes.emplace_back("a", 1);
  ctx.expect_same(client.put_writes(id, "c", "task", writes), true, "put_writes");
  ctx.expect_same(client.end_session(id), true, "end_session");
}

inline void check_no_call_waits(RuleContext& ctx) {
  ArchivingStore store(ctx);
  for (const ArchiveState state : {ArchiveState::hangs, ArchiveState::refuses}) {
    store.set_archive(state);
    make_each_call(ctx, store.client(), "s" + std::to_string(static_cast<int>(state)));
    const std::string key = "read " + std::to_string(static_cast<int>(state));
    fill_for_reads(ctx, store.client(), key);
    for (const auto& calls : {read_methods(ctx), change_methods(ctx)}) {
      for (const ReadMethod& method : calls) {
        method.get(store.client(), method.ids(key));
      }
    }
    store.client().health_check();
    store.client().cleanup(std::chrono::microseconds(0));
    store.metrics();
  }
}

/// DUA-01 and DUA-04: of an archive that is away when the store is opened.
inline void check_archive_is_away_at_first(RuleContext& ctx, ArchivingStore& store) {
  for (const ArchiveState state : {ArchiveState::refuses, ArchiveState::hangs}) {
    const std::string thread = "away " + std::to_string(static_cast<int>(state));
    store.set_archive(ArchiveState::works);
    store.client().close();
    store.set_archive(state);
    const auto opening =
        ctx.driver().start("initialize()", store.client().handle().backend->initialize());
    ctx.driver().settle(opening); // within its limit, by whatever
    if (opening.state->error) {
      store.set_archive(ArchiveState::works);
      ctx.expect_same(store.client().initialize(), true, "initialize when the archive is back");
      continue;
    }
    const ArchivingMetrics before = store.metrics();
    std::vector<std::string> ids = store.put_many(thread, 2);
    store.set_archive(ArchiveState::works);
    store.expect_drained();
    store.put(thread, "later");
    store.expect_drained();
    const std::vector<std::string> found = store.archived_ids(thread);
    ctx.expect(!found.empty() && found.back() == "later",
               "the latest record, though the archive was away when the store was opened",
               show(found));
    store.need_attempts(before);
    ids.emplace_back("later");
    ctx.expect_same(found, ids, "the records after the archive was away when the store was opened");
  }
}

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

  std::vector<json> found;
  for (const ArchiveRecord& record : store.archived(ArchiveKind::conversation_message, "s")) {
    found.push_back(record.fields.value("content", json()));
  }
  ctx.expect_same(found, messages, "the messages that are archived");
  ctx.expect_same(store.archived_ids("t"), ids, "the checkpoints that are archived");
  found.clear();
  for (const ArchiveRecord& record : store.archived(ArchiveKind::task_context_snapshot, "s")) {
    found.push_back(record.fields.value("context_data", json()));
  }
  ctx.expect_same(found, contexts, "the contexts that are archived");
  const auto of_task = store.archived(ArchiveKind::checkpoint_writes, "t");
  ctx.expect_same(std::uint64_t{of_task.size()}, std::uint64_t{1}, "the writes that are archived");
  ctx.expect_same(of_task[0].fields.value("writes", json()), json(writes), "the archived writes");
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
  ctx.expect_same(std::uint64_t{store.metrics().accepted}, std::uint64_t{8 * 3 + 1 + 3},
                  "the number of records");
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

inline void check_queue_is_bounded(RuleContext& ctx) {
  ArchivingStore store(ctx);
  const ArchivingMetrics before = store.metrics();
  const std::uint64_t most = before.max_queued;
  constexpr std::uint64_t testable = 1'000;
  if (most > testable) {
    // It is to hold what it says all the same, or at least what is put here.
    store.set_archive(ArchiveState::hangs);
    store.put_many("t", 200);
    const ArchivingMetrics metrics = store.metrics();
    const bool has_room = metrics.queued_bytes + 1'024 < metrics.max_queued_bytes;
    ctx.expect(metrics.dropped == 0 || !has_room, "no record to be dropped where there is room",
               show(metrics.dropped));
    store.set_archive(ArchiveState::works);
    store.expect_drained();
  }
  if (most < 2 || most > testable) {
    throw NotTestable("the queue holds less than 2 records, or more than 1,000");
  }
  store.need_room(most);
  store.set_archive(ArchiveState::hangs);
  const std::uint64_t count = most + 10;
  std::vector<std::string> ids;
  for (std::uint64_t i = 0; i < count; ++i) {
    ids.push_back(std::to_string(i));
    store.put("t", ids.back());
    store.metrics(); // which looks at the bounds
  }
  const ArchivingMetrics full = store.metrics();
  ctx.expect_same(full.accepted, count, "the number of records that there were");
  ctx.expect_same(full.dropped, std::uint64_t{10}, "the number of records that were dropped");
  store.set_archive(ArchiveState::works);
  store.expect_drained();
  // The append that was under way is the first; where none was, the oldest that waits is dropped.
  std::vector<std::string> kept(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(most));
  if (before.drops_oldest) {
    kept.assign(ids.end() - static_cast<std::ptrdiff_t>(most), ids.end());
    const std::vector<std::string> there = store.archived_ids("t");
    if (!there.empty() && there.front() == ids.front()) {
      kept.front() = ids.front();
    }
  }
  ctx.expect_same(store.archived_ids("t"), kept, "the records that were not dropped");
  ctx.expect_same(store.metrics().archived, most, "the number of records that were archived");
}

/// DUA-04 and DUA-09, of each kind of record.
inline void check_each_kind(RuleContext& ctx, ArchivingStore& store, ArchiveState state) {
  const std::string key = "each kind " + std::to_string(static_cast<int>(state));
  store.prepare_pairs(key);
  for (const auto& pair : ArchivingStore::pairs()) {
    const ArchivingMetrics before = store.metrics();
    store.set_archive(ArchiveState::hangs); // so that the second waits when the first fails
    store.call_twice(pair, key);
    store.set_archive(state);
    store.drain(std::chrono::milliseconds(5)); // which gives the store time to try
    store.set_archive(ArchiveState::works);
    store.expect_drained();
    store.need_attempts(before);
    store.expect_pair(pair, key, "after the archive failed");
    ctx.expect_same(store.metrics().accepted, before.accepted + 2,
                    "the number of records that there were");
  }
}

inline void check_failed_appends_are_repeated(RuleContext& ctx) {
  ArchivingStore store(ctx);
  store.need_room(7);
  for (const ArchiveState state : {ArchiveState::refuses, ArchiveState::hangs}) {
    const std::string thread = "t" + std::to_string(static_cast<int>(state));
    store.set_archive(state);
    const ArchivingMetrics before = store.metrics();
    const auto ids = store.put_many(thread, 5);
    const auto others = store.put_many(thread + "-other", 2);
    store.drain(std::chrono::milliseconds(5)); // which gives the store time to try
    store.set_archive(ArchiveState::works);
    store.expect_drained();
    store.need_attempts(before);
    ctx.expect_same(store.archived_ids(thread), ids, "the records after the archive failed");
    ctx.expect_same(store.archived_ids(thread + "-other"), others,
                    "the records of another key after the archive failed");
  }
  const ArchivingMetrics metrics = store.metrics();
  ctx.expect_same(metrics.archived, std::uint64_t{14}, "the number of records that were archived");
  ctx.expect(metrics.retried > 0, "retried to count the attempts that were repeated", "0");
  for (const ArchiveState state : {ArchiveState::refuses, ArchiveState::hangs}) {
    check_each_kind(ctx, store, state);
  }
  check_archive_is_away_at_first(ctx, store);
}

inline void check_refused_records_are_dropped(RuleContext& ctx) {
  ArchivingStore store(ctx);
  store.need_room(1);
  store.set_archive(ArchiveState::refuses);
  store.put("t", "refused");
  ctx.expect(store.drain(store.patience()),
             "a record that the archive keeps refusing to leave the queue", "it is still there");
  ctx.expect_same(store.metrics().dropped, std::uint64_t{1},
                  "the number of records that were dropped");
  ctx.expect_same(store.metrics().archived, std::uint64_t{0},
                  "the number of records that were archived");
  store.set_archive(ArchiveState::works);
  store.put("t", "taken");
  store.expect_drained();
  ctx.expect_same(store.archived_ids("t"), std::vector<std::string>(1, "taken"),
                  "the records after one that was refused");
}

/// What waits weighs at least what its texts and values do. What an event holds is not said.
inline void check_weights(RuleContext& ctx, ArchivingStore& store) {
  constexpr std::size_t size = 3'000;
  constexpr std::uint64_t most = 16 * size; // a queue may count a text at its longest, as JSON
  const ArchivingMetrics limits = store.metrics();
  if (limits.max_queued < 8 || limits.max_queued_bytes < 8 * most) {
    return;
  }
  Client& client = store.client();
  const std::string large = letters(size);
  client.create_session("weighed");
  store.expect_drained();
  store.set_archive(ArchiveState::hangs);
  std::uint64_t bytes = 0;
  const auto expect_more = [&](const std::string& call, bool done) {
    ctx.expect(done, call + " to be true", "false");
    const std::uint64_t now = store.metrics().queued_bytes;
    ctx.expect(now >= bytes + size,
               "at least " + show(bytes + size) + " bytes in the queue, once " + call +
                   " has stored " + show(std::uint64_t{size}),
               show(now));
    bytes = now;
  };
  expect_more("a content", client.add_message("weighed", "user", large));
  expect_more("metadata", client.add_message("weighed", "user", "", object("m", large)));
  expect_more("data", client.put_checkpoint("weighed", "c", large));
  expect_more("a context", client.store_task_context("weighed", large));
  expect_more("a write", client.put_writes("weighed", "c", "t", one_write("a", json(large))));
  store.set_archive(ArchiveState::works);
  store.expect_drained();
  ctx.expect_same(store.metrics().queued_bytes, std::uint64_t{0}, "the bytes of an empty queue");
}

/// An open store that is initialized goes on with what it has queued.
inline void check_opening_again(RuleContext& ctx, ArchivingStore& store) {
  store.set_archive(ArchiveState::hangs);
  const std::uint64_t accepted = store.metrics().accepted;
  std::vector<std::string> ids = store.put_many("opened again", 2);
  ctx.expect_same(store.client().initialize(), true, "initialize of an open store");
  store.put("opened again", "later");
  ids.emplace_back("later");
  store.set_archive(ArchiveState::works);
  store.expect_drained();
  ctx.expect_same(store.archived_ids("opened again"), ids,
                  "the records after initialize of an open store");
  ctx.expect_same(store.metrics().accepted, accepted + 3,
                  "the number of records since the store was constructed");
  ctx.expect_same(store.metrics().dropped, std::uint64_t{0}, "what was dropped");
}

inline void check_metrics_add_up(RuleContext& ctx) {
  ArchivingStore store(ctx);
  store.need_room(3);
  std::uint64_t count = 0;
  const auto put = [&](const std::string& thread) {
    store.put(thread, std::to_string(++count));
    ctx.expect_same(store.metrics().accepted, count, "the number of records that there were");
  };
  for (int i = 0; i < 3; ++i) {
    put("t");
  }
  store.expect_drained();
  ctx.expect_same(store.metrics().archived, count, "the number of records that were archived");
  ctx.expect_same(store.metrics().retried, std::uint64_t{0},
                  "the number of attempts that were repeated, where none failed");
  store.set_archive(ArchiveState::hangs);
  for (int i = 0; i < 3; ++i) {
    put(std::to_string(i % 2));
  }
  const ArchivingMetrics waiting = store.metrics();
  ctx.expect_same(waiting.queued, std::uint64_t{3}, "the number of records that are queued");
  ctx.expect(waiting.queued_bytes > 0, "what is queued to weigh something", "0 bytes");
  store.set_archive(ArchiveState::works);
  store.expect_drained();
  const ArchivingMetrics after = store.metrics();
  ctx.expect_same(after.archived, count, "the number of records that were archived");
  ctx.expect_same(after.queued_bytes, std::uint64_t{0}, "the bytes of an empty queue");
  check_weights(ctx, store);
  check_opening_again(ctx, store);
  Client closed = ctx.open_raw_in(ctx.other_space());
  const ArchivingMetrics at_first = closed.call("get_archiving_metrics() before initialize",
                                                closed.handle().archiving->get_archiving_metrics());
  ctx.expect_same(at_first.accepted, std::uint64_t{0}, "the number of records before initialize");
}

/// A record of any kind is waited for, by whoever drains.
inline void check_drain_of_each_kind(RuleContext& ctx, ArchivingStore& store) {
  using namespace std::chrono_literals;
  store.prepare_pairs("drained");
  for (const auto& pair : ArchivingStore::pairs()) {
    store.set_archive(ArchiveState::hangs);
    store.call_twice(pair, "drained");
    ctx.expect_same(store.drain(0ms), false,
                    "drain while records of kind " + std::string(to_string(pair.kind)) + " wait");
    std::vector<Pending<bool>> both;
    for (int i = 0; i < 2; ++i) {
      both.push_back(
          ctx.driver().start("drain(), one of two at once",
                             store.client().handle().archiving->drain(store.patience())));
    }
    store.set_archive(ArchiveState::works);
    for (const Pending<bool>& draining : both) {
      ctx.driver().settle(draining);
    }
    for (const Pending<bool>& draining : both) {
      ctx.expect_same(ctx.driver().finish(draining), true, "a drain beside another");
    }
  }
}

inline void check_drain(RuleContext& ctx) {
  using namespace std::chrono_literals;
  ArchivingStore store(ctx);
  constexpr std::size_t some = 10;
  store.need_room(some);
  ctx.expect_same(store.drain(0ms), true, "drain of an empty queue, without a wait");
  const auto ids = store.put_many("t", some);
  store.expect_drained();
  ctx.expect_same(store.archived_ids("t"), ids, "the records when drain was true");
  store.set_archive(ArchiveState::hangs);
  store.put("t", "waits");
  ctx.expect_same(store.drain(0ms), false, "drain of a queue that is not empty, without a wait");
  ctx.expect_same(store.drain(-1h), false, "drain of a queue that is not empty, in no time");
  const auto begun = std::chrono::steady_clock::now();
  ctx.expect_same(store.drain(30ms), false, "drain while the archive hangs");
  const auto waited = std::chrono::steady_clock::now() - begun;
  ctx.expect(waited >= 30ms, "drain to wait for its limit", "it was false before");
  store.set_archive(ArchiveState::works);
  store.expect_drained();
  ctx.expect_same(std::uint64_t{store.archived_ids("t").size()}, std::uint64_t{ids.size() + 1},
                  "the number of records when drain was true");
  for (const std::chrono::milliseconds limit :
       {std::chrono::milliseconds(24h * 366 * 300), std::chrono::milliseconds::max()}) {
    store.set_archive(ArchiveState::hangs);
    store.put("t", "later");
    const auto draining = ctx.driver().start("drain(" + std::to_string(limit.count()) + " ms)",
                                             store.client().handle().archiving->drain(limit));
    store.set_archive(ArchiveState::works);
    ctx.expect_same(ctx.driver().finish(draining), true, "drain with a limit far ahead");
  }
  check_drain_of_each_kind(ctx, store);
}

/// A call that was under way when the store was closed has its record counted, if it was true.
inline void check_calls_beside_close(RuleContext& ctx, ArchivingStore& store) {
  Client& client = store.client();
  for (const std::size_t steps : std::array<std::size_t, 4>{0, 1, 2, 5}) {
    const std::uint64_t before = store.metrics().accepted;
    std::vector<Pending<bool>> calls;
    for (int i = 0; i < 4; ++i) {
      calls.push_back(ctx.driver().start("put_checkpoint(), beside close()",
                                         client.handle().checkpointer->put_checkpoint(
                                             "beside close", std::to_string(i), json(i))));
    }
    for (std::size_t i = 0; i < steps; ++i) {
      ctx.driver().step();
    }
    const auto closing = ctx.driver().start("close()", client.handle().backend->close());
    std::uint64_t done = 0;
    for (const Pending<bool>& call : calls) {
      ctx.driver().settle(call);
      done += call.state->value.value_or(false) ? 1U : 0U;
    }
    ctx.driver().finish(closing);
    ctx.expect_same(store.metrics().accepted, before + done,
                    "the number of records, with those of calls that were true beside close()");
    ctx.expect_same(client.initialize(), true, "initialize after close");
  }
}

inline void check_close_drains(RuleContext& ctx) {
  ArchivingStore store(ctx);
  Client& client = store.client();
  store.need_room(5);
  store.set_archive(ArchiveState::refuses);
  const ArchivingMetrics before = store.metrics();
  const auto ids = store.put_many("t", 5);
  store.set_archive(ArchiveState::works);
  store.need_attempts(before); // what is dropped from now on, close has dropped
  client.close();
  ctx.expect_same(store.archived_ids("t"), ids, "the records after close");
  ctx.expect_same(store.metrics().queued, std::uint64_t{0}, "what is queued after close");

  const std::uint64_t accepted = store.metrics().accepted;
  ctx.expect_same(client.initialize(), true, "initialize after close");
  ctx.expect_same(store.metrics().accepted, accepted,
                  "the number of records since the store was constructed");
  store.set_archive(ArchiveState::hangs);
  const auto hung = store.put_many("hung", 5);
  client.close(); // or else the kit says that it did not end
  const ArchivingMetrics metrics = store.metrics();
  const std::uint64_t kept = metrics.is_durable ? 5 : 0;
  ctx.expect_same(metrics.queued, kept, "what is queued after close");
  ctx.expect_same(metrics.dropped, std::uint64_t{5 - kept}, "what was dropped by close");
  store.set_archive(ArchiveState::works);
  ctx.expect_same(client.initialize(), true, "initialize after close");
  store.put("t", "again");
  store.expect_drained();
  if (metrics.is_durable) {
    ctx.expect_same(store.archived_ids("hung"), hung, "what was queued at close, when open again");
  }
  ctx.expect_same(std::uint64_t{store.archived_ids("t").size()}, std::uint64_t{ids.size() + 1},
                  "the number of records after the store was opened again");
  check_calls_beside_close(ctx, store);
  for (const auto& pair : ArchivingStore::pairs()) {
    const std::string key = "closed " + std::string(to_string(pair.kind));
    store.prepare_pairs(key);
    store.set_archive(ArchiveState::hangs);
    store.call_twice(pair, key);
    const auto closing = ctx.driver().start("close()", client.handle().backend->close());
    ctx.driver().step();
    store.set_archive(ArchiveState::works);
    ctx.driver().finish(closing);
    store.expect_pair(pair, key, "after close");
    ctx.expect_same(client.initialize(), true, "initialize after close");
  }
}

inline void check_repetition_is_safe(RuleContext& ctx) {
  ArchivingStore store(ctx);
  if (!store.metrics().repeats_safely) {
    throw NotTestable("the archive is no IArchiveOnce");
  }
  store.need_room(5);
  store.set_archive(ArchiveState::keeps_and_refuses);
  const auto ids = store.put_many("t", 3);
  const auto others = store.put_many("other", 2);
  store.drain(std::chrono::milliseconds(5)); // which gives the store time to try
  store.set_archive(ArchiveState::works);
  store.expect_drained();
  ctx.expect_same(store.archived_ids("t"), ids, "the records of appends that seemed to fail");
  ctx.expect_same(store.archived_ids("other"), others,
                  "the records of appends that seemed to fail");
  check_each_kind(ctx, store, ArchiveState::keeps_and_refuses);
}

inline void check_queue_outlives_the_store(RuleContext& ctx) {
  std::vector<std::string> ids;
  {
    ArchivingStore closed(ctx);
    if (!closed.metrics().is_durable) {
      throw NotTestable("the queue is in memory alone");
    }
    closed.need_room(6);
    closed.set_archive(ArchiveState::hangs);
    ids = closed.put_many("closed", 4);
    closed.put_many("other", 2);
    closed.client().close();
    closed.let_go();
  }
  {
    ArchivingStore destroyed(ctx);
    destroyed.expect_drained();
    ctx.expect_same(destroyed.archived_ids("closed"), ids, "what was queued at close");
    ctx.expect_same(destroyed.metrics().archived, std::uint64_t{6},
                    "the number of records that were found queued and are archived");
    const ArchivingMetrics before = destroyed.metrics();
    destroyed.set_archive(ArchiveState::refuses);
    destroyed.put_many("destroyed", 4);
    destroyed.need_attempts(before);
    destroyed.let_go();
  }
  ArchivingStore after(ctx);
  after.put("destroyed", "later");
  after.expect_drained();
  ids.emplace_back("later");
  ctx.expect_same(after.archived_ids("destroyed"), ids,
                  "what was queued when the store was destroyed, and a later record");
  ctx.expect_same(after.metrics().archived, std::uint64_t{5},
                  "the number of records that were found queued and are archived");
}

} // namespace detail

template <class>
std::vector<Rule> archiving_rules() {
  return {
      Rule("DUA-01", needs::archiving, "no call of the store waits for the archive",
           "hand the record to a queue, and answer", &detail::check_no_call_waits),
      Rule("DUA-02", needs::archiving,
           "what was stored, and only that, is archived, in the order of each key",
           "queue the record when the hot store has answered; append one of a key at a time",
           [](RuleContext& ctx) {
             detail::ArchivingStore store(ctx);
             detail::check_what_is_archived(ctx, store);
             detail::check_each_value_is_archived(ctx, store);
             detail::check_each_change_is_archived(ctx, store);
             detail::check_refusals_leave_no_record(ctx, store);
             detail::check_clean_up_is_archived(ctx, store);
             detail::check_each_key_is_archived(ctx, store);
             detail::check_cancelled_calls(ctx, store);
             detail::check_crowd_is_archived(ctx, store);
             if (ctx.has_faults()) {
               detail::check_failures_leave_no_record(ctx, store);
             }
           }),
      Rule("DUA-03", needs::archiving,
           "the queue is bounded; what does not fit is dropped by the policy, and counted",
           "count what is under way, too", &detail::check_queue_is_bounded),
      Rule("DUA-04", needs::archiving,
           "an append that fails is repeated, before all later ones of its key",
           "keep the record at the front until its append is true",
           &detail::check_failed_appends_are_repeated),
      Rule("DUA-05", needs::archiving,
           "a record that the archive keeps refusing is dropped in the end, and counted",
           "bound the attempts", &detail::check_refused_records_are_dropped),
      Rule("DUA-06", needs::archiving, "accepted = archived + dropped + queued, at any moment",
           "change two of the counts together", &detail::check_metrics_add_up),
      Rule("DUA-07", needs::archiving,
           "drain is true when nothing is queued, and false at its limit",
           "count an append that is under way as queued", &detail::check_drain),
      Rule("DUA-08", needs::archiving,
           "close archives what is queued, within its limit; the rest is dropped and counted",
           "drain before closing, and wait no longer than the limit", &detail::check_close_drains),
      Rule("DUA-09", needs::archiving, "over an IArchiveOnce a repeated append is one record",
           "give each record one entry id, and use it for every attempt",
           &detail::check_repetition_is_safe),
      Rule("DUA-10", needs::archiving,
           "what a durable queue holds is archived by the next store that has it",
           "answer a call when its record is durable; remove it when the archive has it",
           &detail::check_queue_outlives_the_store),
  };
}

} // namespace agentstore::conformance

#endif
