// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_ANOTHER_THREAD_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_ANOTHER_THREAD_HPP

#include <agentstore/awaitable.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace agentstore::conformance::mutants {

/// Where a call goes on that does not come back to its caller.
class AnotherThread {
public:
  AnotherThread() = default;
  AnotherThread(const AnotherThread&) = delete;
  AnotherThread& operator=(const AnotherThread&) = delete;
  ~AnotherThread() { pool_.join(); }

  awaitable<void> go() {
    auto initiate = [this](auto handler) {
      boost::asio::post(pool_, [handler = std::move(handler)]() mutable { handler(); });
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        initiate, boost::asio::use_awaitable);
  }

private:
  boost::asio::thread_pool pool_{1};
};

} // namespace agentstore::conformance::mutants

#endif
