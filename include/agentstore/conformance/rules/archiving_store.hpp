// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ARCHIVING_STORE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ARCHIVING_STORE_HPP

/// \file
/// DUA: what the rules on an IArchiving hold in hand, and make of it.

#include <agentstore/conformance/methods/steps.hpp>
#include <agentstore/conformance/methods/value_methods.hpp>

namespace agentstore::conformance::detail {

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
                     metrics.accepted,
                     "archived and dropped and queued together, which were accepted (DUA-06),");
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

} // namespace agentstore::conformance::detail

#endif
