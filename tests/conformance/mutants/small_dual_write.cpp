// SPDX-License-Identifier: Apache-2.0
// Flaws of a small dual write, by kind of record and by method. What each does wrong stands in the
// table.

#include "conformance/mutants/small_dual_write.hpp"

#include "conformance/mutants/expect_killed.hpp"

namespace agentstore::conformance {

std::vector<Mutant> small_dual_write_mutants() {
  using namespace mutants;
  using Id = MethodId;
  std::vector<Mutant> all;
  const auto each = [&]<Flaw flaw>(std::string_view rule, std::string_view name,
                                   std::string_view what, std::string_view evidence) {
    add_flawed<flaw, Id::append_session_event, Id::append_conversation_message,
               Id::append_checkpoint, Id::append_checkpoint_writes,
               Id::append_task_context_snapshot>(all, rule, name, what, evidence);
  };
  each.operator()<Flaw::newest_first>("DUA-04", "newest_first",
                                      "of what waits the newest is archived first", "the records");
  each.operator()<Flaw::retries_last>("DUA-04", "retries_last",
                                      "what was refused goes behind what waits", "the records");
  each.operator()<Flaw::tries_once>("DUA-04", "tries_once_small", "what was refused is dropped",
                                    "the records");
  each.operator()<Flaw::id_for_attempt>("DUA-09", "id_for_attempt",
                                        "each attempt has an entry id of its own", "the records");
  each.operator()<Flaw::lost_by_close>("DUA-08", "lost_by_close", "close drops what waits",
                                       "the records");
  each.operator()<Flaw::drain_overlooks>("DUA-07", "drain_overlooks", "drain does not wait for it",
                                         "drain ");
  add_flawed<Flaw::weighs_nothing, Id::append_conversation_message, Id::append_checkpoint,
             Id::append_checkpoint_writes, Id::append_task_context_snapshot>(
      all, "DUA-06", "weighs_nothing_small", "it has no bytes", "bytes");
  const auto two = [&]<Flaw flaw>(std::string_view name, std::string_view what,
                                  std::string_view evidence) {
    add_flawed<flaw, Id::append_session_event, Id::append_conversation_message>(all, "DUA-02", name,
                                                                                what, evidence);
  };
  two.operator()<Flaw::kept_if_cancelled>("kept_if_cancelled", "a cancelled call leaves a record",
                                          "which has stored nothing");
  two.operator()<Flaw::lost_if_cancelled>("lost_if_cancelled",
                                          "a cancelled call that has stored leaves no record",
                                          "true all the same");
  two.operator()<Flaw::cuts_keys>("cuts_archived_keys", "255 bytes of a key count", "and the key");
  two.operator()<Flaw::trims_keys>("trims_archived_keys", "spaces at the end of a key do not count",
                                   "and the key");
  two.operator()<Flaw::lowers_keys>("lowers_archived_keys", "capitals in a key do not count",
                                    "and the key");
  // Each takes as long as the kit waits for a call.
  add_flawed<Flaw::waits, Id::get_session, Id::list_threads, Id::delete_thread, Id::health_check,
             Id::cleanup_expired_sessions>(all, "DUA-01", "waits_for_the_archive",
                                           "the call waits until nothing is queued", "an end of ");
  all.push_back(flawed<Flaw::opened_twice_empties>(
      "DUA-06", "opened_twice_empties", "initialize of an open store drops what is queued",
      "initialize of an open store"));
  all.push_back(flawed<Flaw::opens_once>("DUA-04", "opens_once",
                                         "an archive that could not be opened stays closed",
                                         "the store was opened"));
  all.push_back(flawed<Flaw::waits_to_open>("DUA-04", "waits_to_open",
                                            "initialize waits for the archive", "an end of "));
  all.push_back(flawed<Flaw::one_drain>(
      "DUA-07", "one_drain", "of two drains the first is forgotten", "a drain beside another"));
  all.push_back(flawed<Flaw::closed_metrics_throw>("DUA-06", "closed_metrics_throw",
                                                   "before initialize there are no metrics",
                                                   "not opened yet"));
  all.push_back(flawed<Flaw::late_is_not_counted>("DUA-08", "late_is_not_counted",
                                                  "what comes when it is closed is not counted",
                                                  "that were true beside close()"));
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("flaws of a small dual write are caught for each kind of record", "[small_dual_write]") {
  agentstore::test::expect_killed(small_dual_write_mutants(), archiving_rules());
}

TEST_CASE("a small dual write without a flaw keeps all rules", "[small_dual_write]") {
  const Report report =
      run_all_rules(mutants::flawed<mutants::Flaw::none>("", "no bug", "", ""), archiving_rules());
  INFO(report.to_table());
  CHECK(report.count(Verdict::broken) == 0);
  CHECK(report.count(Verdict::error) == 0);
  CHECK(report.count(Verdict::held) > 7);
}
