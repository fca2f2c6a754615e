// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVING_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVING_HPP

/// \file
/// DUA: the rules of IArchiving, with an archive that the harness makes fail and hang.

#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/archived_records.hpp>
#include <agentstore/conformance/rules/archiving_store.hpp>
#include <agentstore/conformance/rules/areas.hpp>

namespace agentstore::conformance {

namespace detail {

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
  ctx.expect_same(full.accepted, count, "the number of records accepted");
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
                    "the number of records accepted");
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
                  "the number of records accepted since the store was constructed");
  ctx.expect_same(store.metrics().dropped, std::uint64_t{0}, "what was dropped");
}

inline void check_metrics_add_up(RuleContext& ctx) {
  ArchivingStore store(ctx);
  store.need_room(3);
  std::uint64_t count = 0;
  const auto put = [&](const std::string& thread) {
    store.put(thread, std::to_string(++count));
    ctx.expect_same(store.metrics().accepted, count, "the number of records accepted");
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
                  "the number of records accepted since the store was constructed");
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

/// DUA-10, of each kind of record, whether the store was closed or only destroyed.
inline void check_each_kind_outlives_the_store(RuleContext& ctx, bool is_closed) {
  const std::string key = is_closed ? "of a closed store" : "of a destroyed store";
  {
    ArchivingStore first(ctx);
    if (first.metrics().max_queued < 2 * ArchivingStore::pairs().size()) {
      return; // each pair by itself would wait for as many closes
    }
    first.prepare_pairs(key);
    first.set_archive(ArchiveState::hangs);
    for (const auto& pair : ArchivingStore::pairs()) {
      first.call_twice(pair, key);
    }
    if (is_closed) {
      first.client().close();
    }
    first.let_go();
  }
  ArchivingStore next(ctx);
  next.expect_drained();
  for (const auto& pair : ArchivingStore::pairs()) {
    next.expect_pair(pair, key, key + ", in the next one");
  }
  next.let_go();
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
  after.let_go();
  for (const bool is_closed : {true, false}) {
    check_each_kind_outlives_the_store(ctx, is_closed);
  }
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
