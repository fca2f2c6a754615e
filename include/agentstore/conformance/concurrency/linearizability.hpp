// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CONCURRENCY_LINEARIZABILITY_HPP
#define AGENTSTORE_CONFORMANCE_CONCURRENCY_LINEARIZABILITY_HPP

/// \file
/// Whether calls that were made at once could have been made one after the other.

#include <agentstore/detail/requirements.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>

namespace agentstore::conformance {

/// What a search for an order of calls found.
class Ordering {
public:
  Ordering() = default;

  enum class Verdict {
    found,     ///< there is an order that explains all answers
    none,      ///< there is none
    undecided, ///< the search was given up
  };

  Verdict verdict = Verdict::none;
  /// Indices into the calls: the whole order, or the longest beginning of one that fits.
  std::vector<std::size_t> order;
  /// How many calls were tried.
  std::size_t steps = 0;
};

/// Searches for an order of the calls in which each took effect at one moment between its begin
/// and its end, both included, and gave its answer.
///
/// `Call` has the members `begin` and `end`, values of one clock; a call comes before another if
/// its end is less than the other's begin, else they were made at once. `State` can be copied and
/// has `bool take(const Call&)`, which makes the call and says whether the answer is the one that
/// was given, and `std::string fingerprint() const`, equal for equal states. At most 64 calls.
///
/// This is the search of Wing and Gong, which tries every call that no other call comes before. It
/// has the memory of Lowe: the same set of calls with the same resulting state is looked at once. A
/// search over one key at a time is enough, because a store is linearizable if each of its objects
/// is.
template <class State, class Call>
Ordering find_order(const State& initial, const std::vector<Call>& calls,
                    std::size_t most_steps = 20'000);

// Only machinery below this line.

namespace detail {

template <class State, class Call>
class OrderSearch {
public:
  OrderSearch(const std::vector<Call>& calls, std::size_t most_steps)
      : calls_(calls), most_steps_(most_steps), steps_left_(most_steps) {
    if (calls.size() > 64) {
      throw std::length_error("a history of more than 64 calls");
    }
  }

  Ordering run(const State& initial) {
    Ordering result;
    const bool found = extend(initial, initial.fingerprint(), 0);
    result.verdict = found              ? Ordering::Verdict::found
                     : steps_left_ == 0 ? Ordering::Verdict::undecided
                                        : Ordering::Verdict::none;
    result.order = found ? order_ : longest_;
    result.steps = most_steps_ - steps_left_;
    return result;
  }

private:
  bool extend(const State& state, const std::string& print, std::uint64_t done) {
    if (order_.size() > longest_.size()) {
      longest_ = order_;
    }
    if (order_.size() == calls_.size()) {
      return true;
    }
    // A call may not come next if another remaining call ends before it begins.
    std::uint64_t first_end = UINT64_MAX;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if (!is_in(done, i) && calls_[i].end < first_end) {
        first_end = calls_[i].end;
      }
    }
    for (std::size_t i = 0; i < calls_.size() && steps_left_ != 0; ++i) {
      if (is_in(done, i) || calls_[i].begin > first_end) {
        continue;
      }
      --steps_left_;
      State next = state;
      if (!next.take(calls_[i])) {
        continue;
      }
      const std::uint64_t now_done = done | (std::uint64_t{1} << i);
      const std::string next_print = next.fingerprint();
      if (seen_.insert(std::to_string(now_done) + ' ' + next_print).second) {
        order_.push_back(i);
        if (extend(next, next_print, now_done)) {
          return true;
        }
        order_.pop_back();
      }
      // A call that may come next and changes nothing can always come next, so no other call need
      // be tried.
      if (next_print == print) {
        return false;
      }
    }
    return false;
  }

  static bool is_in(std::uint64_t set, std::size_t i) { return ((set >> i) & 1u) != 0; }

  const std::vector<Call>& calls_;
  const std::size_t most_steps_;
  std::size_t steps_left_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> longest_;
  std::unordered_set<std::string> seen_;
};

} // namespace detail

template <class State, class Call>
Ordering find_order(const State& initial, const std::vector<Call>& calls, std::size_t most_steps) {
  return detail::OrderSearch<State, Call>(calls, most_steps).run(initial);
}

} // namespace agentstore::conformance

#endif
