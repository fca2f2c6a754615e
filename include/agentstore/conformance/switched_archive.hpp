// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_SWITCHED_ARCHIVE_HPP
#define AGENTSTORE_CONFORMANCE_SWITCHED_ARCHIVE_HPP

/// \file
/// Archives that a harness can make fail and hang, for its `set_archive`.

#include <agentstore/conformance/harness.hpp>
#include <agentstore/testing/intercepting_archive_once.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>

namespace agentstore::conformance {

/// Sets the behaviour of the archives that hold this switch.
class ArchiveSwitch {
public:
  void set(ArchiveState state) { state_ = state; }
  ArchiveState state() const { return state_; }

private:
  std::atomic<ArchiveState> state_ = ArchiveState::works;
};

namespace detail {

class SwitchedArchiveHooks final : public Interceptor {
public:
  explicit SwitchedArchiveHooks(std::shared_ptr<ArchiveSwitch> by) : switch_(std::move(by)) {}

  awaitable<void> before(std::string_view operation, std::string key) override {
    return hold(switch_, operation, std::move(key));
  }
  awaitable<void> after(std::string_view operation, std::string key) override {
    return deny(switch_, operation, std::move(key));
  }

private:
  static awaitable<void> hold(std::shared_ptr<ArchiveSwitch> by, std::string_view operation,
                              std::string key) {
    const auto executor = co_await boost::asio::this_coro::executor;
    while (by->state() == ArchiveState::hangs) {
      boost::asio::steady_timer timer(executor, std::chrono::milliseconds(1));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    if (by->state() == ArchiveState::refuses) {
      throw StorageError(errc::unavailable, std::string(operation), std::move(key),
                         "it is told to refuse");
    }
  }

  static awaitable<void> deny(std::shared_ptr<ArchiveSwitch> by, std::string_view operation,
                              std::string key) {
    if (by->state() == ArchiveState::keeps_and_refuses && operation.starts_with("append")) {
      throw StorageError(errc::unavailable, std::string(operation), std::move(key),
                         "it is told to be silent");
    }
    co_return;
  }

  std::shared_ptr<ArchiveSwitch> switch_;
};

} // namespace detail

/// An archive that behaves as its switch says, also in `initialize` and `close`.
class SwitchedArchive : public InterceptingArchive {
public:
  SwitchedArchive(InnerArchive inner, std::shared_ptr<ArchiveSwitch> by)
      : InterceptingArchive(std::move(inner),
                            std::make_shared<detail::SwitchedArchiveHooks>(std::move(by))) {}
};

/// The same of an IArchiveOnce.
class SwitchedArchiveOnce : public InterceptingArchiveOnce {
public:
  SwitchedArchiveOnce(InnerArchiveOnce inner, std::shared_ptr<ArchiveSwitch> by)
      : InterceptingArchiveOnce(std::move(inner),
                                std::make_shared<detail::SwitchedArchiveHooks>(std::move(by))) {}
};

} // namespace agentstore::conformance

#endif
