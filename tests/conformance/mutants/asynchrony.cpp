// SPDX-License-Identifier: Apache-2.0
#include "conformance/mutants/asynchrony.hpp"

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

namespace agentstore::conformance {

std::vector<Mutant> asynchrony_mutants() {
  using namespace mutants::asynchrony;
  return {
      mutant<StoresAtTheCall>("ASY-01", "stores_at_the_call",
                              "a context is stored when the method is called",
                              "store_task_context(context) whose awaitable was dropped"),
      mutant<CreatesAtTheCall>("ASY-01", "creates_at_the_call",
                               "a session is created when the method is called",
                               "create_session(metadata) whose awaitable was dropped"),
      mutant<ArchivesAtTheCall>("ASY-01", "archives_at_the_call",
                                "a checkpoint is archived when the method is called",
                                "append_checkpoint(data) whose awaitable was dropped"),
      mutant<CommitsWhenDropped>("ASY-01", "commits_when_dropped",
                                 "a transaction commits when its awaitable is destroyed",
                                 "put_writes(value) whose awaitable was dropped"),
      mutant<AppendsInTheBackground>("ASY-01", "appends_in_the_background",
                                     "an append begins on a thread of the store at the call",
                                     // It may be there before or after the awaitable is dropped.
                                     "add_conversation_message(metadata)"),
      mutant<RefersToContext>("ASY-02", "refers_to_context",
                              "the context is taken by reference and read at the await",
                              "store_task_context(context): the value read"),
      mutant<RefersToThread>("ASY-02", "refers_to_thread",
                             "the thread id is taken by reference and read at the await",
                             "put_checkpoint(data): the value"),
      mutant<RefersToIdOfRead>("ASY-02", "refers_to_id_of_read", "a read takes its id by reference",
                               "to find what is there"),
      mutant<RefersToContent>("ASY-02", "refers_to_content",
                              "the archive takes the content by reference",
                              "append_conversation_message(content): the value read"),
      mutant<EndsElsewhere>("ASY-03", "ends_elsewhere", "a store ends on the thread that did it",
                            "store_checkpoint(\"k"),
      mutant<ThrowsElsewhere>("ASY-03", "throws_elsewhere", "values come home, exceptions do not",
                              "end_session(\"\""),
      mutant<CountsElsewhere>("ASY-03", "counts_elsewhere", "get_metrics ends on another thread",
                              "get_metrics() to end on the executor of the caller"),
      mutant<FindsNothingElsewhere>("ASY-03", "finds_nothing_elsewhere",
                                    "a read that finds nothing ends on another thread",
                                    "get_task_context(\"k1\") to end on the executor"),
      mutant<BoundToOpener>("ASY-04", "bound_to_opener", "only the thread that opened may store",
                            "the connection belongs to another thread"),
      mutant<OneBuffer>("ASY-04", "one_buffer", "threads share the buffer for the key",
                        "put_checkpoint("),
      mutant<OneAtATime>("ASY-04", "one_at_a_time", "two calls at once are too many",
                         "another operation is in progress"),
      mutant<SleepsInWrites>("ASY-05", "sleeps_in_writes", "an update blocks for milliseconds",
                             "update_session(updates) never to block"),
      mutant<SleepsInReads>("ASY-05", "sleeps_in_reads", "a read blocks for milliseconds",
                            "get_writes never to block"),
      mutant<WaitsForAFuture>("ASY-05", "waits_for_a_future",
                              "an append waits for a thread of the store with future::get",
                              "add_conversation_message(metadata) never to block"),
      mutant<FlushesInTheCallersThread>("ASY-05", "flushes_in_the_callers_thread",
                                        "an archive waits for the disk in the caller's thread",
                                        "append_session_event(payload) never to block"),
      mutant<CleansUpAtTheCall>("ASY-01", "cleans_up_at_the_call",
                                "a clean-up is made when the method is called",
                                "after cleanup_expired_sessions(0us) whose awaitable was dropped"),
      mutant<RefusesAtTheCall>("ASY-01", "refuses_at_the_call",
                               "a bad id is thrown out of the method, before the await",
                               "and nothing before it is awaited"),
      mutant<RefusesValuesAtTheCall>("ASY-01", "refuses_values_at_the_call",
                                     "a bad context is thrown out of the method, before the await",
                                     "an awaitable from store_task_context(context) of NaN"),
      mutant<RefusesPatchesAtTheCall>("ASY-01", "refuses_patches_at_the_call",
                                      "a bad patch is thrown out of the method, before the await",
                                      "an awaitable from update_session(updates) of NaN"),
      mutant<RefusesTextsAtTheCall>("ASY-01", "refuses_texts_at_the_call",
                                    "a bad text is thrown out of the method, before the await",
                                    "add_conversation_message(content) of invalid UTF-8"),
      mutant<RefusesDepthAtTheCall>("ASY-01", "refuses_depth_at_the_call",
                                    "what is too deep is thrown out of the method",
                                    "put_checkpoint(data) of depth 1000"),
      mutant<CleansUpElsewhere>("ASY-03", "cleans_up_elsewhere",
                                "a clean-up ends on another thread",
                                "cleanup_expired_sessions() to end on the executor of the caller"),
      mutant<StuckBesideAList>("ASY-04", "stuck_beside_a_list",
                               "an append that meets a list never ends",
                               "an end of add_conversation_message"),
      mutant<SleepsInCleanUp>("ASY-05", "sleeps_in_clean_up", "a clean-up blocks for milliseconds",
                              "cleanup_expired_sessions never to block"),
      mutant<SleepsBesideAnother>("ASY-05", "sleeps_beside_another",
                                  "an update that has to wait its turn blocks its thread",
                                  "three at once, never to block its thread"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of asynchrony kill their mutants") {
  agentstore::test::expect_killed(asynchrony_mutants(), asynchrony_rules());
}

TEST_CASE("each rule of asynchrony has mutants to kill") {
  agentstore::test::expect_two_for_each(asynchrony_mutants(), asynchrony_rules());
}

TEST_CASE("the rules of asynchrony hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(asynchrony_rules());
  agentstore::test::expect_held_without_bug<agentstore::ForwardingArchive>(asynchrony_rules());
}
