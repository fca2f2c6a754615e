// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_CHECKPOINTS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_CHECKPOINTS_HPP

/// \file
/// CHK: the rules that ICheckpointStorage and ICheckpointerBackend share.

#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/methods/pages.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/thread_state.hpp>

#include <array>

namespace agentstore::conformance {

namespace detail {

/// A clock that stands still, and then goes back.
inline const std::array<std::chrono::hours, 5>& moments() {
  using namespace std::chrono_literals;
  static constexpr std::array<std::chrono::hours, 5> hours = {5h, 5h, 5h, 1h, -3h};
  return hours;
}

/// CHK-03: a list is of one moment, though others store: it has no holes.
inline void check_lists_beside_a_writer(RuleContext& ctx, Client& client) {
  constexpr std::size_t rounds = 12;
  Rivals rivals(ctx, client);
  const auto name = [](std::size_t number) { return "c" + std::to_string(number); };
  const auto expect_no_hole = [&](const std::vector<Checkpoint>& listed) {
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < listed.size(); ++i) {
      expected.push_back(name(listed.front().data.tree().get<std::size_t>() - i));
    }
    ctx.expect_same(ids(listed), expected, "the ids of a list beside a writer, one by one,");
  };
  for (std::size_t i = 0; i < 10; ++i) {
    store(ctx, client, "growing", name(i), i);
  }
  for (std::size_t i = 10; i < 10 + rounds; ++i) {
    const std::size_t limit = i % 2 == 0 ? 4 : 1'000;
    const auto list = client.driver().start(
        Client::text("list_checkpoints", "growing", std::uint64_t{limit}),
        ctx.offers(Interfaces::checkpoints)
            ? rivals.of(i).handle().checkpoints->list_checkpoints("growing", limit)
            : rivals.of(i).handle().checkpointer->list_checkpoints("growing", limit));
    store(ctx, client, "growing", name(i), i);
    expect_no_hole(client.driver().finish(list));
  }
  ctx.on_threads(client, 2, [&](std::size_t thread, Client mine) {
    for (std::size_t i = 10 + rounds; i < 10 + 3 * rounds; ++i) {
      if (thread == 0) {
        store(ctx, mine, "growing", name(i), i);
      } else {
        expect_no_hole(mine.list_checkpoints("growing", i % 2 == 0 ? 4 : 1'000));
      }
    }
  });
}

} // namespace detail

template <class>
std::vector<Rule> checkpoint_rules() {
  using namespace std::chrono_literals;
  return {
      Rule(
          "CHK-01", needs::checkpoints, "what was stored is what is read",
          "return every field, by id and as the latest alike",
          [](RuleContext& ctx) {
            Client client = ctx.open();
            const json data = json::parse(
                R"({"messages": [{"role": "user", "content": "h\u00e9llo"}], "step": 3, "x": null})");
            const json metadata = json::parse(R"({"source": "loop", "writes": {"a": [1.5]}})");
            detail::store(ctx, client, "t", "first", data, metadata);
            detail::expect_checkpoint(ctx, client.get_checkpoint("t", "first"), "t", "first", data,
                                      metadata);
            detail::expect_checkpoint(ctx, client.get_checkpoint("t"), "t", "first", data,
                                      metadata);
            detail::store(ctx, client, "t", "second", json::object());
            detail::expect_checkpoint(ctx, client.get_checkpoint("t", "first"), "t", "first", data,
                                      metadata);
            detail::expect_checkpoint(ctx, client.get_checkpoint("t", "second"), "t", "second",
                                      json::object());
            ctx.expect_same(client.get_checkpoint("t", "first"),
                            client.get_checkpoint("t", "first"), "the checkpoint read twice");
            for (const std::string& way : detail::ways_to_store(ctx)) {
              const json by = object("by", way);
              ctx.expect(detail::store_by(way, client, "t", way, by, by), way + " to be true",
                         "false");
              detail::expect_checkpoint(ctx, client.get_checkpoint("t", way), "t", way, by, by);
            }
            if (ctx.has_clock()) {
              const Timestamp later =
                  ctx.must(client.get_checkpoint("t"), "the latest checkpoint").created_at + 1h;
              ctx.set_clock(later);
              detail::store(ctx, client, "t", "later", 1);
              ctx.expect_same(
                  ctx.must(client.get_checkpoint("t", "later"), "the checkpoint").created_at, later,
                  "created_at of a checkpoint");
              std::size_t count = 0;
              for (const Timestamp at : detail::odd_clocks()) {
                ctx.set_clock(at);
                const std::string id = "o" + std::to_string(++count);
                detail::store(ctx, client, "odd times", id, detail::names_of_fields(),
                              detail::names_of_fields());
                const Checkpoint stored =
                    ctx.must(client.get_checkpoint("odd times", id), "the checkpoint");
                detail::expect_moment(ctx, stored.created_at, at, "created_at of a checkpoint");
                ctx.expect_same(client.list_checkpoints("odd times", 1),
                                std::vector<Checkpoint>(1, stored),
                                "the newest checkpoint, whatever the clock said before,");
              }
            }
          }),
      Rule("CHK-02", needs::checkpoints,
           "without an id: the id first stored last; unknown: nullopt; an empty id: "
           "invalid_argument",
           "order by the first store, not by id and not by clock",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.get_checkpoint("t"), std::optional<Checkpoint>(),
                             "the latest of an unknown thread");
             ctx.expect_same(client.get_checkpoint("t", "x"), std::optional<Checkpoint>(),
                             "a checkpoint of an unknown thread");
             for (const char* id : {"m", "z", "a", "10", "9", "M"}) {
               detail::store(ctx, client, "t", id, std::string("data of ") + id);
               detail::expect_checkpoint(ctx, client.get_checkpoint("t"), "t", id,
                                         std::string("data of ") + id);
             }
             for (const char* id : {"x", "", "mm", "1", "m ", "%", "*", "_", "latest", "last",
                                    "newest", "head", "HEAD", "null", "-1", "0"}) {
               if (*id == '\0') {
                 ctx.expect_error(errc::invalid_argument, [&] { client.get_checkpoint("t", ""); });
               } else {
                 ctx.expect_same(client.get_checkpoint("t", id), std::optional<Checkpoint>(),
                                 "an unknown checkpoint of a known thread");
               }
             }
             ctx.expect_same(client.get_checkpoint("tt"), std::optional<Checkpoint>(),
                             "the latest of another thread");
             if (ctx.has_clock()) {
               const Timestamp start = detail::first_of_may();
               const std::string ids = "mzakb"; // neither the greatest nor the least helps
               for (std::size_t i = 0; i < ids.size(); ++i) {
                 ctx.set_clock(start + detail::moments()[i]);
                 const std::string id = ids.substr(i, 1);
                 detail::store(ctx, client, "clock", id, 1);
                 detail::expect_checkpoint(ctx, client.get_checkpoint("clock"), "clock", id, 1);
               }
             }
           }),
      Rule("CHK-03", needs::checkpoints,
           "list is newest first by the same order, whole records, of one moment, limit as for "
           "histories",
           "the same order as the latest, and the same records as a get",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             ctx.expect_same(client.list_checkpoints("t"), std::vector<Checkpoint>(),
                             "the list of an unknown thread");
             const std::vector<std::string> order = {"5", "3",  "9", "1", "z", "a",
                                                     "7", "10", "q", "b", "0", "Z"};
             for (const std::string& id : order) {
               detail::store(ctx, client, "t", id, object("of", id), object("m", id));
             }
             const auto newest_first = detail::reversed(order);
             const auto all = client.list_checkpoints("t");
             ctx.expect_same(detail::ids(all), newest_first, "the ids of the list");
             for (const Checkpoint& listed : all) {
               ctx.expect_same(std::optional<Checkpoint>(listed),
                               client.get_checkpoint("t", listed.checkpoint_id),
                               "the record listed");
             }
             for (const std::size_t limit :
                  detail::great_limits({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 500})) {
               const auto actual = client.list_checkpoints("t", limit);
               std::vector<std::string> expected = newest_first;
               expected.resize(std::min(limit, expected.size()));
               ctx.expect_same(detail::ids(actual), expected,
                               "the newest " + std::to_string(limit) + " checkpoints");
             }
             ctx.expect_same(client.list_checkpoints("t", 0), std::vector<Checkpoint>(),
                             "a list of limit 0");
             const auto by_default =
                 client.call("list_checkpoints(\"t\")",
                             ctx.offers(Interfaces::checkpoints)
                                 ? client.handle().checkpoints->list_checkpoints("t")
                                 : client.handle().checkpointer->list_checkpoints("t"));
             ctx.expect_same(std::uint64_t{by_default.size()}, std::uint64_t{10},
                             "the length of a list without a limit");
             if (ctx.has_clock()) {
               const Timestamp start = detail::first_of_may();
               const std::vector<std::string> ids = {"m", "z", "a", "k", "b"};
               for (std::size_t i = 0; i < ids.size(); ++i) {
                 ctx.set_clock(start + detail::moments()[i]);
                 detail::store(ctx, client, "clock", ids[i], 1);
               }
               ctx.expect_same(detail::ids(client.list_checkpoints("clock")), detail::reversed(ids),
                               "the list under a clock that stands still and goes back");
             }
             detail::check_lists_beside_a_writer(ctx, client);
             detail::check_read_beside(ctx, client, MethodId::list_checkpoints,
                                       {MethodId::store_checkpoint, MethodId::put_checkpoint,
                                        MethodId::prune_thread, MethodId::delete_thread});
           }),
      Rule("CHK-04", needs::checkpoints,
           "storing an id again replaces in place: its place, created_at and writes stay",
           "a late retry must not become the latest: keep the first place",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             for (const std::string& way : detail::ways_to_store(ctx)) {
               const std::string thread = "t of " + way;
               const std::vector<std::string> writes = {"early:-1 __error__=1", "early:0 ch=1",
                                                        "task:-3 __interrupt__=1", "task:0 ch=1"};
               if (ctx.offers(Interfaces::checkpointer)) {
                 detail::put(ctx, client, thread, "a", "early",
                             detail::WriteList().add("ch", 1).add("__error__", 1));
               }
               for (const char* id : {"a", "b", "c"}) {
                 ctx.expect(detail::store_by(way, client, thread, id, 1, object("first", true)),
                            way + " to be true", "false");
               }
               if (ctx.offers(Interfaces::checkpointer)) {
                 detail::put(ctx, client, thread, "a", "task",
                             detail::WriteList().add("ch", 1).add("__interrupt__", 1));
                 detail::expect_writes(ctx, client, thread, "a", writes,
                                       "the pending writes of a checkpoint");
               }
               const Checkpoint before =
                   ctx.must(client.get_checkpoint(thread, "a"), "the checkpoint");
               // Time goes by before each: the first time is kept whatever was there.
               Checkpoint expected = before;
               Timestamp now = before.created_at;
               const auto store_again = [&](const std::string& what) {
                 detail::let_time_pass(ctx, now);
                 ctx.expect(
                     detail::store_by(way, client, thread, "a", expected.data, expected.metadata),
                     way + " to be true", "false");
                 ctx.expect_same(client.get_checkpoint(thread, "a"),
                                 std::optional<Checkpoint>(expected),
                                 "the checkpoint stored again" + what);
               };
               expected.data = object("again", 2);
               expected.metadata = object("second", true);
               store_again("");
               expected.data = json();
               expected.metadata = json::object();
               store_again(" with nothing in it");
               // Of what was there, one half alone may come again.
               for (const json& part : {json(object("long", letters(500))), object("s", 1)}) {
                 expected.data = part;
                 store_again(" with other data alone");
               }
               for (const json& part : {json(object("long", letters(500))), object("s", 1)}) {
                 expected.metadata = part;
                 store_again(" with other metadata alone");
               }
               // The latest, by a read that asks for no id.
               Checkpoint latest = ctx.must(client.get_checkpoint(thread), "the latest");
               latest.data = object("stored again", 1);
               latest.metadata = object("stored again", 2);
               detail::store_by(way, client, thread, "c", latest.data, latest.metadata);
               ctx.expect_same(client.get_checkpoint(thread), std::optional<Checkpoint>(latest),
                               "the latest, which was stored again");
               store_again(", the same, whole");
               ctx.expect_same(detail::ids(client.list_checkpoints(thread)),
                               std::vector<std::string>({"c", "b", "a"}), "the order of the list");
               ctx.expect_same(ctx.must(client.get_checkpoint(thread), "the latest").checkpoint_id,
                               std::string("c"), "the latest");
               // Values that some take for equal, or for none.
               for (const json& value : detail::hardly_different()) {
                 expected.data = value;
                 store_again(" with what is hardly different");
               }
               for (const json& value : {json(object("k", nullptr)), json::object()}) {
                 expected.metadata = value;
                 store_again(" with metadata of hardly anything");
               }
               if (ctx.offers(Interfaces::checkpointer)) {
                 detail::expect_writes(ctx, client, thread, "a", writes,
                                       "the pending writes of the checkpoint stored again");
               }
               for (const std::chrono::hours later : {24h, 24h * 40}) {
                 if (ctx.has_clock()) {
                   ctx.set_clock(before.created_at + later);
                   detail::store_by(way, client, thread, "b", 5);
                   ctx.expect_same(
                       ctx.must(client.get_checkpoint(thread, "b"), "the checkpoint").created_at <
                           before.created_at + 12h,
                       true, "whether created_at stays when the clock has moved on");
                 }
               }
             }
             // However many are newer.
             std::vector<std::string> order;
             for (int i = 0; i < 130; ++i) {
               order.push_back("c" + std::to_string(i));
               detail::store(ctx, client, "many", order.back(), 1);
             }
             std::vector<Checkpoint> expected = client.list_checkpoints("many");
             ctx.expect_same(detail::ids(expected), detail::reversed(order),
                             "the order of the list");
             if (ctx.has_clock()) {
               ctx.set_clock(expected.front().created_at + 1h);
             }
             for (const std::size_t newer : {129u, 100u, 64u, 32u, 20u, 10u, 5u}) {
               Checkpoint& again = expected[newer];
               again.data = "again";
               detail::store(ctx, client, "many", again.checkpoint_id, "again");
               ctx.expect_same(ctx.must(client.get_checkpoint("many"), "the latest").checkpoint_id,
                               order.back(), "the latest of many");
               ctx.expect_same(client.get_checkpoint("many", again.checkpoint_id),
                               std::optional<Checkpoint>(again),
                               "the checkpoint stored again, behind " + std::to_string(newer) +
                                   " newer ones,");
             }
             ctx.expect_same(client.list_checkpoints("many"), expected,
                             "many checkpoints, some of them stored again");
           }),
      Rule("CHK-05", needs::checkpoints, "the same id in two threads is two checkpoints",
           "the thread is part of the key",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::store(ctx, client, "t1", "c", "one");
             detail::store(ctx, client, "t2", "c", "two");
             detail::store(ctx, client, "T1", "c", "three");
             detail::expect_checkpoint(ctx, client.get_checkpoint("t1", "c"), "t1", "c", "one");
             detail::expect_checkpoint(ctx, client.get_checkpoint("t2", "c"), "t2", "c", "two");
             detail::expect_checkpoint(ctx, client.get_checkpoint("T1", "c"), "T1", "c", "three");
             detail::expect_checkpoint(ctx, client.get_checkpoint("t1"), "t1", "c", "one");
             ctx.expect_same(std::uint64_t{client.list_checkpoints("t1").size()}, std::uint64_t{1},
                             "the number of checkpoints of one of the threads");
             detail::store(ctx, client, "t2", "c", "two again");
             detail::expect_checkpoint(ctx, client.get_checkpoint("t1", "c"), "t1", "c", "one");
           }),
      Rule("CHK-06", needs::checkpoints, "(\"a\", \"b:c\") and (\"a:b\", \"c\") never collide",
           "do not join ids with a separator they may hold",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const std::vector<std::string> separators = detail::separators();
             detail::store(ctx, client, "a", "first", 1);
             for (const std::string& s : separators) {
               detail::store(ctx, client, "a", "b" + s + "c", "left" + s);
               detail::store(ctx, client, "a" + s + "b", "c", "right" + s);
             }
             for (const std::string& s : separators) {
               detail::expect_checkpoint(ctx, client.get_checkpoint("a", "b" + s + "c"), "a",
                                         "b" + s + "c", "left" + s);
               detail::expect_checkpoint(ctx, client.get_checkpoint("a" + s + "b", "c"),
                                         "a" + s + "b", "c", "right" + s);
               detail::expect_checkpoint(ctx, client.get_checkpoint("a" + s + "b"), "a" + s + "b",
                                         "c", "right" + s);
               ctx.expect_same(std::uint64_t{client.list_checkpoints("a" + s + "b").size()},
                               std::uint64_t{1}, "the number of checkpoints of one thread");
             }
             ctx.expect_same(std::uint64_t{client.list_checkpoints("a").size()},
                             std::uint64_t{separators.size() + 1},
                             "the number of checkpoints of the other thread");
             // Each read of one and then of the other, with no write between.
             for (std::size_t i = 0;
                  i < separators.size() && ctx.offers(Interfaces::thread_directory); ++i) {
               const std::string& s = separators[i];
               ctx.expect_same(std::uint64_t{client.list_before("a", "b" + s + "c", 1'000).size()},
                               std::uint64_t{i + 1}, "how many are before one of several");
               ctx.expect_same(std::uint64_t{client.list_before("a" + s + "b", "c", 1'000).size()},
                               std::uint64_t{0}, "how many are before the only one");
             }
             const std::vector<std::string> longs = {letters(1023) + "x", letters(1023) + "y"};
             for (const std::string& id : longs) {
               detail::store(ctx, client, id, id, "of " + id);
             }
             for (const std::string& id : longs) {
               const std::vector<Checkpoint> listed = client.list_checkpoints(id);
               ctx.expect_same(std::uint64_t{listed.size()}, std::uint64_t{1},
                               "the checkpoints of a thread with a long id");
               detail::expect_checkpoint(ctx, listed.front(), id, id, "of " + id);
             }
           }),
      Rule("CHK-07", needs::checkpoints, "data is any JSON value, metadata an object",
           "null is data like any other",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             const json values = json::parse(
                 R"([null, false, true, 0, -1, 1.5, "", "text", [], [null], {}, {"a": {}}])");
             for (std::size_t i = 0; i < values.size(); ++i) {
               const std::string id = "v" + std::to_string(i);
               detail::store(ctx, client, "t", id, values[i]);
               detail::expect_checkpoint(ctx, client.get_checkpoint("t", id), "t", id, values[i]);
               detail::expect_checkpoint(ctx, client.get_checkpoint("t"), "t", id, values[i]);
               const std::vector<Checkpoint> all = client.list_checkpoints("t");
               ctx.expect_same(std::uint64_t{all.size()}, std::uint64_t{i + 1},
                               "the number of checkpoints listed, whatever their data");
               detail::expect_checkpoint(ctx, all.front(), "t", id, values[i]);
               if (ctx.offers(Interfaces::thread_directory)) {
                 detail::expect_checkpoint(ctx, client.get_thread_head("t").latest, "t", id,
                                           values[i]);
               }
             }
             for (const std::string& way : detail::ways_to_store(ctx)) {
               for (const json& wrong : json::parse(R"([null, [], "text", 7, true])")) {
                 ctx.expect_error(errc::invalid_argument,
                                  [&] { detail::store_by(way, client, "t", "wrong", 1, wrong); });
               }
             }
             ctx.expect_same(client.get_checkpoint("t", "wrong"), std::optional<Checkpoint>(),
                             "a checkpoint that was refused");
           }),
      Rule("CHK-08", needs::both_checkpoint_interfaces,
           "store_checkpoint and put_checkpoint write one store",
           "both interfaces have to reach the same data",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             client.store_checkpoint("t", "stored", 1);
             client.put_checkpoint("t", "put", 2);
             ICheckpointStorage& storage = *client.handle().checkpoints;
             ICheckpointerBackend& checkpointer = *client.handle().checkpointer;
             const auto listed = client.call("ICheckpointStorage::list_checkpoints(\"t\")",
                                             storage.list_checkpoints("t"));
             ctx.expect_same(detail::ids(listed), std::vector<std::string>({"put", "stored"}),
                             "the list by ICheckpointStorage");
             ctx.expect_same(client.call("ICheckpointerBackend::list_checkpoints(\"t\")",
                                         checkpointer.list_checkpoints("t")),
                             listed, "the list by ICheckpointerBackend");
             detail::expect_checkpoint(
                 ctx,
                 client.call("ICheckpointerBackend::get_checkpoint(\"t\", \"stored\")",
                             checkpointer.get_checkpoint("t", "stored")),
                 "t", "stored", 1);
             client.put_checkpoint("t", "stored", 3);
             detail::expect_checkpoint(
                 ctx,
                 client.call("ICheckpointStorage::get_checkpoint(\"t\", \"stored\")",
                             storage.get_checkpoint("t", "stored")),
                 "t", "stored", 3);
             detail::expect_checkpoint(ctx,
                                       client.call("ICheckpointStorage::get_checkpoint(\"t\")",
                                                   storage.get_checkpoint("t")),
                                       "t", "put", 2);
           }),
      Rule("CHK-09", needs::checkpoints, "no cap: 1,000 checkpoints are listed",
           "no trim, no fixed page",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             constexpr int count = 1003; // just above a cap that somebody may think of
             for (int i = 1; i <= count; ++i) {
               detail::store(ctx, client, "t", "c" + std::to_string(i), i);
             }
             const std::vector<Checkpoint> listed = client.list_checkpoints("t", 5000);
             ctx.expect_same(detail::ids(listed), detail::reversed(detail::numbered("c", 1, count)),
                             "the list of 1,003 checkpoints");
             for (const Checkpoint& checkpoint : listed) {
               ctx.expect_same("c" + show(checkpoint.data.tree()), checkpoint.checkpoint_id,
                               "the data of a checkpoint among 1,003");
             }
             detail::expect_checkpoint(ctx, client.get_checkpoint("t", "c1"), "t", "c1", 1);
           }),
      Rule("CHK-10", needs::checkpoints, "concurrent stores: all there, each writer's order kept",
           "take the place in the order and store in one step",
           [](RuleContext& ctx) {
             Client client = ctx.open();
             detail::Rivals rivals(ctx, client);
             ctx.in_rounds(client, 4, 20, [&](std::size_t round, std::size_t writer, Client mine) {
               Client rival = rivals.on_thread_of(mine, writer);
               detail::store(ctx, rival, "t",
                             "w" + std::to_string(writer) + "-" + std::to_string(round), round);
             });
             detail::expect_writers_order(
                 ctx, detail::reversed(detail::ids(client.list_checkpoints("t"))), 4, 20);
             for (int round = 0; round < 5; ++round) {
               std::vector<Pending<bool>> stores;
               for (std::size_t writer = 0; writer < 8; ++writer) {
                 const std::string id = "w" + std::to_string(writer) + "-" + std::to_string(round);
                 const json data = round;
                 Handle& handle = rivals.of(writer).handle();
                 stores.push_back(client.driver().start(
                     Client::text("store_checkpoint", "u", id, data),
                     ctx.offers(Interfaces::checkpoints)
                         ? handle.checkpoints->store_checkpoint("u", id, data)
                         : handle.checkpointer->put_checkpoint("u", id, data)));
               }
               for (const auto& store : stores) {
                 ctx.expect(client.driver().finish(store), "every store to be true", "false");
               }
             }
             const auto listed = detail::ids(client.list_checkpoints("u"));
             detail::expect_writers_order(ctx, detail::reversed(listed), 8, 5);
             ctx.expect_same(ctx.must(client.get_checkpoint("u"), "the latest").checkpoint_id,
                             listed.front(), "the latest after concurrent stores");
           }),
  };
}

} // namespace agentstore::conformance

#endif
