// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_MUTATION_BUILDING_BLOCKS_HPP
#define AGENTSTORE_CONFORMANCE_MUTATION_BUILDING_BLOCKS_HPP

/// \file
/// What several mutants are made of.

#include <agentstore/conformance/mutation/mutant.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <condition_variable>
#include <thread>

namespace agentstore::conformance {

/// A call that answers without asking the store.
template <class T>
awaitable<T> answered(T value) {
  co_return value;
}

/// A call that throws.
template <class T>
awaitable<T> refused(errc code, std::string operation, std::string key, std::string reason) {
  throw StorageError(code, std::move(operation), std::move(key), reason);
  co_return T(); // unreachable; it makes the function a coroutine
}

/// Lets everything else that is ready run first.
inline awaitable<void> step_aside() {
  const auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

/// Lets the rest run so often that a few calls that have just been started come to where they meet.
inline awaitable<void> step_far_aside() {
  constexpr int turns = 16;
  for (int turn = 0; turn < turns; ++turn) {
    co_await step_aside();
  }
}

/// A wait as for a server. It can be cancelled, and throws then.
inline awaitable<void> round_trip(std::chrono::microseconds time = std::chrono::microseconds(50)) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// Sorts, and keeps the order of equal items. (clang warns about the parts of std::stable_sort in
/// libstdc++ 12.)
template <class T, class Less>
void sort_stably(std::vector<T>& items, Less less) {
  for (auto end = items.begin(); end != items.end(); ++end) {
    std::rotate(std::upper_bound(items.begin(), end, *end, less), end, std::next(end));
  }
}

/// Values by key, from any thread: what a mutant remembers although the store does not.
template <class T>
class Kept {
public:
  void set(const std::string& key, T value) {
    const std::lock_guard lock(mutex_);
    values_.insert_or_assign(key, std::move(value));
  }
  /// False if there is already a value.
  bool add(const std::string& key, T value) {
    const std::lock_guard lock(mutex_);
    return values_.try_emplace(key, std::move(value)).second;
  }
  bool erase(const std::string& key) {
    const std::lock_guard lock(mutex_);
    return values_.erase(key) != 0;
  }
  std::optional<T> get(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(key);
    return found == values_.end() ? std::nullopt : std::optional<T>(found->second);
  }
  bool has(const std::string& key) const { return get(key).has_value(); }
  std::map<std::string, T> all() const {
    const std::lock_guard lock(mutex_);
    return values_;
  }

private:
  mutable std::mutex mutex_;
  std::map<std::string, T> values_;
};

/// Brings two calls on different threads together. So their race is run for certain, and not only
/// if the machine happens to run it.
///
/// A wait ends when another call comes. Only one pair of calls meets; later waits end at once.
/// Calls on the first thread to use the object do not wait, because they come one after the other.
/// No call waits longer than a second, because it may be the last call.
class Encounter {
public:
  /// Waits for another call of the same key, unless such a call already waits.
  void meet(const std::string& key = "");
  /// Waits for a call of the same key that uses `come` or `meet`.
  void wait(const std::string& key = "");
  /// Ends the wait of another call of the same key. True if this call is the first to
  /// end a wait.
  bool come(const std::string& key = "");
  /// Whether a call of the key waits.
  bool is_awaited(const std::string& key = "");

private:
  void wait(std::unique_lock<std::mutex> lock, const std::string& key);
  bool come(const std::unique_lock<std::mutex>& lock, const std::string& key);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> waiting_;
  bool has_been_ = false;
  std::thread::id first_ = {};
};

inline bool Encounter::come(const std::unique_lock<std::mutex>&, const std::string& key) {
  if (first_ == std::thread::id()) {
    first_ = std::this_thread::get_id();
  }
  if (has_been_ || waiting_[key] == 0) {
    return false;
  }
  has_been_ = true;
  changed_.notify_all();
  return true;
}

inline void Encounter::wait(std::unique_lock<std::mutex> lock, const std::string& key) {
  if (first_ != std::thread::id() && first_ != std::this_thread::get_id()) {
    ++waiting_[key];
    changed_.wait_for(lock, std::chrono::seconds(1), [this] { return has_been_; });
    --waiting_[key];
  }
  first_ = first_ == std::thread::id() ? std::this_thread::get_id() : first_;
}

inline void Encounter::meet(const std::string& key) {
  std::unique_lock lock(mutex_);
  if (!come(lock, key)) {
    wait(std::move(lock), key);
  }
}

inline void Encounter::wait(const std::string& key) {
  wait(std::unique_lock(mutex_), key);
}

inline bool Encounter::come(const std::string& key) {
  return come(std::unique_lock(mutex_), key);
}

inline bool Encounter::is_awaited(const std::string& key) {
  const std::lock_guard lock(mutex_);
  return waiting_[key] != 0;
}

/// Whether a call is inside of a section that others should not enter at the same time.
class Busy {
public:
  /// True if no other call is inside. The caller must then `leave` again.
  bool enter() {
    const bool is_first = !inside_.exchange(true);
    if (!is_first) {
      others_.come();
    }
    return is_first;
  }
  /// Stays inside until a call of another thread has come.
  void stay() { others_.wait(); }
  void leave() { inside_ = false; }

private:
  std::atomic<bool> inside_ = false;
  Encounter others_;
};

/// Knows the sessions that were created through it, and can remove what belongs to them in steps.
class KnowsSessions : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    known_.set(session_id, true);
    return ForwardingStore::create_session(std::move(session_id), std::move(user_id),
                                           std::move(metadata));
  }

protected:
  const Kept<bool>& known() const { return known_; }

  /// The first step of a clean-up of all sessions: removes the threads of their names.
  awaitable<void> remove_threads() {
    for (const auto& [id, is_known] : known_.all()) {
      static_cast<void>(co_await ForwardingStore::delete_thread(id));
    }
  }

private:
  Kept<bool> known_;
};

/// Lets `change` work on a value as a tree.
template <class Change>
void edit(Document& value, Change change) {
  json tree = std::move(value).tree();
  change(tree);
  value = std::move(tree);
}

/// The same object without the members that are null.
inline json without_null_members(const json& value) {
  json result = json::object();
  for (auto member = value.begin(); member != value.end(); ++member) {
    if (!member->is_null()) {
      result[member.key()] = *member;
    }
  }
  return result;
}

/// The same value without the members that are null, however deep.
inline json without_nulls(const json& value) {
  json result = value.is_object() ? without_null_members(value) : value;
  for (json& inner : result) {
    if (inner.is_structured()) {
      inner = without_nulls(inner);
    }
  }
  return result;
}

/// An update that drops the patch and keeps the rest.
inline SessionUpdate only_counters(const SessionUpdate& update) {
  SessionUpdate result;
  result.increment_requests(update.counts_request());
  result.mark_error(update.counts_error());
  result.add_processing_time(update.processing_time());
  return result;
}

/// A patch that removes every member of an object.
inline json removal_of(const json& members) {
  json patch = json::object();
  for (auto member = members.begin(); member != members.end(); ++member) {
    patch[member.key()] = nullptr;
  }
  return patch;
}

} // namespace agentstore::conformance

#endif
