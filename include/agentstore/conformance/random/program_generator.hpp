// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RANDOM_PROGRAM_GENERATOR_HPP
#define AGENTSTORE_CONFORMANCE_RANDOM_PROGRAM_GENERATOR_HPP

/// \file
/// Programs of random calls.

#include <agentstore/conformance/methods/call_text.hpp>
#include <agentstore/conformance/random/normalize.hpp>

#include <random>

namespace agentstore::conformance {

/// Which calls a program may have.
class GeneratorOptions {
public:
  GeneratorOptions() = default;

  /// What the store offers, as bits of `Interfaces`.
  unsigned interfaces = 0;
  /// Whether `initialize` and `close` are those of the whole store.
  bool has_life_cycle = false;
  /// Whether the clock can be set.
  bool has_clock = false;
  /// Whether the archive can be read.
  bool can_read_archive = false;
};

/// Makes random calls over so few ids and values that they meet. The same seed gives the same calls
/// with any compiler. Ids and values are harmless, so that a store that is known to refuse some is
/// not in the way of the rest. A few calls have an argument that every store refuses.
class ProgramGenerator {
public:
  ProgramGenerator(GeneratorOptions options, std::uint64_t seed)
      : options_(options), random_(seed) {}

  Program make(std::size_t calls);

private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  template <std::size_t N>
  std::string one_of(const std::array<const char*, N>& pool) {
    return pool[below(N)];
  }
  bool may(const Method& method) const;
  Operation::Kind choose();
  Operation make_call(Operation::Kind kind);
  void make_argument(Operation& made, Parameter parameter);
  void make_invalid(Operation& operation);
  void read_after(Program& program);
  json value(std::size_t depth = 2);
  json object(std::size_t depth = 2);
  std::string session_id();
  std::string checkpoint_id();
  std::string content();
  std::size_t limit();
  bool by_checkpointer();
  SessionUpdate update();
  std::vector<ChannelWrite> writes();
  std::chrono::microseconds max_idle();

  GeneratorOptions options_;
  std::mt19937_64 random_;
  std::string hot_id_; // the id that every second call is about
  bool closed_ = false;
};

// Only machinery below this line.

namespace detail {

/// The time at which a clock that can be set begins.
inline Timestamp first_time() {
  return from_iso8601("2031-01-01T00:00:00Z");
}

} // namespace detail

inline bool ProgramGenerator::may(const Method& method) const {
  switch (method.id) {
  case MethodId::initialize:
  case MethodId::close:
    return options_.has_life_cycle && method.is_offered(options_.interfaces);
  case MethodId::read_archive: // by IArchiveReader, or by a hook of the harness
    return options_.can_read_archive && (options_.interfaces & Interfaces::archive) != 0;
  case MethodId::set_clock:
    return options_.has_clock && (options_.interfaces & Interfaces::backend) != 0;
  default:
    return method.is_offered(options_.interfaces);
  }
}

inline Operation::Kind ProgramGenerator::choose() {
  // Calls on a closed store all have the same answer: a few of them are enough.
  if (closed_ && below(3) == 0) {
    return Operation::Kind::initialize;
  }
  std::size_t total = 0;
  for (const Method& method : methods()) {
    total += may(method) ? method.weight : 0;
  }
  std::size_t left = below(total);
  for (const Method& method : methods()) {
    const std::size_t weight = may(method) ? method.weight : 0;
    if (left < weight) {
      return method.id;
    }
    left -= weight;
  }
  throw std::logic_error("a program without any method to call");
}

inline Program ProgramGenerator::make(std::size_t calls) {
  using Kind = Operation::Kind;
  Program program;
  if (options_.has_clock) {
    program.emplace_back(Kind::set_clock);
    program.back().time = detail::first_time();
  }
  hot_id_ = one_of(std::array{"a", "b", "a:b"});
  if ((options_.interfaces & Interfaces::sessions) != 0 && below(4) != 0) {
    program.push_back(make_call(Kind::create_session));
    program.back().key = hot_id_;
  }
  while (program.size() < calls) {
    if (!program.empty() && below(10) == 0) {
      const Operation again = program.back(); // as a client repeats a call whose answer was lost
      program.push_back(again);
      continue;
    }
    const Kind kind = choose();
    program.push_back(make_call(kind));
    if (kind == Kind::close || kind == Kind::initialize) {
      closed_ = kind == Kind::close;
    } else if (below(24) == 0) {
      make_invalid(program.back());
    } else if (below(2) == 0) {
      read_after(program);
    }
  }
  return program;
}

/// Adds a read of what the last call may have changed.
inline void ProgramGenerator::read_after(Program& program) {
  using Kind = Operation::Kind;
  const Operation last = program.back();
  Kind kind = Kind::get_session;
  switch (last.kind) {
  case Kind::create_session:
  case Kind::update_session:
  case Kind::end_session:
    break;
  case Kind::add_conversation_message:
    kind = Kind::get_conversation_history;
    break;
  case Kind::store_checkpoint:
  case Kind::put_checkpoint:
    kind = below(2) == 0 ? Kind::get_checkpoint : Kind::list_checkpoints;
    break;
  case Kind::put_writes:
    kind = Kind::get_writes;
    break;
  case Kind::store_task_context:
    kind = Kind::get_task_context;
    break;
  case Kind::cleanup_expired_sessions:
    kind = std::array{Kind::get_session, Kind::get_conversation_history, Kind::get_task_context,
                      Kind::list_checkpoints}[below(4)];
    if ((options_.interfaces & Interfaces::checkpointer) != 0 && below(3) == 0) {
      kind = Kind::get_writes;
    }
    program.push_back(make_call(kind));
    return;
  case Kind::delete_session:
    kind = std::array{Kind::get_session, Kind::list_sessions}[below(2)];
    break;
  case Kind::delete_thread:
  case Kind::copy_thread:
  case Kind::prune_thread:
    kind = std::array{Kind::list_checkpoints, Kind::list_checkpoints_before, Kind::get_thread_head,
                      Kind::list_threads}[below(4)];
    break;
  default:
    if (!method_of(last.kind).is_archive() || !options_.can_read_archive) {
      return;
    }
    kind = Kind::read_archive;
    break;
  }
  Operation read = make_call(kind);
  if (kind == Kind::list_sessions || kind == Kind::list_threads) {
    program.push_back(std::move(read)); // their keys are none of a session or a thread
    return;
  }
  read.key = last.kind == Kind::copy_thread ? last.target : last.key;
  if (kind == Kind::get_writes) {
    read.checkpoint_id = last.checkpoint_id;
  }
  if (kind == Kind::read_archive) {
    read.archive_kind = method_of(last.kind).archive_kind();
  }
  program.push_back(std::move(read));
}

inline Operation ProgramGenerator::make_call(Operation::Kind kind) {
  const Method& method = method_of(kind);
  Operation made(kind);
  if (!method.id_names().empty()) {
    made.key = session_id();
  }
  if (method.is_archive() && below(2) == 0) {
    made.time = detail::given_times()[below(2)];
  }
  for (const Parameter parameter : method) {
    make_argument(made, parameter);
  }
  if (method.functions[1].interface == Interfaces::checkpointer) {
    made.as_checkpointer = by_checkpointer();
  }
  return made;
}

/// Requires: the call already has its first id, if the method has ids.
inline void ProgramGenerator::make_argument(Operation& made, Parameter parameter) {
  switch (parameter) {
  case Parameter::listed_user_id:
    made.key = one_of(std::array{"u", "v"});
    break;
  case Parameter::prefix:
    made.key = one_of(std::array{"", "a", "a:", "b"});
    break;
  case Parameter::target:
    made.target = session_id();
    break;
  case Parameter::user_id:
    made.user_id = one_of(std::array{"u", "v"});
    break;
  case Parameter::optional_checkpoint_id:
    if (below(2) == 0) {
      made.checkpoint_id = checkpoint_id();
    }
    break;
  case Parameter::checkpoint_id:
    made.checkpoint_id = checkpoint_id();
    break;
  case Parameter::task_id:
    made.task_id = one_of(std::array{"t", "s"});
    break;
  case Parameter::status:
    made.text = one_of(std::array{"done", "failed"});
    break;
  case Parameter::role:
    made.text = one_of(std::array{"user", "tool"});
    break;
  case Parameter::event_type:
    made.text = one_of(std::array{"created", "ended"});
    break;
  case Parameter::content:
    made.content = content();
    break;
  case Parameter::metadata: // messages often have none
    if (!method_of(made.kind).has(Parameter::role) || below(2) == 0) {
      made.metadata = object();
    }
    break;
  case Parameter::updates:
    made.update = update();
    break;
  case Parameter::writes:
    made.writes = writes();
    break;
  case Parameter::limit:
  case Parameter::keep:
  case Parameter::page:
    made.limit = limit();
    break;
  case Parameter::max_idle:
    made.max_idle = max_idle();
    break;
  case Parameter::archive_kind:
    made.archive_kind = static_cast<ArchiveKind>(below(6));
    break;
  case Parameter::clock:
    made.time = detail::first_time() + std::chrono::minutes(10 * static_cast<int>(below(16)));
    break;
  default:
    if (takes_json(parameter)) {
      made.value = value();
    }
  }
}

inline bool ProgramGenerator::by_checkpointer() {
  const bool has_both = (options_.interfaces & Interfaces::checkpoints) != 0 &&
                        (options_.interfaces & Interfaces::checkpointer) != 0;
  return has_both ? below(2) == 0 : (options_.interfaces & Interfaces::checkpointer) != 0;
}

/// Makes one argument one that every store refuses.
inline void ProgramGenerator::make_invalid(Operation& operation) {
  const Method& method = method_of(operation.kind);
  const bool one_way = below(2) == 0;
  if (method.has(Parameter::max_idle)) {
    operation.max_idle = std::chrono::microseconds(-1);
  } else if (method.has(Parameter::updates)) {
    if (one_way) {
      operation.update.add_processing_time(std::chrono::microseconds(-1));
    } else {
      operation.update.updates(json::array());
    }
  } else if (method.has(Parameter::status)) {
    operation.text = one_way ? "" : "active";
  } else if (method.has(Parameter::page)) {
    operation.limit = one_way ? 0 : 1001;
  } else if (method.kind == MethodKind::reads && operation.checkpoint_id) {
    operation.checkpoint_id = "";
  } else if (method.has(Parameter::metadata) && !one_way) {
    operation.metadata = json::array();
  } else if (method.has(Parameter::writes) && !one_way) {
    operation.writes.emplace_back("", json());
  } else if (method.has(Parameter::target) && !one_way) {
    operation.target.clear();
  } else if (!method.id_names().empty()) {
    operation.key.clear();
  }
}

inline json ProgramGenerator::value(std::size_t depth) {
  // Objects in objects are what merging is about.
  if (depth != 0 && below(2) == 0) {
    return object(depth - 1);
  }
  switch (below(depth == 0 ? 6 : 7)) {
  case 0:
    return json();
  case 1:
    return json(true);
  case 2:
    return json(-7);
  case 3:
    return json(below(3));
  case 4:
    return json(0.5);
  case 5:
    return json(content());
  default: {
    json array = json::array();
    for (std::size_t left = below(3); left != 0; --left) {
      array.push_back(value(depth - 1));
    }
    return array;
  }
  }
}

inline json ProgramGenerator::object(std::size_t depth) {
  json object = json::object();
  for (std::size_t left = below(4); left != 0; --left) {
    const std::string name = one_of(std::array{"k", "l", "status"});
    object[name] = value(depth);
  }
  return object;
}

inline std::string ProgramGenerator::session_id() {
  return below(2) == 0 ? hot_id_ : one_of(std::array{"a", "b", "a:b"});
}

inline std::string ProgramGenerator::checkpoint_id() {
  return one_of(std::array{"c", "d", "b:c"});
}

inline std::string ProgramGenerator::content() {
  return one_of(std::array{"", "hi", "it's \"\xc3\xa9\"\n", "%s"});
}

inline std::size_t ProgramGenerator::limit() {
  static constexpr std::array<std::size_t, 5> limits = {0, 1, 2, 3, 1000};
  return limits[below(limits.size())];
}

inline SessionUpdate ProgramGenerator::update() {
  SessionUpdate update;
  if (below(2) == 0) {
    update.updates(object());
  }
  update.increment_requests(below(2) == 0);
  update.mark_error(below(3) == 0);
  if (below(3) == 0) {
    update.add_processing_time(std::chrono::microseconds(below(2) == 0 ? 3 : 1'500'000));
  }
  return update;
}

inline std::vector<ChannelWrite> ProgramGenerator::writes() {
  std::vector<ChannelWrite> writes;
  for (std::size_t left = below(4); left != 0; --left) {
    std::string channel = one_of(std::array{"x", "x", "y", "y", "__error__", "__scheduled__",
                                            "__interrupt__", "__resume__"});
    writes.emplace_back(std::move(channel), value(1));
  }
  return writes;
}

/// Without a clock, only limits that no clock decides: all sessions, or none.
inline std::chrono::microseconds ProgramGenerator::max_idle() {
  constexpr auto decades = std::chrono::hours(24 * 365 * 40);
  switch (below(options_.has_clock ? 4 : 2)) {
  case 0:
    return std::chrono::microseconds(0);
  case 1:
    return decades;
  case 2:
    return std::chrono::minutes(30);
  default:
    return std::chrono::minutes(10);
  }
}

} // namespace agentstore::conformance

#endif
