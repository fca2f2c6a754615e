// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_BUG_HPP
#define AGENTSTORE_TESTS_CONFORMANCE_MUTANTS_BUG_HPP

/// \file
/// Stores that are right but for a bug which looks at calls as values, whatever their method: one
/// bug can then be had by each of the methods in turn.
///
///     class NoAnswerButTen : public Bug { // of any method that lists
///     public:
///       using Bug::Bug;
///       awaitable<Answer> around(Operation call, Next next) override {
///         Answer answer = co_await next(std::move(call));
///         ...
///       }
///     };
///     Mutant mutant = bug<NoAnswerButTen, MethodId::list_checkpoints>(rule, name, bug, evidence);

#include <agentstore/conformance/methods/call_text.hpp>
#include <agentstore/conformance/mutation/building_blocks.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <deque>

namespace agentstore::conformance::mutants {

/// What a store does wrong. One object for each handle.
class Bug {
public:
  using Next = std::function<awaitable<Answer>(Operation)>;

  /// `method` is the one that has the bug.
  Bug(MutantSpace& space, MethodId method) : space_(space), method_(method) {}
  virtual ~Bug() = default;
  Bug(const Bug&) = delete;
  Bug& operator=(const Bug&) = delete;

  /// Runs where the call is made, before it is awaited.
  virtual void before(const Operation&) {}
  /// The same with what makes the call, for a bug that does too early what needs the store.
  virtual void before(const Operation& call, const Next&) { before(call); }
  /// Instead of the call, of which `next` makes what is right.
  virtual awaitable<Answer> around(Operation call, Next next) { return next(std::move(call)); }

protected:
  bool has(const Operation& call) const { return call.kind == method_; }
  MethodId method() const { return method_; }
  /// One for all handles on the space.
  template <class T>
  std::shared_ptr<T> shared() {
    return space_.shared<T>();
  }
  /// One for all spaces.
  template <class T>
  std::shared_ptr<T> everywhere() {
    return space_.common().shared<T>();
  }
  Timestamp now() const { return space_.now(); }

private:
  MutantSpace& space_; // kept by the harness until the space is dropped
  MethodId method_;
};

/// Makes of each call an Operation, and of its answer what the method returns.
class Calls {
public:
  explicit Calls(std::unique_ptr<Bug> bug) : bug_(std::move(bug)) {}

  template <class T>
  awaitable<T> make(Operation call, Bug::Next next) const {
    bug_->before(call, next);
    return unpacked<T>(bug_, std::move(call), std::move(next));
  }

private:
  template <class T>
  static awaitable<T> unpacked(std::shared_ptr<Bug> bug, Operation call, Bug::Next next) {
    Answer answer = co_await bug->around(std::move(call), std::move(next));
    if constexpr (!std::is_void_v<T>) {
      co_return std::get<T>(std::move(answer));
    }
  }

  std::shared_ptr<Bug> bug_;
};

/// The arguments of a call, by those of the method.
class Packed {
public:
  Packed(MethodId method, std::string key) : call_(method, std::move(key)) {}

  Packed& text(std::string value) { return set(call_.text, std::move(value)); }
  Packed& content(std::string value) { return set(call_.content, std::move(value)); }
  Packed& user(std::string value) { return set(call_.user_id, std::move(value)); }
  Packed& checkpoint(std::optional<std::string> value) {
    return set(call_.checkpoint_id, std::move(value));
  }
  Packed& task(std::string value) { return set(call_.task_id, std::move(value)); }
  Packed& target(std::string value) { return set(call_.target, std::move(value)); }
  Packed& value(Document value) { return set(call_.value, std::move(value)); }
  Packed& metadata(Document value) { return set(call_.metadata, std::move(value)); }
  Packed& writes(std::vector<ChannelWrite> value) { return set(call_.writes, std::move(value)); }
  Packed& update(SessionUpdate value) { return set(call_.update, std::move(value)); }
  Packed& limit(std::size_t value) { return set(call_.limit, value); }
  Packed& time(std::optional<Timestamp> value) { return set(call_.time, value); }
  Packed& max_idle(std::chrono::microseconds value) { return set(call_.max_idle, value); }
  Packed& entry(std::optional<std::string> value) { return set(call_.entry_id, std::move(value)); }
  Packed& archive_kind(ArchiveKind value) { return set(call_.archive_kind, value); }
  Packed& after(std::uint64_t value) { return set(call_.after, value); }

  operator Operation() && { return std::move(call_); } // NOLINT(google-explicit-constructor)
  operator Operation() & { return std::move(call_); }  // NOLINT(google-explicit-constructor)

private:
  template <class T>
  Packed& set(T& member, std::type_identity_t<T> value) {
    member = std::move(value);
    return *this;
  }

  Operation call_;
};

/// Whether the call stores a checkpoint, by either interface.
inline bool stores(const Operation& call) {
  return call.kind == MethodId::store_checkpoint || call.kind == MethodId::put_checkpoint;
}

/// A thread and one of its checkpoints, as one text.
inline std::string place(const std::string& thread, const std::string& checkpoint) {
  return thread + '\0' + checkpoint;
}
/// Where a call writes or reads.
inline std::string place(const Operation& call) {
  return place(call.key, call.checkpoint_id.value_or(""));
}

/// The session as the store has it; none if it could not be read, e.g. for a bad id.
inline awaitable<std::optional<Session>> session_of(std::string id, Bug::Next next) {
  std::optional<Session> result;
  try {
    const Answer answer = co_await next(Operation(MethodId::get_session, std::move(id)));
    result = std::get<std::optional<Session>>(answer);
  } catch (const StorageError&) { // NOLINT(bugprone-empty-catch): there is no such session
  }
  co_return result;
}

/// All checkpoints of a thread, the newest first.
inline awaitable<std::vector<Checkpoint>> all_checkpoints(std::string thread, Bug::Next next) {
  Operation read(MethodId::list_checkpoints, std::move(thread));
  read.limit = 100'000;
  Answer answer = co_await next(std::move(read));
  co_return std::get<std::vector<Checkpoint>>(std::move(answer));
}

/// Knows which threads are copies.
class KnowsCopies : public Bug {
public:
  using Bug::Bug;

protected:
  /// Notes the call; whether its key is that of a copy.
  bool is_of_copy(const Operation& call) {
    const auto copies = shared<Kept<bool>>();
    if (call.kind == MethodId::copy_thread) {
      copies->set(call.target, true);
    }
    return copies->has(call.key);
  }
};

/// Shows what was stored or put again as if it had not been there before: by the time of now, or by
/// the first of the values that were put again.
inline void show_as_new(Answer& answer, const Operation& again, Timestamp now) {
  if (auto* found = std::get_if<std::optional<Checkpoint>>(&answer); found && *found) {
    (*found)->created_at = now;
  } else if (auto* writes = std::get_if<std::vector<PendingWrite>>(&answer);
             writes && !writes->empty() && !again.writes.empty()) {
    writes->front().value = again.writes.front().value;
  }
}

/// What a call that does not suspend has come to.
class Early {
public:
  explicit Early(awaitable<Answer> call) {
    boost::asio::io_context context;
    boost::asio::co_spawn(context, keep(std::move(call), &answer_),
                          [this](std::exception_ptr thrown) { error_ = std::move(thrown); });
    context.run();
  }

  bool is_there() const { return answer_ && is_positive(*answer_); }
  Answer get() const {
    if (error_) {
      std::rethrow_exception(error_);
    }
    return answer_.value();
  }

private:
  static awaitable<void> keep(awaitable<Answer> call, std::optional<Answer>* into) {
    *into = co_await std::move(call);
  }

  std::optional<Answer> answer_;
  std::exception_ptr error_;
};

/// What is answered where nothing is there.
inline void make_empty(Answer& answer) {
  std::visit(
      [](auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_default_constructible_v<T>) {
          value = T();
        }
      },
      answer);
}

/// A store of all that is no archive.
class CallStore final : public ForwardingStore {
public:
  CallStore(InnerStore inner, std::unique_ptr<Bug> bug)
      : ForwardingStore(inner), calls_(std::move(bug)) {
    handle_.sessions = &inner.storage();
    handle_.conversations = &inner.storage();
    handle_.checkpoints = &inner.storage();
    handle_.contexts = &inner.storage();
    handle_.backend = &inner.storage();
    handle_.checkpointer = &inner.checkpointer();
    handle_.session_directory = inner.session_directory().get();
    handle_.thread_directory = inner.thread_directory().get();
  }

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata) override {
    return make<Session>(Packed(MethodId::create_session, std::move(session_id))
                             .user(std::move(user_id))
                             .metadata(std::move(metadata)));
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return make<std::optional<Session>>(Packed(MethodId::get_session, std::move(session_id)));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    return make<bool>(
        Packed(MethodId::update_session, std::move(session_id)).update(std::move(update)));
  }
  awaitable<bool> end_session(std::string session_id, std::string status) override {
    return make<bool>(Packed(MethodId::end_session, std::move(session_id)).text(std::move(status)));
  }
  awaitable<bool> add_conversation_message(std::string session_id, std::string role,
                                           std::string content, Document metadata) override {
    return make<bool>(Packed(MethodId::add_conversation_message, std::move(session_id))
                          .text(std::move(role))
                          .content(std::move(content))
                          .metadata(std::move(metadata)));
  }
  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return make<std::vector<Message>>(
        Packed(MethodId::get_conversation_history, std::move(session_id)).limit(limit));
  }
  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return make<bool>(Packed(MethodId::store_checkpoint, std::move(thread_id))
                          .checkpoint(std::move(checkpoint_id))
                          .value(std::move(data))
                          .metadata(std::move(metadata)));
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    return make<bool>(Packed(MethodId::put_checkpoint, std::move(thread_id))
                          .checkpoint(std::move(checkpoint_id))
                          .value(std::move(data))
                          .metadata(std::move(metadata)));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    return make<std::optional<Checkpoint>>(Packed(MethodId::get_checkpoint, std::move(thread_id))
                                               .checkpoint(std::move(checkpoint_id)));
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    return make<std::vector<Checkpoint>>(
        Packed(MethodId::list_checkpoints, std::move(thread_id)).limit(limit));
  }
  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    return make<bool>(Packed(MethodId::put_writes, std::move(thread_id))
                          .checkpoint(std::move(checkpoint_id))
                          .task(std::move(task_id))
                          .writes(std::move(writes)));
  }
  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return make<std::vector<PendingWrite>>(
        Packed(MethodId::get_writes, std::move(thread_id)).checkpoint(std::move(checkpoint_id)));
  }
  awaitable<std::optional<Document>> get_task_context(std::string session_id) override {
    return make<std::optional<Document>>(Packed(MethodId::get_task_context, std::move(session_id)));
  }
  awaitable<bool> store_task_context(std::string session_id, Document context) override {
    return make<bool>(
        Packed(MethodId::store_task_context, std::move(session_id)).value(std::move(context)));
  }
  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    Operation call =
        Packed(MethodId::list_sessions, std::move(user_id)).limit(page.size).text(page.cursor);
    ISessionDirectory* const inner = handle_.session_directory;
    return calls_.make<SessionPage>(std::move(call), [inner, page](Operation made) {
      Page asked = page;
      asked.size = made.limit;
      asked.cursor = std::move(made.text);
      return detail::as_answer(inner->list_sessions(std::move(made.key), std::move(asked)));
    });
  }
  awaitable<bool> delete_session(std::string session_id) override {
    return make<bool>(Packed(MethodId::delete_session, std::move(session_id)));
  }
  awaitable<ThreadPage> list_threads(std::string prefix, Page page) override {
    Operation call =
        Packed(MethodId::list_threads, std::move(prefix)).limit(page.size).text(page.cursor);
    IThreadDirectory* const inner = handle_.thread_directory;
    return calls_.make<ThreadPage>(std::move(call), [inner, page](Operation made) {
      Page asked = page;
      asked.size = made.limit;
      asked.cursor = std::move(made.text);
      return detail::as_answer(inner->list_threads(std::move(made.key), std::move(asked)));
    });
  }
  awaitable<bool> delete_thread(std::string thread_id) override {
    return make<bool>(Packed(MethodId::delete_thread, std::move(thread_id)));
  }
  awaitable<bool> copy_thread(std::string source, std::string target) override {
    return make<bool>(Packed(MethodId::copy_thread, std::move(source)).target(std::move(target)));
  }
  awaitable<std::uint64_t> prune_thread(std::string thread_id, std::size_t keep) override {
    return make<std::uint64_t>(Packed(MethodId::prune_thread, std::move(thread_id)).limit(keep));
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints_before(std::string thread_id,
                                                             std::string checkpoint_id,
                                                             std::size_t limit) override {
    return make<std::vector<Checkpoint>>(
        Packed(MethodId::list_checkpoints_before, std::move(thread_id))
            .checkpoint(std::move(checkpoint_id))
            .limit(limit));
  }
  awaitable<ThreadHead> get_thread_head(std::string thread_id, std::size_t limit) override {
    return make<ThreadHead>(Packed(MethodId::get_thread_head, std::move(thread_id)).limit(limit));
  }
  awaitable<bool> initialize() override { return make<bool>(Packed(MethodId::initialize, "")); }
  awaitable<void> close() override { return make<void>(Packed(MethodId::close, "")); }
  awaitable<Health> health_check() override {
    return make<Health>(Packed(MethodId::health_check, ""));
  }
  awaitable<Metrics> get_metrics() override {
    return make<Metrics>(Packed(MethodId::get_metrics, ""));
  }
  awaitable<std::uint64_t> cleanup_expired_sessions(std::chrono::microseconds max_idle) override {
    return make<std::uint64_t>(Packed(MethodId::cleanup_expired_sessions, "").max_idle(max_idle));
  }

private:
  template <class T>
  awaitable<T> make(Operation call) {
    return calls_.make<T>(std::move(call), [handle = handle_](Operation made) mutable {
      return method_of(made.kind).call(handle, std::move(made));
    });
  }

  Calls calls_;
  Handle handle_;
};

/// An archive. An append with an entry id is an Operation that has one.
class CallArchive final : public ForwardingArchiveOnce {
  using When = std::optional<Timestamp>;

public:
  CallArchive(InnerArchiveOnce inner, std::unique_ptr<Bug> bug)
      : ForwardingArchiveOnce(inner), calls_(std::move(bug)) {
    handle_.archive = &inner.storage();
    handle_.archive_reader = &inner.reader();
    handle_.archive_once = &inner.once();
  }

  awaitable<bool> append_session_event(std::string session_id, std::string user_id,
                                       std::string event_type, Document payload,
                                       When created_at) override {
    return event(std::nullopt, std::move(session_id), std::move(user_id), std::move(event_type),
                 std::move(payload), created_at);
  }
  awaitable<bool> append_session_event_once(std::string entry_id, std::string session_id,
                                            std::string user_id, std::string event_type,
                                            Document payload, When created_at) override {
    return event(std::move(entry_id), std::move(session_id), std::move(user_id),
                 std::move(event_type), std::move(payload), created_at);
  }
  awaitable<bool> append_conversation_message(std::string session_id, std::string role,
                                              std::string content, Document metadata,
                                              When created_at) override {
    return message(std::nullopt, std::move(session_id), std::move(role), std::move(content),
                   std::move(metadata), created_at);
  }
  awaitable<bool> append_conversation_message_once(std::string entry_id, std::string session_id,
                                                   std::string role, std::string content,
                                                   Document metadata, When created_at) override {
    return message(std::move(entry_id), std::move(session_id), std::move(role), std::move(content),
                   std::move(metadata), created_at);
  }
  awaitable<bool> append_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                    Document metadata, When created_at) override {
    return checkpoint(std::nullopt, std::move(thread_id), std::move(checkpoint_id), std::move(data),
                      std::move(metadata), created_at);
  }
  awaitable<bool> append_checkpoint_once(std::string entry_id, std::string thread_id,
                                         std::string checkpoint_id, Document data,
                                         Document metadata, When created_at) override {
    return checkpoint(std::move(entry_id), std::move(thread_id), std::move(checkpoint_id),
                      std::move(data), std::move(metadata), created_at);
  }
  awaitable<bool> append_checkpoint_writes(std::string thread_id, std::string checkpoint_id,
                                           std::string task_id, std::vector<ChannelWrite> writes,
                                           When created_at) override {
    return of_task(std::nullopt, std::move(thread_id), std::move(checkpoint_id), std::move(task_id),
                   std::move(writes), created_at);
  }
  awaitable<bool> append_checkpoint_writes_once(std::string entry_id, std::string thread_id,
                                                std::string checkpoint_id, std::string task_id,
                                                std::vector<ChannelWrite> writes,
                                                When created_at) override {
    return of_task(std::move(entry_id), std::move(thread_id), std::move(checkpoint_id),
                   std::move(task_id), std::move(writes), created_at);
  }
  awaitable<bool> append_conversation_session(std::string session_key, Document session_data,
                                              When created_at) override {
    return value(MethodId::append_conversation_session, std::nullopt, std::move(session_key),
                 std::move(session_data), created_at);
  }
  awaitable<bool> append_conversation_session_once(std::string entry_id, std::string session_key,
                                                   Document session_data,
                                                   When created_at) override {
    return value(MethodId::append_conversation_session, std::move(entry_id), std::move(session_key),
                 std::move(session_data), created_at);
  }
  awaitable<bool> append_task_context_snapshot(std::string session_id, Document context_data,
                                               When created_at) override {
    return value(MethodId::append_task_context_snapshot, std::nullopt, std::move(session_id),
                 std::move(context_data), created_at);
  }
  awaitable<bool> append_task_context_snapshot_once(std::string entry_id, std::string session_id,
                                                    Document context_data,
                                                    When created_at) override {
    return value(MethodId::append_task_context_snapshot, std::move(entry_id), std::move(session_id),
                 std::move(context_data), created_at);
  }
  awaitable<bool> initialize() override { return make<bool>(Packed(MethodId::initialize, "")); }
  awaitable<void> close() override { return make<void>(Packed(MethodId::close, "")); }
  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after, std::size_t limit) override {
    return make<std::vector<ArchiveRecord>>(Packed(MethodId::read_archive, std::move(key))
                                                .archive_kind(kind)
                                                .after(after)
                                                .limit(limit));
  }

private:
  using EntryId = std::optional<std::string>;

  awaitable<bool> event(EntryId entry_id, std::string session_id, std::string user_id,
                        std::string event_type, Document payload, When created_at) {
    return make<bool>(Packed(MethodId::append_session_event, std::move(session_id))
                          .entry(std::move(entry_id))
                          .user(std::move(user_id))
                          .text(std::move(event_type))
                          .value(std::move(payload))
                          .time(created_at));
  }
  awaitable<bool> message(EntryId entry_id, std::string session_id, std::string role,
                          std::string content, Document metadata, When created_at) {
    return make<bool>(Packed(MethodId::append_conversation_message, std::move(session_id))
                          .entry(std::move(entry_id))
                          .text(std::move(role))
                          .content(std::move(content))
                          .metadata(std::move(metadata))
                          .time(created_at));
  }
  awaitable<bool> checkpoint(EntryId entry_id, std::string thread_id, std::string checkpoint_id,
                             Document data, Document metadata, When created_at) {
    return make<bool>(Packed(MethodId::append_checkpoint, std::move(thread_id))
                          .entry(std::move(entry_id))
                          .checkpoint(std::move(checkpoint_id))
                          .value(std::move(data))
                          .metadata(std::move(metadata))
                          .time(created_at));
  }
  awaitable<bool> of_task(EntryId entry_id, std::string thread_id, std::string checkpoint_id,
                          std::string task_id, std::vector<ChannelWrite> writes, When created_at) {
    return make<bool>(Packed(MethodId::append_checkpoint_writes, std::move(thread_id))
                          .entry(std::move(entry_id))
                          .checkpoint(std::move(checkpoint_id))
                          .task(std::move(task_id))
                          .writes(std::move(writes))
                          .time(created_at));
  }
  awaitable<bool> value(MethodId method, EntryId entry_id, std::string key, Document value,
                        When created_at) {
    return make<bool>(Packed(method, std::move(key))
                          .entry(std::move(entry_id))
                          .value(std::move(value))
                          .time(created_at));
  }

  template <class T>
  awaitable<T> make(Operation call) {
    return calls_.make<T>(std::move(call), [handle = handle_](Operation made) mutable {
      return method_of(made.kind).call(handle, std::move(made));
    });
  }

  Calls calls_;
  Handle handle_;
};

/// Texts that live as long as the program: those of a Mutant refer to them.
inline std::string_view kept(std::string text) {
  static std::deque<std::string> all;
  all.push_back(std::move(text));
  return all.back();
}

/// Whether it is a method of the archive, of those that two kinds of store have too.
inline bool is_of_archive(MethodId method) {
  return method >= MethodId::append_session_event && method <= MethodId::read_archive;
}

template <class AnyBug, MethodId method, bool in_archive, bool with_once = false>
Handle with_bug(MutantSpace& space) {
  Handle handle;
  auto made = std::make_unique<AnyBug>(space, method);
  if (in_archive || is_of_archive(method)) {
    auto archive = std::make_shared<CallArchive>(space.archive(), std::move(made));
    if (with_once) {
      handle.add(std::shared_ptr<ForwardingArchiveOnce>(std::move(archive)));
    } else {
      handle.add(std::shared_ptr<ForwardingArchive>(std::move(archive)));
    }
  } else {
    handle.add(std::shared_ptr<ForwardingStore>(
        std::make_shared<CallStore>(space.store(), std::move(made))));
  }
  return handle;
}

/// A mutant of which `method` has the bug.
template <class AnyBug, MethodId method, bool in_archive = false>
Mutant bug(std::string_view rule, std::string_view name, std::string_view what,
           std::string_view evidence) {
  Mutant result;
  result.rule = rule;
  result.name = name;
  result.bug = what;
  result.evidence = evidence;
  result.make = &with_bug<AnyBug, method, in_archive>;
  result.interfaces = in_archive || is_of_archive(method) ? Interfaces::of<ForwardingArchive>()
                                                          : Interfaces::of<ForwardingStore>();
  return result;
}

/// Adds a mutant of the bug for each of these methods.
template <class AnyBug, MethodId... methods_with_it>
void add(std::vector<Mutant>& all, std::string_view rule, std::string_view name,
         std::string_view what, std::string_view evidence) {
  (all.push_back(bug<AnyBug, methods_with_it>(
       rule, kept(std::string(name) + " by " + std::string(method_of(methods_with_it).name)), what,
       evidence)),
   ...);
}

/// A mutant that is an IArchiveOnce, too.
template <class AnyBug, MethodId method>
Mutant bug_once(std::string_view rule, std::string_view name, std::string_view what,
                std::string_view evidence) {
  Mutant result = bug<AnyBug, method>(rule, name, what, evidence);
  result.make = &with_bug<AnyBug, method, true, true>;
  result.interfaces = Interfaces::of<ForwardingArchiveOnce>();
  return result;
}

/// Adds one for each kind of append.
template <class AnyBug>
void add_once(std::vector<Mutant>& all, std::string_view rule, std::string_view name,
              std::string_view what, std::string_view evidence) {
  const auto named = [name](std::string_view method) {
    return kept(std::string(name) + " by " + std::string(method) + "_once");
  };
  using Id = MethodId;
  const auto add_one = [&]<Id method>() {
    all.push_back(bug_once<AnyBug, method>(rule, named(method_of(method).name), what, evidence));
  };
  add_one.template operator()<Id::append_session_event>();
  add_one.template operator()<Id::append_conversation_message>();
  add_one.template operator()<Id::append_checkpoint>();
  add_one.template operator()<Id::append_checkpoint_writes>();
  add_one.template operator()<Id::append_conversation_session>();
  add_one.template operator()<Id::append_task_context_snapshot>();
}

} // namespace agentstore::conformance::mutants

#endif
