// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SLOT_MAP_HPP
#define AGENTSTORE_DETAIL_REDIS_SLOT_MAP_HPP

// The node that serves each hash slot. A server that is no node of a cluster serves all slots.

#include <agentstore/detail/redis/hash_slot.hpp>
#include <agentstore/detail/redis/reply.hpp>

#include <algorithm>
#include <charconv>
#include <compare>
#include <optional>

namespace agentstore::detail::redis {

/// The host and port of a node. An address without a host is the server of the URI.
class Address {
public:
  Address() = default;
  Address(std::string the_host, std::string the_port)
      : host(std::move(the_host)), port(std::move(the_port)) {}

  std::string text() const {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
  }
  auto operator<=>(const Address&) const = default;

  std::string host;
  std::string port;
};

/// A server's answer that a command is to go to another server.
class Redirect {
public:
  /// The redirect in an answer of `asked`, such as `MOVED 3999 127.0.0.1:6381`. A missing host
  /// means the host of `asked`.
  static std::optional<Redirect> in(Element answer, const Address& asked);

  /// Whether the redirect is for this command alone, because the slot is still on its way.
  bool is_ask = false;
  std::size_t slot = 0;
  Address to;
};

class SlotMap {
public:
  /// The map of a single server, the server of the URI.
  SlotMap() : masters_(1), owners_(slots, 0) {}

  /// The map in the answer of a cluster's node to CLUSTER SLOTS. Throws Failure if no slot is
  /// served by any node, and Corrupted if the answer has another form.
  static SlotMap of_cluster(Element answer, const Address& asked);

  bool is_cluster() const { return is_cluster_; }
  /// The node to ask for a slot. If nobody serves the slot, the map gives some node, which reports
  /// it.
  const Address& owner(std::size_t slot) const { return masters_[owners_[slot]]; }
  /// Records that a slot has moved to another node.
  void move(std::size_t slot, const Address& to);

  /// The nodes that serve slots.
  const std::vector<Address>& masters() const { return masters_; }
  const std::vector<Address>& replicas() const { return replicas_; }
  bool has(const Address& node) const {
    const auto is_in = [&node](const std::vector<Address>& nodes) {
      return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
    };
    return is_in(masters_) || is_in(replicas_);
  }

private:
  bool is_cluster_ = false;
  std::vector<Address> masters_;
  std::vector<Address> replicas_;
  /// For each slot, the index of its node in `masters_`.
  std::vector<std::uint16_t> owners_;
};

// Only machinery below this line.

inline std::optional<Redirect> Redirect::in(Element answer, const Address& asked) {
  if (!answer.is_error()) {
    return std::nullopt;
  }
  std::string_view rest = answer.bytes();
  Redirect redirect;
  redirect.is_ask = rest.starts_with("ASK ");
  if (!redirect.is_ask && !rest.starts_with("MOVED ")) {
    return std::nullopt;
  }
  rest.remove_prefix(rest.find(' ') + 1);
  const std::size_t space = rest.find(' ');
  const std::size_t colon = rest.rfind(':'); // an IPv6 address has colons too
  if (space == std::string_view::npos || colon == std::string_view::npos || colon < space) {
    return std::nullopt;
  }
  const char* const digits = rest.data();
  const auto read = std::from_chars(digits, digits + space, redirect.slot);
  if (read.ec != std::errc() || read.ptr != digits + space || redirect.slot >= slots) {
    return std::nullopt;
  }
  const std::string_view host = rest.substr(space + 1, colon - space - 1);
  redirect.to =
      Address(host.empty() ? asked.host : std::string(host), std::string(rest.substr(colon + 1)));
  return redirect;
}

inline SlotMap SlotMap::of_cluster(Element answer, const Address& asked) {
  const auto address_in = [&asked](Element node) {
    const Element host = node.at(0);
    const bool is_told = !host.is_null() && !host.bytes().empty();
    return Address(is_told ? std::string(host.bytes()) : asked.host,
                   std::to_string(node.at(1).integer()));
  };
  SlotMap map;
  map.is_cluster_ = true;
  map.masters_.clear();
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const Element range = answer.at(i);
    const std::int64_t first = range.at(0).integer();
    const std::int64_t last = range.at(1).integer();
    if (first < 0 || last >= static_cast<std::int64_t>(slots)) {
      throw Corrupted("the cluster tells of a slot that there is not");
    }
    const Address master = address_in(range.at(2));
    for (std::int64_t slot = first; slot <= last; ++slot) {
      map.move(static_cast<std::size_t>(slot), master);
    }
    for (std::size_t replica = 3; replica < range.size(); ++replica) {
      map.replicas_.push_back(address_in(range.at(replica)));
    }
  }
  if (map.masters_.empty()) {
    throw Failure(errc::unavailable, "no node of the cluster serves a slot");
  }
  return map;
}

inline void SlotMap::move(std::size_t slot, const Address& to) {
  const auto known = std::find(masters_.begin(), masters_.end(), to);
  owners_[slot] = static_cast<std::uint16_t>(known - masters_.begin());
  if (known == masters_.end()) {
    masters_.push_back(to);
  }
}

} // namespace agentstore::detail::redis

#endif
