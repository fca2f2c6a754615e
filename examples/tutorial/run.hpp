// SPDX-License-Identifier: Apache-2.0
#ifndef EXAMPLES_TUTORIAL_RUN_HPP
#define EXAMPLES_TUTORIAL_RUN_HPP

#include <agentstore/awaitable.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <iostream>
#include <utility>
#include <vector>

namespace tutorial {

/// Runs coroutines beside each other until the last has ended. Throws what the first throws.
inline void run(boost::asio::io_context& io, std::vector<agentstore::awaitable<void>> coroutines) {
  for (agentstore::awaitable<void>& coroutine : coroutines) {
    boost::asio::co_spawn(io, std::move(coroutine), [](std::exception_ptr error) {
      if (error) {
        std::rethrow_exception(error); // out of `io.run`
      }
    });
  }
  io.restart();
  io.run();
}

/// Runs one coroutine to its end.
inline void run(boost::asio::io_context& io, agentstore::awaitable<void> coroutine) {
  std::vector<agentstore::awaitable<void>> one;
  one.push_back(std::move(coroutine));
  run(io, std::move(one));
}
inline void run(agentstore::awaitable<void> coroutine) {
  boost::asio::io_context io;
  run(io, std::move(coroutine));
}

} // namespace tutorial

#endif
