// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_RANDOM_HPP
#define AGENTSTORE_CONFORMANCE_RULES_RANDOM_HPP

/// \file
/// MDL and CNC: random calls, one after the other and at once. They are the second net: what the
/// other rules look at by name is met here in combinations that nobody thought of.

#include <agentstore/conformance/concurrency/history.hpp>
#include <agentstore/conformance/methods/all_reads.hpp>
#include <agentstore/conformance/methods/odd_arguments.hpp>
#include <agentstore/conformance/random/program_generator.hpp>
#include <agentstore/conformance/random/shrink.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/runner/blocking_timer.hpp>

namespace agentstore::conformance {

namespace detail {

inline std::string indented(const std::string& text) {
  std::string out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out += "\n      " + text.substr(begin, end - begin);
    begin = end + 1;
  }
  return out;
}

/// Puts a text of many lines where the message of a broken rule shows what was done.
inline void note(RuleContext& ctx, const std::string& title, const std::string& text) {
  ctx.transcript().note(title + indented(text));
}

// MDL-01

/// A call whose outcome is not one that is allowed.
class Difference {
public:
  Difference() = default;

  std::size_t call = 0;
  json actual;
  /// What is allowed for each call of the program, up to that one.
  std::vector<std::string> allowed;
};

/// Each write of two keys by each method that the store has, and around each all reads of them:
/// what a read has seen before must not be its answer afterwards.
class ReadsAroundWrites {
public:
  explicit ReadsAroundWrites(const GeneratorOptions& options) : options_(options) {}

  Program make() {
    if (options_.has_clock) {
      add(Kind::set_clock, "").time = first_time();
    }
    add(Kind::create_session, "s").user_id = "u";
    make_all();
    make_least();
    add(Kind::end_session, "s").text = "completed";
    make_all(); // of which the thread takes its part still
    make_least();
    if (options_.has_life_cycle) {
      add(Kind::close, "");
      add(Kind::initialize, "");
    }
    add(Kind::delete_session, "s");
    add(Kind::create_session, "s").user_id = "u";
    make_all();
    make_least();
    add(Kind::delete_thread, "s");
    add(Kind::delete_thread, "s too").target = "s";
    add(Kind::copy_thread, "s").target = "s too";
    make_all();
    if (options_.has_clock) {
      add(Kind::set_clock, "").time = first_time() + std::chrono::hours(48);
    }
    add(Kind::cleanup_expired_sessions, "").max_idle = std::chrono::hours(1);
    return std::move(program_);
  }

private:
  using Kind = Operation::Kind;

  /// The call if the store has it, with all reads behind the one before. It is changed by the
  /// caller, which is done with it when the next is added.
  Operation& add(Kind kind, const std::string& key) {
    read_all();
    const bool is_offered =
        kind == Kind::set_clock || method_of(kind).is_offered(options_.interfaces);
    if (!is_offered) {
      left_out_ = Operation(kind, key);
      return left_out_;
    }
    program_.emplace_back(kind, key);
    return program_.back();
  }
  void make_all() {
    ++round_;
    add(Kind::update_session, "s").update.increment_requests().updates(object("round", round_));
    Operation& message = add(Kind::add_conversation_message, "s");
    message.text = "user";
    message.content = "of round " + std::to_string(round_);
    add(Kind::store_task_context, "s").value = round_;
    for (const Kind kind : {Kind::store_checkpoint, Kind::put_checkpoint}) {
      for (const char* id : {"a", "b", "a", "c"}) { // one of them comes again
        Operation& store = add(kind, "s");
        store.checkpoint_id = id;
        store.value = std::to_string(++stored_);
      }
    }
    for (const char* id : {"b", "c"}) {
      Operation& put = add(Kind::put_writes, "s");
      put.checkpoint_id = id;
      put.task_id = "task";
      put.writes.emplace_back("x", json(round_));
    }
    add(Kind::copy_thread, "s").target = "s too";
    add(Kind::prune_thread, "s").limit = 2;
  }
  /// What hardly is anything, where there was something before.
  void make_least() {
    for (const json& value : least_values()) {
      for (const Kind kind :
           {Kind::update_session, Kind::add_conversation_message, Kind::store_task_context,
            Kind::store_checkpoint, Kind::put_checkpoint, Kind::put_writes}) {
        Operation call = with_least(method_of(kind).prepared("s"), value);
        call.checkpoint_id = "a";
        add(kind, "s") = std::move(call);
      }
    }
  }
  void read_all() {
    for (const char* key : {"s", "s too"}) {
      for (Operation& call : reads_about(options_.interfaces, key, {"u"}, {"a", "b", "c"})) {
        if (call.kind != Kind::read_archive) {
          program_.push_back(std::move(call));
        }
      }
    }
  }

  GeneratorOptions options_;
  Program program_;
  Operation left_out_;
  int round_ = 0;
  int stored_ = 0;
};

/// Runs programs on stores of their own.
class ModelCheck {
public:
  explicit ModelCheck(RuleContext& ctx) : ctx_(ctx) {}

  /// Runs a program that leaves nothing to chance: every read before and behind every write.
  void run_reads_around_writes();
  /// Runs `count` programs, or fewer if the store is so slow that it would take too long.
  void run(std::size_t count, std::size_t calls);

private:
  static constexpr std::chrono::seconds long_enough{6};

  /// Breaks the rule if an outcome is wrong, and shows the fewest calls that it takes.
  void run_and_shrink(const Program& program, const std::string& name);
  std::optional<Difference> run_program(const Program& program);
  std::optional<Difference> run_calls(Client& client, const Program& program);
  json make_call(Client& client, const Operation& operation);
  json read_by_hook(Client& client, const Operation& operation);
  bool skips(Client& client, const Model& model, const Operation& operation) const;
  GeneratorOptions options_of(Client& client) const;
  GeneratorOptions options_of_store();
  [[noreturn]] void report(const Program& program, const Difference& found,
                           const std::string& title);

  RuleContext& ctx_;
  std::size_t runs_ = 0;
};

inline GeneratorOptions ModelCheck::options_of(Client& client) const {
  AnyHarness& harness = ctx_.harness();
  GeneratorOptions options;
  options.interfaces = harness.interfaces();
  // Of several objects that make up a store, each may be opened and closed for itself.
  options.has_life_cycle = client.has_life_cycle() && client.handle().owners.size() == 1;
  options.has_clock = harness.has_clock();
  options.can_read_archive = harness.can_read_archive();
  return options;
}

inline bool ModelCheck::skips(Client& client, const Model& model,
                              const Operation& operation) const {
  if (operation.kind == Operation::Kind::read_archive &&
      client.handle().archive_reader == nullptr) {
    return !model.is_open() || operation.key.empty();
  }
  return !is_decided(model, operation);
}

/// A hook sees what is in the archive for good: that is certain once it has been closed.
inline json ModelCheck::read_by_hook(Client& client, const Operation& operation) {
  IPermanentStorageBackend& archive = *client.handle().archive;
  client.call("close()", archive.close());
  const std::vector<ArchiveRecord> records =
      ctx_.read_archive(client, operation.archive_kind, operation.key);
  client.call("initialize()", archive.initialize());
  return pages_of(records, operation.limit);
}

inline json ModelCheck::make_call(Client& client, const Operation& operation) {
  if (operation.kind == Operation::Kind::set_clock) {
    ctx_.set_clock(operation.time.value_or(Timestamp()));
    return json();
  }
  if (operation.kind == Operation::Kind::read_archive &&
      client.handle().archive_reader == nullptr) {
    return read_by_hook(client, operation);
  }
  return client.call(show(operation), apply(client.handle(), operation));
}

inline std::optional<Difference> ModelCheck::run_calls(Client& client, const Program& program) {
  Model model(client.has_sessions());
  if (ctx_.has_clock()) { // shrunk, a program may have lost the call that did it first
    ctx_.set_clock(first_time());
    model.set_clock(first_time());
  }
  Difference found;
  for (const Operation& operation : program) {
    found.call = found.allowed.size();
    if (skips(client, model, operation)) {
      found.allowed.emplace_back("not called: the contract does not decide it");
      continue;
    }
    const std::vector<json> allowed = allowed_outcomes(model, operation);
    std::string text = show(allowed.front());
    for (std::size_t i = 1; i < allowed.size(); ++i) {
      text += " or " + show(allowed[i]);
    }
    found.allowed.push_back(std::move(text));
    found.actual = make_call(client, operation);
    const auto is_actual = [&found](const json& outcome) {
      return identical(outcome, found.actual);
    };
    if (std::none_of(allowed.begin(), allowed.end(), is_actual)) {
      return found;
    }
  }
  return std::nullopt;
}

inline std::optional<Difference> ModelCheck::run_program(const Program& program) {
  Client client = ctx_.open_in(ctx_.space() + "-m" + std::to_string(++runs_));
  std::optional<Difference> found;
  try {
    found = run_calls(client, program);
  } catch (const Timeout&) {
    note(ctx_, "the program, as code:", to_code(program));
    throw;
  }
  ctx_.close(client);
  return found;
}

inline GeneratorOptions ModelCheck::options_of_store() {
  Client client = ctx_.open();
  const GeneratorOptions options = options_of(client);
  ctx_.close(client);
  return options;
}

inline void ModelCheck::run_reads_around_writes() {
  run_and_shrink(ReadsAroundWrites(options_of_store()).make(), "all reads around each write");
}

inline void ModelCheck::run(std::size_t count, std::size_t calls) {
  constexpr std::size_t at_least = 10;
  const GeneratorOptions options = options_of_store();
  const UndelayedTimer time;
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= at_least && time.elapsed() > long_enough) {
      return;
    }
    const std::uint64_t seed = ctx_.random()();
    run_and_shrink(ProgramGenerator(options, seed).make(calls),
                   "program " + std::to_string(i + 1) + " of " + std::to_string(count) + " (seed " +
                       std::to_string(seed) + ")");
  }
}

inline void ModelCheck::run_and_shrink(const Program& program, const std::string& name) {
  std::optional<Difference> found = run_program(program);
  if (!found) {
    return;
  }
  Program failing(program.begin(), program.begin() + static_cast<std::ptrdiff_t>(found->call) + 1);
  const UndelayedTimer time;
  const auto fails = [&](const Program& smaller) {
    if (time.elapsed() > long_enough) {
      return false;
    }
    const std::optional<Difference> again = run_program(smaller);
    found = again ? again : found;
    return again.has_value();
  };
  const Program smallest = shrink(failing, fails);
  // Once more, for the calls that the message shows; and in case that nothing failed again.
  if (const std::optional<Difference> again = run_program(smallest)) {
    found = again;
  }
  report(smallest, *found,
         name + ", shrunk from " + std::to_string(program.size()) + " calls to " +
             std::to_string(smallest.size()) + ", as code:");
}

inline void ModelCheck::report(const Program& program, const Difference& found,
                               const std::string& title) {
  const std::size_t call = std::min(found.call, program.size() - 1);
  std::vector<std::string> notes = found.allowed;
  notes.resize(call + 1);
  notes[call] += ", came " + show(found.actual);
  note(ctx_, title, to_code(program, notes));
  throw Violation(found.allowed.back() + " from " + show(program[call]) + ", call " +
                      std::to_string(call + 1) + " of " + std::to_string(program.size()),
                  show(found.actual));
}

// CNC-01

/// Makes the calls that clients make at once on one session.
class ConcurrentPrograms {
public:
  ConcurrentPrograms(unsigned interfaces, std::mt19937_64& random)
      : interfaces_(interfaces), random_(random) {}

  enum class Workload {
    updates, ///< mostly updates, of a session that is there
    life,    ///< creates and ends between them
    removal, ///< creates and deletes
    all,     ///< what else a session has, too
  };

  std::vector<Program> make(const std::string& session_id, Workload workload) {
    std::vector<Program> programs(6);
    for (std::size_t client = 0; client < programs.size(); ++client) {
      const std::size_t calls = 2 + random_() % 3;
      for (std::size_t i = 0; i < calls; ++i) {
        const std::string name = std::to_string(client) + "." + std::to_string(i);
        programs[client].push_back(call(session_id, workload, name));
      }
    }
    return programs;
  }

private:
  using Kind = Operation::Kind;

  Kind choose(Workload workload) {
    static constexpr std::array updates = {Kind::update_session, Kind::update_session,
                                           Kind::update_session, Kind::get_session};
    static constexpr std::array life = {
        Kind::create_session, Kind::create_session, Kind::update_session, Kind::update_session,
        Kind::get_session,    Kind::get_session,    Kind::end_session};
    static constexpr std::array removal = {
        Kind::create_session, Kind::create_session, Kind::update_session, Kind::update_session,
        Kind::get_session,    Kind::get_session,    Kind::delete_session, Kind::delete_session};
    static constexpr std::array all = {Kind::update_session,
                                       Kind::get_session,
                                       Kind::end_session,
                                       Kind::add_conversation_message,
                                       Kind::add_conversation_message,
                                       Kind::get_conversation_history,
                                       Kind::store_task_context,
                                       Kind::get_task_context};
    for (;;) {
      const Kind kind = workload == Workload::updates   ? updates[random_() % updates.size()]
                        : workload == Workload::life    ? life[random_() % life.size()]
                        : workload == Workload::removal ? removal[random_() % removal.size()]
                                                        : all[random_() % all.size()];
      if ((interfaces_ & interface_of(kind)) != 0) {
        return kind;
      }
    }
  }

  static unsigned interface_of(Kind kind) {
    switch (kind) {
    case Kind::add_conversation_message:
    case Kind::get_conversation_history:
      return Interfaces::conversations;
    case Kind::store_task_context:
    case Kind::get_task_context:
      return Interfaces::contexts;
    case Kind::delete_session:
      return Interfaces::session_directory;
    default:
      return Interfaces::sessions;
    }
  }

  /// What is stored is different in each call, so that a read tells whose it is.
  Operation call(const std::string& session_id, Workload workload, const std::string& name) {
    Operation made(choose(workload), session_id);
    switch (made.kind) {
    case Kind::create_session:
      made.user_id = "user " + name;
      break;
    case Kind::update_session:
      made.update.increment_requests().updates(object(name, true));
      made.update.mark_error(random_() % 2 == 0);
      made.update.add_processing_time(std::chrono::microseconds(random_() % 2));
      break;
    case Kind::end_session:
      made.text = "ended " + name;
      break;
    case Kind::add_conversation_message:
      made.text = "user";
      made.content = name;
      break;
    case Kind::get_conversation_history:
      made.limit = 1000;
      break;
    case Kind::store_task_context:
      made.value = name;
      break;
    default:
      break;
    }
    return made;
  }

  unsigned interfaces_;
  std::mt19937_64& random_;
};

/// The handles that clients are spread over: two, where the store says that they may be.
inline std::vector<Client> concurrent_handles(RuleContext& ctx) {
  std::vector<Client> handles;
  handles.push_back(ctx.open());
  if (ctx.harness().claims().has_shared_handles()) {
    handles.push_back(ctx.open());
  }
  return handles;
}

inline void throw_if(RuleContext& ctx, const std::optional<Violation>& violation,
                     const History& history) {
  if (violation) {
    note(ctx,
         "the calls made at once, with the events at which each began and ended:", show(history));
    throw Violation(violation->expected, violation->actual);
  }
}

/// Of 16 rounds the last four are on threads, of the others every second is on two handles. Where
/// sessions can be deleted, ten more come before them.
inline void check_order_of_calls(RuleContext& ctx, std::vector<Client>& handles) {
  const std::size_t removals = ctx.offers(Interfaces::session_directory) ? 10 : 0;
  const std::size_t rounds = removals + 16;
  constexpr std::size_t on_threads = 4;
  const unsigned interfaces = ctx.harness().interfaces();
  const bool has_sessions = ctx.offers(Interfaces::sessions);
  const std::vector<Client> one(handles.begin(), handles.begin() + 1);
  ConcurrentPrograms concurrent(interfaces, ctx.random());
  for (std::size_t round = 0; round < rounds; ++round) {
    using Workload = ConcurrentPrograms::Workload;
    const std::string id = "crowd " + std::to_string(round);
    const std::size_t turn = (round - removals) % 4;
    const Workload workload = round < removals ? Workload::removal
                              : !has_sessions  ? Workload::all
                              : turn == 3      ? Workload::all
                              : turn == 2      ? Workload::life
                                               : Workload::updates;
    const std::vector<Program> programs = concurrent.make(id, workload);
    Model before(has_sessions);
    if (has_sessions && workload != Workload::life) {
      handles.front().create_session(id, "user");
      before.create_session(id, "user", json::object());
    }
    History history;
    if (round < rounds - on_threads) {
      history = interleave(round % 2 == 0 ? one : handles, programs, ctx.random());
    } else {
      history = race(ctx, handles, programs);
    }
    Client& last = handles.back();
    if (has_sessions) {
      make_last_call(last, Operation(Operation::Kind::get_session, id), history);
    }
    if (workload == Workload::all && ctx.offers(Interfaces::conversations)) {
      Operation read(Operation::Kind::get_conversation_history, id);
      read.limit = 1000;
      make_last_call(last, read, history);
    }
    if (workload == Workload::all && ctx.offers(Interfaces::contexts)) {
      make_last_call(last, Operation(Operation::Kind::get_task_context, id), history);
    }
    throw_if(ctx, find_disorder(before, history, ctx.deadline()), history);
  }
}

/// Each two calls that change a session, at once, on a session that has something of everything. It
/// is the only one in its space, so that all sessions are removed and counted with it.
class PairsOfCalls {
public:
  explicit PairsOfCalls(RuleContext& ctx) : ctx_(ctx) {
    const std::string space = ctx.space() + "-p";
    handles_.push_back(ctx.open_in(space));
    if (ctx.harness().claims().has_shared_handles()) {
      handles_.push_back(ctx.open_in(space));
    }
  }

  void check_all() {
    static constexpr std::array kinds = {
        Kind::create_session,          Kind::update_session,           Kind::end_session,
        Kind::store_task_context,      Kind::add_conversation_message, Kind::delete_session,
        Kind::cleanup_expired_sessions};
    for (const Kind one : kinds) {
      for (const Kind other : kinds) {
        check_if_offered(one, other);
      }
    }
    // A removal is no removal of a part to whoever reads meanwhile.
    for (const Kind removal : {Kind::delete_session, Kind::cleanup_expired_sessions}) {
      for (const Kind read :
           {Kind::get_session, Kind::get_conversation_history, Kind::get_task_context}) {
        check_if_offered(removal, read);
      }
    }
  }

private:
  using Kind = Operation::Kind;

  bool is_offered(Kind kind) const {
    return method_of(kind).is_offered(ctx_.harness().interfaces());
  }
  void check_if_offered(Kind one, Kind other) {
    if (is_offered(one) && is_offered(other)) {
      check(one, other);
    }
  }

  /// What is stored is different in each call, so that a read tells whose it is.
  Operation call(Kind kind, const std::string& name) const {
    Operation made = method_of(kind).prepared(id_);
    made.user_id = "user " + name;
    made.max_idle = std::chrono::microseconds(0);
    made.update.increment_requests().updates(object(name, true));
    made.value = name;
    if (kind == Kind::end_session) {
      made.text = "ended by " + name;
    } else if (kind == Kind::add_conversation_message) {
      made.content = name;
    }
    return made;
  }

  void check(Kind one, Kind other) {
    id_ = "pair " + std::to_string(++count_);
    Model before(true);
    for (const Kind kind :
         {Kind::create_session, Kind::update_session, Kind::add_conversation_message,
          Kind::add_conversation_message, Kind::store_task_context}) {
      if (is_offered(kind)) {
        const Operation fill = call(kind, "first");
        apply(before, fill);
        handles_.front().call(show(fill), apply(handles_.front().handle(), fill));
      }
    }
    // Neither is driven before both have begun.
    History history;
    history.push_back(begun(0, call(one, "one"), 1));
    history.push_back(begun(1, call(other, "other"), 2));
    std::vector<Pending<json>> pending;
    for (const Call& made : history) {
      Client& client = made.client == 0 ? handles_.front() : handles_.back();
      pending.push_back(
          client.driver().start(show(made.operation), apply(client.handle(), made.operation)));
    }
    for (std::size_t i = 0; i < history.size(); ++i) {
      history[i].outcome = handles_.front().driver().finish(pending[i]);
      history[i].end = 3;
    }
    // Made afresh, a session that is gone has nothing of what was there.
    for (const Kind kind :
         {Kind::get_session, Kind::get_conversation_history, Kind::get_task_context,
          Kind::get_metrics, Kind::create_session, Kind::get_session,
          Kind::get_conversation_history, Kind::get_task_context}) {
      if (is_offered(kind)) {
        make_last_call(handles_.back(), call(kind, "last"), history);
      }
    }
    throw_if(ctx_, find_disorder(before, history, ctx_.deadline()), history);
    if (ctx_.offers(Interfaces::backend)) {
      handles_.front().cleanup(std::chrono::microseconds(0));
    }
  }

  RuleContext& ctx_;
  std::vector<Client> handles_;
  std::string id_;
  int count_ = 0;
};

/// Four writers and two readers of one conversation.
inline void check_order_of_appends(RuleContext& ctx, std::vector<Client>& handles) {
  constexpr std::size_t rounds = 6;
  constexpr std::size_t on_threads = 2;
  constexpr std::size_t writers = 4;
  constexpr std::size_t readers = 2;
  constexpr std::size_t calls = 6;
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::string id = "choir " + std::to_string(round);
    ctx.need_session(handles.front(), id);
    Operation read(Operation::Kind::get_conversation_history, id);
    read.limit = 1000;
    std::vector<Program> programs(writers + readers, Program(calls, read));
    for (std::size_t writer = 0; writer < writers; ++writer) {
      for (std::size_t i = 0; i < calls; ++i) {
        Operation& append = programs[writer][i];
        append.kind = Operation::Kind::add_conversation_message;
        append.text = i % 2 == 0 ? "user" : "assistant";
        append.content = std::to_string(writer) + "." + std::to_string(i);
        append.metadata = object("writer", writer);
      }
    }
    History history = round < rounds - on_threads ? interleave(handles, programs, ctx.random())
                                                  : race(ctx, handles, programs);
    make_last_call(handles.back(), read, history);
    throw_if(ctx, find_lost_append(history), history);
  }
}

// CNC-02

inline void check_creates_of_one(RuleContext& ctx, Client& client, const std::string& id,
                                 const History& history) {
  std::size_t made = 0;
  json winner;
  for (const Call& call : history) {
    if (call.operation.key != id) {
      continue;
    }
    if (call.outcome.contains("user_id")) {
      ++made;
      winner = call.outcome;
    } else if (!identical(call.outcome, outcome_of(errc::already_exists))) {
      throw_if(ctx,
               Violation(show(outcome_of(errc::already_exists)) + " from all creates of " +
                             show(id) + " but one",
                         show(call.outcome)),
               history);
    }
  }
  if (made != 1) {
    throw_if(ctx,
             Violation("one of the concurrent creates of " + show(id) + " to succeed",
                       std::to_string(made)),
             history);
  }
  const Session stored = ctx.must(client.get_session(id), "the session that was created");
  if (!identical(outcome_of(stored), winner)) {
    throw_if(ctx,
             Violation("the session of the create that succeeded, " + show(winner),
                       show(outcome_of(stored))),
             history);
  }
}

inline void check_creates(RuleContext& ctx) {
  constexpr std::size_t clients = 6;
  constexpr std::size_t rounds = 8;
  constexpr std::size_t on_threads = 3;
  constexpr std::size_t ids = 4;
  std::vector<Client> handles = concurrent_handles(ctx);
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::string> names;
    std::vector<Program> programs(clients);
    for (std::size_t i = 0; i < ids; ++i) {
      names.push_back("round " + std::to_string(round) + " session " + std::to_string(i));
      for (std::size_t client = 0; client < clients; ++client) {
        programs[client].emplace_back(Operation::Kind::create_session, names.back());
        programs[client].back().user_id = "client " + std::to_string(client);
        programs[client].back().metadata = object("client", client);
      }
    }
    const History history = round < rounds - on_threads
                                ? interleave(handles, programs, ctx.random())
                                : race(ctx, handles, programs);
    for (const std::string& name : names) {
      check_creates_of_one(ctx, handles.back(), name, history);
    }
  }
}

} // namespace detail

template <class>
std::vector<Rule> random_rules() {
  constexpr unsigned of_a_session =
      Interfaces::sessions | Interfaces::conversations | Interfaces::contexts;
  return {
      Rule("MDL-01", needs::anything,
           "whatever the sequence of calls, the answers are those of a simple sequential model",
           "run the program shown; every call in it is needed for the wrong answer",
           [](RuleContext& ctx) {
             detail::ModelCheck check(ctx);
             check.run_reads_around_writes();
             check.run(100, 40);
           }),
      Rule("CNC-01", Needs().any(of_a_session),
           "the operations on one session are linearizable, appends to its conversation included",
           "a step between read and write lets another call in: make it one step",
           [](RuleContext& ctx) {
             std::vector<Client> handles = detail::concurrent_handles(ctx);
             if (ctx.offers(Interfaces::sessions)) {
               detail::PairsOfCalls(ctx).check_all();
             }
             detail::check_order_of_calls(ctx, handles);
             if (ctx.offers(Interfaces::conversations)) {
               detail::check_order_of_appends(ctx, handles);
             }
           }),
      Rule("CNC-02", needs::sessions,
           "of concurrent creates of one id exactly one succeeds, the others throw already_exists",
           "looking for the id and inserting it must be one step",
           [](RuleContext& ctx) { detail::check_creates(ctx); }),
  };
}

} // namespace agentstore::conformance

#endif
