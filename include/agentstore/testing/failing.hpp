// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTING_FAILING_HPP
#define AGENTSTORE_TESTING_FAILING_HPP

/// \file
/// A backend and an archive that fail on demand, to test what a runtime does then.
///
///     auto faults = std::make_shared<Faults>();
///     FailingBackend store(std::make_shared<MemoryBackend>(), faults);
///     ...
///     faults->arm(FaultPlan().after().operation("put_writes"));
///     // the next put_writes stores its writes and throws `unavailable` all the same

#include <agentstore/error.hpp>
#include <agentstore/testing/intercepting_archive_once.hpp>
#include <agentstore/testing/intercepting_backend.hpp>
#include <agentstore/testing/intercepting_directories.hpp>

#include <cstdint>
#include <limits>
#include <mutex>

namespace agentstore {

/// Which calls are to fail, and when. By default the next call fails, once, before its effect.
class FaultPlan {
public:
  FaultPlan() = default;

  /// The call fails and has had no effect, as when the store cannot be reached.
  FaultPlan& before();
  /// The call takes effect and fails all the same, as when its answer is lost.
  FaultPlan& after();
  /// The first call to fail is the n-th, counted from 1 and from when the plan was armed. The
  /// default is 1.
  FaultPlan& at(std::uint64_t n);
  /// This many calls in a row fail. The default is 1.
  FaultPlan& times(std::uint64_t count);
  /// All calls from there on fail.
  FaultPlan& until_disarmed();
  /// Only calls of this method, e.g. "put_writes", count and fail. By default calls of all methods
  /// do. A DualWrite calls an archive that is an IArchiveOnce by "append_checkpoint_once" and the
  /// like.
  FaultPlan& operation(std::string name);

private:
  friend class Faults;

  bool before_ = true;
  std::uint64_t first_ = 1;
  std::uint64_t count_ = 1;
  std::string operation_;
};

/// The switch of one or more failing backends, which may be set while they are in use.
///
/// \par Threads
/// Any method may be called from any thread.
class Faults {
public:
  /// Nothing fails.
  Faults() = default;
  explicit Faults(FaultPlan plan) { arm(std::move(plan)); }

  /// Calls fail by this plan from now on, and no longer by an earlier plan.
  void arm(FaultPlan plan);
  /// Nothing fails any more.
  void disarm();
  /// How many calls have failed, by all plans so far.
  std::uint64_t failures() const;

  /// Says whether the call that is now before (or after) its effect is to fail, and counts it.
  bool strikes(std::string_view operation, bool before);

private:
  mutable std::mutex mutex_;
  std::optional<FaultPlan> plan_;
  std::uint64_t calls_ = 0;
  std::uint64_t failures_ = 0;
};

/// Throws `unavailable`, naming operation and key, as its Faults say; else does what the inner
/// backend does. `health_check` answers `unhealthy` when other methods would throw.
class FailingBackend : public InterceptingBackend {
public:
  FailingBackend(InnerBackend inner, std::shared_ptr<Faults> faults);
  /// With Faults of its own.
  FailingBackend(InnerBackend inner, FaultPlan plan);
};

/// The same of a backend that is also both directories.
class FailingStore : public InterceptingStore {
public:
  FailingStore(InnerStore inner, std::shared_ptr<Faults> faults);
  /// With Faults of its own.
  FailingStore(InnerStore inner, FaultPlan plan);
};

/// Answers false as its Faults say; else does what the inner archive does. `read_archive` throws
/// `unavailable`. If an append fails after the effect, its record is kept although it says that the
/// record was lost.
class FailingArchive : public InterceptingArchive {
public:
  FailingArchive(InnerArchive inner, std::shared_ptr<Faults> faults);
  /// With Faults of its own.
  FailingArchive(InnerArchive inner, FaultPlan plan);
};

/// The same of an archive that is also an IArchiveOnce.
class FailingArchiveOnce : public InterceptingArchiveOnce {
public:
  FailingArchiveOnce(InnerArchiveOnce inner, std::shared_ptr<Faults> faults);
  /// With Faults of its own.
  FailingArchiveOnce(InnerArchiveOnce inner, FaultPlan plan);
};

// Only machinery below this line.

inline FaultPlan& FaultPlan::before() {
  before_ = true;
  return *this;
}

inline FaultPlan& FaultPlan::after() {
  before_ = false;
  return *this;
}

inline FaultPlan& FaultPlan::at(std::uint64_t n) {
  first_ = n;
  return *this;
}

inline FaultPlan& FaultPlan::times(std::uint64_t count) {
  count_ = count;
  return *this;
}

inline FaultPlan& FaultPlan::until_disarmed() {
  return times(std::numeric_limits<std::uint64_t>::max());
}

inline FaultPlan& FaultPlan::operation(std::string name) {
  operation_ = std::move(name);
  return *this;
}

inline void Faults::arm(FaultPlan plan) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(plan);
  calls_ = 0;
}

inline void Faults::disarm() {
  const std::lock_guard lock(mutex_);
  plan_.reset();
}

inline std::uint64_t Faults::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

inline bool Faults::strikes(std::string_view operation, bool before) {
  const std::lock_guard lock(mutex_);
  const bool counts = plan_ && plan_->before_ == before &&
                      (plan_->operation_.empty() || plan_->operation_ == operation);
  if (!counts) {
    return false;
  }
  ++calls_;
  if (calls_ < plan_->first_ || calls_ - plan_->first_ >= plan_->count_) {
    return false;
  }
  ++failures_;
  return true;
}

namespace detail {

class Striking final : public Interceptor {
public:
  explicit Striking(std::shared_ptr<Faults> faults) : faults_(std::move(faults)) {}

  awaitable<void> before(std::string_view operation, std::string key) override {
    return strike(faults_, operation, std::move(key), true);
  }
  awaitable<void> after(std::string_view operation, std::string key) override {
    return strike(faults_, operation, std::move(key), false);
  }

private:
  static awaitable<void> strike(std::shared_ptr<Faults> faults, std::string_view operation,
                                std::string key, bool before) {
    if (faults->strikes(operation, before)) {
      throw StorageError(errc::unavailable, std::string(operation), std::move(key),
                         before ? "a fault injected before the effect"
                                : "a fault injected after the effect");
    }
    co_return;
  }

  std::shared_ptr<Faults> faults_;
};

} // namespace detail

inline FailingBackend::FailingBackend(InnerBackend inner, std::shared_ptr<Faults> faults)
    : InterceptingBackend(std::move(inner), std::make_shared<detail::Striking>(std::move(faults))) {
}

inline FailingBackend::FailingBackend(InnerBackend inner, FaultPlan plan)
    : FailingBackend(std::move(inner), std::make_shared<Faults>(std::move(plan))) {}

inline FailingStore::FailingStore(InnerStore inner, std::shared_ptr<Faults> faults)
    : InterceptingStore(std::move(inner), std::make_shared<detail::Striking>(std::move(faults))) {}

inline FailingStore::FailingStore(InnerStore inner, FaultPlan plan)
    : FailingStore(std::move(inner), std::make_shared<Faults>(std::move(plan))) {}

inline FailingArchive::FailingArchive(InnerArchive inner, std::shared_ptr<Faults> faults)
    : InterceptingArchive(std::move(inner), std::make_shared<detail::Striking>(std::move(faults))) {
}

inline FailingArchive::FailingArchive(InnerArchive inner, FaultPlan plan)
    : FailingArchive(std::move(inner), std::make_shared<Faults>(std::move(plan))) {}

inline FailingArchiveOnce::FailingArchiveOnce(InnerArchiveOnce inner,
                                              std::shared_ptr<Faults> faults)
    : InterceptingArchiveOnce(std::move(inner),
                              std::make_shared<detail::Striking>(std::move(faults))) {}

inline FailingArchiveOnce::FailingArchiveOnce(InnerArchiveOnce inner, FaultPlan plan)
    : FailingArchiveOnce(std::move(inner), std::make_shared<Faults>(std::move(plan))) {}

} // namespace agentstore

#endif
