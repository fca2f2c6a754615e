// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_DURABILITY_HPP
#define AGENTSTORE_CONFORMANCE_RULES_DURABILITY_HPP

/// \file
/// DUR: what outlives the handle, and what outlives the process.
///
/// Environment: AGENTSTORE_KILLS=n is how many children DUR-02 kills; 10 where it is not set.

#include <agentstore/conformance/kill_rig.hpp>
#include <agentstore/conformance/rules/pages.hpp>

namespace agentstore::conformance {

std::vector<Rule> durability_rules();

// Only machinery below this line.

namespace detail {

/// All records of the rule's keys, as they are.
class Snapshot {
public:
  Snapshot(World& w, Client& c, const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
      if (w.offers(Interfaces::sessions)) {
        sessions.push_back(c.get_session(key));
      }
      if (w.offers(Interfaces::conversations)) {
        histories.push_back(c.history(key));
      }
      if (w.offers(Interfaces::contexts)) {
        contexts.push_back(c.get_task_context(key));
      }
      if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
        checkpoints.push_back(c.list_checkpoints(key));
      }
      if (w.offers(Interfaces::checkpointer)) {
        writes.push_back(c.get_writes(key, "checkpoint"));
      }
      if (w.offers(Interfaces::archive) && w.harness().can_read_archive()) {
        for (const ArchiveKind kind :
             {ArchiveKind::session_event, ArchiveKind::conversation_message,
              ArchiveKind::checkpoint, ArchiveKind::checkpoint_writes,
              ArchiveKind::conversation_session, ArchiveKind::task_context_snapshot}) {
          records.push_back(w.read_archive(c, kind, key));
        }
      }
    }
  }

  static void expect_same(World& w, const Snapshot& came, const Snapshot& before) {
    for (std::size_t i = 0; i < before.sessions.size(); ++i) {
      w.expect_same(came.sessions[i], before.sessions[i], "a session after a reopen");
    }
    for (std::size_t i = 0; i < before.histories.size(); ++i) {
      w.expect_same(came.histories[i], before.histories[i], "a history after a reopen");
    }
    for (std::size_t i = 0; i < before.contexts.size(); ++i) {
      w.expect_same(came.contexts[i], before.contexts[i], "a task context after a reopen");
    }
    for (std::size_t i = 0; i < before.checkpoints.size(); ++i) {
      w.expect_same(came.checkpoints[i], before.checkpoints[i], "checkpoints after a reopen");
    }
    for (std::size_t i = 0; i < before.writes.size(); ++i) {
      w.expect_same(came.writes[i], before.writes[i], "pending writes after a reopen");
    }
    for (std::size_t i = 0; i < before.records.size(); ++i) {
      w.expect_same(came.records[i], before.records[i], "archive records after a reopen");
    }
  }

  std::vector<std::optional<Session>> sessions;
  std::vector<std::vector<Message>> histories;
  std::vector<std::optional<json>> contexts;
  std::vector<std::vector<Checkpoint>> checkpoints;
  std::vector<std::vector<PendingWrite>> writes;
  std::vector<std::vector<ArchiveRecord>> records;
};

/// The writes that are made once for each of many keys.
inline bool is_of_many(const Deed& deed) {
  return deed.name == "add_conversation_message" || deed.name == "store_task_context" ||
         deed.name == "store_checkpoint" || deed.name == "put_writes";
}

/// One deed after the other, each with keys of its own, from one handle to the next.
class Reopening {
public:
  explicit Reopening(World& w) : w_(w), deeds_(deeds(w)) {
    for (std::size_t i = 0; i < deeds_.size(); ++i) {
      keys_.push_back("key " + std::to_string(i));
      expected_.emplace_back();
    }
  }

  /// Opens the store, looks at what was there before, writes, looks again, and lets go.
  void visit(bool with_close) {
    Client c = w_.open();
    if (before_) {
      Snapshot::expect_same(w_, Snapshot(w_, c, keys_), *before_);
      repeat(c);
      Snapshot::expect_same(w_, Snapshot(w_, c, keys_), *before_);
      if (w_.offers(Interfaces::backend)) {
        Metrics now = c.get_metrics();
        now.details = metrics_.details; // the backend's own affair
        w_.expect(now == metrics_, "metrics after a reopen to be " + show(metrics_), show(now));
      }
    }
    for (int i = 0; i < 3; ++i) {
      write(c);
    }
    before_.emplace(w_, c, keys_);
    if (w_.offers(Interfaces::backend)) {
      metrics_ = c.get_metrics();
    }
    if (with_close) {
      w_.close(c);
    } else {
      w_.let_go(c);
    }
  }

private:
  /// What must change nothing: places and first values are to be known still (CHK-04, WRT-02).
  void repeat(Client& c) {
    for (std::size_t i = 0; i < before_->checkpoints.size(); ++i) {
      if (!before_->checkpoints[i].empty()) {
        const Checkpoint& oldest = before_->checkpoints[i].back();
        w_.expect(c.store_checkpoint(keys_[i], oldest.checkpoint_id, oldest.data, oldest.metadata),
                  "storing a checkpoint again to be true", "false");
      }
    }
    for (std::size_t i = 0; i < before_->writes.size(); ++i) {
      if (!before_->writes[i].empty()) {
        std::vector<ChannelWrite> again;
        again.emplace_back("messages", json("another value"));
        w_.expect(c.put_writes(keys_[i], "checkpoint", before_->writes[i].back().task_id, again),
                  "a repeated put_writes to be true", "false");
      }
    }
  }

  void write(Client& c) {
    ++number_;
    for (std::size_t i = 0; i < deeds_.size(); ++i) {
      const Deed& deed = deeds_[i];
      if (number_ == 1) {
        deed.prepare(w_, c, keys_[i]);
      } else if (deed.on_repeat == Deed::Again::never) {
        continue;
      }
      w_.expect(deed.put(c, keys_[i], number_), deed.text(keys_[i], number_) + " to be true",
                "false");
      if (deed.is_readable) {
        expected_[i] = deed.after(expected_[i], number_);
        w_.expect_same(deed.numbers(w_, c, keys_[i]), expected_[i],
                       "the writes by " + std::string(deed.name) + ", in order,");
      }
    }
  }

  World& w_;
  std::vector<Deed> deeds_;
  std::vector<std::string> keys_;
  std::vector<std::vector<Deed::Number>> expected_;
  Deed::Number number_ = 0;
  std::optional<Snapshot> before_;
  Metrics metrics_;
};

/// More of everything than a store may read in one go when it opens; and what was cleaned up.
inline void check_many_after_reopen(World& w) {
  constexpr std::size_t many = 270;
  const auto id = [](std::size_t i) { return "one of many " + std::to_string(i); };
  {
    Client c = w.open_other();
    if (w.offers(Interfaces::backend)) {
      c.create_session("cleaned");
      c.cleanup(std::chrono::microseconds(0));
    }
    Batch batch(c);
    for (std::size_t i = 0; i < many && w.offers(Interfaces::sessions); ++i) {
      batch.add(Client::text("create_session", id(i), "user"),
                true_after(c.handle().sessions->create_session(id(i), "user")));
    }
    batch.finish();
    for (const Deed& deed : deeds(w)) {
      if (is_of_many(deed)) {
        for (std::size_t i = 0; i < many; ++i) {
          batch.add(deed.text(id(i), i), deed.write(c.handle(), id(i), i));
        }
        batch.finish();
      }
    }
    w.close(c);
  }
  Client c = w.open_other();
  if (w.offers(Interfaces::backend)) {
    w.expect_same(c.get_session("cleaned"), std::optional<Session>(),
                  "a session that was cleaned up, after a reopen");
  }
  for (const Deed& deed : deeds(w)) {
    for (std::size_t i = 0; i < many && is_of_many(deed); ++i) {
      w.expect_same(deed.numbers(w, c, id(i)), std::vector<Deed::Number>(1, i),
                    "what is there after a reopen of " + deed.text(id(i), i) + ", one of many,");
    }
  }
  w.close(c);
}

inline std::size_t kill_count() {
  const char* text = std::getenv("AGENTSTORE_KILLS");
  const unsigned long wanted = text != nullptr ? std::strtoul(text, nullptr, 10) : 0;
  return wanted != 0 ? wanted : 10;
}

} // namespace detail

inline std::vector<Rule> durability_rules() {
  return {
      Rule("DUR-01", needs::anything.claim(&Claims::is_durable, "durable"),
           "after the last handle is gone and a new one is opened, all that was acknowledged is "
           "there",
           "look at what is kept in the object only: places in an order, versions, created_at, "
           "counters; and at what is written by close alone",
           [](World& w) {
             if (w.offers(Interfaces::archive) && !w.harness().can_read_archive()) {
               throw Untested("the archive is no IArchiveReader, and the harness has no "
                              "read_archive");
             }
             detail::Reopening store(w);
             store.visit(true);
             // An archive may hold back until close what it has accepted (ARC-06); no other store.
             store.visit(w.offers(Interfaces::archive));
             store.visit(true);
             detail::check_many_after_reopen(w);
           }),
      Rule("DUR-02", needs::anything.claim(&Claims::does_survive_kill, "survives_kill"),
           "after a kill -9 at any moment all that was acknowledged is there, besides at most what "
           "was in flight, and nothing is torn",
           "acknowledge only after the write has reached the file or the server; write so that a "
           "part of a record is never taken for a whole one, and never over what is there",
           [](World& w) {
             constexpr std::size_t rounds_on_one_space = 3; // a store that recovered must again
             const std::size_t kills = detail::kill_count();
             std::optional<KillRig> rig;
             for (std::size_t i = 0; i < kills; ++i) {
               if (i % rounds_on_one_space == 0) {
                 rig.emplace(w, w.space() + "-" + std::to_string(i));
               }
               rig->round();
             }
           }),
  };
}

} // namespace agentstore::conformance

#endif
