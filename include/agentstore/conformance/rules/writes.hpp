// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_WRITES_HPP
#define AGENTSTORE_CONFORMANCE_RULES_WRITES_HPP

/// \file
/// WRT: the rules of pending writes.

#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/steps.hpp>

namespace agentstore::conformance {

std::vector<Rule> write_rules();

// Only machinery below this line.

inline std::vector<Rule> write_rules() {
  using detail::WriteList;
  using Lines = std::vector<std::string>;
  return {
      Rule("WRT-01", needs::writes,
           "get_writes gives task_id, index, channel and value ordered by task_id, then index",
           "order by the bytes of the task id, then by the number of the index",
           [](World& w) {
             Client c = w.open();
             detail::expect_writes(w, c, "t", "c", Lines(), "the writes of an unknown thread");
             WriteList many;
             for (int i = 0; i < 12; ++i) {
               many.add("n" + std::to_string(i), i);
             }
             detail::put(w, c, "t", "c", "b", many);
             detail::put(
                 w, c, "t", "c", "a",
                 WriteList().add("x", object("k", json::array({1, nullptr}))).add("y", "text"));
             detail::put(w, c, "t", "c", "B", WriteList().add("__error__", "boom").add("z", 1.5));
             detail::put(w, c, "t", "c", "a:b", WriteList().add("w", nullptr));
             Lines expected = {"B:-1 __error__=\"boom\"", "B:1 z=1.5", "a:0 x={\"k\":[1,null]}",
                               "a:1 y=\"text\"", "a:b:0 w=null"};
             for (int i = 0; i < 12; ++i) {
               expected.push_back("b:" + std::to_string(i) + " n" + std::to_string(i) + "=" +
                                  std::to_string(i));
             }
             detail::expect_writes(w, c, "t", "c", expected, "the writes of three tasks");
             constexpr int count = 300; // more than a byte counts
             WriteList hundreds;
             Lines listed;
             for (int i = 0; i < count; ++i) {
               hundreds.add("n", i);
               listed.push_back("task:" + std::to_string(i) + " n=" + std::to_string(i));
             }
             detail::put(w, c, "t", "hundreds", "task", hundreds);
             detail::expect_writes(w, c, "t", "hundreds", listed, "300 writes of one call");
           }),
      Rule("WRT-02", needs::writes,
           "index is the position in the call; a repeated (task, index) keeps the first value",
           "insert and ignore: a task run again does not change what was recorded",
           [](World& w) {
             Client c = w.open();
             detail::put(w, c, "t", "c", "task", WriteList().add("a", 1).add("b", 2));
             detail::put(w, c, "t", "c", "task", WriteList().add("a", 1).add("b", 2));
             detail::expect_writes(w, c, "t", "c", {"task:0 a=1", "task:1 b=2"},
                                   "the writes after the same call again");
             detail::put(w, c, "t", "c", "task",
                         WriteList().add("other", "x").add("b", "y").add("c", 3));
             detail::expect_writes(w, c, "t", "c", {"task:0 a=1", "task:1 b=2", "task:2 c=3"},
                                   "the writes after a call with other values");
             detail::put(w, c, "t", "c", "task", WriteList().add("a", 9));
             detail::expect_writes(w, c, "t", "c", {"task:0 a=1", "task:1 b=2", "task:2 c=3"},
                                   "the writes after a shorter call");
           }),
      Rule("WRT-03", needs::writes,
           "special channels have fixed indices and keep the last value, write by write",
           "decide for each write by its channel, not once for the call",
           [](World& w) {
             Client c = w.open();
             detail::put(w, c, "t", "c", "task",
                         WriteList()
                             .add("__error__", "e1")
                             .add("__scheduled__", "s1")
                             .add("__interrupt__", "i1")
                             .add("__resume__", "r1"));
             detail::expect_writes(w, c, "t", "c",
                                   {"task:-4 __resume__=\"r1\"", "task:-3 __interrupt__=\"i1\"",
                                    "task:-2 __scheduled__=\"s1\"", "task:-1 __error__=\"e1\""},
                                   "the special channels");
             detail::put(w, c, "t", "c", "task",
                         WriteList()
                             .add("__interrupt__", "i2")
                             .add("__resume__", "r2")
                             .add("__scheduled__", "s2"));
             detail::put(w, c, "t", "c", "task",
                         WriteList().add("plain", 1).add("__error__", "e2").add("more", 2));
             detail::put(w, c, "t", "c", "task",
                         WriteList().add("late", 3).add("__error__", "e3").add("late", 4));
             detail::expect_writes(w, c, "t", "c",
                                   {"task:-4 __resume__=\"r2\"", "task:-3 __interrupt__=\"i2\"",
                                    "task:-2 __scheduled__=\"s2\"", "task:-1 __error__=\"e3\"",
                                    "task:0 plain=1", "task:2 more=2"},
                                   "special and plain channels after mixed calls");
             detail::put(w, c, "t", "d", "task",
                         WriteList().add("__error__", "one").add("__error__", "two"));
             detail::expect_writes(w, c, "t", "d", {"task:-1 __error__=\"two\""},
                                   "one special channel twice in a call");
             detail::put(w, c, "t", "both", "one", WriteList().add("__error__", 1));
             detail::put(w, c, "t", "both", "two", WriteList().add("__error__", 2));
             detail::expect_writes(w, c, "t", "both", {"one:-1 __error__=1", "two:-1 __error__=2"},
                                   "one special channel by two tasks");
             detail::put(w, c, "t", "e", "task", WriteList().add("__other__", 1));
             detail::put(w, c, "t", "e", "task", WriteList().add("__other__", 2));
             detail::expect_writes(w, c, "t", "e", {"task:0 __other__=1"},
                                   "a channel that only looks special");
           }),
      Rule("WRT-04", needs::writes,
           "equal values of two tasks, and one channel twice in a call, are all kept",
           "the key is (task, index), not the channel and not the value",
           [](World& w) {
             Client c = w.open();
             detail::put(w, c, "t", "c", "task1", WriteList().add("ch", "same").add("ch", "same"));
             detail::put(w, c, "t", "c", "task2", WriteList().add("ch", "same"));
             detail::expect_writes(
                 w, c, "t", "c",
                 {"task1:0 ch=\"same\"", "task1:1 ch=\"same\"", "task2:0 ch=\"same\""},
                 "equal writes");
           }),
      Rule("WRT-05", needs::writes, "writes belong to one checkpoint of one thread",
           "thread and checkpoint are both part of the key, whole",
           [](World& w) {
             Client c = w.open();
             c.store_checkpoint("t", "c1", 1);
             detail::put(w, c, "t", "c1", "task", WriteList().add("a", 1));
             detail::put(w, c, "t", "c1:task", "x", WriteList().add("b", 2));
             detail::put(w, c, "t:c1", "task", "x", WriteList().add("c", 3));
             detail::put(w, c, "u", "c1", "task", WriteList().add("d", 4));
             c.store_checkpoint("t", "c2", 2);
             detail::expect_writes(w, c, "t", "c1", {"task:0 a=1"}, "the writes of one checkpoint");
             detail::expect_writes(w, c, "t", "c2", Lines(), "the writes of the next checkpoint");
             detail::expect_writes(w, c, "t", "c", Lines(), "the writes of a prefix");
             detail::expect_writes(w, c, "t", "c1:task", {"x:0 b=2"}, "the writes of another id");
             detail::expect_writes(w, c, "t:c1", "task", {"x:0 c=3"},
                                   "the writes of another thread");
             detail::expect_writes(w, c, "u", "c1", {"task:0 d=4"},
                                   "the writes of the same checkpoint id in another thread");
             w.expect_same(detail::ids(c.list_checkpoints("t")), Lines({"c2", "c1"}),
                           "the checkpoints of the thread");
             for (const std::string& s : detail::separators()) {
               detail::put(w, c, "a", "b" + s + "c", "x", WriteList().add("left", 1));
               detail::put(w, c, "a" + s + "b", "c", "y", WriteList().add("right", 2));
             }
             for (const std::string& s : detail::separators()) {
               const std::string what = "the writes of ids around " + show(s);
               detail::expect_writes(w, c, "a", "b" + s + "c", {"x:0 left=1"}, what);
               detail::expect_writes(w, c, "a" + s + "b", "c", {"y:0 right=2"}, what);
             }
           }),
      Rule("WRT-06", needs::writes, "writes are accepted before their checkpoint is",
           "no foreign key, no clearing when the checkpoint arrives",
           [](World& w) {
             Client c = w.open();
             detail::put(w, c, "t", "c", "task", WriteList().add("a", 1));
             detail::expect_writes(w, c, "t", "c", {"task:0 a=1"},
                                   "writes without their checkpoint");
             w.expect_same(c.get_checkpoint("t", "c"), std::optional<Checkpoint>(),
                           "a checkpoint that only has writes");
             w.expect_same(c.get_checkpoint("t"), std::optional<Checkpoint>(),
                           "the latest of a thread that only has writes");
             w.expect_same(c.list_checkpoints("t"), std::vector<Checkpoint>(),
                           "the list of a thread that only has writes");
             c.store_checkpoint("t", "c", 1);
             detail::expect_writes(w, c, "t", "c", {"task:0 a=1"},
                                   "writes whose checkpoint came after them");
           }),
      Rule("WRT-07", needs::writes, "an empty list is true and stores nothing",
           "nothing to write is not an error, and not a delete",
           [](World& w) {
             Client c = w.open();
             detail::put(w, c, "t", "c", "task", WriteList());
             detail::expect_writes(w, c, "t", "c", Lines(), "the writes after an empty call");
             detail::put(w, c, "t", "c", "task", WriteList().add("a", 1));
             detail::put(w, c, "t", "c", "task", WriteList());
             detail::expect_writes(w, c, "t", "c", {"task:0 a=1"},
                                   "the writes after one more empty call");
           }),
      Rule("WRT-08", needs::writes, "a call is all or nothing",
           "check all writes before storing one; store them in one transaction",
           [](World& w) {
             Client c = w.open();
             detail::put(w, c, "t", "c", "task", WriteList().add("a", 1));
             w.expect_error(errc::invalid_argument, [&] {
               c.put_writes("t", "c", "two", WriteList().add("x", 1).add("", 2).add("y", 3));
             });
             w.expect_error(errc::invalid_argument, [&] {
               c.put_writes("t", "c", "task",
                            WriteList().add("__error__", 1).add("b", 2).add("c", "\xff bad"));
             });
             detail::expect_writes(w, c, "t", "c", {"task:0 a=1"},
                                   "the writes after calls that were refused");
             // Seen by a reader while writers are at work: none of a call, or all of it.
             w.on_threads(c, 4, [&](std::size_t index, Client mine) {
               for (int round = 0; round < 10; ++round) {
                 const std::string id = "r" + std::to_string(round);
                 if (index % 2 == 0) {
                   detail::put(w, mine, "race", id, "w" + std::to_string(index),
                               WriteList().add("a", 1).add("b", 2).add("c", 3).add("__error__", 4));
                 } else {
                   const std::size_t seen = mine.get_writes("race", id).size();
                   w.expect(seen % 4 == 0, "a multiple of 4 writes, which each call has",
                            std::to_string(seen));
                 }
               }
             });
             check_writes_all_or_nothing_under_faults(w, c);
           }),
  };
}

} // namespace agentstore::conformance

#endif
