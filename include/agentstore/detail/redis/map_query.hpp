// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_MAP_QUERY_HPP
#define AGENTSTORE_DETAIL_REDIS_MAP_QUERY_HPP

// The question which node of a cluster serves which slot.

#include <agentstore/detail/redis/part.hpp>

#include <utility>

namespace agentstore::detail::redis {

inline Request ask_slots() {
  std::vector<std::string> words = {"CLUSTER", "SLOTS"};
  return Request(Command(std::move(words)));
}

/// The query goes to several nodes at once, because a node that is gone may not even refuse. The
/// first node that knows the map has answered it.
///
/// The query is owned only by the answers to come, and owns the parts that wait. If a context is
/// destroyed, all of them go together.
class MapQuery final : public std::enable_shared_from_this<MapQuery> {
public:
  /// Sends the questions and gets the answers, on the strand.
  class Asker {
  public:
    virtual ~Asker() = default;
    virtual void ask_node(const Address& node, PendingPtr question) = 0;
    virtual void on_answer(std::shared_ptr<MapQuery> query, Address node, Response answer) = 0;
  };

  /// A part that did not get to its node, and why.
  class Waiting {
  public:
    Waiting(PartPtr the_part, Failure the_failure)
        : part(std::move(the_part)), failure(std::move(the_failure)) {}

    PartPtr part;
    Failure failure;
  };

  /// \param then the nodes to ask if none of `first` knows the map.
  MapQuery(std::shared_ptr<Asker> asker, std::vector<Address> first, std::vector<Address> then,
           PendingRequest::Clock::time_point give_up_at)
      : asker_(std::move(asker)), next_(std::move(first)), last_(std::move(then)),
        give_up_at_(give_up_at) {}

  /// Asks the next nodes; false if there are no more.
  bool ask_next();

  /// The map that a node answers. Nothing if the node does not know it.
  static std::optional<SlotMap> map_in(const Response& answer, const Address& node) {
    if (answer.failure) {
      return std::nullopt;
    }
    try {
      return SlotMap::of_cluster(answer.only(), node);
    } catch (const Failure&) {
      return std::nullopt; // the node is alone
    } catch (const Corrupted&) {
      return std::nullopt;
    }
  }

  /// Counts an answer; true for the last one.
  bool count_answer() { return --unanswered_ == 0; }

  std::vector<Waiting> waiting;
  bool is_answered = false;

private:
  class Question;

  const std::shared_ptr<Asker> asker_;
  std::vector<Address> next_;
  std::vector<Address> last_;
  const PendingRequest::Clock::time_point give_up_at_;
  std::size_t unanswered_ = 0;
};

class MapQuery::Question final : public PendingRequest {
public:
  Question(std::shared_ptr<MapQuery> query, Address node)
      : PendingRequest(ask_slots()), query_(std::move(query)), node_(std::move(node)) {
    give_up_at = query_->give_up_at_;
  }

private:
  void deliver(Response answer) override {
    query_->asker_->on_answer(query_, node_, std::move(answer));
  }

  const std::shared_ptr<MapQuery> query_;
  const Address node_;
};

inline bool MapQuery::ask_next() {
  if (next_.empty()) {
    next_ = std::exchange(last_, {});
  }
  unanswered_ = next_.size();
  const std::vector<Address> nodes = std::exchange(next_, {});
  for (const Address& node : nodes) {
    asker_->ask_node(node, std::make_shared<Question>(shared_from_this(), node));
  }
  return !nodes.empty();
}

} // namespace agentstore::detail::redis

#endif
