// SPDX-License-Identifier: Apache-2.0
// The names of keys: what lies together, what never meets, and how evenly slots are used.

#include "support/catch.hpp"

#include <agentstore/detail/redis/codec.hpp>
#include <agentstore/detail/redis/keys.hpp>

#include <algorithm>
#include <set>

namespace {

using namespace agentstore;
using namespace agentstore::detail::redis;

/// What Redis Cluster hashes of a key, as its specification says.
std::string tag_in(const std::string& key) {
  const auto open = key.find('{');
  const auto close = key.find('}', open);
  REQUIRE(close != std::string::npos);
  REQUIRE(close > open + 1);
  return key.substr(open + 1, close - open - 1);
}

} // namespace

TEST_CASE("a slot is the one that Redis Cluster's specification names") {
  CHECK(slot_of("123456789") == 0x31C3);
  CHECK(slot_of("") == 0);
}

TEST_CASE("buckets lie evenly over the slots, for any name of a space and any number of them") {
  for (const std::string space : {"agentstore", "", "a/0-1", "{}", "päß", "x y"}) {
    for (const std::size_t buckets : {1U, 2U, 3U, 16U, 100U}) {
      const Keys keys("", space, buckets);
      for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
        const std::size_t slot = slot_of(tag_in(keys.shared("counts", bucket)));
        CHECK(slot * buckets / slots == bucket);
      }
    }
  }
}

TEST_CASE("of three masters none has more than its share of sixteen buckets") {
  for (const std::string space : {"agentstore", "support", "eu/west", "0"}) {
    const Keys keys("", space, 16);
    std::size_t owned[3] = {0, 0, 0};
    for (std::size_t bucket = 0; bucket < 16; ++bucket) {
      ++owned[slot_of(tag_in(keys.shared("counts", bucket))) / 5'462];
    }
    CHECK(*std::max_element(owned, owned + 3) <= 6);
    CHECK(*std::min_element(owned, owned + 3) >= 4);
  }
}

TEST_CASE("all of one id lies in one slot, whatever the id, the prefix and the space hold") {
  for (const std::string part : {"", "p{}", "}", "{", "{a}", "%7B", "a{b", "\xff\x01"}) {
    const Keys keys(part, part, 16);
    for (const std::string id : {"s", "{x}", "}", "session:s", "{"}) {
      const std::size_t slot = slot_of(tag_in(keys.of("session", id)));
      for (const char* const type : {"messages", "checkpoints", "order", "writes", "values"}) {
        CHECK(slot_of(tag_in(keys.of(type, id))) == slot);
      }
      for (const char* const type : {"users", "idle", "threads", "counts"}) {
        CHECK(slot_of(tag_in(keys.shared_by(type, id))) == slot);
      }
    }
  }
}

TEST_CASE("no two stores, ids or types have a key in common") {
  std::set<std::string> seen;
  std::size_t made = 0;
  for (const std::string prefix : {"", "p", "p{}", "p%7B%7D", "p{s/0-0}:"}) {
    for (const std::string space : {"", "s", "s/0-0", "s/0", "s{", "s%7B"}) {
      const Keys keys(prefix, space, 2);
      for (const std::string id : {"a", "a:b", "session:a", "users"}) {
        for (const char* const type : {"session", "messages", "order"}) {
          seen.insert(keys.of(type, id));
          ++made;
        }
      }
      seen.insert(keys.shared("users", 0));
      seen.insert(keys.shared("users", 1));
      seen.insert(keys.layout());
      made += 3;
    }
  }
  CHECK(seen.size() == made);
}

TEST_CASE("an id has the bucket that it had in the first version") {
  const Keys keys("", "agentstore", 16);
  CHECK(keys.of("session", "s-1") == "{agentstore/14-43}:session:s-1");
  CHECK(keys.layout() == "{agentstore/}:layout");
}

TEST_CASE("a rank sorts times to the microsecond, the latest first") {
  const std::vector<std::int64_t> times = {std::numeric_limits<std::int64_t>::min(),
                                           -1'000'000,
                                           -1,
                                           0,
                                           1,
                                           9'007'199'254'740'992,
                                           9'007'199'254'740'993,
                                           std::numeric_limits<std::int64_t>::max()};
  std::string before = "a";
  for (const std::int64_t micros : times) {
    const std::string rank = rank_of(Timestamp(std::chrono::microseconds(micros)));
    CHECK(rank.size() == 20);
    CHECK(rank < before);
    before = rank;
  }
}

TEST_CASE("a value whose sizes do not fit is corrupted") {
  CHECK_THROWS_AS(PartReader("").word<int>(), Corrupted);
  CHECK_THROWS_AS(PartReader("12").word<int>(), Corrupted);
  CHECK_THROWS_AS(PartReader("x 1\n").word<int>(), Corrupted);
  CHECK_THROWS_AS(PartReader("ab\n").line(1), Corrupted);
  CHECK_THROWS_AS(PartReader("ab").line(2), Corrupted);
  CHECK_THROWS_AS(PartReader("ab").line(std::numeric_limits<std::size_t>::max()), Corrupted);
  CHECK(PartReader("a\nb\nc").line(3) == "a\nb");
}
