// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_PART_HPP
#define AGENTSTORE_DETAIL_REDIS_PART_HPP

// The part of a request that one node is asked for.

#include <agentstore/detail/redis/pending_request.hpp>
#include <agentstore/detail/redis/slot_map.hpp>

namespace agentstore::detail::redis {

/// The way to a node. Writes that replicas are to confirm have a way of their own, because the
/// server does nothing else on a connection while it waits for replicas.
class Lane {
public:
  Lane(Address the_node, bool does_confirm) : node(std::move(the_node)), confirms(does_confirm) {}

  auto operator<=>(const Lane&) const = default;

  Address node;
  bool confirms;
};

/// Some commands of a request, on their way to one node.
class Part final : public PendingRequest {
public:
  /// The owner hears, on the strand, how the part ends.
  class Owner {
  public:
    virtual ~Owner() = default;
    virtual void on_answer(Part& part, Response response) = 0;
    /// The part's context was destroyed before the part ended.
    virtual void on_abandoned() = 0;
  };

  Part(std::shared_ptr<Owner> owner, PendingPtr of, Lane to, unsigned redirects)
      : PendingRequest(Request()), whole(std::move(of)), lane(std::move(to)), hops(redirects),
        owner_(std::move(owner)) {
    give_up_at = whole->give_up_at;
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part() override {
    if (!is_done()) {
      owner_->on_abandoned();
    }
  }

  bool is_wanted() const override { return whole->is_wanted(); }
  /// \param place which command of the whole it is.
  void add(Command command, std::size_t place) {
    request.add(std::move(command));
    places.push_back(place);
  }
  const PendingPtr whole;
  const Lane lane;
  /// How often its commands were sent somewhere else before.
  const unsigned hops;
  std::vector<std::size_t> places;
  /// Whether the node for its slots was looked up again, because the part did not reach the first.
  bool has_waited = false;

private:
  void deliver(Response response) override { owner_->on_answer(*this, std::move(response)); }

  const std::shared_ptr<Owner> owner_;
};

using PartPtr = std::shared_ptr<Part>;

} // namespace agentstore::detail::redis

#endif
