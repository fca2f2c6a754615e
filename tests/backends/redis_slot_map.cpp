// SPDX-License-Identifier: Apache-2.0
// What a cluster says of its nodes, as its specification has it.

#include "support/catch.hpp"

#include <agentstore/detail/redis/slot_map.hpp>

namespace {

using namespace agentstore;
using namespace agentstore::detail::redis;

/// What hiredis makes of these bytes.
Reply reply_of(const std::string& bytes) {
  const std::unique_ptr<redisReader, decltype(&::redisReaderFree)> reader(::redisReaderCreate(),
                                                                          &::redisReaderFree);
  ::redisReaderFeed(reader.get(), bytes.data(), bytes.size());
  void* reply = nullptr;
  REQUIRE(::redisReaderGetReply(reader.get(), &reply) == REDIS_OK);
  REQUIRE(reply != nullptr);
  return Reply(reply);
}

std::string node(const std::string& host, int port) {
  return "*3\r\n" + host + ":" + std::to_string(port) + "\r\n$2\r\nid\r\n";
}

std::string text(const std::string& bytes) {
  return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
}

std::optional<Redirect> redirect(const std::string& error) {
  const Reply reply = reply_of("-" + error + "\r\n");
  return Redirect::in(reply.root(), Address("asked", "1"));
}

} // namespace

TEST_CASE("one server serves every slot, and is where the URI says") {
  const SlotMap map;
  CHECK(!map.is_cluster());
  CHECK(map.masters().size() == 1);
  CHECK(map.owner(0) == Address());
  CHECK(map.owner(slots - 1) == Address());
}

TEST_CASE("a map tells owners and replicas, and a host that is not told is the asked one's") {
  const std::string ranges = "*3\r\n"
                             "*4\r\n:0\r\n:5460\r\n" +
                             node(text("10.0.0.1"), 7000) + node(text("10.0.0.4"), 7003) +
                             "*3\r\n:5461\r\n:5461\r\n" + node(text(""), 7001) +
                             "*3\r\n:5462\r\n:16383\r\n" + node("$-1\r\n", 7002);
  const Reply reply = reply_of(ranges);
  const SlotMap map = SlotMap::of_cluster(reply.root(), Address("asked", "1"));
  CHECK(map.is_cluster());
  CHECK(map.owner(0) == Address("10.0.0.1", "7000"));
  CHECK(map.owner(5'460) == Address("10.0.0.1", "7000"));
  CHECK(map.owner(5'461) == Address("asked", "7001"));
  CHECK(map.owner(16'383) == Address("asked", "7002"));
  CHECK(map.masters().size() == 3);
  CHECK(map.replicas() == std::vector<Address>(1, Address("10.0.0.4", "7003")));
  CHECK(map.has(Address("10.0.0.4", "7003")));
  CHECK(!map.has(Address()));
}

TEST_CASE("a slot that nobody serves is asked for where somebody can say so") {
  const Reply reply = reply_of("*1\r\n*3\r\n:7\r\n:8\r\n" + node(text("a"), 1));
  const SlotMap map = SlotMap::of_cluster(reply.root(), Address());
  CHECK(map.owner(7) == Address("a", "1"));
  CHECK(map.owner(9) == Address("a", "1"));
}

TEST_CASE("a slot moves to a node, known or not") {
  const Reply reply = reply_of("*1\r\n*3\r\n:0\r\n:16383\r\n" + node(text("a"), 1));
  SlotMap map = SlotMap::of_cluster(reply.root(), Address());
  map.move(5, Address("b", "2"));
  map.move(6, Address("b", "2"));
  CHECK(map.owner(5) == Address("b", "2"));
  CHECK(map.owner(6) == Address("b", "2"));
  CHECK(map.owner(4) == Address("a", "1"));
  CHECK(map.masters().size() == 2);
}

TEST_CASE("what is no map is refused") {
  const auto refused = [](const std::string& bytes) {
    const Reply reply = reply_of(bytes);
    CHECK_THROWS_AS(SlotMap::of_cluster(reply.root(), Address()), Corrupted);
  };
  refused(":1\r\n");
  refused("*1\r\n:1\r\n");
  refused("*1\r\n*2\r\n:0\r\n:5\r\n");
  refused("*1\r\n*3\r\n:0\r\n:16384\r\n" + node(text("a"), 1));
  refused("*1\r\n*3\r\n:-1\r\n:5\r\n" + node(text("a"), 1));
  const Reply empty = reply_of("*0\r\n");
  CHECK_THROWS_AS(SlotMap::of_cluster(empty.root(), Address()), Failure);
}

TEST_CASE("a redirect tells the slot and where it is") {
  const auto moved = redirect("MOVED 3999 127.0.0.1:6381");
  REQUIRE(moved);
  CHECK(!moved->is_ask);
  CHECK(moved->slot == 3'999);
  CHECK(moved->to == Address("127.0.0.1", "6381"));
  const auto asks = redirect("ASK 0 ::1:6381");
  REQUIRE(asks);
  CHECK(asks->is_ask);
  CHECK(asks->to == Address("::1", "6381"));
  CHECK(asks->to.text() == "[::1]:6381");
  const auto same_host = redirect("MOVED 1 :6381");
  REQUIRE(same_host);
  CHECK(same_host->to == Address("asked", "6381"));
  for (const std::string error : {"MOVED", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED 1 a",
                                  "ERR MOVED 1 a:1", "TRYAGAIN", "MOVEDX 1 a:1"}) {
    INFO(error);
    CHECK(!redirect(error));
  }
  const Reply no_error = reply_of("+MOVED 1 a:1\r\n");
  CHECK(!Redirect::in(no_error.root(), Address()));
}

TEST_CASE("the slot of a key is that of its tag") {
  CHECK(slot_of_key("{a}b") == slot_of("a"));
  CHECK(slot_of_key("x{a}{b}") == slot_of("a"));
  CHECK(slot_of_key("{}a") == slot_of("{}a"));
  CHECK(slot_of_key("{a") == slot_of("{a"));
  CHECK(slot_of_key("a}b{") == slot_of("a}b{"));
  CHECK(slot_of_key("") == 0);
}
