// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_LAYOUT_HPP
#define AGENTSTORE_DETAIL_REDIS_LAYOUT_HPP

// The layout of the keys of a space: its version, and over how many buckets it is spread.

#include <agentstore/detail/redis/codec.hpp>
#include <agentstore/detail/redis/keys.hpp>
#include <agentstore/detail/redis/request.hpp>

namespace agentstore::detail::redis {

/// Grows with every change of what keys hold. Version 1 was never released, and is not migrated.
inline constexpr unsigned layout_version = 2;

/// Makes the layout if there is none, and answers with the layout that is there. If it was made,
/// the answer has one more element.
inline Request make_layout(const Keys& keys) {
  static const Script script(Script::Kind::writes, R"lua(
local layout, version, buckets = KEYS[1], ARGV[1], ARGV[2]
local there = read('HMGET', layout, 'version', 'buckets')
if there[1] or there[2] then
  return there
end
may('HSET', layout)
redis.call('HSET', layout, 'version', version, 'buckets', buckets)
return {version, buckets, 1}
)lua");
  return Request(Command(script)
                     .key(keys.layout())
                     .add(std::uint64_t{layout_version})
                     .add(std::uint64_t{keys.buckets()}));
}

/// Asks for the layout.
inline Command read_layout(const Keys& keys) {
  std::vector<std::string> words = {"HMGET", keys.layout(), "version", "buckets"};
  return Command(std::move(words));
}

/// Throws Failure or Corrupted for a layout that cannot be worked with.
inline void check_layout(Element layout, const Keys& keys) {
  if (layout.at(0).is_null() || layout.at(1).is_null()) {
    throw Corrupted("the layout of the space is missing or torn");
  }
  const auto version = number_in<std::uint64_t>(layout.at(0).bytes());
  if (version != layout_version) {
    throw Failure(errc::not_supported, "the layout of the space has version " +
                                           std::to_string(version) + ", which is not known here");
  }
  const auto buckets = number_in<std::uint64_t>(layout.at(1).bytes());
  if (buckets != keys.buckets()) {
    throw Failure(errc::invalid_argument, "the space was made with " + std::to_string(buckets) +
                                              " buckets, not " + std::to_string(keys.buckets()));
  }
}

} // namespace agentstore::detail::redis

#endif
