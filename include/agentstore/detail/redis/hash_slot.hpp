// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_HASH_SLOT_HPP
#define AGENTSTORE_DETAIL_REDIS_HASH_SLOT_HPP

// Which of a Redis Cluster's hash slots a key lies in.

#include <boost/crc.hpp>

#include <cstddef>
#include <string_view>

namespace agentstore::detail::redis {

inline constexpr std::size_t slots = 16'384;

/// The hash slot of a tag, as Redis Cluster computes it.
inline std::size_t slot_of(std::string_view tag) {
  boost::crc_optimal<16, 0x1021, 0, 0, false, false> crc;
  crc.process_bytes(tag.data(), tag.size());
  return crc.checksum() % slots;
}

/// The hash slot of a key, which is that of its tag.
inline std::size_t slot_of_key(std::string_view key) {
  const std::size_t open = key.find('{');
  const std::size_t close = open == std::string_view::npos ? open : key.find('}', open);
  const bool has_tag = close != std::string_view::npos && close > open + 1;
  return slot_of(has_tag ? key.substr(open + 1, close - open - 1) : key);
}

} // namespace agentstore::detail::redis

#endif
