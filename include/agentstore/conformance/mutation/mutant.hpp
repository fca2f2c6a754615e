// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_MUTATION_MUTANT_HPP
#define AGENTSTORE_CONFORMANCE_MUTATION_MUTANT_HPP

/// \file
/// How to add a rule; and mutants, stores with one bug each, which show that it catches that bug.
/// It takes this header alone, and both namespaces: agentstore and agentstore::conformance.
///
/// A check is plain code. A call of a Client is driven to its end or its deadline. What the check
/// throws breaks the rule, the expectations of RuleContext with
/// "expected <what> to be ...; came ...".
///
///     void check_ends_once(RuleContext& ctx) {
///       Client client = ctx.open(); // on a new, empty store
///       client.create_session("s");
///       ctx.expect_same(client.end_session("s"), true, "the first end");
///       ctx.expect_same(client.end_session("s"), false, "the second end");
///       ctx.expect_error(errc::invalid_argument, [&] { client.end_session(""); });
///     }
///     const Rule ends_once("MINE-01", needs::sessions, "a session is ended once",
///                          "look whether the row was changed", &check_ends_once);
///
/// A mutant is killed if its rule is BROKEN and the reason holds its evidence: a text that only
/// this bug brings up, so that a crash, a hang or another rule's business does not count.
///
///     class EndsTwice : public ForwardingBackend {
///     public:
///       using ForwardingBackend::ForwardingBackend;
///
///       awaitable<bool> end_session(std::string session_id, std::string status) override {
///         return changed(ForwardingBackend::end_session(std::move(session_id), std::move(status)),
///                        [](bool& ended) { ended = true; });
///       }
///     };
///     const Mutant ends_twice = mutant<EndsTwice>("MINE-01", "ends_twice", "every end is true",
///                                                 "the second end to be false; came true");
///     const Mutant no_bug = mutant<ForwardingBackend>("MINE-01", "no_bug", "", "");
///
/// What came instead is in `MutationResult::text()`. A rule of the contract itself stands beside
/// its method in a header and in its area's table in rules/, and has two mutants in that of
/// mutants/.
///
///     const std::vector<Rule> my_rules = {ends_once};
///     bool is_proved() {
///       return run_mutant(ends_twice, my_rules).is_killed() &&
///              run_mutant(no_bug, my_rules).result.verdict == Verdict::held;
///     }
///     template <class MyHarness>
///     Report run_my_rules() {
///       return Suite(std::make_shared<HarnessAdapter<MyHarness>>(), my_rules).run_all();
///     }

#include <agentstore/archives/memory.hpp>
#include <agentstore/backends/memory.hpp>
#include <agentstore/conformance/mutation/damaged_store.hpp>
#include <agentstore/conformance/runner/suite.hpp>
#include <agentstore/conformance/switched_archive.hpp>
#include <agentstore/testing/failing.hpp>

#include <functional>
#include <map>
#include <typeindex>

namespace agentstore::conformance {

/// The data of one space, on which mutants are made. Each handle that is opened on the space is a
/// mutant of its own.
class MutantSpace {
public:
  MutantSpace(std::string name, const Clock& clock, std::shared_ptr<MutantSpace> common);

  const std::string& name() const { return name_; }
  /// The harness' clock: the time that was set, else the system's.
  Timestamp now() const { return clock_(); }

  /// One more handle on a correct store in this space. What the harness injects fails in here, and
  /// what it damages is corrupted.
  InnerBackend backend();
  /// The same with both directories.
  InnerStore store();
  InnerArchiveOnce archive();
  /// A backend in this space that no fault reaches; and an archive that the harness switches.
  std::shared_ptr<MemoryBackend> memory();
  std::shared_ptr<SwitchedArchiveOnce> switched_archive();
  /// Whether the harness holds the space. Only mutants that are made to wait look at it.
  bool is_held() const { return is_held_; }
  /// The executor of the coroutine that opens the handle.
  const boost::asio::any_io_executor& executor() const { return executor_; }

  /// One object of type `T` for all handles on this space.
  template <class T>
  std::shared_ptr<T> shared();
  /// The space that all spaces of the harness have in common, for bugs that mix them.
  MutantSpace& common() { return common_ ? *common_ : *this; }

private:
  friend class MutantHarness;

  std::string name_;
  Clock clock_;
  std::shared_ptr<MutantSpace> common_;
  std::shared_ptr<MemorySpace> records_;
  std::shared_ptr<MemoryArchiveSpace> archived_;
  std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
  std::shared_ptr<DamagedRecords> damaged_ = std::make_shared<DamagedRecords>();
  std::shared_ptr<ArchiveSwitch> archive_switch_ = std::make_shared<ArchiveSwitch>();
  boost::asio::any_io_executor executor_;
  std::atomic<bool> is_held_ = false;
  std::mutex mutex_;
  std::map<std::type_index, std::shared_ptr<void>> shared_;
};

/// A broken store, and the rule it must be caught by. Made by `mutant<Broken>(...)`.
class Mutant {
public:
  using Make = Handle (*)(MutantSpace&);

  /// E.g. "create_replaces_existing".
  std::string_view name;
  /// The rule that must notice, e.g. "SES-03".
  std::string_view rule;
  /// What it does wrong, in one sentence.
  std::string_view bug;
  /// What the reason of the broken rule must hold.
  std::string_view evidence;
  /// Makes a handle; called for each `open` of a space.
  Make make = nullptr;
  /// The interfaces of a handle, as bits of Interfaces.
  unsigned interfaces = 0;
};

/// A mutant of class `Broken`, which is made from an InnerBackend, an InnerStore, an InnerArchive
/// or, if it needs more than that, a MutantSpace&.
template <class Broken>
Mutant mutant(std::string_view rule, std::string_view name, std::string_view bug,
              std::string_view evidence);

/// Opens one mutant. The spaces live until they are dropped. The harness claims shared_handles,
/// durable, any_teardown_order and a greatest value of 2 MiB. It has a clock to set, faults to
/// inject and records to damage, and its spaces can be held.
class MutantHarness final : public AnyHarness {
public:
  explicit MutantHarness(Mutant mutant) : mutant_(mutant) {}

  std::string name() const override { return std::string(mutant_.name); }
  Claims claims() const override;
  unsigned interfaces() const override { return mutant_.interfaces; }
  std::chrono::milliseconds deadline() const override { return std::chrono::seconds(3); }

  awaitable<Handle> open(boost::asio::any_io_executor executor, std::string space) override;
  awaitable<void> drop(std::string space) override;

  bool has_clock() const override { return true; }
  void set_clock(Timestamp now) override;
  bool has_faults() const override { return true; }
  void inject(std::string space, Fault fault) override;
  bool can_hold() const override { return true; }
  void hold(std::string space, bool is_held) override { space_of(space)->is_held_ = is_held; }
  bool can_read_archive() const override {
    return (mutant_.interfaces & Interfaces::archive_reader) != 0;
  }
  awaitable<std::vector<ArchiveRecord>> read_archive(std::string space, ArchiveKind kind,
                                                     std::string key) override;
  bool has_archive_behind() const override { return true; }
  void set_archive(std::string space, ArchiveState state) override;
  awaitable<std::vector<ArchiveRecord>> read_archived(std::string space, ArchiveKind kind,
                                                      std::string key) override;
  bool has_damage() const override { return true; }
  bool damage(std::string space, Damage what) override {
    space_of(space)->damaged_->add(std::move(what.text));
    return true;
  }

private:
  std::shared_ptr<MutantSpace> space_of(const std::string& name);

  Mutant mutant_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<MutantSpace>> spaces_;
  static constexpr Timestamp not_set = Timestamp::min();
  /// Shared with the stores: a call may outlive the harness.
  std::shared_ptr<std::atomic<Timestamp>> now_ = std::make_shared<std::atomic<Timestamp>>(not_set);
};

/// What the rule of a mutant found.
class MutationResult {
public:
  Mutant mutant;
  RuleResult result;

  /// The rule is broken, and by this bug.
  bool is_killed() const {
    return result.verdict == Verdict::broken && !mutant.evidence.empty() &&
           result.reason.find(mutant.evidence) != std::string::npos;
  }
  /// For a person: the mutant, what its rule found, and what evidence was expected.
  std::string text() const;
};

/// Runs the mutant's own rule, which must be among `rules`, on it.
MutationResult run_mutant(const Mutant& mutant, const std::vector<Rule>& rules,
                          RunOptions options = RunOptions());

/// Runs all of `rules` on the mutant, e.g. to see which others a bug breaks.
Report run_all_rules(const Mutant& mutant, std::vector<Rule> rules,
                     RunOptions options = RunOptions());

/// The result of `call`, after `change` has had its way with it.
template <class T>
awaitable<T> changed(awaitable<T> call, std::function<void(std::type_identity_t<T>&)> change);

// Only machinery below this line.

inline MutantSpace::MutantSpace(std::string name, const Clock& clock,
                                std::shared_ptr<MutantSpace> common)
    : name_(std::move(name)), clock_(clock), common_(std::move(common)) {
  MemoryOptions options;
  options.clock = clock;
  options.limits.max_value_bytes = std::size_t{2} << 20u;
  records_ = std::make_shared<MemorySpace>(options);
  MemoryArchiveOptions archive_options;
  archive_options.clock = clock;
  archive_options.limits = options.limits;
  archived_ = std::make_shared<MemoryArchiveSpace>(archive_options);
}

inline InnerBackend MutantSpace::backend() {
  return std::make_shared<FailingBackend>(std::make_shared<DamagedStore>(memory(), damaged_),
                                          faults_);
}

inline InnerStore MutantSpace::store() {
  return std::make_shared<FailingStore>(std::make_shared<DamagedStore>(memory(), damaged_),
                                        faults_);
}

inline InnerArchiveOnce MutantSpace::archive() {
  return std::make_shared<FailingArchiveOnce>(std::make_shared<MemoryArchive>(archived_), faults_);
}

inline std::shared_ptr<MemoryBackend> MutantSpace::memory() {
  return std::make_shared<MemoryBackend>(records_);
}

inline std::shared_ptr<SwitchedArchiveOnce> MutantSpace::switched_archive() {
  return std::make_shared<SwitchedArchiveOnce>(std::make_shared<MemoryArchive>(archived_),
                                               archive_switch_);
}

template <class T>
std::shared_ptr<T> MutantSpace::shared() {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<void>& slot = shared_[typeid(T)];
  if (!slot) {
    slot = std::make_shared<T>();
  }
  return std::static_pointer_cast<T>(slot);
}

namespace detail {

/// A mutant is handled by a common base, if it has one, so that a handle's code is compiled once.
template <class Broken>
using HandledAs = std::conditional_t<
    std::is_base_of_v<ForwardingStore, Broken>, ForwardingStore,
    std::conditional_t<
        std::is_base_of_v<ForwardingBackend, Broken>, ForwardingBackend,
        std::conditional_t<std::is_base_of_v<ForwardingArchiveOnce, Broken>, ForwardingArchiveOnce,
                           std::conditional_t<std::is_base_of_v<ForwardingArchive, Broken>,
                                              ForwardingArchive, Broken>>>>;

template <class Broken>
std::unique_ptr<HandledAs<Broken>> make_broken(MutantSpace& space) {
  using Handled = std::unique_ptr<HandledAs<Broken>>;
  if constexpr (std::is_constructible_v<Broken, MutantSpace&>) {
    return Handled(new Broken(space));
  } else if constexpr (std::is_constructible_v<Broken, InnerBackend>) {
    return Handled(new Broken(space.backend()));
  } else if constexpr (std::is_constructible_v<Broken, InnerStore>) {
    return Handled(new Broken(space.store()));
  } else {
    return Handled(new Broken(space.archive()));
  }
}

} // namespace detail

template <class Broken>
Mutant mutant(std::string_view rule, std::string_view name, std::string_view bug,
              std::string_view evidence) {
  using Handled = detail::HandledAs<Broken>;
  Mutant result;
  result.rule = rule;
  result.name = name;
  result.bug = bug;
  result.evidence = evidence;
  result.make = [](MutantSpace& space) {
    Handle handle;
    handle.add(std::shared_ptr<Handled>(detail::make_broken<Broken>(space)));
    return handle;
  };
  result.interfaces = Interfaces::of<Handled>();
  return result;
}

inline Claims MutantHarness::claims() const {
  return Claims().shared_handles().durable().any_teardown_order().max_value(std::size_t{2} << 20u);
}

inline std::shared_ptr<MutantSpace> MutantHarness::space_of(const std::string& name) {
  const Clock clock = [now = now_, running = system_clock()] {
    const Timestamp set = now->load();
    return set == not_set ? running() : set;
  };
  const std::lock_guard lock(mutex_);
  std::shared_ptr<MutantSpace>& common = spaces_[""];
  if (!common) {
    common = std::make_shared<MutantSpace>("", clock, nullptr);
  }
  std::shared_ptr<MutantSpace>& space = spaces_[name];
  if (!space) {
    space = std::make_shared<MutantSpace>(name, clock, common);
  }
  return space;
}

inline awaitable<Handle> MutantHarness::open(boost::asio::any_io_executor executor,
                                             std::string space) {
  const std::shared_ptr<MutantSpace> opened = space_of(space);
  opened->executor_ = std::move(executor);
  co_return mutant_.make(*opened);
}

inline awaitable<void> MutantHarness::drop(std::string space) {
  const std::lock_guard lock(mutex_);
  spaces_.erase(space);
  co_return;
}

inline void MutantHarness::set_clock(Timestamp now) {
  now_->store(now);
}

inline void MutantHarness::inject(std::string space, Fault fault) {
  FaultPlan plan;
  plan.at(fault.first).until_disarmed();
  switch (fault.effect) {
  case Fault::Effect::none:
    space_of(space)->faults_->disarm();
    return;
  case Fault::Effect::before:
    plan.before();
    break;
  case Fault::Effect::after:
    plan.after();
    break;
  }
  space_of(space)->faults_->arm(std::move(plan));
}

inline awaitable<std::vector<ArchiveRecord>> MutantHarness::read_archive(std::string, ArchiveKind,
                                                                         std::string) {
  co_return std::vector<ArchiveRecord>();
}

inline void MutantHarness::set_archive(std::string space, ArchiveState state) {
  space_of(space)->archive_switch_->set(state);
}

inline awaitable<std::vector<ArchiveRecord>>
MutantHarness::read_archived(std::string space, ArchiveKind kind, std::string key) {
  const auto reader = std::make_shared<MemoryArchive>(space_of(space)->archived_);
  static_cast<void>(co_await reader->initialize());
  co_return co_await reader->read_archive(kind, std::move(key), 0, 100'000);
}

inline std::string MutationResult::text() const {
  return std::string(mutant.name) + ": " + std::string(mutant.bug) + "\n" +
         std::string(mutant.rule) + " is " + std::string(to_string(result.verdict)) + ": " +
         result.reason + "\nthe evidence looked for: " + std::string(mutant.evidence) + "\n" +
         result.details;
}

inline MutationResult run_mutant(const Mutant& mutant, const std::vector<Rule>& rules,
                                 RunOptions options) {
  MutationResult mutation;
  mutation.mutant = mutant;
  for (const Rule& rule : rules) {
    if (rule.id == mutant.rule) {
      Suite suite(std::make_shared<MutantHarness>(mutant), std::vector<Rule>(1, rule),
                  std::move(options));
      mutation.result = suite.run(0);
      return mutation;
    }
  }
  throw std::logic_error("there is no rule " + std::string(mutant.rule));
}

inline Report run_all_rules(const Mutant& mutant, std::vector<Rule> rules, RunOptions options) {
  return Suite(std::make_shared<MutantHarness>(mutant), std::move(rules), std::move(options))
      .run_all();
}

template <class T>
awaitable<T> changed(awaitable<T> call, std::function<void(std::type_identity_t<T>&)> change) {
  T value = co_await std::move(call);
  change(value);
  co_return value;
}

} // namespace agentstore::conformance

#endif
