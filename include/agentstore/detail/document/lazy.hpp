// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_LAZY_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_LAZY_HPP

#include <atomic>
#include <memory>

namespace agentstore::detail::document {

/// A value that is made once, when it is first asked for. A thread that asks while another thread
/// makes the value waits for it. If making it throws, the thread that made it gets the exception
/// and the next one tries again. (std::call_once would do the same, but fails if an exception
/// passes through pthread_once.)
template <class Value>
class Lazy {
public:
  /// Null if it has not been made.
  Value* peek() const noexcept { return is_made() ? value_.get() : nullptr; }

  /// Requires: `make` does not ask for this value.
  template <class Make>
  Value& get(Make make) {
    while (!is_made()) {
      int state = nothing;
      if (state_.compare_exchange_strong(state, being_made, std::memory_order_acquire)) {
        const Announcement announcement(*this);
        value_ = std::make_unique<Value>(make());
      } else {
        state_.wait(being_made, std::memory_order_acquire);
      }
    }
    return *value_;
  }

  /// Requires: no other thread uses the value.
  void clear() noexcept {
    value_.reset();
    state_.store(nothing, std::memory_order_relaxed);
  }

private:
  enum State : int { nothing, being_made, made };

  /// Tells those who wait how the making ended.
  class Announcement {
  public:
    explicit Announcement(Lazy& lazy) : lazy_(lazy) {}
    Announcement(const Announcement&) = delete;
    Announcement& operator=(const Announcement&) = delete;
    ~Announcement() {
      lazy_.state_.store(lazy_.value_ ? made : nothing, std::memory_order_release);
      lazy_.state_.notify_all();
    }

  private:
    Lazy& lazy_;
  };

  bool is_made() const noexcept { return state_.load(std::memory_order_acquire) == made; }

  std::unique_ptr<Value> value_;
  std::atomic<int> state_ = nothing;
};

} // namespace agentstore::detail::document

#endif
