// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_ODD_STORE_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_ODD_STORES_ODD_STORE_HPP

/// \file
/// Odd stores: they keep the contract and are as odd as it allows. A rule that finds one of
/// them broken asks for more than the headers say.
///
///     for (const OddStore& odd_store : odd_stores()) {
///       const Report report = run_odd_store(odd_store, all_rules());
///       // report.conforms(), else a rule is too strict
///     }
///
/// One is added as a function that makes its harness, and an entry with the reason why it is legal.

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/runner/suite.hpp>

#include <functional>
#include <map>

namespace agentstore::conformance {

/// A legal store that differs from what one expects.
class OddStore {
public:
  using Make = std::shared_ptr<AnyHarness> (*)();

  OddStore(std::string_view short_name, std::string_view what, Make made_by)
      : name(short_name), oddity(what), make(made_by) {}

  /// E.g. "one_lock".
  std::string_view name;
  /// What is odd about it and, where that is not plain, why the contract allows it.
  std::string_view oddity;
  Make make;
};

/// Runs the rules on it. All that are due must hold.
Report run_odd_store(const OddStore& odd_store, std::vector<Rule> rules,
                     RunOptions options = RunOptions());

/// A clock for harnesses: the system's until it is set, then it stands where it was put. Copies
/// are the same clock.
class SettableClock {
public:
  SettableClock() = default;

  void set(Timestamp now) { now_->store(now); }
  Clock clock() const {
    return [now = now_, running = system_clock()] {
      const Timestamp set = now->load();
      return set == Timestamp::min() ? running() : set;
    };
  }

private:
  std::shared_ptr<std::atomic<Timestamp>> now_ =
      std::make_shared<std::atomic<Timestamp>>(Timestamp::min());
};

/// A clock that shows whole units of another alone.
inline Clock coarse(Clock fine, std::chrono::microseconds unit) {
  return [fine = std::move(fine), unit] {
    const Timestamp now = fine();
    return now - (now.time_since_epoch() % unit + unit) % unit;
  };
}

/// One `T` for each name of a space, made when it is first asked for.
template <class T>
class Spaces {
public:
  explicit Spaces(std::function<std::shared_ptr<T>()> make) : make_(std::move(make)) {}

  std::shared_ptr<T> at(const std::string& name) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<T>& space = spaces_[name];
    if (!space) {
      space = make_();
    }
    return space;
  }
  void drop(const std::string& name) {
    const std::lock_guard lock(mutex_);
    spaces_.erase(name);
  }

private:
  std::function<std::shared_ptr<T>()> make_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<T>> spaces_;
};

/// A harness of functions, for stores that are made from a backend in memory.
class FunctionHarness final : public AnyHarness {
public:
  using Open = std::function<Handle(const std::string& space)>;
  using Drop = std::function<void(const std::string& space)>;

  FunctionHarness(unsigned interfaces, Claims claims, Open open, Drop drop)
      : interfaces_(interfaces), claims_(std::move(claims)), open_(std::move(open)),
        drop_(std::move(drop)) {}

  /// Offers the hook set_clock.
  void let_set(SettableClock clock) { clock_ = std::move(clock); }
  /// Offers the hook damage.
  void let_damage(std::function<void(const std::string& space, const Damage& what)> damage) {
    damage_ = std::move(damage);
  }

  std::string name() const override { return "odd"; }
  Claims claims() const override { return claims_; }
  unsigned interfaces() const override { return interfaces_; }
  std::chrono::milliseconds deadline() const override { return std::chrono::seconds(10); }
  awaitable<Handle> open(boost::asio::any_io_executor, std::string space) override {
    co_return open_(space);
  }
  awaitable<void> drop(std::string space) override {
    drop_(space);
    co_return;
  }
  bool has_clock() const override { return clock_.has_value(); }
  void set_clock(Timestamp now) override { clock_->set(now); }
  bool has_damage() const override { return damage_ != nullptr; }
  bool damage(std::string space, Damage what) override {
    damage_(space, what);
    return true;
  }
  bool has_faults() const override { return false; }
  void inject(std::string, Fault) override {}
  bool can_read_archive() const override { return (interfaces_ & Interfaces::archive_reader) != 0; }
  awaitable<std::vector<ArchiveRecord>> read_archive(std::string, ArchiveKind,
                                                     std::string) override {
    co_return std::vector<ArchiveRecord>();
  }

private:
  unsigned interfaces_;
  Claims claims_;
  Open open_;
  Drop drop_;
  std::optional<SettableClock> clock_;
  std::function<void(const std::string&, const Damage&)> damage_;
};

/// A backend in memory and an archive beside it, each as `wrap` makes it from the reference.
template <class WrapBackend, class WrapArchive>
std::shared_ptr<AnyHarness> over_memory(WrapBackend wrap_backend, WrapArchive wrap_archive);

/// A backend in memory alone, the clock being as given.
template <class WrapBackend>
std::shared_ptr<AnyHarness> over_memory_with(Clock clock, WrapBackend wrap_backend);

// Only machinery below this line.

inline Report run_odd_store(const OddStore& odd_store, std::vector<Rule> rules,
                            RunOptions options) {
  Report report = Suite(odd_store.make(), std::move(rules), std::move(options)).run_all();
  report.harness = std::string(odd_store.name);
  return report;
}

template <class WrapBackend, class WrapArchive>
std::shared_ptr<AnyHarness> over_memory(WrapBackend wrap_backend, WrapArchive wrap_archive) {
  using Backend = typename decltype(wrap_backend(std::shared_ptr<MemoryBackend>()))::element_type;
  using Archive = typename decltype(wrap_archive(std::shared_ptr<MemoryArchive>()))::element_type;
  const SettableClock clock;
  MemoryOptions options;
  options.clock = clock.clock();
  MemoryArchiveOptions archive_options;
  archive_options.clock = clock.clock();
  const auto spaces = std::make_shared<Spaces<MemorySpace>>(
      [options] { return std::make_shared<MemorySpace>(options); });
  const auto archives = std::make_shared<Spaces<MemoryArchiveSpace>>(
      [archive_options] { return std::make_shared<MemoryArchiveSpace>(archive_options); });
  auto harness = std::make_shared<FunctionHarness>(
      Interfaces::of<Backend>() | Interfaces::of<Archive>(), Claims().durable().shared_handles(),
      [=](const std::string& space) {
        Handle handle;
        handle.add(wrap_backend(std::make_shared<MemoryBackend>(spaces->at(space))));
        handle.add(wrap_archive(std::make_shared<MemoryArchive>(archives->at(space))));
        return handle;
      },
      [=](const std::string& space) {
        spaces->drop(space);
        archives->drop(space);
      });
  harness->let_set(clock);
  return harness;
}

template <class WrapBackend>
std::shared_ptr<AnyHarness> over_memory_with(Clock clock, WrapBackend wrap_backend) {
  using Backend = typename decltype(wrap_backend(std::shared_ptr<MemoryBackend>()))::element_type;
  MemoryOptions options;
  options.clock = std::move(clock);
  const auto spaces = std::make_shared<Spaces<MemorySpace>>(
      [options] { return std::make_shared<MemorySpace>(options); });
  return std::make_shared<FunctionHarness>(
      Interfaces::of<Backend>(), Claims().durable().shared_handles(),
      [=](const std::string& space) {
        Handle handle;
        handle.add(wrap_backend(std::make_shared<MemoryBackend>(spaces->at(space))));
        return handle;
      },
      [=](const std::string& space) { spaces->drop(space); });
}

} // namespace agentstore::conformance

#endif
