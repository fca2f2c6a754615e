// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_KEYS_HPP
#define AGENTSTORE_DETAIL_REDIS_KEYS_HPP

// The names of keys, as backends/redis.hpp documents them. All keys of one id have one hash tag,
// and so lie in one slot.

#include <agentstore/detail/redis/hash_slot.hpp>

#include <boost/crc.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace agentstore::detail::redis {

inline constexpr std::size_t max_buckets = 1'024;

/// A prefix or a space as it stands in a key. A brace in it would end or begin a hash tag.
inline std::string encode_part(std::string_view part) {
  std::string encoded;
  for (const char c : part) {
    if (c == '{') {
      encoded += "%7B";
    } else if (c == '}') {
      encoded += "%7D";
    } else if (c == '%') {
      encoded += "%25";
    } else {
      encoded += c;
    }
  }
  return encoded;
}

/// The tag of a bucket, with the smallest number that puts it into the bucket's own part of the
/// slots. Left to chance, one of three masters might get ten of sixteen buckets.
inline std::string tag_of(std::string_view encoded_space, std::size_t bucket, std::size_t buckets) {
  const std::string stem = std::string(encoded_space) + "/" + std::to_string(bucket) + "-";
  for (std::size_t number = 0;; ++number) {
    std::string tag = stem + std::to_string(number);
    if (slot_of(tag) * buckets / slots == bucket) {
      return tag;
    }
  }
}

/// Requires: from 1 to max_buckets buckets.
class Keys {
public:
  Keys(std::string_view prefix, std::string_view space, std::size_t buckets) {
    const std::string encoded_prefix = encode_part(prefix);
    const std::string encoded_space = encode_part(space);
    layout_ = encoded_prefix + "{" + encoded_space + "/}:layout";
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
      stems_.push_back(encoded_prefix + "{" + tag_of(encoded_space, bucket, buckets) + "}:");
    }
  }

  std::size_t buckets() const { return stems_.size(); }
  const std::string& layout() const { return layout_; }

  std::size_t bucket_of(std::string_view id) const {
    boost::crc_32_type crc;
    crc.process_bytes(id.data(), id.size());
    return crc.checksum() % stems_.size();
  }

  /// A key of an id. The type comes first, so that no id makes another type of it.
  std::string of(std::string_view type, std::string_view id) const {
    return (stems_[bucket_of(id)] + std::string(type) + ":").append(id);
  }
  /// A key that all ids of a bucket share.
  std::string shared(std::string_view type, std::size_t bucket) const {
    return stems_[bucket] + std::string(type);
  }
  std::string shared_by(std::string_view type, std::string_view id) const {
    return shared(type, bucket_of(id));
  }

private:
  std::string layout_;
  std::vector<std::string> stems_;
};

} // namespace agentstore::detail::redis

#endif
