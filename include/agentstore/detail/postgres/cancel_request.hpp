// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_CANCEL_REQUEST_HPP
#define AGENTSTORE_DETAIL_POSTGRES_CANCEL_REQUEST_HPP

// The protocol's own request to stop the work of a connection. It needs no free connection of the
// server and no rights. A pooler passes it on to the server that does the work.

#include <atomic>
#include <csignal>
#include <libpq-fe.h>
#include <memory>
#include <system_error>
#include <thread>

namespace agentstore::detail::postgres {

/// Asks a server to stop the work of one connection, any number of times, one after the other.
///
/// libpq blocks while it asks, for as long as the network is silent. So a thread asks that nobody
/// waits for. The thread touches no executor, and shares only a part of this object.
class CancelRequest {
public:
  /// Requires: the connection is open. It may be closed afterwards.
  explicit CancelRequest(PGconn* connection)
      : shared_(std::make_shared<Shared>(PQgetCancel(connection))) {}

  /// Asks, unless the previous request is still under way. If no thread can be had, nothing
  /// happens.
  void send() const {
    if (shared_->handle == nullptr || shared_->is_under_way.exchange(true)) {
      return;
    }
    // The thread is not the program's, so it takes none of the program's signals.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    try {
      std::thread([shared = shared_] {
        char reason[256];
        PQcancel(shared->handle.get(), reason, sizeof reason);
        shared->is_under_way = false;
      }).detach();
    } catch (const std::system_error&) {
      shared_->is_under_way = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

private:
  class Free {
  public:
    void operator()(PGcancel* handle) const { PQfreeCancel(handle); }
  };

  class Shared {
  public:
    explicit Shared(PGcancel* from_libpq) : handle(from_libpq) {}

    const std::unique_ptr<PGcancel, Free> handle;
    std::atomic<bool> is_under_way = false;
  };

  std::shared_ptr<Shared> shared_;
};

} // namespace agentstore::detail::postgres

#endif
