// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RANDOM_SHRINK_HPP
#define AGENTSTORE_CONFORMANCE_RANDOM_SHRINK_HPP

/// \file
/// Makes a program that fails as small as it gets.

#include <agentstore/conformance/methods/call_text.hpp>

#include <functional>

namespace agentstore::conformance {

/// Whether a program fails; asked with programs that are smaller and smaller.
using Fails = std::function<bool(const Program&)>;

/// The smallest program found that fails. No call can be left out of it, and no argument made
/// plainer. Any part of a program is a program, because every call may be made in any state. Asks
/// at most `most` times.
/// Requires: `program` fails.
Program shrink(Program program, const Fails& fails, std::size_t most = 300);

// Only machinery below this line.

namespace detail {

class Shrinker {
public:
  Shrinker(Program program, const Fails& fails, std::size_t most)
      : program_(std::move(program)), fails_(fails), left_(most) {}

  Program run() {
    do {
      remove_calls();
    } while (simplify_calls());
    return std::move(program_);
  }

private:
  bool try_instead(Program candidate) {
    if (left_ == 0) {
      return false;
    }
    --left_;
    if (!fails_(candidate)) {
      return false;
    }
    program_ = std::move(candidate);
    return true;
  }

  /// Delta debugging: leaves out big pieces first, then smaller ones, from the end to the front.
  void remove_calls() {
    for (std::size_t size = std::max<std::size_t>(program_.size() / 2, 1);;) {
      bool removed = false;
      for (std::size_t end = program_.size(); end != 0 && program_.size() > 1;) {
        const std::size_t begin = end > size ? end - size : 0;
        Program candidate(program_.begin(), program_.begin() + static_cast<std::ptrdiff_t>(begin));
        candidate.insert(candidate.end(), program_.begin() + static_cast<std::ptrdiff_t>(end),
                         program_.end());
        if (!candidate.empty()) {
          removed = try_instead(std::move(candidate)) || removed;
        }
        end = begin;
      }
      if (size == 1 && !removed) {
        return;
      }
      size = std::max<std::size_t>(size / 2, 1);
    }
  }

  bool simplify_calls() {
    bool simplified = false;
    for (std::size_t i = 0; i < program_.size(); ++i) {
      // What was simplified may be simpler still.
      for (bool again = true; again;) {
        again = false;
        for (Operation& simpler : simpler_than(program_[i])) {
          Program candidate = program_;
          candidate[i] = std::move(simpler);
          if (try_instead(std::move(candidate))) {
            simplified = true;
            again = true;
            break;
          }
        }
      }
    }
    return simplified;
  }

  /// The call with one argument plainer, in each way there is. Every one of them is a step towards
  /// the plainest call, so that steps come to an end.
  static std::vector<Operation> simpler_than(const Operation& operation) {
    std::vector<Operation> all;
    if (operation.metadata.is_object() && !operation.metadata.empty()) {
      all.push_back(operation);
      all.back().metadata = json::object();
      add_without_members(all, operation, operation.metadata,
                          [](Operation& o, json smaller) { o.metadata = std::move(smaller); });
    }
    if (!operation.value.is_null()) {
      all.push_back(operation);
      all.back().value = json();
      add_without_members(all, operation, operation.value,
                          [](Operation& o, json smaller) { o.value = std::move(smaller); });
    }
    if (!operation.content.empty()) {
      all.push_back(operation);
      all.back().content.clear();
    }
    for (std::size_t i = 0; i < operation.writes.size(); ++i) {
      all.push_back(operation);
      all.back().writes.erase(all.back().writes.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (std::size_t i = 0; i < operation.writes.size(); ++i) {
      if (!operation.writes[i].value.is_null()) {
        all.push_back(operation);
        all.back().writes[i].value = json();
      }
    }
    if (operation.limit > 1) {
      all.push_back(operation);
      all.back().limit = 1;
    }
    if (operation.kind == Operation::Kind::update_session) {
      add_simpler_updates(all, operation);
    }
    return all;
  }

  static void add_without_members(std::vector<Operation>& all, const Operation& operation,
                                  const json& value, void (*set)(Operation&, json)) {
    if (value.is_object() && value.size() > 1) {
      for (const auto& member : value.items()) {
        json smaller = value;
        smaller.erase(member.key());
        all.push_back(operation);
        set(all.back(), std::move(smaller));
      }
    }
  }

  static void add_simpler_updates(std::vector<Operation>& all, const Operation& operation) {
    const SessionUpdate& update = operation.update;
    if (update.metadata_patch()) {
      all.push_back(operation);
      all.back().update = SessionUpdate()
                              .increment_requests(update.counts_request())
                              .mark_error(update.counts_error())
                              .add_processing_time(update.processing_time());
      add_without_members(all, operation, *update.metadata_patch(),
                          [](Operation& o, json smaller) { o.update.updates(std::move(smaller)); });
    }
    if (update.counts_request()) {
      all.push_back(operation);
      all.back().update.increment_requests(false);
    }
    if (update.counts_error()) {
      all.push_back(operation);
      all.back().update.mark_error(false);
    }
    if (update.processing_time().count() != 0) {
      all.push_back(operation);
      all.back().update.add_processing_time(std::chrono::microseconds(0));
    }
  }

  Program program_;
  const Fails& fails_;
  std::size_t left_;
};

} // namespace detail

inline Program shrink(Program program, const Fails& fails, std::size_t most) {
  return detail::Shrinker(std::move(program), fails, most).run();
}

} // namespace agentstore::conformance

#endif
