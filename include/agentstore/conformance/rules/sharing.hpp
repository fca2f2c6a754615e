// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_SHARING_HPP
#define AGENTSTORE_CONFORMANCE_RULES_SHARING_HPP

/// \file
/// SPC and TWO: stores that must not see each other, and handles that must.

#include <agentstore/conformance/rules/values.hpp>

namespace agentstore::conformance {

std::vector<Rule> sharing_rules();

// Only machinery below this line.

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
            a.close_if_possible();
            if (b.has_sessions()) {
              w.must(b.get_session("shared"), "the session, after the other handle was closed");
            }
          }),
  };
}

} // namespace agentstore::conformance

#endif
