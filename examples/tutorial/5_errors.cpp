// SPDX-License-Identifier: Apache-2.0
// What goes wrong, and what to do then: a call that is wrong stays wrong, a store that could not be
// reached is asked again.

#include "run.hpp"

#include <agentstore/backends/memory.hpp>
#include <agentstore/testing/failing.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

using agentstore::errc;
using agentstore::StorageError;
using namespace std::chrono_literals;

/// Makes a call until it succeeds, at most five times, with growing pauses, after errors
/// that may pass by themselves. Whether the store has done it is unknown then: so the call must be
/// one that may be made twice, as storing the same checkpoint again. decorators/retry.hpp does this
/// for a whole store.
template <class Call>
agentstore::awaitable<bool> with_retries(Call call) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
  for (auto pause = 1ms;; pause *= 4) {
    try {
      co_return co_await call();
    } catch (const StorageError& error) {
      if (!agentstore::is_transient(error) || pause > 64ms) {
        throw;
      }
      std::cout << "again, after " << error.what() << '\n';
    }
    timer.expires_after(pause); // not in the handler: a coroutine cannot wait there
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

/// True: created. False: it was there, maybe by a call of one's own whose answer was lost.
agentstore::awaitable<bool> create_unless_there(agentstore::ISessionStorage* store) {
  try {
    co_await store->create_session("s-1", "ada");
    co_return true;
  } catch (const StorageError& error) {
    if (!agentstore::means(error.code(), errc::already_exists)) {
      throw;
    }
    co_return false;
  }
}

agentstore::awaitable<void> lesson() {
  // A store that cannot be reached, as 6_testing.cpp explains.
  auto faults = std::make_shared<agentstore::Faults>();
  agentstore::FailingBackend store(std::make_shared<agentstore::MemoryBackend>(), faults);
  co_await store.initialize();

  try {
    co_await store.create_session("", "ada");
  } catch (const StorageError& error) { // names the method, the id and the reason
    std::cout << error.what() << '\n';
  }

  const agentstore::json state = {{"step", 1}};
  auto save = [&] { return store.store_checkpoint("s-1", "step-1", state); }; // not awaited yet
  faults->arm(agentstore::FaultPlan().times(2));
  const bool stored = co_await with_retries(save);
  std::cout << "stored: " << stored << '\n';

  faults->arm(agentstore::FaultPlan().after()); // it takes effect, and its answer is lost
  auto create = [&] { return create_unless_there(&store); };
  const bool created = co_await with_retries(create);
  const auto session = co_await store.get_session("s-1");
  std::cout << "created: " << created << ", there: " << session.has_value() << '\n';
  co_await store.close();
}

int main() {
  tutorial::run(lesson());
}
