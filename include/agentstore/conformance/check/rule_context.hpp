// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CHECK_RULE_CONTEXT_HPP
#define AGENTSTORE_CONFORMANCE_CHECK_RULE_CONTEXT_HPP

/// \file
/// What the check of a rule has at hand: handles on stores of its own, hooks, and expectations.

#include <agentstore/conformance/check/client.hpp>
#include <agentstore/conformance/concurrency/starting_line.hpp>
#include <agentstore/conformance/runner/blocking_timer.hpp>

#include <algorithm>
#include <functional>
#include <random>

namespace agentstore::conformance {

/// One run of one rule.
///
/// Each run has a space of its own, which no other run ever used. A rule assumes nothing about what
/// else is in the store, and touches nothing outside of the space.
class RuleContext {
public:
  RuleContext(AnyHarness& harness, Deadline& deadline, std::string space, std::uint64_t seed)
      : harness_(harness), deadline_(deadline), space_(std::move(space)), random_(seed),
        seed_(seed) {}

  /// \name Stores
  /// @{

  /// A handle on the rule's own space, ready for use.
  Client open() { return open_in(space_); }
  /// The same, not initialized unless the harness did it.
  Client open_raw() { return open_raw_in(space_); }
  /// Handles on a second space, which is dropped with the first.
  Client open_other() { return open_in(other_space()); }
  Client open_in(const std::string& space) {
    Client client = open_raw_in(space);
    if (client.has_life_cycle()) {
      expect(client.initialize(), "initialize() to be true", "false");
    }
    return client;
  }
  Client open_raw_in(const std::string& space);

  /// Closes a handle and lets go of it. The last user of the handle's object is then the caller.
  void close(Client client);
  /// Lets go of a handle that is not closed.
  void let_go(Client client);

  const std::string& space() const { return space_; }
  std::string other_space() const { return space_ + "-b"; }
  AnyHarness& harness() { return harness_; }
  /// The arguments with which this program calls `run_kill_child`. Empty if it cannot.
  const std::vector<std::string>& child_arguments() const { return child_arguments_; }
  void set_child_arguments(std::vector<std::string> arguments) {
    child_arguments_ = std::move(arguments);
  }
  bool offers(unsigned interfaces) const {
    return (harness_.interfaces() & interfaces) == interfaces;
  }
  Driver& driver() { return driver_; }
  Deadline& deadline() { return deadline_; }
  Transcript& transcript() { return transcript_; }

  /// Makes the session if the store has sessions. Otherwise ids need no making.
  void need_session(Client& client, const std::string& session_id) {
    if (client.has_sessions()) {
      client.create_session(session_id);
    }
  }

  /// What the archive holds for a key, by IArchiveReader or by the harness' hook.
  std::vector<ArchiveRecord> read_archive(Client& client, ArchiveKind kind, std::string key);
  /// @}

  /// \name Hooks
  /// @{

  bool has_clock() const { return harness_.has_clock(); }
  /// Sets the clock of the stores; UNTESTED if the harness cannot.
  void set_clock(Timestamp now) {
    if (!harness_.has_clock()) {
      throw NotTestable("the harness has no set_clock");
    }
    harness_.set_clock(now);
  }
  bool has_faults() const { return harness_.has_faults(); }
  void inject(Fault fault) {
    if (!harness_.has_faults()) {
      throw NotTestable("the harness has no inject");
    }
    harness_.inject(space_, fault);
  }
  void hold(bool is_held) {
    if (!harness_.can_hold()) {
      throw NotTestable("the harness has no hold");
    }
    harness_.hold(space_, is_held);
  }
  /// Spoils a record. False if the harness cannot do it to such a record, UNTESTED if it cannot do
  /// it at all.
  bool damage(std::string space, Damage what) {
    if (!harness_.has_damage()) {
      throw NotTestable("the harness has no damage");
    }
    const std::size_t entry = transcript_.begin(by_harness("damage", show(what.text)));
    const bool done = harness_.damage(std::move(space), std::move(what));
    transcript_.end(entry, show(done));
    return done;
  }
  /// @}

  /// \name Randomness: the same for the same seed
  /// @{
  std::mt19937_64& random() { return random_; }
  std::uint64_t seed() const { return seed_; }
  std::size_t below(std::size_t bound) { return random_() % bound; }
  /// @}

  /// \name Threads
  /// @{

  /// Calls `work(index, client)` on `count` threads at once, each with its own driver and the
  /// given handle, while the rule's own context keeps running. None begins before all are there.
  /// The first failure is rethrown.
  void on_threads(Client client, std::size_t count,
                  const std::function<void(std::size_t, Client)>& work);

  /// The same in rounds, by `work(round, index, client)`. The threads wait for each other before
  /// each round. So a race of two calls is run many times, on a busy machine too, and each time
  /// with another lead.
  void in_rounds(Client client, std::size_t count, std::size_t rounds,
                 const std::function<void(std::size_t, std::size_t, Client)>& work);
  /// @}

  /// \name Expectations: each throws `Violation` if it is not met
  /// @{

  void expect(bool met, const std::string& expected, const std::string& actual) const {
    if (!met) {
      throw Violation(expected, actual);
    }
  }

  /// Exact equality, of JSON to the last digit.
  template <class T>
  void expect_same(const T& actual, const std::type_identity_t<T>& expected,
                   const std::string& what);

  /// The value of an optional that must be there.
  template <class T>
  T must(std::optional<T> value, const std::string& what) {
    expect(value.has_value(), what, "nullopt");
    return *std::move(value);
  }

  /// `action` must throw StorageError with this code.
  template <class Action>
  void expect_error(errc code, const Action& action);

  /// A StorageError from `action` is as good as an answer.
  template <class Action>
  void allow_error(const Action& action) {
    try {
      action();
    } catch (const StorageError&) { // NOLINT(bugprone-empty-catch)
    }
  }
  /// @}

private:
  friend class RuleRunner;

  static std::string by_harness(const char* method, const std::string& argument) {
    return std::string(Transcript::by_harness) + method + "(" + argument + ")";
  }

  /// Closes all handles and drops the spaces. Throws Timeout if a close does, HarnessFailure
  /// if dropping fails.
  void clean_up();
  /// Lets go of all handles, and ends what they left behind. Nothing can be done afterwards.
  void leave() {
    clients_.clear();
    driver_.wind_down();
  }

  AnyHarness& harness_;
  Deadline& deadline_;
  Transcript transcript_;
  Driver driver_{deadline_, transcript_};
  CallingThreads threads_;
  std::string space_;
  std::vector<std::string> spaces_;
  std::vector<std::string> child_arguments_;
  std::vector<Client> clients_;
  std::mt19937_64 random_;
  std::uint64_t seed_;
};

/// A JSON object with one member, for a `co_await`, inside of which nothing must be braced.
inline json object(const std::string& name, json value) {
  json result = json::object();
  result[name] = std::move(value);
  return result;
}

/// An object with this member besides, or with this value for it.
inline Document with_member(Document object, const std::string& name, json value) {
  json result = std::move(object).tree();
  result[name] = std::move(value);
  return result;
}

/// `count` letters.
inline std::string letters(std::size_t count) {
  return std::string(count, 'x');
}

// Only machinery below this line.

namespace detail {

inline bool same(const json& a, const json& b) {
  return identical(a, b);
}
inline bool same(const Session& a, const Session& b) {
  Session rest = a;
  rest.metadata = b.metadata;
  return rest == b && identical(a.metadata, b.metadata);
}
inline bool same(const Message& a, const Message& b) {
  return a.sequence == b.sequence && a.role == b.role && a.content == b.content &&
         a.timestamp == b.timestamp && identical(a.metadata, b.metadata);
}
inline bool same(const Checkpoint& a, const Checkpoint& b) {
  return a.thread_id == b.thread_id && a.checkpoint_id == b.checkpoint_id &&
         a.created_at == b.created_at && identical(a.data, b.data) &&
         identical(a.metadata, b.metadata);
}
inline bool same(const PendingWrite& a, const PendingWrite& b) {
  return a.task_id == b.task_id && a.index == b.index && a.channel == b.channel &&
         identical(a.value, b.value);
}
inline bool same(const ArchiveRecord& a, const ArchiveRecord& b) {
  return a.kind == b.kind && a.sequence == b.sequence && a.created_at == b.created_at &&
         identical(a.fields, b.fields);
}
template <class T>
  requires std::is_arithmetic_v<T> || std::is_same_v<T, std::string> ||
           std::is_same_v<T, Timestamp> || std::is_same_v<T, std::chrono::microseconds>
bool same(const T& a, const T& b) {
  return a == b;
}
template <class T>
bool same(const std::optional<T>& a, const std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || same(*a, *b));
}
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) {
      return false;
    }
  }
  return true;
}
inline bool same(const ThreadHead& a, const ThreadHead& b) {
  return same(a.latest, b.latest) && a.checkpoint_ids == b.checkpoint_ids;
}

} // namespace detail

namespace detail {

template <class T>
std::size_t first_difference(const T&, const T&) {
  return 0;
}
template <class T>
std::size_t first_difference(const std::vector<T>& a, const std::vector<T>& b) {
  std::size_t i = 0;
  while (i < a.size() && i < b.size() && same(a[i], b[i])) {
    ++i;
  }
  return i;
}

template <class T>
std::string show_with(std::size_t, const T& value) {
  return show(value);
}
/// A list, followed by an item that the shortened text might not reach.
template <class T>
std::string show_with(std::size_t index, const std::vector<T>& values) {
  return show(values) + (index < most_items || index >= values.size()
                             ? std::string()
                             : ", item " + std::to_string(index + 1) + ": " + show(values[index]));
}

template <class T>
std::string show_at(std::size_t, const T& value) {
  return show(value);
}
/// One item of a list, with its number.
template <class T>
std::string show_at(std::size_t index, const std::vector<T>& values) {
  return "item " + std::to_string(index + 1) + ": " +
         (index < values.size() ? show(values[index]) : "none");
}

} // namespace detail

template <class T>
void RuleContext::expect_same(const T& actual, const std::type_identity_t<T>& expected,
                              const std::string& what) {
  if (!detail::same(actual, expected)) {
    const std::size_t first = detail::first_difference(actual, expected);
    std::string wanted = detail::show_with(first, expected);
    std::string found = detail::show_with(first, actual);
    if (wanted == found) {
      // The values differ in a place that the shortened texts do not reach.
      const detail::ShowsWhole whole;
      const TextDifference difference(detail::show_at(first, expected),
                                      detail::show_at(first, actual));
      wanted += ", " + difference.left;
      found += ", " + difference.right;
    }
    throw Violation(what + " to be " + wanted, found);
  }
}

template <class Action>
void RuleContext::expect_error(errc code, const Action& action) {
  const std::string expected =
      "a StorageError with \"" + make_error_code(code).message() + "\" from ";
  try {
    action();
  } catch (const StorageError& error) {
    expect(means(error.code(), code), expected + transcript_.last_call(),
           std::string("StorageError: ") + error.what());
    return;
  } catch (const Timeout&) {
    throw;
  } catch (const Violation&) {
    throw;
  } catch (...) {
    throw Violation(expected + transcript_.last_call(), describe(std::current_exception()));
  }
  throw Violation(expected + transcript_.last_call(), "no error");
}

inline Client RuleContext::open_raw_in(const std::string& space) {
  if (std::find(spaces_.begin(), spaces_.end(), space) == spaces_.end()) {
    spaces_.push_back(space);
  }
  try {
    Handle handle = driver_.finish(
        driver_.start(by_harness("open", show(space)), harness_.open(driver_.executor(), space)));
    handle.space = space;
    clients_.emplace_back(std::move(handle), driver_);
    return clients_.back();
  } catch (const Timeout& timeout) {
    throw HarnessFailure(timeout.what());
  } catch (...) {
    throw HarnessFailure("open: " + describe(std::current_exception()));
  }
}

inline void RuleContext::close(Client client) {
  client.close_if_possible();
  let_go(std::move(client));
}

inline void RuleContext::let_go(Client client) {
  std::erase_if(clients_, [&client](Client& other) { return &other.handle() == &client.handle(); });
}

inline std::vector<ArchiveRecord> RuleContext::read_archive(Client& client, ArchiveKind kind,
                                                            std::string key) {
  if (client.handle().archive_reader == nullptr) {
    return driver_.finish(driver_.start(by_harness("read_archive", show(key)),
                                        harness_.read_archive(client.handle().space, kind, key)));
  }
  std::vector<ArchiveRecord> all;
  for (;;) {
    const std::uint64_t after = all.empty() ? 0 : all.back().sequence;
    std::string text = Client::text("read_archive", std::string(to_string(kind)), key, after);
    std::vector<ArchiveRecord> page = client.call(
        std::move(text), client.handle().archive_reader->read_archive(kind, key, after));
    if (page.empty()) {
      return all;
    }
    for (ArchiveRecord& record : page) {
      if (!all.empty() && record.sequence <= all.back().sequence) {
        throw Violation("records in order of their sequence",
                        show(record) + " after " + show(all.back()));
      }
      all.push_back(std::move(record));
    }
  }
}

inline void RuleContext::on_threads(Client client, std::size_t count,
                                    const std::function<void(std::size_t, Client)>& work) {
  in_rounds(std::move(client), count, 1,
            [&work](std::size_t, std::size_t index, Client mine) { work(index, std::move(mine)); });
}

inline void
RuleContext::in_rounds(Client client, std::size_t count, std::size_t rounds,
                       const std::function<void(std::size_t, std::size_t, Client)>& work) {
  StartingLine line(count);
  std::mutex mutex;
  std::exception_ptr failure;
  std::atomic<std::size_t> running = count;
  std::vector<std::thread> threads;
  threads.reserve(count);
  const auto start = [&](std::size_t index) {
    threads.emplace_back([&, index] {
      const CallingThreads::Member member(threads_);
      Driver driver(deadline_, transcript_);
      try {
        const Client mine = client.on(driver);
        for (std::size_t round = 0; round < rounds; ++round) {
          // The calls of the other threads have deadlines. A thread that is blocked for good is
          // left behind.
          line.wait(10 * deadline_.call());
          StartingLine::stagger(round, index);
          work(round, index, mine);
        }
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) {
          failure = std::current_exception();
        }
        driver.abandon();
      }
      line.leave();
      --running;
    });
  };
  try {
    for (std::size_t index = 0; index < count; ++index) {
      start(index);
    }
  } catch (const std::system_error& error) {
    const std::lock_guard lock(mutex);
    failure = std::make_exception_ptr(
        HarnessFailure(std::string("the machine starts no thread more: ") + error.what()));
    for (std::size_t missing = threads.size(); missing < count; ++missing) {
      line.leave();
      --running;
    }
  }
  // The context keeps running, because the handle may need the context that it was opened with.
  // Every thread ends, because its calls have deadlines.
  while (running != 0) {
    driver_.context().restart();
    driver_.context().run_one_for(std::chrono::milliseconds(2));
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

inline void RuleContext::clean_up() {
  for (Client& client : clients_) {
    transcript_.announce("close()");
    if (client.handle().backend != nullptr) {
      driver_.settle(driver_.start("close()", client.handle().backend->close()));
    }
    if (client.handle().archive != nullptr) {
      driver_.settle(driver_.start("close()", client.handle().archive->close()));
    }
  }
  clients_.clear();
  for (const std::string& space : spaces_) {
    const auto dropped = driver_.start(by_harness("drop", show(space)), harness_.drop(space));
    try {
      driver_.settle(dropped);
    } catch (const Timeout& timeout) {
      throw HarnessFailure(timeout.what());
    }
    if (dropped.state->error) {
      throw HarnessFailure("drop: " + describe(dropped.state->error));
    }
  }
}

} // namespace agentstore::conformance

#endif
