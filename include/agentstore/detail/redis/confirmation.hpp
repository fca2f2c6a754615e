// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_CONFIRMATION_HPP
#define AGENTSTORE_DETAIL_REDIS_CONFIRMATION_HPP

// The question whether replicas have what was written.

#include <agentstore/detail/redis/pending_request.hpp>

namespace agentstore::detail::redis {

/// One WAIT, for all writes that were sent before it on its connection. They end with it.
class Confirmation final : public PendingRequest {
public:
  /// \param limit how long the server waits for replicas, during which it does nothing else for the
  /// connection.
  Confirmation(std::vector<PendingPtr> writes, std::uint64_t replicas,
               std::chrono::milliseconds limit)
      : PendingRequest(ask(replicas, limit)), writes_(std::move(writes)), replicas_(replicas) {
    request.writes = true; // it says nothing about what another connection has written
  }

private:
  static Request ask(std::uint64_t replicas, std::chrono::milliseconds limit) {
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);
    std::vector<std::string> words = {"WAIT", std::to_string(replicas)};
    words.push_back(std::to_string(limit < longest ? limit.count() : 0)); // 0 waits for ever
    return Request(Command(std::move(words)));
  }

  void deliver(Response response) override {
    std::optional<Failure> failure = std::move(response.failure);
    if (!failure) {
      const std::int64_t confirmed = confirmed_by(response);
      if (confirmed < 0 || static_cast<std::uint64_t>(confirmed) < replicas_) {
        failure = Failure::late("the server has it, but only " + std::to_string(confirmed) +
                                " of " + std::to_string(replicas_) + " replicas in time");
      }
    }
    for (const PendingPtr& each : writes_) {
      if (failure) {
        each->miss(*failure);
      } else {
        each->confirm();
      }
    }
  }

  /// Nobody can catch what is thrown where a reply is taken in. A reply that is no number confirms
  /// nothing.
  static std::int64_t confirmed_by(const Response& response) {
    try {
      return response.only().integer();
    } catch (const Corrupted&) {
      return 0;
    }
  }

  const std::vector<PendingPtr> writes_;
  const std::uint64_t replicas_;
};

} // namespace agentstore::detail::redis

#endif
