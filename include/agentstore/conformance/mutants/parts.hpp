// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_MUTANTS_PARTS_HPP
#define AGENTSTORE_CONFORMANCE_MUTANTS_PARTS_HPP

/// \file
/// What several mutants are made of.

#include <agentstore/conformance/mutants/mutant.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

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
  co_return T(); // unreachable, and what makes this a coroutine
}

/// Lets whatever else is ready run first.
inline awaitable<void> step_aside() {
  const auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

/// A wait as for a server; it can be cancelled, and then throws.
inline awaitable<void> round_trip(std::chrono::microseconds time = std::chrono::microseconds(50)) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// Sorts, and leaves what is equal in its order. (clang warns of what std::stable_sort is made of
/// in libstdc++ 12.)
template <class T, class Less>
void sort_stably(std::vector<T>& items, Less less) {
  for (auto end = items.begin(); end != items.end(); ++end) {
    std::rotate(std::upper_bound(items.begin(), end, *end, less), end, std::next(end));
  }
}

/// Values by key, from any thread: what a mutant remembers though the store does not.
template <class T>
class Kept {
public:
  void set(const std::string& key, T value) {
    const std::lock_guard lock(mutex_);
    values_.insert_or_assign(key, std::move(value));
  }
  /// False where there is one already.
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

/// Whether a call is inside of a section that others should not enter at the same time.
class Busy {
public:
  /// True for whoever comes while it is empty, and must `leave` again.
  bool enter() { return !inside_.exchange(true); }
  void leave() { inside_ = false; }

private:
  std::atomic<bool> inside_ = false;
};

/// Knows the sessions that were created through it, and can remove what belongs to them in steps.
class KnowsSessions : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    json metadata) override {
    known_.set(session_id, true);
    return ForwardingStore::create_session(std::move(session_id), std::move(user_id),
                                           std::move(metadata));
  }

protected:
  const Kept<bool>& known() const { return known_; }

  /// The first step of a clean-up of all: the threads of their names.
  awaitable<void> remove_threads() {
    for (const auto& [id, is_known] : known_.all()) {
      static_cast<void>(co_await ForwardingStore::delete_thread(id));
    }
  }

private:
  Kept<bool> known_;
};

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
