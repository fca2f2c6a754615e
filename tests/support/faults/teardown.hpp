// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_TEARDOWN_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_TEARDOWN_HPP

// Contexts and a backend that end in any order, with calls under way or without, for a backend that
// works on a context of its own. The sanitizers see what the checks do not.

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/permanent_storage_backend.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <concepts>
#include <future>
#include <thread>

namespace agentstore::test {

/// A context that a thread runs, for a backend to work on. It outlives the backend.
class OwnThread {
public:
  OwnThread() : thread_([this] { context_.run(); }) {}
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;
  ~OwnThread() {
    work_.reset();
    context_.stop();
    thread_.join();
  }

  boost::asio::any_io_executor executor() { return context_.get_executor(); }

private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
      boost::asio::make_work_guard(context_);
  std::thread thread_;
};

template <class Backend>
void start_calls(Loop& loop, Backend& backend) {
  for (int i = 0; i < 10; ++i) {
    static_cast<void>(loop.start(backend.put_checkpoint("t", std::to_string(i), i)));
    static_cast<void>(loop.start(backend.list_checkpoints("t", 100)));
  }
  loop.poll();
}

template <class Archive>
  requires std::derived_from<Archive, IPermanentStorageBackend>
void start_calls(Loop& loop, Archive& archive) {
  for (int i = 0; i < 10; ++i) {
    static_cast<void>(loop.start(archive.append_task_context_snapshot("s", i)));
    static_cast<void>(loop.start(archive.read_archive(ArchiveKind::task_context_snapshot, "s")));
  }
  loop.poll();
}

/// A write, to be awaited on any context.
template <class Backend>
awaitable<bool> write_to(Backend& backend) {
  if constexpr (std::derived_from<Backend, IPermanentStorageBackend>) {
    return backend.append_task_context_snapshot("s", 1);
  } else {
    return backend.put_checkpoint("t", "c", 1);
  }
}

/// \param make gives a `std::unique_ptr` to a backend or an archive on an executor, each time on
/// the same data.
template <class Make>
void check_teardown_orders(const Make& make) {
  OwnThread own;
  {
    const auto backend = make(own.executor());
    for (int round = 0; round < 20; ++round) { // a pool on which all calls are done goes first
      boost::asio::thread_pool callers(2);
      const auto use_future = boost::asio::use_future;
      CHECK(boost::asio::co_spawn(callers, backend->initialize(), use_future).get());
      auto first = boost::asio::co_spawn(callers, write_to(*backend), use_future);
      auto second = boost::asio::co_spawn(callers, write_to(*backend), use_future);
      CHECK(first.get());
      CHECK(second.get());
    }
    for (int round = 0; round < 40; ++round) { // a context with calls under way goes first
      Loop loop;
      start_calls(loop, *backend);
      std::this_thread::sleep_for(std::chrono::microseconds(50 * round));
    }
    Loop loop;
    CHECK(loop.run(write_to(*backend)));
  }
  for (int round = 0; round < 20; ++round) { // the backend goes first, with calls under way
    Loop loop;
    const auto backend = make(own.executor());
    REQUIRE(loop.run(backend->initialize()));
    start_calls(loop, *backend);
    std::this_thread::sleep_for(std::chrono::microseconds(50 * round));
    loop.context().stop();
  }
  for (int round = 0; round < 20; ++round) { // all is on one context, which goes last
    Loop loop;
    const auto backend = make(loop.context().get_executor());
    REQUIRE(loop.run(backend->initialize()));
    start_calls(loop, *backend);
    loop.context().restart();
    loop.context().run_for(std::chrono::microseconds(50 * round));
    loop.context().stop();
  }
}

/// A request that was not sent when its caller's context was destroyed does not happen.
template <class Make>
void check_unsent_is_dropped(const Make& make) {
  Loop where;
  const auto backend = make(where.context().get_executor());
  REQUIRE(where.run(backend->initialize()));
  {
    Loop callers;
    static_cast<void>(callers.start(backend->put_checkpoint("unsent", "c", 1)));
    callers.poll(); // `where` does not run, and so nothing is sent
  }
  CHECK_FALSE(where.run(backend->get_checkpoint("unsent")));
  where.run(backend->close());
}

} // namespace agentstore::test

#endif
