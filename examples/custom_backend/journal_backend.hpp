// SPDX-License-Identifier: Apache-2.0
#ifndef EXAMPLE_JOURNAL_BACKEND_HPP
#define EXAMPLE_JOURNAL_BACKEND_HPP

#include "journal_store.hpp"

#include <agentstore/authoring/offload.hpp>
#include <agentstore/authoring/routed_backend.hpp>

#include <boost/asio/thread_pool.hpp>

namespace example {

/// A store in a journal: a file to which every change is appended as a line of JSON, and which is
/// replayed into memory when it is opened. Durable, and safe from a kill -9 at any moment; one
/// handle at a time. The file only ever grows.
///
/// All work is done on one thread of the backend's own, so that a call never blocks its caller
/// (ASY-05) and no data is ever locked. A call keeps that thread and all data alive by itself.
class JournalBackend final : public RoutedBackend<JournalBackend> {
public:
  explicit JournalBackend(std::filesystem::path directory, Clock clock = system_clock())
      : state_(std::make_shared<State>(std::move(directory), std::move(clock))) {}

  awaitable<bool> initialize() override {
    return on_thread([](JournalStore& store) { return store.initialize(); });
  }
  awaitable<void> close() override {
    return on_thread([](JournalStore& store) { store.close(); });
  }
  awaitable<Health> health_check() override {
    return on_thread([](JournalStore& store) { return store.health_check(); });
  }

private:
  class State {
  public:
    State(std::filesystem::path directory, Clock clock)
        : store(std::move(directory), std::move(clock)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    // Never on its own thread: the last owner is the backend or a call, which ends at its caller's.
    ~State() { thread.join(); }

    JournalStore store;
    boost::asio::thread_pool thread{1};
  };

  template <class Work>
  awaitable<std::invoke_result_t<Work&, JournalStore&>> on_thread(Work work) const {
    return offload(state_->thread.get_executor(),
                   [state = state_, work]() mutable { return work(state->store); });
  }

  // Every other method of both interfaces comes here, as a type that knows its name, its checks and
  // the method of JournalStore that it is.
  friend RoutedBackend;
  template <class Call, class... Arguments>
  awaitable<typename Call::Result> route(Arguments... arguments) const {
    auto work = [state = state_, ... arguments = std::move(arguments)]() mutable {
      std::string key(calls::key(arguments...));
      state->store.require_open(Call::name, key);
      Call::check(Limits(), arguments...);
      try {
        return Call::on(state->store, std::move(arguments)...);
      } catch (const std::system_error& error) { // the disk; a StorageError goes through
        throw StorageError(errc::unavailable, Call::name, std::move(key), error.what());
      }
    };
    return offload(state_->thread.get_executor(), std::move(work));
  }

  std::shared_ptr<State> state_;
};

} // namespace example

#endif
