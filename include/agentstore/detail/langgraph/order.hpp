// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_ORDER_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_ORDER_HPP

// How the greatest id of a namespace is found without reading all of them.
//
// A backend keeps the order of arrival, and LangGraph wants the order of ids. Mostly they are the
// same. Each checkpoint has a note of what its writer knew: some checkpoint that had arrived
// (`after`), the greatest id that had arrived up to that one, and whether they had arrived in
// order. The note says nothing about what arrived between `after` and the checkpoint itself. A
// reader of the latest checkpoint fills this gap with the ids that arrived in it.
//
// Invariant: a note is right whenever `after` is among the checkpoints that arrived earlier,
// however old the writer's knowledge was. So a writer need not read before each put, and several
// may write at once. The gap has as many ids as were put since the writer last looked.
//
// Example: `a`, `c` and `b` arrived in this order, the writer of `b` having last seen `a`. The note
// of `b` is: after `a`, greatest `a`, in order. A reader of `b` gets the ids before it, `c` and
// `a`. The gap is `c`, so the greatest is `c`, and the ids are not in order.
//
// Requires: an id that was removed, with its thread or by pruning, is not put again while a writer
// remembers it as the latest. LangGraph never makes an id twice.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace agentstore::langgraph::detail {

/// What is known of the ids of a namespace.
class OrderSummary {
public:
  OrderSummary() = default;
  OrderSummary(std::string greatest_id, bool are_in_order)
      : greatest(std::move(greatest_id)), in_order(are_in_order) {}

  /// Empty if there is none.
  std::string greatest;
  /// Whether each id is greater than all that arrived before it.
  bool in_order = true;
};

/// What a checkpoint's writer knew.
class OrderNote {
public:
  OrderNote() = default;
  OrderNote(std::string latest_id, OrderSummary known)
      : after(std::move(latest_id)), until_after(std::move(known)) {}

  /// The checkpoint that was the latest to arrive when the writer looked; empty if there was none.
  std::string after;
  /// The summary of all ids that had arrived up to `after`.
  OrderSummary until_after;
};

/// What the newest ids, newest first, and the note of the first of them tell about all ids; nullopt
/// if `after` is not among them. `are_all` says that there are no others.
inline std::optional<OrderSummary> summarize(const std::vector<std::string>& ids, bool are_all,
                                             const OrderNote& note_of_newest) {
  OrderSummary summary;
  std::string above; // the id that arrived after `id`
  for (const std::string& id : ids) {
    const bool is_newest = &id == &ids.front();
    if (!is_newest && id == note_of_newest.after) {
      const OrderSummary& earlier = note_of_newest.until_after;
      summary.in_order = summary.in_order && earlier.in_order && earlier.greatest < above;
      summary.greatest = std::max(summary.greatest, earlier.greatest);
      return summary;
    }
    summary.in_order = summary.in_order && (is_newest || id < above);
    summary.greatest = std::max(summary.greatest, id);
    above = id;
  }
  return are_all ? std::optional(std::move(summary)) : std::nullopt;
}

} // namespace agentstore::langgraph::detail

#endif
