// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_SHARING_HPP
#define AGENTSTORE_CONFORMANCE_RULES_SHARING_HPP

/// \file
/// SPC and TWO: stores that must not see each other, and handles that must.

#include <agentstore/conformance/rules/values.hpp>

namespace agentstore::conformance {

std::vector<Rule> sharing_rules();

// Only machinery below this line.

namespace detail {

/// SPC-01: what is listed, deleted, copied and pruned is of one space.
inline void check_directories_apart(World& w, Client& a, Client& b, const std::string& key) {
  fill_for_reads(w, a, key);
  if (w.offers(Interfaces::session_directory)) {
    w.expect_same(std::uint64_t{b.list_sessions(key).sessions.size()}, std::uint64_t{0},
                  "the sessions of a user of the other space");
    w.expect_same(b.delete_session(key), false, "the deletion of the other space's session");
    w.expect_same(std::uint64_t{a.list_sessions(key).sessions.size()}, std::uint64_t{1},
                  "the sessions of a user, after a deletion in the other space");
  }
  if (w.offers(Interfaces::thread_directory)) {
    w.expect_same(b.list_threads(key).thread_ids, std::vector<std::string>(),
                  "the threads of the other space");
    w.expect_same(b.copy_thread(key, "copy of " + key), false,
                  "the copy of the other space's thread");
    w.expect_same(b.prune_thread(key, 0), std::uint64_t{0},
                  "the pruning of the other space's thread");
    w.expect_same(b.delete_thread(key), false, "the deletion of the other space's thread");
    w.expect_same(a.list_threads(key).thread_ids, std::vector<std::string>(1, key),
                  "the threads, after a deletion in the other space");
  }
}

/// TWO-01: what one handle lists, deletes and copies, the other sees, and its cursors are good.
inline void check_directories_shared(World& w, Client& a, Client& b) {
  if (w.offers(Interfaces::session_directory)) {
    a.create_session("one of two", "listed");
    b.create_session("two of two", "listed");
    const SessionPage first = a.list_sessions("listed", Page(1));
    const SessionPage second = b.list_sessions("listed", Page(1).after(first.next));
    w.expect_same(std::uint64_t{second.sessions.size()}, std::uint64_t{1},
                  "the sessions on the second page, by the other handle");
    w.expect_same(a.delete_session("one of two"), true, "the deletion by one handle");
    w.expect_same(b.get_session("one of two"), std::optional<Session>(),
                  "a session that the other handle has deleted");
    w.expect_same(b.delete_session("one of two"), false,
                  "the deletion of a session that the other handle has deleted");
  }
  if (w.offers(Interfaces::thread_directory)) {
    a.store_checkpoint("seen by both", "c", 1);
    b.get_checkpoint("seen by both"); // so that a cache would have it
    w.expect_same(a.copy_thread("seen by both", "copied by one"), true, "the copy by one handle");
    w.expect_same(b.get_checkpoint("copied by one").has_value(), true,
                  "whether there is what the other handle has copied");
    w.expect_same(a.delete_thread("seen by both"), true, "the deletion by one handle");
    w.expect_same(b.get_checkpoint("seen by both"), std::optional<Checkpoint>(),
                  "a thread that the other handle has deleted");
    b.store_checkpoint("pruned by one", "old", 1);
    b.store_checkpoint("pruned by one", "new", 2);
    b.list_checkpoints("pruned by one");
    b.get_checkpoint("pruned by one", "old");
    w.expect_same(a.prune_thread("pruned by one", 1), std::uint64_t{1},
                  "the pruning by one handle");
    w.expect_same(std::uint64_t{b.list_checkpoints("pruned by one").size()}, std::uint64_t{1},
                  "the number of checkpoints that the other handle has left");
    w.expect_same(b.get_checkpoint("pruned by one", "old"), std::optional<Checkpoint>(),
                  "a checkpoint that the other handle has pruned");
  }
}

} // namespace detail

inline std::vector<Rule> sharing_rules() {
  return {
      Rule("SPC-01", needs::anything, "two spaces never see each other",
           "the space must be part of every key, and of every scan",
           [](World& w) {
             Client a = w.open();
             Client b = w.open_other();
             std::size_t count = 0;
             for (const Probe& probe : probes(w)) {
               const Ids ids = probe.ids("k" + std::to_string(++count));
               probe.prepare(w, a, ids);
               w.expect(probe.put(a, ids, probe.sample(1)), probe.label() + " to be true", "false");
               if (!probe.is_readable) {
                 continue;
               }
               w.expect_same(probe.read(w, b, ids), std::optional<json>(),
                             probe.label() + ": what the other space sees");
               // The name of the other space is that of the first and "-b": together with the id
               // they must not be taken for each other.
               const std::string plain = "j" + std::to_string(count);
               const Ids joined = probe.ids("-b" + plain);
               probe.prepare(w, a, joined);
               w.expect(probe.put(a, joined, probe.sample(3)), probe.label() + " to be true",
                        "false");
               w.expect_same(probe.read(w, b, probe.ids(plain)), std::optional<json>(),
                             probe.label() + ": what the other space sees under a part of an id");
               probe.prepare(w, b, ids);
               w.expect(probe.put(b, ids, probe.sample(2)), probe.label() + " to be true", "false");
               const auto expect_own = [&](Client& c, int number) {
                 const std::vector<Found> found = probe.read_all(w, c, ids);
                 w.expect_same(std::uint64_t{found.size()}, std::uint64_t{1},
                               probe.label() + ": the number of values in one space");
                 w.expect_same(found[0].value, probe.sample(static_cast<std::uint64_t>(number)),
                               probe.label() + ": the value of one space");
               };
               expect_own(a, 1);
               expect_own(b, 2);
             }
             if (w.offers(Interfaces::backend)) {
               const std::string before = detail::counts_if_any(w, a);
               b.create_session("only in b");
               b.store_checkpoint("t", "only in b", 1);
               w.expect_same(detail::counts_if_any(w, a), before,
                             "the counts of one space after writes to the other");
               b.cleanup(std::chrono::microseconds(0));
               w.expect_same(detail::counts_if_any(w, a), before,
                             "the counts of one space after a clean-up of the other");
             }
             if (w.offers(Interfaces::checkpoints) || w.offers(Interfaces::checkpointer)) {
               w.expect_same(a.get_checkpoint("t"), std::optional<Checkpoint>(),
                             "the latest of a thread of the other space");
             }
             detail::check_directories_apart(w, a, b, "listed");
             detail::check_directories_apart(w, b, a, "listed too"); // names may be prefixes
             if (w.offers(Interfaces::backend)) {
               const std::string before = detail::counts_if_any(w, b);
               a.cleanup(std::chrono::microseconds(0));
               w.expect_same(detail::counts_if_any(w, b), before,
                             "the counts of one space after a clean-up of the other");
             }
           }),
      Rule(
          "TWO-01", needs::anything.claim(&Claims::has_shared_handles, "shared_handles"),
          "two handles on one space see each other's acknowledged writes",
          "no cache that another handle's write does not reach",
          [](World& w) {
            Client a = w.open();
            Client b = w.open();
            std::size_t count = 0;
            for (const Probe& probe : probes(w)) {
              for (int turn = 0; turn < 2; ++turn) {
                Client& writer = turn == 0 ? a : b;
                Client& reader = turn == 0 ? b : a;
                const Ids ids = probe.ids("k" + std::to_string(++count));
                probe.prepare(w, writer, ids);
                if (probe.is_readable) {
                  probe.read(w, reader, ids); // so that a cache would have the old state
                }
                const json value = probe.sample(count);
                w.expect(probe.put(writer, ids, value), probe.label() + " to be true", "false");
                if (probe.is_readable) {
                  w.expect_same(probe.read(w, reader, ids), std::optional<json>(value),
                                probe.label() + ": what the other handle sees");
                }
                if (probe.is_readable && probe.again != Probe::Again::keeps) {
                  const json second = probe.sample(count + 1000);
                  w.expect(probe.put(writer, ids, second), probe.label() + " to be true", "false");
                  w.expect_same(probe.read(w, reader, ids), std::optional<json>(second),
                                probe.label() +
                                    ": what the other handle sees after a second write");
                }
              }
            }
            if (w.offers(Interfaces::sessions)) {
              a.create_session("shared");
              for (int i = 0; i < 4; ++i) {
                (i % 2 == 0 ? a : b).update_session("shared", SessionUpdate().increment_requests());
              }
              w.expect_same(w.must(b.get_session("shared"), "the session").request_count,
                            std::uint64_t{4}, "request_count after updates by both handles");
              w.expect(a.end_session("shared"), "the end by one handle to be true", "false");
              w.expect_same(b.update_session("shared", SessionUpdate()), false,
                            "an update by the other handle of a session that has ended");
              w.expect_error(errc::already_exists, [&] { b.create_session("shared"); });
            }
            detail::check_directories_shared(w, a, b);
            a.close_if_possible();
            if (b.has_sessions()) {
              w.must(b.get_session("shared"), "the session, after the other handle was closed");
            }
            if (w.offers(Interfaces::backend)) {
              b.create_session("cleaned");
              b.add_message("cleaned", "user", "hi");
              b.store_task_context("cleaned", 1);
              b.history("cleaned");
              b.get_task_context("cleaned");
              w.expect_same(a.initialize(), true, "initialize of the other handle");
              a.cleanup(std::chrono::microseconds(0));
              w.expect_same(b.get_session("cleaned"), std::optional<Session>(),
                            "a session that the other handle has cleaned up");
              w.expect_same(b.history("cleaned"), std::vector<Message>(), "the history of it");
              w.expect_same(b.get_task_context("cleaned"), std::optional<json>(),
                            "the context of it");
              w.expect_same(b.get_metrics().total_sessions, std::uint64_t{0},
                            "the sessions after a clean-up by the other handle");
            }
          }),
  };
}

} // namespace agentstore::conformance

#endif
