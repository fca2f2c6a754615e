// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_WRITES_HPP
#define AGENTSTORE_CONFORMANCE_RULES_WRITES_HPP

/// \file
/// WRT: the rules of pending writes.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/errors.hpp>

#include <array>
#include <atomic>

namespace agentstore::conformance {

namespace detail {

/// Counts whoever comes to its end, by an exception too: readers wait for writers.
class CountsEnds {
public:
  explicit CountsEnds(std::atomic<int>& ended) : ended_(ended) {}
  CountsEnds(const CountsEnds&) = delete;
  CountsEnds& operator=(const CountsEnds&) = delete;
  ~CountsEnds() { ++ended_; }

private:
  std::atomic<int>& ended_;
};

/// WRT-02: of one write by two handles at once the first value stays, once it has been seen.
inline void check_first_of_two(RuleContext& ctx, Client& client, Rivals& rivals) {
  for (std::size_t steps = 0; steps < 4; ++steps) {
    const std::string id = "of two " + std::to_string(steps);
    const Pending<bool> putting = client.driver().start(
        Client::text("put_writes", "race", id),
        rivals.of(1).handle().checkpointer->put_writes("race", id, "w", WriteList().add("a", 1)));
    for (std::size_t i = 0; i < steps; ++i) {
      client.driver().step();
    }
    const bool is_put = rivals.of(0).put_writes("race", id, "w", WriteList().add("a", 2));
    const std::vector<std::string> seen = written(rivals.of(0).get_writes("race", id));
    ctx.expect(client.driver().finish(putting) && is_put, "both put_writes to be true", "false");
    expect_writes(ctx, client, "race", id, seen, "a write that was seen while another was put");
  }
}

/// WRT-08: a call that has come some steps further has stored nothing or all, be its writes all
/// ordinary or one of them special.
inline void check_half_a_call(RuleContext& ctx, Rivals& rivals) {
  for (const char* last : {"d", "__error__"}) {
    for (std::size_t steps = 0; steps < 4; ++steps) {
      Client& client = rivals.of(0);
      const std::string id = "half a call " + std::to_string(steps) + last;
      const std::vector<ChannelWrite> writes =
          WriteList().add("a", 1).add("b", 2).add("c", 3).add(last, 4);
      const Pending<bool> putting =
          client.driver().start(Client::text("put_writes", "race", id),
                                client.handle().checkpointer->put_writes("race", id, "w", writes));
      for (std::size_t i = 0; i < steps; ++i) {
        client.driver().step();
      }
      const std::size_t seen = rivals.of(1).get_writes("race", id).size();
      const bool is_put = client.driver().finish(putting);
      ctx.expect(seen == 0 || seen == writes.size(),
                 "none or all of the 4 writes of a call that is under way", std::to_string(seen));
      ctx.expect(is_put, "put_writes to be true", "false");
    }
  }
}

} // namespace detail

template <class>
std::vector<Rule> write_rules() {
  using detail::WriteList;
  using Lines = std::vector<std::string>;
  return {
      Rule("WRT-01", needs::writes,
           "get_writes gives task_id, index, channel and value ordered by task_id, then index",
           "order by the bytes of the task id, then by the number of the index",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::expect_writes(ctx, client, "t", "c", Lines(),
                                   "the writes of an unknown thread");
             WriteList many;
             for (int i = 0; i < 12; ++i) {
               many.add("n" + std::to_string(i), i);
             }
             detail::put(ctx, client, "t", "c", "b", many);
             detail::put(
                 ctx, client, "t", "c", "a",
                 WriteList().add("x", object("k", json::array({1, nullptr}))).add("y", "text"));
             detail::put(ctx, client, "t", "c", "B",
                         WriteList().add("__error__", "boom").add("z", 1.5));
             detail::put(ctx, client, "t", "c", "a:b", WriteList().add("w", nullptr));
             Lines expected = {"B:-1 __error__=\"boom\"", "B:1 z=1.5", "a:0 x={\"k\":[1,null]}",
                               "a:1 y=\"text\"", "a:b:0 w=null"};
             for (int i = 0; i < 12; ++i) {
               expected.push_back("b:" + std::to_string(i) + " n" + std::to_string(i) + "=" +
                                  std::to_string(i));
             }
             detail::expect_writes(ctx, client, "t", "c", expected, "the writes of three tasks");
             Lines by_bytes;
             for (const std::string& task : detail::sorted(detail::odd_ids())) {
               by_bytes.push_back(task + ":0 w=1");
             }
             for (const std::string& task : detail::odd_ids()) {
               detail::put(ctx, client, "t", "tasks", task, WriteList().add("w", 1));
             }
             detail::expect_writes(ctx, client, "t", "tasks", by_bytes,
                                   "the writes of tasks whose ids are in nobody's order but that "
                                   "of their bytes");
             constexpr int count = 1'100; // more than a byte counts, or goes in one go
             WriteList hundreds;
             Lines listed;
             for (int i = 0; i < count; ++i) {
               hundreds.add("n", i);
               listed.push_back("task:" + std::to_string(i) + " n=" + std::to_string(i));
             }
             detail::put(ctx, client, "t", "hundreds", "task", hundreds);
             detail::expect_writes(ctx, client, "t", "hundreds", listed,
                                   "1,100 writes of one call");
           }),
      Rule("WRT-02", needs::writes,
           "index is the position in the call; a repeated (task, index) keeps the first value",
           "insert and ignore: a task run again does not change what was recorded",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::put(ctx, client, "t", "c", "task", WriteList().add("a", 1).add("b", 2));
             detail::put(ctx, client, "t", "c", "task", WriteList().add("a", 1).add("b", 2));
             detail::expect_writes(ctx, client, "t", "c", {"task:0 a=1", "task:1 b=2"},
                                   "the writes after the same call again");
             detail::put(ctx, client, "t", "c", "task",
                         WriteList().add("other", "x").add("b", "y").add("c", 3));
             detail::expect_writes(ctx, client, "t", "c",
                                   {"task:0 a=1", "task:1 b=2", "task:2 c=3"},
                                   "the writes after a call with other values");
             detail::put(ctx, client, "t", "c", "task", WriteList().add("a", 9));
             detail::expect_writes(ctx, client, "t", "c",
                                   {"task:0 a=1", "task:1 b=2", "task:2 c=3"},
                                   "the writes after a shorter call");
             if (ctx.has_clock()) {
               ctx.set_clock(detail::first_of_may());
               detail::put(ctx, client, "long ago", "c", "task", WriteList().add("a", 1));
               for (const int days : {1, 40}) {
                 ctx.set_clock(detail::first_of_may() + std::chrono::days(days));
                 detail::put(ctx, client, "long ago", "c", "task", WriteList().add("a", 2));
                 detail::expect_writes(ctx, client, "long ago", "c", {"task:0 a=1"},
                                       "the writes after the same call long after");
               }
             }
             detail::Rivals rivals(ctx, client);
             detail::check_first_of_two(ctx, client, rivals);
           }),
      Rule("WRT-03", needs::writes,
           "special channels have fixed indices and keep the last value, write by write",
           "decide for each write by its channel, not once for the call",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::put(ctx, client, "t", "c", "task",
                         WriteList()
                             .add("__error__", "e1")
                             .add("__scheduled__", "s1")
                             .add("__interrupt__", "i1")
                             .add("__resume__", "r1"));
             detail::expect_writes(ctx, client, "t", "c",
                                   {"task:-4 __resume__=\"r1\"", "task:-3 __interrupt__=\"i1\"",
                                    "task:-2 __scheduled__=\"s1\"", "task:-1 __error__=\"e1\""},
                                   "the special channels");
             detail::put(ctx, client, "t", "c", "task",
                         WriteList()
                             .add("__interrupt__", "i2")
                             .add("__resume__", "r2")
                             .add("__scheduled__", "s2"));
             // As many writes as before, with other values.
             detail::expect_writes(ctx, client, "t", "c",
                                   {"task:-4 __resume__=\"r2\"", "task:-3 __interrupt__=\"i2\"",
                                    "task:-2 __scheduled__=\"s2\"", "task:-1 __error__=\"e1\""},
                                   "the special channels after some were put again");
             detail::put(ctx, client, "t", "c", "task",
                         WriteList().add("plain", 1).add("__error__", "e2").add("more", 2));
             detail::put(ctx, client, "t", "c", "task",
                         WriteList().add("late", 3).add("__error__", "e3").add("late", 4));
             detail::expect_writes(ctx, client, "t", "c",
                                   {"task:-4 __resume__=\"r2\"", "task:-3 __interrupt__=\"i2\"",
                                    "task:-2 __scheduled__=\"s2\"", "task:-1 __error__=\"e3\"",
                                    "task:0 plain=1", "task:2 more=2"},
                                   "special and plain channels after mixed calls");
             detail::put(ctx, client, "t", "d", "task",
                         WriteList().add("__error__", "one").add("__error__", "two"));
             detail::expect_writes(ctx, client, "t", "d", {"task:-1 __error__=\"two\""},
                                   "one special channel twice in a call");
             detail::put(ctx, client, "t", "both", "one", WriteList().add("__error__", 1));
             detail::put(ctx, client, "t", "both", "two", WriteList().add("__error__", 2));
             detail::expect_writes(ctx, client, "t", "both",
                                   {"one:-1 __error__=1", "two:-1 __error__=2"},
                                   "one special channel by two tasks");
             for (const std::string channel :
                  {"__other__",    "__ERROR__",     "__Resume__",     "__error__ ",  " __error__",
                   "__error",      "error__",       "_error_",        "error",       "__errors__",
                   "__interrupt",  "__start__",     "__end__",        "__input__",   "__return__",
                   "__previous__", "__no_writes__", "__pregel_tasks", "branch:to:a", "__null__"}) {
               detail::put(ctx, client, "t", channel, "task", WriteList().add(channel, 1));
               detail::put(ctx, client, "t", channel, "task", WriteList().add(channel, 2));
               detail::expect_writes(ctx, client, "t", channel,
                                     std::vector<std::string>(1, "task:0 " + channel + "=1"),
                                     "a channel that only looks special");
             }
             client.store_checkpoint("t", "stored", 1);
             for (const char* value : {"one", "two", "three"}) {
               detail::put(ctx, client, "t", "stored", "task", WriteList().add("__error__", value));
               detail::expect_writes(
                   ctx, client, "t", "stored",
                   std::vector<std::string>(1, "task:-1 __error__=" + show(std::string(value))),
                   "a special channel of a checkpoint that is stored");
             }
           }),
      Rule("WRT-04", needs::writes,
           "equal values of two tasks, and one channel twice in a call, are all kept",
           "the key is (task, index), not the channel and not the value",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::put(ctx, client, "t", "c", "task1",
                         WriteList().add("ch", "same").add("ch", "same"));
             detail::put(ctx, client, "t", "c", "task2", WriteList().add("ch", "same"));
             detail::expect_writes(
                 ctx, client, "t", "c",
                 {"task1:0 ch=\"same\"", "task1:1 ch=\"same\"", "task2:0 ch=\"same\""},
                 "equal writes");
           }),
      Rule("WRT-05", needs::writes, "writes belong to one checkpoint of one thread",
           "thread and checkpoint are both part of the key, whole",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             client.store_checkpoint("t", "c1", 1);
             detail::put(ctx, client, "t", "c1", "task", WriteList().add("a", 1));
             detail::put(ctx, client, "t", "c1:task", "x", WriteList().add("b", 2));
             detail::put(ctx, client, "t:c1", "task", "x", WriteList().add("c", 3));
             detail::put(ctx, client, "u", "c1", "task", WriteList().add("d", 4));
             client.store_checkpoint("t", "c2", 2);
             detail::expect_writes(ctx, client, "t", "c1", {"task:0 a=1"},
                                   "the writes of one checkpoint");
             detail::expect_writes(ctx, client, "t", "c2", Lines(),
                                   "the writes of the next checkpoint");
             detail::expect_writes(ctx, client, "t", "c", Lines(), "the writes of a prefix");
             detail::expect_writes(ctx, client, "t", "c1:task", {"x:0 b=2"},
                                   "the writes of another id");
             detail::expect_writes(ctx, client, "t:c1", "task", {"x:0 c=3"},
                                   "the writes of another thread");
             detail::expect_writes(ctx, client, "u", "c1", {"task:0 d=4"},
                                   "the writes of the same checkpoint id in another thread");
             ctx.expect_same(detail::ids(client.list_checkpoints("t")), Lines({"c2", "c1"}),
                             "the checkpoints of the thread");
             // A task and an index that make the text of another task and index.
             WriteList twelve;
             std::vector<std::string> of_tasks(1, "t:-1 __error__=\"t\"");
             for (int i = 0; i < 12; ++i) {
               twelve.add("n", i);
               of_tasks.push_back("t:" + std::to_string(i) + " n=" + std::to_string(i));
             }
             for (const char* other : {"t-", "t0", "t1"}) {
               detail::put(ctx, client, "t", "tasks", other, WriteList().add("a", 1).add("b", 2));
               of_tasks.push_back(std::string(other) + ":0 a=1");
               of_tasks.push_back(std::string(other) + ":1 b=2");
             }
             detail::put(ctx, client, "t", "tasks", "t", twelve);
             detail::put(ctx, client, "t", "tasks", "t", WriteList().add("__error__", "t"));
             detail::expect_writes(ctx, client, "t", "tasks", of_tasks,
                                   "the writes of tasks whose ids end like indices");
             for (const std::string& s : detail::separators()) {
               detail::put(ctx, client, "a", "b" + s + "c", "x", WriteList().add("left", 1));
               detail::put(ctx, client, "a" + s + "b", "c", "y", WriteList().add("right", 2));
             }
             for (const std::string& s : detail::separators()) {
               detail::put(ctx, client, "joined", "b" + s + "c", "x", WriteList().add("left", 1));
               detail::put(ctx, client, "joined", "b", "c" + s + "x", WriteList().add("right", 2));
             }
             for (const std::string& s : detail::separators()) {
               detail::expect_writes(ctx, client, "joined", "b" + s + "c", {"x:0 left=1"},
                                     "the writes of a checkpoint and a task around " + show(s));
             }
             ctx.expect_same(std::uint64_t{client.get_writes("joined", "b").size()},
                             std::uint64_t{detail::separators().size()},
                             "the number of writes of the tasks of the other checkpoint");
             for (const std::string& s : detail::separators()) {
               const std::string what = "the writes of ids around " + show(s);
               detail::expect_writes(ctx, client, "a", "b" + s + "c", {"x:0 left=1"}, what);
               detail::expect_writes(ctx, client, "a" + s + "b", "c", {"y:0 right=2"}, what);
             }
           }),
      Rule("WRT-06", needs::writes, "writes are accepted before their checkpoint is",
           "no foreign key, no clearing when the checkpoint arrives",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::put(ctx, client, "t", "c", "task", WriteList().add("a", 1));
             detail::expect_writes(ctx, client, "t", "c", {"task:0 a=1"},
                                   "writes without their checkpoint");
             ctx.expect_same(client.get_checkpoint("t", "c"), std::optional<Checkpoint>(),
                             "a checkpoint that only has writes");
             ctx.expect_same(client.get_checkpoint("t"), std::optional<Checkpoint>(),
                             "the latest of a thread that only has writes");
             ctx.expect_same(client.list_checkpoints("t"), std::vector<Checkpoint>(),
                             "the list of a thread that only has writes");
             client.store_checkpoint("t", "c", 1);
             detail::expect_writes(ctx, client, "t", "c", {"task:0 a=1"},
                                   "writes whose checkpoint came after them");
           }),
      Rule("WRT-07", needs::writes, "an empty list is true and stores nothing",
           "nothing to write is not an error, and not a delete",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::put(ctx, client, "t", "c", "task", WriteList());
             detail::expect_writes(ctx, client, "t", "c", Lines(),
                                   "the writes after an empty call");
             detail::put(ctx, client, "t", "c", "task", WriteList().add("a", 1));
             detail::put(ctx, client, "t", "c", "task", WriteList());
             detail::expect_writes(ctx, client, "t", "c", {"task:0 a=1"},
                                   "the writes after one more empty call");
             // Nor does it touch the checkpoint, its time and its place.
             detail::set_clock_if_any(ctx, detail::first_of_may());
             client.store_checkpoint("touched", "old", 1);
             client.store_checkpoint("touched", "new", 2);
             const std::vector<Checkpoint> stored = client.list_checkpoints("touched");
             ctx.expect_same(detail::ids(stored), Lines({"new", "old"}), "the checkpoints");
             detail::set_clock_if_any(ctx, detail::first_of_may() + std::chrono::hours(1));
             detail::put(ctx, client, "touched", "old", "task", WriteList());
             ctx.expect_same(client.list_checkpoints("touched"), stored,
                             "the checkpoints after an empty call");
             ctx.expect_same(client.get_checkpoint("touched"),
                             std::optional<Checkpoint>(stored.front()),
                             "the latest after an empty call");
             ctx.expect_same(client.get_checkpoint("touched", "old"),
                             std::optional<Checkpoint>(stored.back()),
                             "the checkpoint of an empty call");
             if (ctx.offers(Interfaces::thread_directory)) {
               ctx.expect_same(client.list_threads("touched").thread_ids, Lines({"touched"}),
                               "the thread of an empty call in the list");
               detail::put(ctx, client, "nothing", "c", "task", WriteList());
               ctx.expect_same(client.copy_thread("nothing", "copy of nothing"), false,
                               "the copy of a thread of which an empty list is all");
               client.store_checkpoint("something", "c", 1);
               ctx.expect_same(client.copy_thread("something", "nothing"), true,
                               "the copy to a thread of which an empty list is all");
             }
           }),
      Rule("WRT-08", needs::writes, "a call is all or nothing",
           "check all writes before storing one; store them in one transaction",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::put(ctx, client, "t", "c", "task", WriteList().add("a", 1));
             ctx.expect_error(errc::invalid_argument, [&] {
               client.put_writes("t", "c", "two", WriteList().add("x", 1).add("", 2).add("y", 3));
             });
             ctx.expect_error(errc::invalid_argument, [&] {
               client.put_writes("t", "c", "task",
                                 WriteList().add("__error__", 1).add("b", 2).add("c", "\xff bad"));
             });
             detail::expect_writes(ctx, client, "t", "c", {"task:0 a=1"},
                                   "the writes after calls that were refused");
             // Seen by a reader while writers are at work: none of a call, or all of it.
             constexpr std::size_t rounds = 24;
             detail::Rivals rivals(ctx, client);
             std::array<std::atomic<int>, rounds> ended = {};
             ctx.in_rounds(
                 client, 4, rounds, [&](std::size_t round, std::size_t index, Client mine) {
                   const std::string id = "r" + std::to_string(round);
                   Client rival = rivals.on_thread_of(mine, index / 2);
                   const bool writes = index % 2 == 0;
                   if (writes) {
                     const detail::CountsEnds end(ended[round]);
                     const bool is_ordinary = round % 2 == 0;
                     detail::put(ctx, rival, "race", id, "w" + std::to_string(index),
                                 WriteList().add("a", 1).add("b", 2).add("c", 3).add(
                                     is_ordinary ? "d" : "__error__", 4));
                     return;
                   }
                   // Until the writers have ended, and once more.
                   for (bool is_last = false; !is_last;) {
                     is_last = ended[round] == 2;
                     const std::size_t seen = rival.get_writes("race", id).size();
                     ctx.expect(seen % 4 == 0 && (!is_last || seen == 8),
                                is_last ? "the 8 writes of both calls, once both have ended"
                                        : "a multiple of 4 writes, which each call has",
                                std::to_string(seen));
                   }
                 });
             // One task by several handles: the first value of each place stays, and none is lost.
             ctx.in_rounds(client, 4, 8, [&](std::size_t round, std::size_t index, Client mine) {
               Client rival = rivals.on_thread_of(mine, index);
               detail::put(ctx, rival, "race", "one " + std::to_string(round),
                           "w" + std::to_string(index), WriteList().add("a", 1).add("b", 2));
             });
             for (int round = 0; round < 8; ++round) {
               ctx.expect_same(
                   std::uint64_t{client.get_writes("race", "one " + std::to_string(round)).size()},
                   std::uint64_t{8}, "the number of writes of four tasks at once");
             }
             for (int round = 0; round < 6; ++round) {
               std::vector<awaitable<bool>> calls;
               const std::string id = "together " + std::to_string(round);
               for (std::size_t i = 0; i < 4; ++i) {
                 calls.push_back(rivals.of(i).handle().checkpointer->put_writes(
                     "race", id, "w" + std::to_string(i), WriteList().add("a", 1).add("b", 2)));
               }
               ctx.expect_same(detail::count_true(client, Client::text("put_writes", "race", id),
                                                  std::move(calls)),
                               std::uint64_t{4}, "how many of concurrent put_writes are true");
               ctx.expect_same(std::uint64_t{client.get_writes("race", id).size()},
                               std::uint64_t{8},
                               "the number of writes of four tasks begun together");
             }
             detail::check_half_a_call(ctx, rivals);
             check_writes_all_or_nothing_under_faults(ctx, client);
           }),
  };
}

} // namespace agentstore::conformance

#endif
