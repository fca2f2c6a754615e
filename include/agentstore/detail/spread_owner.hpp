// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SPREAD_OWNER_HPP
#define AGENTSTORE_DETAIL_SPREAD_OWNER_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace agentstore::detail {

/// A shared_ptr for threads that all copy it all the time. Each of a few counts has a cache line of
/// its own; with one count, a call on one thread would wait for the line to come from another.
template <class T>
class SpreadOwner {
public:
  explicit SpreadOwner(std::shared_ptr<T> owned) {
    for (std::shared_ptr<T>& counted : counted_) {
      auto line = std::make_shared<Line>(owned);
      T* const object = line->owned.get();
      counted = std::shared_ptr<T>(std::move(line), object);
    }
  }

  std::shared_ptr<T> get() const { return counted_[number_of_thread() % counts]; }

private:
  static constexpr std::size_t counts = 8;

  /// The count lies before it, in the same allocation.
  class alignas(64) Line {
  public:
    explicit Line(std::shared_ptr<T> shared) : owned(std::move(shared)) {}

    std::shared_ptr<T> owned;
  };

  static std::size_t number_of_thread() {
    static std::atomic<std::size_t> next = 0;
    thread_local const std::size_t number = next.fetch_add(1, std::memory_order_relaxed);
    return number;
  }

  std::array<std::shared_ptr<T>, counts> counted_;
};

} // namespace agentstore::detail

#endif
