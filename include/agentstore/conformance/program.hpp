// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_PROGRAM_HPP
#define AGENTSTORE_CONFORMANCE_PROGRAM_HPP

/// \file
/// Programs of random calls, and what comes of a call on a store and on the model.

#include <agentstore/conformance/model.hpp>
#include <agentstore/conformance/operation.hpp>

#include <array>
#include <random>

namespace agentstore::conformance {

/// Which calls a program may have.
class Abilities {
public:
  Abilities() = default;

  /// What the store offers, as bits of `Interfaces`.
  unsigned interfaces = 0;
  /// Whether `initialize` and `close` are those of the whole store.
  bool has_life_cycle = false;
  /// Whether the clock can be set.
  bool has_clock = false;
  /// Whether the archive can be read.
  bool can_read_archive = false;
};

/// Makes random calls over so few ids and values that they meet: the same for the same seed, with
/// any compiler. Ids and values are harmless ones, so that a store which is known to refuse some is
/// not in the way of all else. A few calls have an argument that is refused whatever the store.
class ProgramMaker {
public:
  ProgramMaker(Abilities abilities, std::uint64_t seed) : abilities_(abilities), random_(seed) {}

  Program make(std::size_t calls);

private:
  struct Choice {
    Operation::Kind kind;
    unsigned weight;
    unsigned interfaces; // one of these has the method
  };
  static const std::array<Choice, 34>& choices();

  std::size_t below(std::size_t bound) { return random_() % bound; }
  template <std::size_t N>
  std::string one_of(const std::array<const char*, N>& pool) {
    return pool[below(N)];
  }
  bool may(const Choice& choice) const;
  Operation::Kind choose();
  Operation make_call(Operation::Kind kind);
  void spoil(Operation& operation);
  void read_after(Program& program);
  static bool is_append_to_archive(Operation::Kind kind);
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

  Abilities abilities_;
  std::mt19937_64 random_;
  std::string favourite_; // the id that every second call is about
  bool closed_ = false;
};

/// What came of a call in a form that can be compared: of a record, all but what the contract
/// leaves open, that is times and versions, and the values of sequences; of an error, its meaning.
json outcome_of(bool answer);
json outcome_of(const Session& session);
json outcome_of(const Message& message);
json outcome_of(const Checkpoint& checkpoint);
json outcome_of(const PendingWrite& write);
json outcome_of(const ArchiveRecord& record);
json outcome_of(const Health& health);
json outcome_of(const Metrics& metrics);
json outcome_of(const std::exception_ptr& error);
json outcome_of(errc error);

/// Makes the call on a store and gives its outcome; never throws for what the store throws.
awaitable<json> execute(Handle& handle, Operation operation);

/// Makes the call on the model.
json execute(Model& model, const Operation& operation);

/// Makes the call on the model; gives all outcomes that are allowed. They are several where an
/// argument is invalid and the call would be refused without that too: either may come first.
std::vector<json> allowed_outcomes(Model& model, const Operation& operation);

/// Whether the contract says what must come of the call.
bool is_decided(const Model& model, const Operation& operation);

// Only machinery below this line.

namespace detail {

/// Times that archive records are given; any other must be the archive's own.
inline const std::array<Timestamp, 2>& given_times() {
  static const std::array<Timestamp, 2> times = {from_iso8601("2001-02-03T04:05:06.789012Z"),
                                                 from_iso8601("1999-12-31T23:59:59.999999Z")};
  return times;
}

/// Where the clock begins, when it is one that can be set.
inline Timestamp first_time() {
  return from_iso8601("2031-01-01T00:00:00Z");
}

} // namespace detail

inline const std::array<ProgramMaker::Choice, 34>& ProgramMaker::choices() {
  using Kind = Operation::Kind;
  constexpr unsigned either = Interfaces::checkpoints | Interfaces::checkpointer;
  constexpr unsigned life = Interfaces::backend | Interfaces::archive;
  static constexpr std::array<Choice, 34> all = {{
      {Kind::create_session, 9, Interfaces::sessions},
      {Kind::get_session, 6, Interfaces::sessions},
      {Kind::update_session, 9, Interfaces::sessions},
      {Kind::end_session, 3, Interfaces::sessions},
      {Kind::add_conversation_message, 8, Interfaces::conversations},
      {Kind::get_conversation_history, 5, Interfaces::conversations},
      {Kind::store_checkpoint, 7, Interfaces::checkpoints},
      {Kind::put_checkpoint, 4, Interfaces::checkpointer},
      {Kind::get_checkpoint, 5, either},
      {Kind::list_checkpoints, 5, either},
      {Kind::put_writes, 7, Interfaces::checkpointer},
      {Kind::get_writes, 5, Interfaces::checkpointer},
      {Kind::get_task_context, 4, Interfaces::contexts},
      {Kind::store_task_context, 5, Interfaces::contexts},
      {Kind::list_sessions, 5, Interfaces::session_directory},
      {Kind::delete_session, 3, Interfaces::session_directory},
      {Kind::list_threads, 5, Interfaces::thread_directory},
      {Kind::delete_thread, 2, Interfaces::thread_directory},
      {Kind::copy_thread, 5, Interfaces::thread_directory},
      {Kind::prune_thread, 4, Interfaces::thread_directory},
      {Kind::list_checkpoints_before, 4, Interfaces::thread_directory},
      {Kind::initialize, 1, life},
      {Kind::close, 1, life},
      {Kind::health_check, 1, Interfaces::backend},
      {Kind::get_metrics, 4, Interfaces::backend},
      {Kind::cleanup_expired_sessions, 3, Interfaces::backend},
      {Kind::append_session_event, 3, Interfaces::archive},
      {Kind::append_conversation_message, 3, Interfaces::archive},
      {Kind::append_checkpoint, 3, Interfaces::archive},
      {Kind::append_checkpoint_writes, 3, Interfaces::archive},
      {Kind::append_conversation_session, 3, Interfaces::archive},
      {Kind::append_task_context_snapshot, 3, Interfaces::archive},
      {Kind::read_archive, 9, Interfaces::archive},
      {Kind::set_clock, 4, Interfaces::backend},
  }};
  return all;
}

inline bool ProgramMaker::may(const Choice& choice) const {
  using Kind = Operation::Kind;
  if ((abilities_.interfaces & choice.interfaces) == 0) {
    return false;
  }
  switch (choice.kind) {
  case Kind::initialize:
  case Kind::close:
    return abilities_.has_life_cycle;
  case Kind::read_archive:
    return abilities_.can_read_archive;
  case Kind::set_clock:
    return abilities_.has_clock;
  default:
    return true;
  }
}

inline Operation::Kind ProgramMaker::choose() {
  // Calls on a closed store all have the same answer: a few of them are enough.
  if (closed_ && below(3) == 0) {
    return Operation::Kind::initialize;
  }
  std::size_t total = 0;
  for (const Choice& choice : choices()) {
    total += may(choice) ? choice.weight : 0;
  }
  std::size_t left = below(total);
  for (const Choice& choice : choices()) {
    const std::size_t weight = may(choice) ? choice.weight : 0;
    if (left < weight) {
      return choice.kind;
    }
    left -= weight;
  }
  throw std::logic_error("a program without any method to call");
}

inline Program ProgramMaker::make(std::size_t calls) {
  using Kind = Operation::Kind;
  Program program;
  if (abilities_.has_clock) {
    program.emplace_back(Kind::set_clock);
    program.back().time = detail::first_time();
  }
  favourite_ = one_of(std::array{"a", "b", "a:b"});
  if ((abilities_.interfaces & Interfaces::sessions) != 0 && below(4) != 0) {
    program.push_back(make_call(Kind::create_session));
    program.back().key = favourite_;
  }
  while (program.size() < calls) {
    if (!program.empty() && below(10) == 0) {
      const Operation again = program.back(); // as a client does that did not get the answer
      program.push_back(again);
      continue;
    }
    const Kind kind = choose();
    program.push_back(make_call(kind));
    if (kind == Kind::close || kind == Kind::initialize) {
      closed_ = kind == Kind::close;
    } else if (below(24) == 0) {
      spoil(program.back());
    } else if (below(2) == 0) {
      read_after(program);
    }
  }
  return program;
}

/// Adds a read of what the last call may have changed.
inline void ProgramMaker::read_after(Program& program) {
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
    if ((abilities_.interfaces & Interfaces::checkpointer) != 0 && below(3) == 0) {
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
    kind = std::array{Kind::list_checkpoints, Kind::list_checkpoints_before,
                      Kind::list_threads}[below(3)];
    break;
  default:
    if (!is_append_to_archive(last.kind) || !abilities_.can_read_archive) {
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
    const int first = static_cast<int>(Kind::append_session_event);
    read.archive_kind = static_cast<ArchiveKind>(static_cast<int>(last.kind) - first);
  }
  program.push_back(std::move(read));
}

/// These six stand in the order of ArchiveKind.
inline bool ProgramMaker::is_append_to_archive(Operation::Kind kind) {
  return kind >= Operation::Kind::append_session_event &&
         kind <= Operation::Kind::append_task_context_snapshot;
}

inline Operation ProgramMaker::make_call(Operation::Kind kind) {
  using Kind = Operation::Kind;
  Operation made(kind);
  const bool on_whole_store =
      (kind >= Kind::initialize && kind <= Kind::cleanup_expired_sessions) ||
      kind == Kind::set_clock;
  if (!on_whole_store) {
    made.key = session_id();
  }
  if (is_append_to_archive(kind) && below(2) == 0) {
    made.time = detail::given_times()[below(2)];
  }
  switch (kind) {
  case Kind::get_session:
  case Kind::get_task_context:
  case Kind::initialize:
  case Kind::close:
  case Kind::health_check:
  case Kind::get_metrics:
    break;
  case Kind::create_session:
    made.user_id = one_of(std::array{"u", "v"});
    made.metadata = object();
    break;
  case Kind::update_session:
    made.update = update();
    break;
  case Kind::end_session:
    made.text = one_of(std::array{"done", "failed"});
    break;
  case Kind::add_conversation_message:
  case Kind::append_conversation_message:
    made.text = one_of(std::array{"user", "tool"});
    made.content = content();
    if (below(2) == 0) {
      made.metadata = object();
    }
    break;
  case Kind::get_conversation_history:
    made.limit = limit();
    break;
  case Kind::list_checkpoints:
    made.limit = limit();
    made.as_checkpointer = by_checkpointer();
    break;
  case Kind::get_checkpoint:
    if (below(2) == 0) {
      made.checkpoint_id = checkpoint_id();
    }
    made.as_checkpointer = by_checkpointer();
    break;
  case Kind::store_checkpoint:
  case Kind::put_checkpoint:
  case Kind::append_checkpoint:
    made.checkpoint_id = checkpoint_id();
    made.value = value();
    made.metadata = object();
    break;
  case Kind::list_sessions:
    made.key = one_of(std::array{"u", "v"});
    made.limit = limit();
    break;
  case Kind::list_threads:
    made.key = one_of(std::array{"", "a", "a:", "b"});
    made.limit = limit();
    break;
  case Kind::delete_session:
  case Kind::delete_thread:
    break;
  case Kind::copy_thread:
    made.target = session_id();
    break;
  case Kind::prune_thread:
    made.limit = limit();
    break;
  case Kind::list_checkpoints_before:
    made.checkpoint_id = checkpoint_id();
    made.limit = limit();
    break;
  case Kind::put_writes:
  case Kind::append_checkpoint_writes:
    made.checkpoint_id = checkpoint_id();
    made.task_id = one_of(std::array{"t", "s"});
    made.writes = writes();
    break;
  case Kind::get_writes:
    made.checkpoint_id = checkpoint_id();
    break;
  case Kind::cleanup_expired_sessions:
    made.max_idle = max_idle();
    break;
  case Kind::append_session_event:
    made.user_id = one_of(std::array{"u", "v"});
    made.text = one_of(std::array{"created", "ended"});
    made.value = value();
    break;
  case Kind::store_task_context:
  case Kind::append_conversation_session:
  case Kind::append_task_context_snapshot:
    made.value = value();
    break;
  case Kind::read_archive:
    made.archive_kind = static_cast<ArchiveKind>(below(6));
    made.limit = limit();
    break;
  case Kind::set_clock:
    made.time = detail::first_time() + std::chrono::minutes(10 * static_cast<int>(below(16)));
    break;
  }
  return made;
}

inline bool ProgramMaker::by_checkpointer() {
  const bool has_both = (abilities_.interfaces & Interfaces::checkpoints) != 0 &&
                        (abilities_.interfaces & Interfaces::checkpointer) != 0;
  return has_both ? below(2) == 0 : (abilities_.interfaces & Interfaces::checkpointer) != 0;
}

/// Makes one argument one that every store refuses.
inline void ProgramMaker::spoil(Operation& operation) {
  using Kind = Operation::Kind;
  const bool ids = below(2) == 0;
  switch (operation.kind) {
  case Kind::health_check:
  case Kind::get_metrics:
  case Kind::set_clock:
    return;
  case Kind::cleanup_expired_sessions:
    operation.max_idle = std::chrono::microseconds(-1);
    return;
  case Kind::update_session:
    if (ids) {
      operation.update.add_processing_time(std::chrono::microseconds(-1));
    } else {
      operation.update.updates(json::array());
    }
    return;
  case Kind::end_session:
    operation.text = ids ? "" : "active";
    return;
  case Kind::get_checkpoint:
  case Kind::list_checkpoints_before:
    operation.checkpoint_id = "";
    return;
  case Kind::list_sessions:
  case Kind::list_threads:
    operation.limit = ids ? 0 : 1001;
    return;
  case Kind::copy_thread:
    (ids ? operation.key : operation.target).clear();
    return;
  case Kind::create_session:
  case Kind::add_conversation_message:
  case Kind::store_checkpoint:
  case Kind::put_checkpoint:
  case Kind::append_conversation_message:
  case Kind::append_checkpoint:
    if (!ids) {
      operation.metadata = json::array();
      return;
    }
    break;
  case Kind::put_writes:
  case Kind::append_checkpoint_writes:
    if (!ids) {
      operation.writes.emplace_back("", json());
      return;
    }
    break;
  default:
    break;
  }
  operation.key.clear();
}

inline json ProgramMaker::value(std::size_t depth) {
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

inline json ProgramMaker::object(std::size_t depth) {
  json object = json::object();
  for (std::size_t left = below(4); left != 0; --left) {
    const std::string name = one_of(std::array{"k", "l", "status"});
    object[name] = value(depth);
  }
  return object;
}

inline std::string ProgramMaker::session_id() {
  return below(2) == 0 ? favourite_ : one_of(std::array{"a", "b", "a:b"});
}

inline std::string ProgramMaker::checkpoint_id() {
  return one_of(std::array{"c", "d", "b:c"});
}

inline std::string ProgramMaker::content() {
  return one_of(std::array{"", "hi", "it's \"\xc3\xa9\"\n", "%s"});
}

inline std::size_t ProgramMaker::limit() {
  static constexpr std::array<std::size_t, 5> limits = {0, 1, 2, 3, 1000};
  return limits[below(limits.size())];
}

inline SessionUpdate ProgramMaker::update() {
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

inline std::vector<ChannelWrite> ProgramMaker::writes() {
  std::vector<ChannelWrite> writes;
  for (std::size_t left = below(4); left != 0; --left) {
    std::string channel = one_of(std::array{"x", "x", "y", "y", "__error__", "__scheduled__",
                                            "__interrupt__", "__resume__"});
    writes.emplace_back(std::move(channel), value(1));
  }
  return writes;
}

/// Without a clock only what no clock decides: all sessions, or none.
inline std::chrono::microseconds ProgramMaker::max_idle() {
  constexpr auto decades = std::chrono::hours(24 * 365 * 40);
  switch (below(abilities_.has_clock ? 4 : 2)) {
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

inline json outcome_of(bool answer) {
  return json(answer);
}

inline json outcome_of(const Session& session) {
  json out = json::object();
  out["session_id"] = session.session_id;
  out["user_id"] = session.user_id;
  out["request_count"] = session.request_count;
  out["error_count"] = session.error_count;
  out["total_processing_time_us"] = session.total_processing_time.count();
  out["status"] = session.status;
  out["metadata"] = session.metadata;
  return out;
}

inline json outcome_of(const Message& message) {
  json out = json::object();
  out["role"] = message.role;
  out["content"] = message.content;
  out["metadata"] = message.metadata;
  return out;
}

inline json outcome_of(const Checkpoint& checkpoint) {
  json out = json::object();
  out["thread_id"] = checkpoint.thread_id;
  out["checkpoint_id"] = checkpoint.checkpoint_id;
  out["data"] = checkpoint.data;
  out["metadata"] = checkpoint.metadata;
  return out;
}

inline json outcome_of(const PendingWrite& write) {
  json out = json::object();
  out["task_id"] = write.task_id;
  out["index"] = write.index;
  out["channel"] = write.channel;
  out["value"] = write.value;
  return out;
}

inline json outcome_of(const ArchiveRecord& record) {
  json out = json::object();
  out["kind"] = std::string(to_string(record.kind));
  out["fields"] = record.fields;
  if (record.kind == ArchiveKind::task_context_snapshot && record.fields.is_object()) {
    out["fields"].erase("version");
  }
  const auto& given = detail::given_times();
  out["created_at"] = std::find(given.begin(), given.end(), record.created_at) != given.end()
                          ? to_iso8601(record.created_at)
                          : "the time of the call";
  return out;
}

inline json outcome_of(const Health& health) {
  json out = json::object();
  out["serves"] = health.status != Health::Status::unhealthy;
  if (health.status == Health::Status::unhealthy) {
    out["gives a reason"] = !health.issues.empty();
  }
  return out;
}

inline json outcome_of(const Metrics& metrics) {
  json out = json::object();
  out["total_sessions"] = metrics.total_sessions;
  out["active_sessions"] = metrics.active_sessions;
  out["total_messages"] = metrics.total_messages;
  out["total_checkpoints"] = metrics.total_checkpoints;
  return out;
}

inline json outcome_of(errc error) {
  json out = json::object();
  out["throws"] = make_error_code(error).message();
  return out;
}

inline json outcome_of(const std::exception_ptr& error) {
  json out = json::object();
  try {
    std::rethrow_exception(error);
  } catch (const StorageError& e) {
    for (const errc code :
         {errc::invalid_argument, errc::already_exists, errc::too_large, errc::closed,
          errc::unavailable, errc::corrupted, errc::not_supported}) {
      if (means(e.code(), code)) {
        return outcome_of(code);
      }
    }
    out["throws"] = std::string("a StorageError of no errc: ") + e.what();
  } catch (const std::exception& e) {
    out["throws"] = std::string("an exception that is not a StorageError: ") + e.what();
  } catch (...) {
    out["throws"] = "an exception that is not a std::exception";
  }
  return out;
}

namespace detail {

template <class Record>
json optional_outcome(const std::optional<Record>& record) {
  return record ? outcome_of(*record) : json();
}

template <class Record>
json list_outcome(const std::vector<Record>& records) {
  json out = json::array();
  for (const Record& record : records) {
    out.push_back(outcome_of(record));
  }
  return out;
}

/// As `list_outcome`, of records that must have increasing sequences.
template <class Record>
json sequence_outcome(const std::vector<Record>& records) {
  json out = list_outcome(records);
  for (std::size_t i = 1; i < records.size(); ++i) {
    if (records[i].sequence <= records[i - 1].sequence) {
      out.push_back("a sequence that does not increase");
      break;
    }
  }
  return out;
}

/// A stored null is not the same as nothing.
inline json context_outcome(const std::optional<json>& context) {
  if (!context) {
    return json();
  }
  json out = json::object();
  out["context"] = *context;
  return out;
}

/// All of a list that comes in pages, and what is wrong with them.
template <class Item>
class Gathered {
public:
  Gathered() = default;

  /// Takes a page of `size`; whether there is one more.
  bool add(const std::vector<Item>& page, const std::string& next, std::size_t size) {
    constexpr std::size_t most = 10'000; // whoever gives more pages than that gives them for ever
    items.insert(items.end(), page.begin(), page.end());
    const bool is_last = next.empty();
    if (page.size() > size || (page.size() != size && !is_last) || ++pages_ > most) {
      fault = "a page of " + std::to_string(page.size()) + " items, " +
              (is_last ? "the last" : "not the last");
      return false;
    }
    return !is_last;
  }

  std::vector<Item> items;
  std::string fault;

private:
  std::size_t pages_ = 0;
};

/// Sessions by their ids: what is newer cannot be told from outside. Their order must go with the
/// times that they have.
inline json outcome_of_list(Gathered<Session> list) {
  for (std::size_t i = 1; i < list.items.size(); ++i) {
    const Session& one = list.items[i - 1];
    const Session& other = list.items[i];
    if (one.last_activity < other.last_activity ||
        (one.last_activity == other.last_activity && one.session_id > other.session_id)) {
      list.fault = other.session_id + " comes after " + one.session_id;
    }
  }
  std::sort(list.items.begin(), list.items.end(),
            [](const Session& a, const Session& b) { return a.session_id < b.session_id; });
  json out = list_outcome(list.items);
  if (!list.fault.empty()) {
    out.push_back(list.fault);
  }
  return out;
}
inline json outcome_of_list(const std::vector<Session>& sessions) {
  return list_outcome(sessions);
}
inline json outcome_of_list(const std::vector<std::string>& ids) {
  return json(ids);
}
inline json outcome_of_list(const Gathered<std::string>& list) {
  json out = list.items;
  if (!list.fault.empty()) {
    out.push_back(list.fault);
  }
  return out;
}

/// The records that pages of `limit` come to: all of them, or none by pages of 0.
inline json pages_of(const std::vector<ArchiveRecord>& all, std::size_t limit) {
  return sequence_outcome(limit == 0 ? std::vector<ArchiveRecord>() : all);
}

} // namespace detail

// The caller holds the handle and drives the call to its end.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
inline awaitable<json> execute(Handle& handle, Operation o) {
  using Kind = Operation::Kind;
  json result;
  std::string checkpoint = o.checkpoint_id.value_or(std::string());
  try {
    switch (o.kind) {
    case Kind::create_session: {
      const Session session =
          co_await handle.sessions->create_session(o.key, o.user_id, o.metadata);
      result = outcome_of(session);
      break;
    }
    case Kind::get_session: {
      const std::optional<Session> session = co_await handle.sessions->get_session(o.key);
      result = detail::optional_outcome(session);
      break;
    }
    case Kind::update_session:
      result = co_await handle.sessions->update_session(o.key, o.update);
      break;
    case Kind::end_session:
      result = co_await handle.sessions->end_session(o.key, o.text);
      break;
    case Kind::add_conversation_message:
      result = co_await handle.conversations->add_conversation_message(o.key, o.text, o.content,
                                                                       o.metadata);
      break;
    case Kind::get_conversation_history: {
      const std::vector<Message> messages =
          co_await handle.conversations->get_conversation_history(o.key, o.limit);
      result = detail::sequence_outcome(messages);
      break;
    }
    case Kind::store_checkpoint:
      result =
          co_await handle.checkpoints->store_checkpoint(o.key, checkpoint, o.value, o.metadata);
      break;
    case Kind::put_checkpoint:
      result = co_await handle.checkpointer->put_checkpoint(o.key, checkpoint, o.value, o.metadata);
      break;
    case Kind::get_checkpoint: {
      std::optional<Checkpoint> found;
      if (o.as_checkpointer) {
        found = co_await handle.checkpointer->get_checkpoint(o.key, o.checkpoint_id);
      } else {
        found = co_await handle.checkpoints->get_checkpoint(o.key, o.checkpoint_id);
      }
      result = detail::optional_outcome(found);
      break;
    }
    case Kind::list_checkpoints: {
      std::vector<Checkpoint> found;
      if (o.as_checkpointer) {
        found = co_await handle.checkpointer->list_checkpoints(o.key, o.limit);
      } else {
        found = co_await handle.checkpoints->list_checkpoints(o.key, o.limit);
      }
      result = detail::list_outcome(found);
      break;
    }
    case Kind::put_writes:
      result = co_await handle.checkpointer->put_writes(o.key, checkpoint, o.task_id, o.writes);
      break;
    case Kind::get_writes: {
      const std::vector<PendingWrite> writes =
          co_await handle.checkpointer->get_writes(o.key, checkpoint);
      result = detail::list_outcome(writes);
      break;
    }
    case Kind::get_task_context: {
      const std::optional<json> context = co_await handle.contexts->get_task_context(o.key);
      result = detail::context_outcome(context);
      break;
    }
    case Kind::store_task_context:
      result = co_await handle.contexts->store_task_context(o.key, o.value);
      break;
    case Kind::list_sessions: {
      detail::Gathered<Session> all;
      Page page(o.limit);
      for (bool more = true; more;) {
        const SessionPage part = co_await handle.session_directory->list_sessions(o.key, page);
        more = all.add(part.sessions, part.next, o.limit);
        page.after(part.next);
      }
      result = detail::outcome_of_list(all);
      break;
    }
    case Kind::delete_session:
      result = co_await handle.session_directory->delete_session(o.key);
      break;
    case Kind::list_threads: {
      detail::Gathered<std::string> all;
      Page page(o.limit);
      for (bool more = true; more;) {
        const ThreadPage part = co_await handle.thread_directory->list_threads(o.key, page);
        more = all.add(part.thread_ids, part.next, o.limit);
        page.after(part.next);
      }
      result = detail::outcome_of_list(all);
      break;
    }
    case Kind::delete_thread:
      result = co_await handle.thread_directory->delete_thread(o.key);
      break;
    case Kind::copy_thread:
      result = co_await handle.thread_directory->copy_thread(o.key, o.target);
      break;
    case Kind::prune_thread:
      result = co_await handle.thread_directory->prune_thread(o.key, o.limit);
      break;
    case Kind::list_checkpoints_before: {
      const std::vector<Checkpoint> found =
          co_await handle.thread_directory->list_checkpoints_before(o.key, checkpoint, o.limit);
      result = detail::list_outcome(found);
      break;
    }
    case Kind::initialize:
      if (handle.backend != nullptr) {
        result = co_await handle.backend->initialize();
      } else {
        result = co_await handle.archive->initialize();
      }
      break;
    case Kind::close:
      if (handle.backend != nullptr) {
        co_await handle.backend->close();
      } else {
        co_await handle.archive->close();
      }
      break;
    case Kind::health_check: {
      const Health health = co_await handle.backend->health_check();
      result = outcome_of(health);
      break;
    }
    case Kind::get_metrics: {
      const Metrics metrics = co_await handle.backend->get_metrics();
      result = outcome_of(metrics);
      break;
    }
    case Kind::cleanup_expired_sessions:
      result = co_await handle.backend->cleanup_expired_sessions(o.max_idle);
      break;
    case Kind::append_session_event:
      result =
          co_await handle.archive->append_session_event(o.key, o.user_id, o.text, o.value, o.time);
      break;
    case Kind::append_conversation_message:
      result = co_await handle.archive->append_conversation_message(o.key, o.text, o.content,
                                                                    o.metadata, o.time);
      break;
    case Kind::append_checkpoint:
      result = co_await handle.archive->append_checkpoint(o.key, checkpoint, o.value, o.metadata,
                                                          o.time);
      break;
    case Kind::append_checkpoint_writes:
      result = co_await handle.archive->append_checkpoint_writes(o.key, checkpoint, o.task_id,
                                                                 o.writes, o.time);
      break;
    case Kind::append_conversation_session:
      result = co_await handle.archive->append_conversation_session(o.key, o.value, o.time);
      break;
    case Kind::append_task_context_snapshot:
      result = co_await handle.archive->append_task_context_snapshot(o.key, o.value, o.time);
      break;
    case Kind::read_archive: {
      std::vector<ArchiveRecord> all;
      for (bool more = true; more;) {
        const std::uint64_t after = all.empty() ? 0 : all.back().sequence;
        const std::vector<ArchiveRecord> page =
            co_await handle.archive_reader->read_archive(o.archive_kind, o.key, after, o.limit);
        // A page that is too long, or does not move on, is as good as the last: it shows.
        more = !page.empty() && page.size() <= o.limit && page.back().sequence > after;
        all.insert(all.end(), page.begin(), page.end());
      }
      result = detail::sequence_outcome(all);
      break;
    }
    case Kind::set_clock:
      break; // no call on the store
    }
  } catch (...) {
    result = outcome_of(std::current_exception());
  }
  co_return result;
}

inline json execute(Model& model, const Operation& o) {
  using Kind = Operation::Kind;
  const std::string checkpoint = o.checkpoint_id.value_or(std::string());
  try {
    switch (o.kind) {
    case Kind::create_session:
      return outcome_of(model.create_session(o.key, o.user_id, o.metadata));
    case Kind::get_session:
      return detail::optional_outcome(model.get_session(o.key));
    case Kind::update_session:
      return model.update_session(o.key, o.update);
    case Kind::end_session:
      return model.end_session(o.key, o.text);
    case Kind::add_conversation_message:
      return model.add_conversation_message(o.key, o.text, o.content, o.metadata);
    case Kind::get_conversation_history:
      return detail::sequence_outcome(model.get_conversation_history(o.key, o.limit));
    case Kind::store_checkpoint:
    case Kind::put_checkpoint:
      return model.store_checkpoint(o.key, checkpoint, o.value, o.metadata);
    case Kind::get_checkpoint:
      return detail::optional_outcome(model.get_checkpoint(o.key, o.checkpoint_id));
    case Kind::list_checkpoints:
      return detail::list_outcome(model.list_checkpoints(o.key, o.limit));
    case Kind::put_writes:
      return model.put_writes(o.key, checkpoint, o.task_id, o.writes);
    case Kind::get_writes:
      return detail::list_outcome(model.get_writes(o.key, checkpoint));
    case Kind::get_task_context:
      return detail::context_outcome(model.get_task_context(o.key));
    case Kind::store_task_context:
      return model.store_task_context(o.key, o.value);
    case Kind::list_sessions:
      return detail::outcome_of_list(model.list_sessions(o.key, o.limit));
    case Kind::delete_session:
      return model.delete_session(o.key);
    case Kind::list_threads:
      return detail::outcome_of_list(model.list_threads(o.key, o.limit));
    case Kind::delete_thread:
      return model.delete_thread(o.key);
    case Kind::copy_thread:
      return model.copy_thread(o.key, o.target);
    case Kind::prune_thread:
      return model.prune_thread(o.key, o.limit);
    case Kind::list_checkpoints_before:
      return detail::list_outcome(model.list_checkpoints_before(o.key, checkpoint, o.limit));
    case Kind::initialize:
      return model.initialize();
    case Kind::close:
      model.close();
      return json();
    case Kind::health_check:
      return outcome_of(model.health_check());
    case Kind::get_metrics:
      return outcome_of(model.get_metrics());
    case Kind::cleanup_expired_sessions:
      return model.cleanup_expired_sessions(o.max_idle);
    case Kind::append_session_event:
      return model.append_session_event(o.key, o.user_id, o.text, o.value, o.time);
    case Kind::append_conversation_message:
      return model.append_conversation_message(o.key, o.text, o.content, o.metadata, o.time);
    case Kind::append_checkpoint:
      return model.append_checkpoint(o.key, checkpoint, o.value, o.metadata, o.time);
    case Kind::append_checkpoint_writes:
      return model.append_checkpoint_writes(o.key, checkpoint, o.task_id, o.writes, o.time);
    case Kind::append_conversation_session:
      return model.append_conversation_session(o.key, o.value, o.time);
    case Kind::append_task_context_snapshot:
      return model.append_task_context_snapshot(o.key, o.value, o.time);
    case Kind::read_archive:
      return detail::pages_of(model.read_archive(o.archive_kind, o.key), o.limit);
    case Kind::set_clock:
      model.set_clock(o.time.value_or(Timestamp()));
      return json();
    }
  } catch (const StorageError&) {
    return outcome_of(std::current_exception());
  }
  throw std::logic_error("a call of no kind");
}

inline std::vector<json> allowed_outcomes(Model& model, const Operation& operation) {
  using Kind = Operation::Kind;
  std::vector<json> allowed;
  allowed.push_back(execute(model, operation));
  if (!identical(allowed.front(), outcome_of(errc::invalid_argument))) {
    return allowed;
  }
  if (!model.is_open()) {
    allowed.push_back(outcome_of(errc::closed));
    return allowed;
  }
  switch (operation.kind) {
  case Kind::create_session:
    if (model.has_session(operation.key)) {
      allowed.push_back(outcome_of(errc::already_exists));
    }
    break;
  case Kind::update_session:
  case Kind::end_session:
  case Kind::add_conversation_message:
  case Kind::store_task_context:
    if (!operation.key.empty() && !model.is_writable(operation.key)) {
      allowed.push_back(outcome_of(false));
    }
    break;
  default:
    break;
  }
  return allowed;
}

inline bool is_decided(const Model& model, const Operation& operation) {
  return operation.kind != Operation::Kind::cleanup_expired_sessions ||
         model.decides_cleanup(operation.max_idle);
}

} // namespace agentstore::conformance

#endif
