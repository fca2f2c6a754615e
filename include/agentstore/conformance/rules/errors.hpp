// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ERRORS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ERRORS_HPP

/// \file
/// ERR: what a store says and does while it cannot work, for which ERR-01 needs the harness'
/// `inject`, and what its errors name.

#include <agentstore/conformance/deed.hpp>
#include <agentstore/conformance/rule.hpp>

namespace agentstore::conformance {

std::vector<Rule> error_rules();

/// \name Parts of other rules, on an open handle; each is UNTESTED where the harness has no
/// `inject`
/// @{

/// LIF-06: `health_check` of a store that fails answers, and not "healthy".
void check_health_under_faults(World& w, Client c);
/// WRT-08: a `put_writes` that fails anywhere leaves all of its writes or none.
void check_writes_all_or_nothing_under_faults(World& w, Client c);
/// DIR-04, THR-03, THR-05, THR-07: a call of this method that fails anywhere has done all of its
/// work or nothing. Does nothing where the harness has no `inject`: ERR-01 is UNTESTED then.
void check_method_under_faults(World& w, Client c, std::string_view method);
/// ARC-04: an append that fails is false, never an exception, and never a part of a record.
void check_archive_under_faults(World& w, Client c);
/// @}

// Only machinery below this line.

namespace detail {

/// A store that is made to fail, call by call.
class Failing {
public:
  Failing(World& w, Client c, std::string key_prefix = "failing ")
      : w_(w), c_(std::move(c)), key_prefix_(std::move(key_prefix)) {
    w.inject(Fault()); // UNTESTED at once where there is no hook
  }
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  /// Healed, so that the spaces can be dropped, also where a check broke off.
  ~Failing() {
    try {
      w_.inject(Fault());
    } catch (...) {
      w_.transcript().note("the harness' inject failed to heal the store");
    }
  }

  Client& client() { return c_; }
  /// How many calls have failed, so that it shows whether the hook does anything.
  std::size_t failures() const { return failures_; }

  /// One write under this fault, then healed: it throws as it should (an archive: is false), or is
  /// true; and it is there whole, or not at all. Returns whether it failed.
  bool write(const Deed& deed, Fault fault);
  /// The same with the first operation failing, then the second, ... until the write gets through.
  void write_at_each_operation(const Deed& deed, Fault::Effect effect);
  /// One read of what is there, as `write`. Returns whether it failed.
  bool read(const ReadProbe& probe, const std::string& key, Fault fault);
  /// The same with the first operation failing, then the second, ... until the read gets through.
  void read_at_each_operation(const ReadProbe& probe, const std::string& key);

  /// Does `call`; true if it threw a StorageError that says that the store failed.
  template <class Call>
  bool fails(const std::string& text, const Call& call);

  void expect_failure_at_all() const {
    if (failures_ == 0) {
      throw Untested("no call failed under the faults that the harness injected");
    }
  }

  std::string new_key() { return key_prefix_ + std::to_string(++keys_); }

private:
  World& w_;
  Client c_;
  std::string key_prefix_;
  std::size_t failures_ = 0;
  std::size_t keys_ = 0;
};

template <class Call>
bool Failing::fails(const std::string& text, const Call& call) {
  try {
    call();
    return false;
  } catch (const Violation&) {
    throw;
  } catch (const StorageError& error) {
    // The caller's mistakes, and what an open store that could work would not say.
    for (const errc other : {errc::invalid_argument, errc::already_exists, errc::too_large,
                             errc::closed, errc::not_supported}) {
      w_.expect(!means(error.code(), other),
                "\"unavailable\" or the like from " + text + " of a store that fails",
                describe(std::current_exception()));
    }
    ++failures_;
    return true;
  } catch (...) {
    throw Violation("a StorageError from " + text + " of a store that fails",
                    describe(std::current_exception()));
  }
}

inline bool Failing::write(const Deed& deed, Fault fault) {
  const std::string key = new_key();
  const std::string text = deed.text(key, 2);
  std::vector<Deed::Number> before;
  deed.prepare(w_, c_, key);
  if (deed.on_repeat != Deed::Again::never) {
    w_.expect(deed.put(c_, key, 1), deed.text(key, 1) + " to be true", "false");
    before.push_back(1);
  }
  w_.inject(fault);
  bool done = false;
  bool failed = false;
  if (deed.is_archive) {
    try {
      done = deed.put(c_, key, 2);
    } catch (const Hang&) {
      throw;
    } catch (...) {
      throw Violation("false from " + text + " of an archive that fails",
                      describe(std::current_exception()));
    }
    failed = !done;
    failures_ += failed ? 1 : 0;
  } else {
    failed = fails(text, [&] { done = deed.put(c_, key, 2); });
    w_.expect(failed || done, "true, or a StorageError, from " + text + " of a store that fails",
              "false, which says that there is no such session");
  }
  w_.inject(Fault());
  if (deed.is_readable) {
    const std::vector<Deed::Number> now = deed.numbers(w_, c_, key);
    const std::vector<Deed::Number> with = deed.after(before, 2);
    w_.expect(now == with || (failed && now == before),
              (failed ? "all of " + text + " or nothing: " + show(before) + " or " + show(with)
                      : text + ", which was true under a fault, to be there: " + show(with)),
              show(now));
  }
  return failed;
}

inline void Failing::write_at_each_operation(const Deed& deed, Fault::Effect effect) {
  constexpr std::size_t most = 40; // of the store's own operations in one write
  for (std::size_t first = 1; first <= most; ++first) {
    if (!write(deed, Fault(effect, first))) {
      return;
    }
  }
}

inline bool Failing::read(const ReadProbe& probe, const std::string& key, Fault fault) {
  const std::string text = probe.text(probe.ids(key));
  bool found = true;
  w_.inject(fault);
  const bool failed = fails(text, [&] { found = probe.get(c_, probe.ids(key)); });
  w_.inject(Fault());
  w_.expect(failed || found,
            "a StorageError, or what is there, from " + text + " of a store that fails", "nothing");
  return failed;
}

inline void Failing::read_at_each_operation(const ReadProbe& probe, const std::string& key) {
  constexpr std::size_t most = 40;
  for (std::size_t first = 1; first <= most; ++first) {
    if (!read(probe, key, Fault(Fault::Effect::before, first))) {
      return;
    }
  }
}

inline void check_calls_under_faults(World& w, Client& c, const std::string& key) {
  Failing store(w, c);
  for (const ReadProbe& probe : read_probes(w)) {
    store.read_at_each_operation(probe, key);
  }
  for (const Deed& deed : deeds(w)) {
    if (!deed.is_archive) {
      store.write_at_each_operation(deed, Fault::Effect::before);
      store.write_at_each_operation(deed, Fault::Effect::after);
    }
  }
  store.expect_failure_at_all();
  for (const ReadProbe& probe : read_probes(w)) {
    w.expect(probe.get(c, probe.ids(key)),
             probe.text(probe.ids(key)) + " to find what was stored before the faults", "nothing");
  }
}

/// Whole stores only: `get_metrics` and `cleanup_expired_sessions`.
inline void check_whole_store_under_faults(World& w, Client& c) {
  Failing store(w, c, "cleaned ");
  const Metrics before = c.get_metrics();
  Metrics under;
  w.inject(Fault(Fault::Effect::before));
  const bool failed = store.fails("get_metrics()", [&] { under = c.get_metrics(); });
  under.details = before.details;
  w.expect(failed || under == before, "a StorageError, or " + show(before) + ", from get_metrics",
           show(under));

  std::uint64_t removed = 0;
  const bool refused = store.fails("cleanup_expired_sessions(0us)",
                                   [&] { removed = c.cleanup(std::chrono::microseconds(0)); });
  w.inject(Fault());
  w.expect(refused || removed == before.total_sessions,
           "a StorageError, or the " + show(before.total_sessions) +
               " sessions that there are, from a clean-up of a store that fails",
           show(removed));
  store.write_at_each_operation(clean_up_deed(), Fault::Effect::before);
  store.write_at_each_operation(clean_up_deed(), Fault::Effect::after);
}

/// A store that cannot be opened says so, and can be opened when it is healed.
inline void check_open_under_faults(World& w) {
  const std::string key = "from between";
  {
    Client c = w.open();
    fill_for_reads(w, c, key);
    w.close(c);
  }
  Client c = w.open_raw();
  Failing store(w, c);
  w.inject(Fault(Fault::Effect::before));
  bool opened = true;
  bool threw = false;
  try {
    opened = c.initialize();
  } catch (const StorageError&) {
    threw = true;
  }
  w.inject(Fault());
  const bool may_be_false = w.offers(Interfaces::archive) && !w.offers(Interfaces::backend);
  w.expect(threw || opened || may_be_false, "a StorageError or true from initialize()", "false");
  w.expect(c.initialize(), "initialize() of a store that is healed to be true", "false");
  for (const ReadProbe& probe : read_probes(w)) {
    w.expect(probe.get(c, probe.ids(key)),
             probe.text(probe.ids(key)) + " to find what was stored before the fault", "nothing");
  }
  w.close(c);
}

/// Provokes errors, and looks at what each names. Which code it has, and whether there must be one
/// at all, is the business of other rules.
class Named {
public:
  explicit Named(World& w) : w_(w) {}

  /// Every method, on a store whose state is such that it throws.
  void check_all(Client& c, const std::string& key);
  /// Every method with each of its ids, and each of its other arguments, being a bad one.
  void check_bad_arguments(Client& c);
  /// What is there already.
  void check_taken(Client& c);

  void expect_errors_at_all() const {
    if (errors_ == 0) {
      throw Untested("no call threw");
    }
  }

private:
  /// The error has one of these keys; where there are none, any.
  template <class Call>
  void check(std::string_view operation, const std::vector<std::string>& keys, const Call& call);
  /// Calls `call(ids)` with each of the method's ids being a bad one.
  template <class AnyProbe, class Call>
  void check_bad_ids(const AnyProbe& probe, const Call& call);

  World& w_;
  std::size_t errors_ = 0;
  std::size_t keys_ = 0;
};

template <class Call>
void Named::check(std::string_view operation, const std::vector<std::string>& keys,
                  const Call& call) {
  std::string expected = "an error that names " + std::string(operation);
  for (const std::string& key : keys) {
    expected += (key == keys.front() ? " and the key " : " or ") + show(key);
  }
  try {
    call();
  } catch (const Violation&) {
    throw;
  } catch (const StorageError& error) {
    ++errors_;
    const bool has_key =
        keys.empty() || std::find(keys.begin(), keys.end(), error.key()) != keys.end();
    const std::string name = error.operation().empty() ? "nothing" : error.operation();
    w_.expect(error.operation() == operation && has_key, expected,
              "an error that names " + name + " and the key " + show(error.key()) + ": " +
                  error.what());
  } catch (...) {
    throw Violation(expected, describe(std::current_exception()));
  }
}

inline void Named::check_all(Client& c, const std::string& key) {
  for (const Probe& probe : probes(w_)) {
    if (!probe.is_archive) {
      const Ids ids = probe.ids(key);
      check(probe.name, ids, [&] { probe.put(c, ids, probe.sample(1)); });
    }
  }
  for (const auto& calls : {read_probes(w_), change_probes(w_)}) {
    for (const ReadProbe& probe : calls) {
      const Ids ids = probe.ids(key);
      check(probe.name, ids, [&] { probe.get(c, ids); });
    }
  }
  if (w_.offers(Interfaces::backend)) {
    check("cleanup_expired_sessions", {}, [&] { c.cleanup(std::chrono::hours(1)); });
  }
}

/// Of each way in which an id can be bad, one. What such an error has for a key is left open: it
/// may be long, or not be a text.
inline std::vector<std::string> some_bad_ids() {
  return {std::string(), "a\xff", letters(1025), std::string("a\0b", 3)};
}

template <class AnyProbe, class Call>
void Named::check_bad_ids(const AnyProbe& probe, const Call& call) {
  for (std::size_t varied = 0; varied < probe.id_names.size(); ++varied) {
    for (const std::string& bad : some_bad_ids()) {
      Ids ids = probe.ids("key " + std::to_string(++keys_));
      ids[varied] = bad;
      check(probe.name, {}, [&] { call(ids); });
    }
  }
}

inline void Named::check_bad_arguments(Client& c) {
  for (const Probe& probe : one_per_method(w_)) {
    if (!probe.is_archive) {
      check_bad_ids(probe, [&](const Ids& ids) { probe.put(c, ids, probe.sample(1)); });
    }
  }
  for (const Probe& probe : probes(w_)) {
    if (!probe.is_archive) {
      const Ids ids = probe.ids(std::to_string(++keys_) + letters(500));
      probe.prepare(w_, c, ids);
      check(probe.name, ids, [&] { probe.put(c, ids, "\xff"); });
    }
  }
  for (const auto& calls : {read_probes(w_), change_probes(w_)}) {
    for (const ReadProbe& probe : calls) {
      check_bad_ids(probe, [&](const Ids& ids) { probe.get(c, ids); });
    }
  }
  if (w_.offers(Interfaces::backend)) {
    check("cleanup_expired_sessions", {}, [&] { c.cleanup(std::chrono::microseconds(-1)); });
  }
  if (w_.offers(Interfaces::session_directory)) {
    check("list_sessions", {"a user"}, [&] { c.list_sessions("a user", Page(0)); });
    check("list_sessions", {"a user"},
          [&] { c.list_sessions("a user", Page().after("nobody's")); });
  }
  if (w_.offers(Interfaces::thread_directory)) {
    check("list_threads", {"a prefix"}, [&] { c.list_threads("a prefix", Page(0)); });
    check("list_threads", {"a prefix"},
          [&] { c.list_threads("a prefix", Page().after("nobody's")); });
  }
}

inline void Named::check_taken(Client& c) {
  if (w_.offers(Interfaces::sessions)) {
    c.create_session("taken");
    check("create_session", {"taken", "another user"},
          [&] { c.create_session("taken", "another user"); });
  }
  if (needs::thread_directory.missing(w_.harness().interfaces(), w_.harness().claims()).empty()) {
    c.store_checkpoint("source", "checkpoint", 1);
    c.store_checkpoint("target", "checkpoint", 2);
    check("copy_thread", {"source", "target"}, [&] { c.copy_thread("source", "target"); });
  }
}

inline void check_names(World& w) {
  Named named(w);
  Client c = w.open_raw();
  if (c.has_life_cycle()) {
    if (!w.harness().claims().is_opened_by_harness()) {
      named.check_all(c, "before initialize");
    }
    w.expect(c.initialize(), "initialize() to be true", "false");
  }
  named.check_bad_arguments(c);
  named.check_taken(c);
  if (w.has_faults()) {
    const std::string key = "under a fault";
    fill_for_reads(w, c, key);
    const Failing store(w, c); // heals the store at the end
    w.inject(Fault(Fault::Effect::before));
    named.check_all(c, key);
  }
  if (c.has_life_cycle()) {
    c.close();
    named.check_all(c, "after close");
  }
  named.expect_errors_at_all();
}

} // namespace detail

inline void check_health_under_faults(World& w, Client c) {
  detail::Failing store(w, std::move(c));
  w.inject(Fault(Fault::Effect::before));
  // A store may notice only when it is asked to do something.
  store.fails("create_session", [&] { store.client().create_session("unwell"); });
  const Health health = store.client().health_check();
  w.inject(Fault());
  store.expect_failure_at_all();
  w.expect(health.status != Health::Status::healthy && !health.issues.empty(),
           "a store that fails not to be healthy, and to say why", show(health));
  const Health healed = store.client().health_check();
  w.expect(healed.status == Health::Status::healthy, "a store that is healed to be healthy",
           show(healed));
}

inline void check_writes_all_or_nothing_under_faults(World& w, Client c) {
  detail::Failing store(w, std::move(c));
  for (const Deed& deed : deeds(w)) {
    if (deed.name == "put_writes") {
      store.write_at_each_operation(deed, Fault::Effect::before);
      store.write_at_each_operation(deed, Fault::Effect::after);
    }
  }
  store.expect_failure_at_all();
}

inline void check_method_under_faults(World& w, Client c, std::string_view method) {
  if (!w.has_faults()) {
    return;
  }
  detail::Failing store(w, std::move(c));
  for (const Deed& deed : deeds(w)) {
    if (deed.name == method) {
      store.write_at_each_operation(deed, Fault::Effect::before);
      store.write_at_each_operation(deed, Fault::Effect::after);
    }
  }
}

inline void check_archive_under_faults(World& w, Client c) {
  detail::Failing store(w, std::move(c));
  for (const Deed& deed : deeds(w)) {
    if (deed.is_archive) {
      store.write_at_each_operation(deed, Fault::Effect::before);
      store.write_at_each_operation(deed, Fault::Effect::after);
    }
  }
  store.expect_failure_at_all();
}

inline std::vector<Rule> error_rules() {
  constexpr unsigned that_throw =
      Interfaces::sessions | Interfaces::conversations | Interfaces::checkpoints |
      Interfaces::contexts | Interfaces::backend | Interfaces::checkpointer |
      Interfaces::archive_reader | Interfaces::session_directory | Interfaces::thread_directory;
  return {
      Rule("ERR-01", Needs().any(that_throw),
           "a store that fails throws; it never answers \"not found\", false or an empty list "
           "because it could not look, and a write that threw is whole or not there",
           "let no catch turn a failure into an answer; make of each write one transaction",
           [](World& w) {
             const std::string key = "from before";
             Client c = w.open();
             fill_for_reads(w, c, key);
             detail::check_calls_under_faults(w, c, key);
             if (w.offers(Interfaces::backend)) {
               detail::check_whole_store_under_faults(w, c);
             }
             if (c.has_life_cycle() && !w.harness().claims().is_opened_by_harness()) {
               w.close(c);
               detail::check_open_under_faults(w);
             }
           }),
      Rule("ERR-02", Needs().any(that_throw),
           "a StorageError names the method that was called and an id that was given, whole",
           "make the error where the arguments of the call are, not in a helper; what several "
           "methods have in common is told which of them it works for",
           &detail::check_names),
  };
}

} // namespace agentstore::conformance

#endif
