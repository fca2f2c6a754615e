// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_ERRORS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_ERRORS_HPP

/// \file
/// ERR: what a store says and does while it cannot work, for which ERR-01 needs the harness'
/// `inject`, what its errors name, and what it makes of damage, for which ERR-03 needs `damage`.

#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/damage.hpp>
#include <agentstore/conformance/rules/values.hpp>

#include <limits>

namespace agentstore::conformance {

/// \name Parts of other rules, on an open handle; each is UNTESTED where the harness has no
/// `inject`
/// @{

/// LIF-06: `health_check` of a store that fails answers, and not "healthy".
void check_health_under_faults(RuleContext& ctx, Client client);
/// WRT-08: a `put_writes` that fails anywhere leaves all of its writes or none.
void check_writes_all_or_nothing_under_faults(RuleContext& ctx, Client client);
/// DIR-04, THR-03, THR-05, THR-07: a call of this method that fails anywhere has done all of its
/// work or nothing. Does nothing where the harness has no `inject`: ERR-01 is UNTESTED then.
void check_method_under_faults(RuleContext& ctx, Client client, std::string_view method);
/// ARC-04: an append that fails is false, never an exception, and never a part of a record.
void check_archive_under_faults(RuleContext& ctx, Client client);
/// @}

namespace detail {

/// A store that is made to fail, call by call.
class Failing {
public:
  Failing(RuleContext& ctx, Client client, std::string key_prefix = "failing ")
      : ctx_(ctx), client_(std::move(client)), key_prefix_(std::move(key_prefix)) {
    ctx.inject(Fault()); // UNTESTED at once where there is no hook
  }
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  /// Healed, so that the spaces can be dropped, also where a check broke off.
  ~Failing() {
    try {
      ctx_.inject(Fault());
    } catch (...) {
      ctx_.transcript().note("the harness' inject failed to heal the store");
    }
  }

  Client& client() { return client_; }
  /// How many calls have failed, so that it shows whether the hook does anything.
  std::size_t failures() const { return failures_; }

  /// One write under this fault, then healed: it throws as it should (an archive: is false), or is
  /// true; and it is there whole, or not at all. Returns whether it failed.
  bool write(const TaggedWrite& tagged, Fault fault);
  /// A write that failed and has left nothing is as one that was never made: others take its place,
  /// and made again it is done.
  void go_on(const TaggedWrite& tagged, const std::string& key,
             std::vector<TaggedWrite::Number> expected);
  /// The same with the first operation failing, then the second, ... until the write gets through.
  void write_at_each_operation(const TaggedWrite& tagged, Fault::Effect effect);
  /// One read of what is there, as `write`. Returns whether it failed.
  bool read(const ReadMethod& method, const std::string& key, Fault fault);
  /// The same with the first operation failing, then the second, ... until the read gets through.
  void read_at_each_operation(const ReadMethod& method, const std::string& key);

  /// Does `call`; true if it threw a StorageError that says that the store failed.
  template <class Call>
  bool fails(const std::string& text, const Call& call);

  void expect_failure_at_all() const {
    if (failures_ == 0) {
      throw NotTestable("no call failed under the faults that the harness injected");
    }
  }

  std::string new_key() { return key_prefix_ + std::to_string(++keys_); }

private:
  RuleContext& ctx_;
  Client client_;
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
      ctx_.expect(!means(error.code(), other),
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

inline bool Failing::write(const TaggedWrite& tagged, Fault fault) {
  const std::string key = new_key();
  const std::string text = tagged.text(key, 2);
  std::vector<TaggedWrite::Number> before;
  tagged.prepare(ctx_, client_, key);
  if (tagged.on_repeat != RepeatEffect::keeps) {
    ctx_.expect(tagged.put(client_, key, 1), tagged.text(key, 1) + " to be true", "false");
    before.push_back(1);
  }
  // Whatever reads there are, but of one failure of each kind alone, since they are many.
  const bool reads_all = fault.first == 1 && !tagged.is_archive;
  const std::vector<std::string> answers =
      reads_all ? all_answers(ctx_, client_, key) : std::vector<std::string>();
  ctx_.inject(fault);
  bool done = false;
  bool failed = false;
  if (tagged.is_archive) {
    try {
      done = tagged.put(client_, key, 2);
    } catch (const Violation&) {
      throw;
    } catch (...) {
      throw Violation("false from " + text + " of an archive that fails",
                      describe(std::current_exception()));
    }
    failed = !done;
    failures_ += failed ? 1 : 0;
  } else {
    failed = fails(text, [&] { done = tagged.put(client_, key, 2); });
    ctx_.expect(failed || done, "true, or a StorageError, from " + text + " of a store that fails",
                "false or 0, which says that there was nothing to do");
  }
  ctx_.inject(Fault());
  if (tagged.is_readable) {
    const std::vector<TaggedWrite::Number> now = tagged.numbers(ctx_, client_, key);
    const std::vector<TaggedWrite::Number> with = tagged.after(before, 2);
    ctx_.expect(now == with || (failed && now == before),
                (failed ? "all of " + text + " or nothing: " + show(before) + " or " + show(with)
                        : text + ", which was true under a fault, to be there: " + show(with)),
                show(now));
    if (failed && now == before) {
      if (reads_all) {
        expect_same_answers(ctx_, client_, key, answers, "once " + text + " has failed");
      }
      go_on(tagged, key, std::move(before));
    }
  }
  return failed;
}

inline void Failing::go_on(const TaggedWrite& tagged, const std::string& key,
                           std::vector<TaggedWrite::Number> expected) {
  const Method& method = tagged.method();
  const bool is_in_order = method.has(Parameter::data) || method.has(Parameter::content);
  const auto write = [&](TaggedWrite::Number number) {
    ctx_.expect(tagged.put(client_, key, number),
                tagged.text(key, number) + ", behind one that failed, to be true", "false");
    expected = tagged.after(std::move(expected), number);
    std::vector<TaggedWrite::Number> now = tagged.numbers(ctx_, client_, key);
    if (!is_in_order) {
      std::sort(now.begin(), now.end());
      std::sort(expected.begin(), expected.end());
    }
    ctx_.expect_same(now, expected,
                     "what is there of " + tagged.text(key, number) + ", behind one that failed,");
  };
  if (tagged.on_repeat != RepeatEffect::keeps) {
    write(3);
  }
  write(2);
}

inline void Failing::write_at_each_operation(const TaggedWrite& tagged, Fault::Effect effect) {
  constexpr std::size_t most = 40; // of the store's own operations in one write
  for (std::size_t first = 1; first <= most; ++first) {
    if (!write(tagged, Fault(effect, first))) {
      return;
    }
  }
}

inline bool Failing::read(const ReadMethod& method, const std::string& key, Fault fault) {
  const std::string text = method.text(method.ids(key));
  bool found = true;
  ctx_.inject(fault);
  const bool failed = fails(text, [&] { found = method.get(client_, method.ids(key)); });
  ctx_.inject(Fault());
  ctx_.expect(failed || found,
              "a StorageError, or what is there, from " + text + " of a store that fails",
              "nothing");
  return failed;
}

inline void Failing::read_at_each_operation(const ReadMethod& method, const std::string& key) {
  constexpr std::size_t most = 40;
  for (std::size_t first = 1; first <= most; ++first) {
    if (!read(method, key, Fault(Fault::Effect::before, first))) {
      return;
    }
  }
}

/// What was read before is no answer once it has changed, however the store fails.
inline void check_old_answers_under_faults(RuleContext& ctx, Client& client) {
  const std::string key = "changed before it fails";
  Failing store(ctx, client);
  fill_for_reads(ctx, client, key);
  all_answers(ctx, client, key);
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    if (!tagged.removes && tagged.on_repeat != RepeatEffect::keeps && !tagged.is_archive) {
      tagged.put(client, key, 7);
    }
  }
  const std::vector<std::string> failing = all_answers(ctx, client, key, [&](bool fails) {
    ctx.inject(fails ? Fault(Fault::Effect::before) : Fault());
  });
  const std::vector<std::string> now = all_answers(ctx, client, key);
  for (std::size_t i = 0; i < now.size(); ++i) {
    ctx.expect(failing[i].empty() || failing[i] == now[i],
               "a StorageError from a store that fails, or " + now[i], failing[i]);
  }
}

inline void check_calls_under_faults(RuleContext& ctx, Client& client, const std::string& key) {
  Failing store(ctx, client);
  for (const ReadMethod& method : read_methods(ctx)) {
    store.read_at_each_operation(method, key);
  }
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    if (!tagged.is_archive) {
      store.write_at_each_operation(tagged, Fault::Effect::before);
      store.write_at_each_operation(tagged, Fault::Effect::after);
    }
  }
  store.expect_failure_at_all();
  for (const ReadMethod& method : read_methods(ctx)) {
    ctx.expect(method.get(client, method.ids(key)),
               method.text(method.ids(key)) + " to find what was stored before the faults",
               "nothing");
  }
  check_old_answers_under_faults(ctx, client);
}

/// A later page of a list is no empty last one because the store fails.
inline void check_later_pages_under_faults(RuleContext& ctx, Client& client) {
  Failing store(ctx, client);
  const auto check = [&](const std::string& list, const auto& read, const std::string& second) {
    const IdPage first(read(Page(1)));
    std::vector<std::string> ids;
    ctx.inject(Fault(Fault::Effect::before));
    const bool failed =
        store.fails(list, [&] { ids = IdPage(read(Page(1).after(first.next))).ids; });
    ctx.inject(Fault());
    ctx.expect(failed || ids == std::vector<std::string>(1, second),
               "a StorageError, or " + show(second) + ", from a later page of " + list, show(ids));
  };
  if (ctx.offers(Interfaces::thread_directory)) {
    for (const char* id : {"paged 1", "paged 2"}) {
      client.store_checkpoint(id, "c", 1);
    }
    check(
        "list_threads", [&](const Page& page) { return client.list_threads("paged ", page); },
        "paged 2");
  }
  if (ctx.offers(Interfaces::session_directory)) {
    Timestamp now = first_of_may();
    for (const char* id : {"paged 2", "paged 1"}) { // the newest is listed first
      let_time_pass(ctx, now);
      client.create_session(id, "of pages");
    }
    check(
        "list_sessions", [&](const Page& page) { return client.list_sessions("of pages", page); },
        "paged 2");
  }
}

/// The record of a session is as before the call that failed, or as behind it.
inline void check_records_under_faults(RuleContext& ctx, Client& client) {
  Failing store(ctx, client, "whole record ");
  const auto check = [&](const std::string& text, const auto& call) {
    for (const auto effect : {Fault::Effect::before, Fault::Effect::after}) {
      for (std::size_t first = 1; first <= 12; ++first) {
        const std::string key = store.new_key();
        const std::string model = store.new_key();
        for (const std::string& id : {key, model}) {
          client.create_session(id, "user", object("a", 1));
        }
        call(model);
        Session done = ctx.must(client.get_session(model), "the session");
        const Session before = ctx.must(client.get_session(key), "the session");
        ctx.inject(Fault(effect, first));
        const bool failed = store.fails(text, [&] { call(key); });
        ctx.inject(Fault());
        const Session after = ctx.must(client.get_session(key), "the session");
        done.session_id = key;
        done.created_at = before.created_at;
        done.last_activity = after.last_activity;
        ctx.expect((failed && after == before) || after == done,
                   "the session as before " + text + ", or as behind it, which is " + show(done),
                   show(after));
        if (!failed) {
          break;
        }
      }
    }
  };
  check("update_session(...)", [&](const std::string& id) {
    client.update_session(
        id, SessionUpdate().increment_requests().mark_error().updates(object("b", 2)));
  });
  check("end_session(...)", [&](const std::string& id) { client.end_session(id, "done"); });
}

/// Whole stores only: `get_metrics` and `cleanup_expired_sessions`.
inline void check_whole_store_under_faults(RuleContext& ctx, Client& client) {
  Failing store(ctx, client, "cleaned ");
  const Metrics before = client.get_metrics();
  Metrics under;
  ctx.inject(Fault(Fault::Effect::before));
  const bool failed = store.fails("get_metrics()", [&] { under = client.get_metrics(); });
  under.details = before.details;
  ctx.expect(failed || under == before, "a StorageError, or " + show(before) + ", from get_metrics",
             show(under));

  std::uint64_t removed = 0;
  const bool refused = store.fails("cleanup_expired_sessions(0us)",
                                   [&] { removed = client.cleanup(std::chrono::microseconds(0)); });
  ctx.inject(Fault());
  ctx.expect(refused || removed == before.total_sessions,
             "a StorageError, or the " + show(before.total_sessions) +
                 " sessions that there are, from a clean-up of a store that fails",
             show(removed));
  store.write_at_each_operation(clean_up_write(), Fault::Effect::before);
  store.write_at_each_operation(clean_up_write(), Fault::Effect::after);
}

/// A store that cannot be opened says so, and can be opened when it is healed.
inline void check_open_under_faults(RuleContext& ctx) {
  const std::string key = "from between";
  {
    Client client = ctx.open();
    fill_for_reads(ctx, client, key);
    ctx.close(client);
  }
  Client client = ctx.open_raw();
  Failing store(ctx, client);
  ctx.inject(Fault(Fault::Effect::before));
  bool opened = true;
  bool threw = false;
  try {
    opened = client.initialize();
  } catch (const StorageError&) {
    threw = true;
  }
  ctx.inject(Fault());
  const bool may_be_false = ctx.offers(Interfaces::archive) && !ctx.offers(Interfaces::backend);
  ctx.expect(!threw || !may_be_false, "false or true from initialize() of an archive that fails",
             "a StorageError");
  ctx.expect(threw || opened || may_be_false, "a StorageError or true from initialize()", "false");
  ctx.expect(client.initialize(), "initialize() of a store that is healed to be true", "false");
  for (const ReadMethod& method : read_methods(ctx)) {
    ctx.expect(method.get(client, method.ids(key)),
               method.text(method.ids(key)) + " to find what was stored before the fault",
               "nothing");
  }
  ctx.close(client);
}

/// Provokes errors, and looks at what each names. Which code it has, and whether there must be one
/// at all, is the business of other rules.
class ErrorNameCheck {
public:
  explicit ErrorNameCheck(RuleContext& ctx) : ctx_(ctx) {}

  /// Every method, on a store whose state is such that it throws.
  void check_all(Client& client, const std::string& key);
  /// Every method with each of its ids, and each of its other arguments, being a bad one.
  void check_bad_arguments(Client& client);
  /// What is there already.
  void check_taken(Client& client);
  /// Two calls of each method, begun together, with other keys: each error has its own.
  void check_beside_each_other(Client& client);
  void check_bad_values_beside_each_other(Client& client);

  void expect_errors_at_all() const {
    if (errors_ == 0) {
      throw NotTestable("no call threw");
    }
  }

private:
  /// The error has one of these keys; where there are none, any.
  template <class Call>
  void check(std::string_view operation, const std::vector<std::string>& keys, const Call& call);
  /// The two calls fail, though they are begun together.
  void check_pair(Client& client, const Operation& first, const Operation& second);
  /// Calls `call(ids)` with each of the method's ids being a bad one.
  template <class AnyMethod, class Call>
  void check_bad_ids(const AnyMethod& method, const Call& call);

  RuleContext& ctx_;
  std::size_t errors_ = 0;
  std::size_t keys_ = 0;
};

template <class Call>
void ErrorNameCheck::check(std::string_view operation, const std::vector<std::string>& keys,
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
    ctx_.expect(error.operation() == operation && has_key, expected,
                "an error that names " + name + " and the key " + show(error.key()) + ": " +
                    error.what());
    ctx_.expect(error.cause().value() == 0 || means(error.code(), errc::unavailable),
                "no cause of an error that is not \"unavailable\"",
                error.cause().message() + ": " + error.what());
  } catch (...) {
    throw Violation(expected, describe(std::current_exception()));
  }
}

inline void ErrorNameCheck::check_all(Client& client, const std::string& key) {
  for (const WriteArgument& argument : write_arguments(ctx_)) {
    if (!argument.is_archive) {
      const Ids ids = argument.ids(key);
      check(argument.name, ids, [&] { argument.put(client, ids, argument.sample(1)); });
    }
  }
  for (const auto& calls : {read_methods(ctx_), change_methods(ctx_)}) {
    for (const ReadMethod& method : calls) {
      const Ids ids = method.ids(key);
      check(method.name, ids, [&] { method.get(client, ids); });
    }
  }
  if (ctx_.offers(Interfaces::backend)) {
    check("cleanup_expired_sessions", {}, [&] { client.cleanup(std::chrono::hours(1)); });
  }
}

/// What an error has for a key that is bad itself is left open: it may be long, or not be a text.
template <class AnyMethod, class Call>
void ErrorNameCheck::check_bad_ids(const AnyMethod& method, const Call& call) {
  for (std::size_t varied = 0; varied < method.id_names.size(); ++varied) {
    for (const std::string& bad : some_bad_ids()) {
      Ids ids = method.ids("key " + std::to_string(++keys_));
      ids[varied] = bad;
      check(method.name, {}, [&] { call(ids); });
    }
  }
}

inline void ErrorNameCheck::check_bad_arguments(Client& client) {
  for (const WriteArgument& argument : one_per_method(ctx_)) {
    if (!argument.is_archive) {
      check_bad_ids(argument,
                    [&](const Ids& ids) { argument.put(client, ids, argument.sample(1)); });
    }
  }
  // Keys are short and long, of both cases, and end as they begin: they are to be named whole.
  const auto new_key = [this](std::size_t letters_in_it) {
    return "Key " + std::to_string(++keys_) + letters(letters_in_it) + "Z ";
  };
  const auto limit = ctx_.harness().claims().max_value_bytes();
  for (const std::size_t length : {5u, 500u}) {
    for (const WriteArgument& argument : write_arguments(ctx_)) {
      if (argument.is_archive) {
        continue;
      }
      const Ids ids = argument.ids(new_key(length));
      argument.prepare(ctx_, client, ids);
      check(argument.name, ids, [&] { argument.put(client, ids, "\xff"); });
      if (!argument.takes_text()) {
        check(argument.name, ids, [&] { argument.put(client, ids, nested(1'000)); });
        check(argument.name, ids, [&] {
          argument.put(client, ids, object("v", std::numeric_limits<double>::quiet_NaN()));
        });
      }
      if (limit) {
        check(argument.name, ids, [&] { argument.put(client, ids, sized(argument, *limit + 1)); });
      }
    }
  }
  if (ctx_.offers(Interfaces::sessions)) {
    const std::string key = new_key(500);
    client.create_session(key, "user");
    client.update_session(key,
                          SessionUpdate().add_processing_time(std::chrono::microseconds::max()));
    check("update_session", {key}, [&] {
      client.update_session(key, SessionUpdate().add_processing_time(std::chrono::microseconds(1)));
    });
    check("update_session", {key}, [&] {
      client.update_session(key,
                            SessionUpdate().add_processing_time(std::chrono::microseconds(-1)));
    });
    check("end_session", {key}, [&] { client.end_session(key, "active"); });
    check("end_session", {key}, [&] { client.end_session(key, ""); });
    check("create_session", {key, "user"}, [&] { client.create_session(key, "user"); });
    if (limit) {
      check("update_session", {key}, [&] {
        for (const char* member : {"one", "two"}) {
          client.update_session(key,
                                SessionUpdate().updates(object(member, letters(*limit * 2 / 3))));
        }
      });
    }
  }
  for (const auto& calls : {read_methods(ctx_), change_methods(ctx_)}) {
    for (const ReadMethod& method : calls) {
      check_bad_ids(method, [&](const Ids& ids) { method.get(client, ids); });
    }
  }
  if (ctx_.offers(Interfaces::backend)) {
    check("cleanup_expired_sessions", {}, [&] { client.cleanup(std::chrono::microseconds(-1)); });
  }
  if (ctx_.offers(Interfaces::session_directory)) {
    check("list_sessions", {"a user"}, [&] { client.list_sessions("a user", Page(0)); });
    check("list_sessions", {"a user"},
          [&] { client.list_sessions("a user", Page().after("nobody's")); });
  }
  if (ctx_.offers(Interfaces::thread_directory)) {
    check("list_threads", {"a prefix"}, [&] { client.list_threads("a prefix", Page(0)); });
    check("list_threads", {"a prefix"},
          [&] { client.list_threads("a prefix", Page().after("nobody's")); });
  }
}

inline void ErrorNameCheck::check_taken(Client& client) {
  if (ctx_.offers(Interfaces::sessions)) {
    const std::string taken = "taken " + letters(500);
    client.create_session(taken);
    check("create_session", {taken, "another user"},
          [&] { client.create_session(taken, "another user"); });
  }
  if (needs::thread_directory.missing(ctx_.harness().interfaces(), ctx_.harness().claims())
          .empty()) {
    std::vector<Operation> copies;
    for (const char* number : {"first ", "second "}) {
      Operation copy(MethodId::copy_thread, number + ("source " + letters(500)));
      copy.target = number + ("target " + letters(500));
      client.store_checkpoint(copy.key, "checkpoint", 1);
      client.store_checkpoint(copy.target, "checkpoint", 2);
      check("copy_thread", {copy.key, copy.target},
            [&] { client.copy_thread(copy.key, copy.target); });
      copies.push_back(std::move(copy));
    }
    check_pair(client, copies.front(), copies.back());
  }
}

inline void ErrorNameCheck::check_pair(Client& client, const Operation& first,
                                       const Operation& second) {
  const auto begin = [&client](const Operation& call) {
    return client.driver().start(show(call), positive_call(client.handle(), call));
  };
  const auto end = [&](const Pending<bool>& pending, Operation call) {
    const Method& method = method_of(call.kind);
    std::vector<std::string> keys;
    for (const Parameter parameter : method) {
      if (is_id(parameter)) {
        keys.push_back(text_argument(call, parameter));
      }
    }
    check(method.name, keys, [&] { client.driver().finish(pending); });
  };
  const Pending<bool> one = begin(first);
  const Pending<bool> two = begin(second);
  end(one, first);
  end(two, second);
}

inline void ErrorNameCheck::check_beside_each_other(Client& client) {
  for (const Method& method : methods()) {
    if (!method.is_archive() && method.is_offered(ctx_.harness().interfaces()) &&
        !method.id_names().empty()) {
      check_pair(client, method.prepared("one of two"), method.prepared("two of two"));
    }
  }
}

inline void ErrorNameCheck::check_bad_values_beside_each_other(Client& client) {
  for (const WriteArgument& argument : one_per_method(ctx_)) {
    if (argument.is_archive) {
      continue;
    }
    std::vector<Operation> calls;
    for (const char* number : {"first ", "second "}) {
      const std::string key = number + std::string(argument.name);
      argument.prepare(ctx_, client, Ids(1, key));
      calls.push_back(argument.method().prepared(key));
      argument.set(calls.back(), "\xff");
    }
    check_pair(client, calls.front(), calls.back());
  }
}

inline void check_names(RuleContext& ctx) {
  ErrorNameCheck names(ctx);
  const std::string long_end = " " + letters(500) + "Z";
  Client client = ctx.open_raw();
  if (client.has_life_cycle()) {
    if (!ctx.harness().claims().is_opened_by_harness()) {
      names.check_all(client, "before initialize" + long_end);
    }
    ctx.expect(client.initialize(), "initialize() to be true", "false");
  }
  names.check_bad_arguments(client);
  names.check_taken(client);
  names.check_bad_values_beside_each_other(client);
  if (ctx.has_faults()) {
    const std::vector<std::string> keys = {"under a fault" + long_end, "and another key"};
    for (const std::string& key : keys) {
      fill_for_reads(ctx, client, key);
    }
    const Failing store(ctx, client); // heals the store at the end
    ctx.inject(Fault(Fault::Effect::before));
    for (const std::string& key : keys) {
      names.check_all(client, key);
    }
  }
  if (client.has_life_cycle()) {
    client.close();
    names.check_all(client, "after close" + long_end);
    names.check_beside_each_other(client);
  }
  names.expect_errors_at_all();
}

} // namespace detail

inline void check_health_under_faults(RuleContext& ctx, Client client) {
  detail::Failing store(ctx, std::move(client));
  const Health before = store.client().health_check();
  ctx.inject(Fault(Fault::Effect::before));
  // A store may notice only when it is asked to do something.
  store.fails("create_session", [&] { store.client().create_session("unwell"); });
  const Health health = store.client().health_check();
  ctx.inject(Fault());
  store.expect_failure_at_all();
  ctx.expect(health.status != Health::Status::healthy && !health.issues.empty(),
             "a store that fails not to be healthy, and to say why", show(health));
  const Health healed = store.client().health_check();
  ctx.expect(healed.status == before.status,
             "a store that is healed to be as before: " + show(before), show(healed));
}

inline void check_writes_all_or_nothing_under_faults(RuleContext& ctx, Client client) {
  detail::Failing store(ctx, std::move(client));
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    if (tagged.name == "put_writes") {
      store.write_at_each_operation(tagged, Fault::Effect::before);
      store.write_at_each_operation(tagged, Fault::Effect::after);
    }
  }
  store.expect_failure_at_all();
}

inline void check_method_under_faults(RuleContext& ctx, Client client, std::string_view method) {
  if (!ctx.has_faults()) {
    return;
  }
  detail::Failing store(ctx, std::move(client));
  for (const TaggedWrite& tagged : tagged_writes(ctx)) {
    if (tagged.name == method) {
      store.write_at_each_operation(tagged, Fault::Effect::before);
      store.write_at_each_operation(tagged, Fault::Effect::after);
    }
  }
}

inline void check_archive_under_faults(RuleContext& ctx, Client client) {
  detail::Failing store(ctx, client);
  for (const TaggedWrite& tagged : tagged_writes_and_entries(ctx)) {
    if (tagged.is_archive) {
      store.write_at_each_operation(tagged, Fault::Effect::before);
      store.write_at_each_operation(tagged, Fault::Effect::after);
    }
  }
  store.expect_failure_at_all();
  if (IArchiveReader* const reader = client.handle().archive_reader) {
    // A later page is no empty one either.
    for (const char* type : {"first", "second"}) {
      ctx.expect(client.call(
                     "append_session_event(\"paged\", ...)",
                     client.handle().archive->append_session_event("paged", "user", type, json(1))),
                 "the append to be true", "false");
    }
    const auto read = [&](std::uint64_t after) {
      return client.call("read_archive(session_event, \"paged\", " + show(after) + ")",
                         reader->read_archive(ArchiveKind::session_event, "paged", after, 1));
    };
    const std::uint64_t first = read(0).at(0).sequence;
    std::vector<ArchiveRecord> page;
    ctx.inject(Fault(Fault::Effect::before));
    const bool failed = store.fails("read_archive", [&] { page = read(first); });
    ctx.inject(Fault());
    ctx.expect(failed || page.size() == 1,
               "a StorageError, or the second record, from an archive that fails", show(page));
  }
}

template <class>
std::vector<Rule> error_rules() {
  constexpr unsigned that_throw =
      Interfaces::sessions | Interfaces::conversations | Interfaces::checkpoints |
      Interfaces::contexts | Interfaces::backend | Interfaces::checkpointer |
      Interfaces::archive_reader | Interfaces::session_directory | Interfaces::thread_directory;
  constexpr unsigned with_records = Interfaces::sessions | Interfaces::conversations |
                                    Interfaces::checkpoints | Interfaces::contexts |
                                    Interfaces::checkpointer;
  return {
      Rule("ERR-01", Needs().any(that_throw),
           "a store that fails throws; it never answers \"not found\", false or an empty list "
           "because it could not look, and a write that threw is whole or not there",
           "let no catch turn a failure into an answer; make of each write one transaction",
           [](RuleContext& ctx) {
             const std::string key = "from before";
             Client client = ctx.open();
             fill_for_reads(ctx, client, key);
             detail::check_calls_under_faults(ctx, client, key);
             detail::check_later_pages_under_faults(ctx, client);
             if (ctx.offers(Interfaces::sessions)) {
               detail::check_records_under_faults(ctx, client);
             }
             if (ctx.offers(Interfaces::backend)) {
               detail::check_whole_store_under_faults(ctx, client);
             }
             if (client.has_life_cycle() && !ctx.harness().claims().is_opened_by_harness()) {
               ctx.close(client);
               detail::check_open_under_faults(ctx);
             }
           }),
      Rule("ERR-02", Needs().any(that_throw),
           "a StorageError names the method that was called and an id that was given, whole",
           "make the error where the arguments of the call are, not in a helper; what several "
           "methods have in common is told which of them it works for",
           &detail::check_names),
      Rule("ERR-03", Needs().any(with_records),
           "a record that was spoilt underneath is corrupted to each read of it, and nothing else "
           "is hurt",
           "read each field as what it is to be and throw where it is not; skip no row that cannot "
           "be read, and let no exception of a parser pass",
           &check_damage),
  };
}

} // namespace agentstore::conformance

#endif
