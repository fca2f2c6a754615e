// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_LOOP_HPP
#define AGENTSTORE_TESTS_SUPPORT_LOOP_HPP

#include <agentstore/awaitable.hpp>
#include <agentstore/error.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace agentstore::test {

/// What came of a call that was started.
template <class T>
class Ending {
public:
  bool ended = false;
  std::optional<T> value;
  std::exception_ptr error;

  bool has_value() const { return value.has_value(); }
  /// Whether it threw a StorageError of this code.
  bool threw(errc code) const {
    try {
      if (error) {
        std::rethrow_exception(error);
      }
      return false;
    } catch (const StorageError& storage_error) {
      return means(storage_error.code(), code);
    } catch (...) {
      return false;
    }
  }
};

/// An event loop on which calls stay while a test looks at what they do.
/// Requires: the loop is made before the backend, because the backend lets go of it last.
class Loop {
public:
  template <class T>
  std::shared_ptr<Ending<T>> start(awaitable<T> call) {
    auto ending = std::make_shared<Ending<T>>();
    boost::asio::co_spawn(context_, keep(std::move(call), ending), boost::asio::detached);
    return ending;
  }
  std::shared_ptr<Ending<bool>> start(awaitable<void> call) { return start(done(std::move(call))); }

  /// Runs all that can be done without waiting.
  void poll() {
    context_.restart();
    context_.poll();
  }

  /// Runs until all calls have ended.
  void finish(std::chrono::seconds deadline = std::chrono::seconds(120)) {
    context_.restart();
    context_.run_for(deadline);
    if (!context_.stopped()) {
      throw std::runtime_error("a call did not end before the deadline");
    }
  }

  /// Runs this call to its end, with all other work of the loop.
  template <class T>
  T run(awaitable<T> call) {
    const auto ending = start(std::move(call));
    finish();
    if (ending->error) {
      std::rethrow_exception(ending->error);
    }
    if constexpr (!std::is_void_v<T>) {
      return std::move(ending->value).value();
    }
  }

  boost::asio::io_context& context() { return context_; }

private:
  template <class T>
  static awaitable<void> keep(awaitable<T> call, std::shared_ptr<Ending<T>> ending) {
    try {
      T value = co_await std::move(call);
      ending->value.emplace(std::move(value));
    } catch (...) {
      ending->error = std::current_exception();
    }
    ending->ended = true;
  }
  static awaitable<bool> done(awaitable<void> call) {
    co_await std::move(call);
    co_return true;
  }

  boost::asio::io_context context_;
};

/// The StorageError that a call ends with, if it does.
template <class T>
std::optional<StorageError> error_of(Loop& loop, awaitable<T> call) {
  try {
    static_cast<void>(loop.run(std::move(call)));
  } catch (const StorageError& error) {
    return error;
  }
  return std::nullopt;
}

} // namespace agentstore::test

#endif
