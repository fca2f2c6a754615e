// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CRASH_KILL_TEST_HPP
#define AGENTSTORE_CONFORMANCE_CRASH_KILL_TEST_HPP

/// \file
/// DUR-02: a child writes and is killed. Each write that was acknowledged to it must be there.
///
/// The child is this program once more. Its writes follow from a seed, each has a number, and it
/// sends the number through a pipe when the write is acknowledged. Thus the parent knows, whenever
/// the child dies, what must be there, and what may be: one write of each concurrent writer.

#include <agentstore/conformance/crash/child_process.hpp>
#include <agentstore/conformance/crash/shared_processes.hpp>
#include <agentstore/conformance/kit.hpp>
#include <agentstore/conformance/methods/tagged_writes.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sys/prctl.h>

namespace agentstore::conformance {

/// Kills children on one space, one after the other, and looks at it after each.
class KillTest {
public:
  /// UNTESTED if the program cannot start itself again.
  KillTest(RuleContext& ctx, std::string space);

  /// One child, one kill, one comparison. Throws `Violation` if something is lost, torn or out of
  /// order, or if the child's writes fail or do not end.
  void round();

private:
  using Number = TaggedWrite::Number;

  class Place;
  class Plan;

  void start(const Plan& plan);
  void read_until_ready(ChildProcess& child);
  void read_until_killed(ChildProcess& child, const Plan& plan);
  void take(std::string& text);
  void compare();
  void compare(Client& client, Place place);
  std::vector<Number> read(Client& client, const Place& place);

  RuleContext& ctx_;
  std::string space_;
  std::vector<TaggedWrite> tagged_writes_;
  std::uint64_t seed_;
  std::uint64_t rounds_ = 0;
  /// The first number that the next child writes.
  Number next_ = 0;
  /// What was found at each place after the last kill.
  std::map<std::pair<std::size_t, std::string>, std::vector<Number>> found_;
  std::map<std::pair<std::size_t, std::string>, std::vector<Number>> in_flight_before_;
  // About the child at work:
  bool greeted_ = false;
  bool ready_ = false;
  std::vector<Number> acknowledged_;
};

// Only machinery below this line.

namespace detail {

/// How many writers a child has: one write of each may be under way when it dies.
inline constexpr std::uint64_t kill_writers = 3;

/// Where and how a numbered write is done. The number alone decides.
class KillWrite {
public:
  KillWrite(const std::vector<TaggedWrite>& tagged_writes, std::uint64_t seed,
            TaggedWrite::Number the_number)
      : number(the_number), tagged(std::mt19937_64(seed + the_number)() % tagged_writes.size()) {
    key = "k" + std::to_string(tagged);
    if (tagged_writes[tagged].on_repeat == RepeatEffect::replaces) {
      key += "-writer" + std::to_string(writer());
    } else if (tagged_writes[tagged].on_repeat == RepeatEffect::keeps) {
      key += "-" + std::to_string(number);
    }
  }

  std::uint64_t writer() const { return number % kill_writers; }

  TaggedWrite::Number number;
  std::size_t tagged;
  std::string key;
};

inline std::vector<TaggedWrite> kill_writes(AnyHarness& harness) {
  std::vector<TaggedWrite> all = tagged_writes(harness.interfaces(), harness.can_read_archive());
  std::erase_if(all, [](const TaggedWrite& tagged) { return !tagged.is_readable; });
  return all;
}

/// The child at work. Everything it says is one line of the pipe.
class KillChild {
public:
  KillChild(AnyHarness& harness, const json& setting, const ParentPipe& pipe)
      : deadline_(harness.deadline()),
        ctx_(harness, deadline_, setting.at("space").get<std::string>(), 0),
        tagged_writes_(kill_writes(harness)), seed_(setting.at("seed").get<std::uint64_t>()),
        first_(setting.at("first").get<std::uint64_t>()),
        dies_after_(setting.at("dies_after").get<std::uint64_t>()),
        steps_(setting.at("steps").get<std::uint64_t>()), pipe_(pipe) {}

  [[noreturn]] void run() {
    Client client = ctx_.open();
    if (first_ == 0) {
      prepare(client);
    }
    for (std::uint64_t i = 0; i < kill_writers; ++i) {
      next_.push_back(first_ + i);
      writes_.emplace_back();
    }
    pipe_.say("ready");
    for (;;) {
      work(client);
    }
  }

private:
  /// Prepares the places that many writes go to.
  void prepare(Client& client) {
    for (std::size_t i = 0; i < tagged_writes_.size(); ++i) {
      if (tagged_writes_[i].on_repeat == RepeatEffect::appends) {
        tagged_writes_[i].prepare(ctx_, client, "k" + std::to_string(i));
      }
      for (std::uint64_t writer = 0; writer < kill_writers; ++writer) {
        if (tagged_writes_[i].on_repeat == RepeatEffect::replaces) {
          tagged_writes_[i].prepare(ctx_, client,
                                    "k" + std::to_string(i) + "-writer" + std::to_string(writer));
        }
      }
    }
  }

  /// Keeps every writer at work, until one of them is done.
  void work(Client& client) {
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      if (!writes_[i]) {
        const KillWrite step(tagged_writes_, seed_, next_[i]);
        const TaggedWrite& tagged = tagged_writes_[step.tagged];
        if (tagged.on_repeat == RepeatEffect::keeps) {
          tagged.prepare(ctx_, client, step.key);
        }
        writes_[i] = client.driver().start(tagged.text(step.key, step.number),
                                           tagged.write(client.handle(), step.key, step.number));
      }
    }
    if (dies_after_ != 0 && said_ >= dies_after_) {
      for (std::uint64_t i = 0; i < steps_; ++i) {
        client.driver().step();
      }
      ::kill(::getpid(), SIGKILL);
    }
    const auto one_is_done = [this] {
      return std::any_of(writes_.begin(), writes_.end(),
                         [](const auto& write) { return write->is_done(); });
    };
    if (!client.driver().run_until(one_is_done)) {
      throw Timeout(writes_.front()->state->call);
    }
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      if (writes_[i]->is_done()) {
        if (!client.driver().finish(*writes_[i])) {
          throw Violation(writes_[i]->state->call + " to be true", "false");
        }
        pipe_.say(std::to_string(next_[i]));
        if (++said_ == dies_after_ && steps_ == 0) {
          ::kill(::getpid(), SIGKILL);
        }
        next_[i] += kill_writers;
        writes_[i].reset();
      }
    }
  }

  Deadline deadline_;
  RuleContext ctx_;
  std::vector<TaggedWrite> tagged_writes_;
  std::uint64_t seed_;
  TaggedWrite::Number first_;
  std::uint64_t dies_after_;
  std::uint64_t steps_;
  const ParentPipe& pipe_;
  std::vector<TaggedWrite::Number> next_;
  std::vector<std::optional<Pending<bool>>> writes_;
  std::uint64_t said_ = 0;
};

} // namespace detail

template <class>
void run_kill_child(AnyHarness& harness) {
  const char* text = std::getenv(detail::child_variable);
  if (text == nullptr) {
    return;
  }
  const std::string setting = text;
  const std::size_t space = setting.rfind(' ');
  const json parsed = json::parse(setting.substr(0, space));
  // If the parent itself is killed, nobody reads the pipe any more, and a child that hangs would
  // not notice.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parsed.at("parent").get<pid_t>()) {
    std::_Exit(1);
  }
  const ParentPipe pipe(std::stoi(setting.substr(space)));
  try {
    pipe.say("hello");
    if (parsed.contains("barrier")) {
      detail::SharingChild(harness, parsed, pipe).run();
      std::_Exit(0);
    }
    detail::KillChild(harness, parsed, pipe).run();
  } catch (const HarnessFailure& failure) {
    pipe.say(std::string("harness ") + failure.what());
  } catch (const Violation& violation) {
    pipe.say("broken " + violation.actual + ", where expected was " + violation.expected);
  } catch (...) {
    pipe.say("broken " + describe(std::current_exception()));
  }
  std::_Exit(1);
}

/// When the child is to die.
class KillTest::Plan {
public:
  explicit Plan(std::mt19937_64& random)
      : acknowledgements(1 + random() % 40), by_itself(random() % 3 != 0),
        steps(random() % 2 == 0 ? 0 : 1 + random() % (1 + random() % 12)), delay(random() % 1500) {}

  /// The child dies after so many acknowledgements...
  std::uint64_t acknowledgements;
  /// ... by its own hand: at once, or after some more steps of its event loop, mostly few. A write
  /// that has not reached the store by then is never made.
  bool by_itself;
  std::uint64_t steps;
  /// ... or by the parent's hand, a little later. It may die anywhere then, also inside of a system
  /// call.
  std::chrono::microseconds delay;
};

/// A key and the kind of write made to it, with what is known about its writes.
class KillTest::Place {
public:
  std::size_t tagged = 0;
  std::string key;
  std::vector<Number> acknowledged;
  std::vector<Number> in_flight;
};

inline KillTest::KillTest(RuleContext& ctx, std::string space)
    : ctx_(ctx), space_(std::move(space)), tagged_writes_(detail::kill_writes(ctx.harness())),
      seed_(ctx.random()()) {
  if (ctx.child_arguments().empty()) {
    throw NotTestable("the program cannot start itself again: it was given no child arguments");
  }
  if (std::getenv(detail::child_variable) != nullptr) {
    // A main that does not look at its arguments would otherwise start child after child.
    throw NotTestable("the program is itself the child of a kill test");
  }
  if (tagged_writes_.empty()) {
    throw NotTestable("what is written cannot be read back");
  }
}

inline void KillTest::round() {
  const Plan plan(ctx_.random());
  ++rounds_;
  greeted_ = false;
  ready_ = false;
  acknowledged_.clear();
  const std::size_t entry = ctx_.transcript().begin(
      "a child that writes to " + show(space_) + " with " + show(detail::kill_writers) +
      " writers, its " + std::to_string(rounds_) + ". on that space; kill -9");
  start(plan);
  ctx_.transcript().end(entry,
                        "dead after " + std::to_string(acknowledged_.size()) + " acknowledgements");
  compare();
}

inline void KillTest::start(const Plan& plan) {
  json setting = json::object();
  setting["space"] = space_;
  setting["seed"] = seed_;
  setting["first"] = next_;
  setting["dies_after"] = plan.by_itself ? plan.acknowledgements : 0;
  setting["steps"] = plan.steps;
  setting["parent"] = ::getpid();
  ChildProcess child(ctx_.child_arguments(), detail::child_variable, setting.dump());
  read_until_ready(child);
  read_until_killed(child, plan);
}

inline void KillTest::read_until_ready(ChildProcess& child) {
  using namespace std::chrono_literals;
  // Starting a program takes time, more so under a sanitizer on a busy machine.
  const auto end = std::chrono::steady_clock::now() + 30s + ctx_.deadline().call();
  std::string text;
  bool over = false;
  while (!ready_ && !over) {
    ctx_.deadline().beat();
    over = child.read(text, 20ms) == ChildProcess::ReadResult::end ||
           std::chrono::steady_clock::now() > end;
    take(text);
  }
  if (!greeted_) {
    throw HarnessFailure("this program, started again with the argument \"" +
                         ctx_.child_arguments().front() + "\", does not call run_kill_child; " +
                         child.kill());
  }
  if (!ready_) {
    throw Violation("a store that a child process can open", child.kill());
  }
}

inline void KillTest::read_until_killed(ChildProcess& child, const Plan& plan) {
  using namespace std::chrono_literals;
  std::string text;
  std::size_t seen = 0;
  constexpr auto look = 20ms;
  GrantedTime quiet(look);
  while (plan.by_itself || acknowledged_.size() < plan.acknowledgements) {
    ctx_.deadline().beat();
    const bool over = child.read(text, look) == ChildProcess::ReadResult::end;
    take(text);
    if (over) {
      break;
    }
    if (acknowledged_.size() != seen) {
      seen = acknowledged_.size();
      quiet.restart();
    } else if (quiet.count() > ctx_.deadline().call() + 1s) {
      ctx_.deadline().after_a_hang();
      throw Violation("acknowledgements of a child's writes",
                      "none any more after " + std::to_string(seen));
    }
  }
  if (!plan.by_itself) {
    std::this_thread::sleep_for(plan.delay);
  }
  const std::string how = child.kill();
  while (child.read(text, 0ms) == ChildProcess::ReadResult::data) {
  }
  take(text);
  if (acknowledged_.size() < plan.acknowledgements) {
    throw Violation("a child that writes until it is killed",
                    how + " after " + std::to_string(acknowledged_.size()) + " acknowledgements");
  }
}

inline void KillTest::take(std::string& text) {
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    const std::string line = text.substr(0, end);
    text.erase(0, end + 1);
    if (line == "hello") {
      greeted_ = true;
    } else if (line == "ready") {
      ready_ = true;
    } else if (line.starts_with("harness ")) {
      throw HarnessFailure("in a child process: " + line.substr(8));
    } else if (line.starts_with("broken ")) {
      throw Violation("a child to go on writing until it is killed", line.substr(7));
    } else {
      acknowledged_.push_back(std::strtoull(line.c_str(), nullptr, 10));
    }
  }
}

inline void KillTest::compare() {
  std::map<std::pair<std::size_t, std::string>, Place> places;
  const auto place_of = [&](Number number) -> Place& {
    const detail::KillWrite step(tagged_writes_, seed_, number);
    Place& place = places[std::make_pair(step.tagged, step.key)];
    place.tagged = step.tagged;
    place.key = step.key;
    return place;
  };
  for (const auto& [where, numbers] : found_) {
    Place& place = places[where];
    place.tagged = where.first;
    place.key = where.second;
  }
  std::vector<Number> following;
  for (std::uint64_t writer = 0; writer < detail::kill_writers; ++writer) {
    following.push_back(next_ + writer);
  }
  for (const Number number : acknowledged_) {
    place_of(number).acknowledged.push_back(number);
    following[number % detail::kill_writers] = number + detail::kill_writers;
  }
  for (const Number number : following) {
    place_of(number).in_flight.push_back(number);
    next_ = std::max(next_, number - number % detail::kill_writers + detail::kill_writers);
  }

  std::optional<Client> client;
  try {
    client = ctx_.open_in(space_);
  } catch (const HarnessFailure& failure) {
    throw Violation("a store that opens again after a kill -9", failure.what());
  }
  for (const auto& [where, place] : places) {
    compare(*client, place);
  }
  ctx_.close(*client);
}

inline std::vector<KillTest::Number> KillTest::read(Client& client, const Place& place) {
  const TaggedWrite& tagged = tagged_writes_[place.tagged];
  // A server may carry out what the killed client had sent while one part is read after the other.
  // It is whole at a second look; what is torn stays torn.
  for (bool is_second_look = false;; is_second_look = true) {
    try {
      return tagged.numbers(ctx_, client, place.key);
    } catch (const Timeout&) {
      throw;
    } catch (const Violation& violation) {
      if (is_second_look) {
        throw Violation(violation.expected + ", by " + std::string(tagged.name) + " to " +
                            show(place.key) + " after a kill -9",
                        violation.actual);
      }
    }
  }
}

inline void KillTest::compare(Client& client, Place place) {
  const TaggedWrite& tagged = tagged_writes_[place.tagged];
  if (tagged.removes) { // a removal leaves no number
    std::fill(place.acknowledged.begin(), place.acknowledged.end(), TaggedWrite::removal);
    std::fill(place.in_flight.begin(), place.in_flight.end(), TaggedWrite::removal);
  }
  const auto where = std::make_pair(place.tagged, place.key);
  std::vector<Number>& before = found_[where];
  // A server may still carry out, a moment later, what a killed client had sent.
  std::vector<Number>& late = in_flight_before_[where];
  const std::vector<Number> now = read(client, place);
  const auto contains = [](const std::vector<Number>& numbers, Number number) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
  };
  const auto expect = [&](bool met, const std::string& what) {
    if (!met) {
      throw Violation(what + " by " + std::string(tagged.name) + " to " + show(place.key) +
                          " after a kill -9; before this child there were " + show(before) +
                          ", acknowledged to it were " + show(place.acknowledged) +
                          ", in flight were " + show(place.in_flight),
                      show(now));
    }
  };
  std::vector<Number> must = tagged.on_repeat == RepeatEffect::appends || place.acknowledged.empty()
                                 ? before
                                 : std::vector<Number>();
  if (tagged.on_repeat == RepeatEffect::appends) {
    must.insert(must.end(), place.acknowledged.begin(), place.acknowledged.end());
  } else if (!place.acknowledged.empty()) {
    must.push_back(place.acknowledged.back());
  }
  if (tagged.on_repeat == RepeatEffect::replaces) {
    expect(now == must ||
               (now.size() == 1 && (contains(place.in_flight, now.front()) ||
                                    (place.acknowledged.empty() && contains(late, now.front())))),
           "the last value acknowledged, or the one in flight,");
  } else {
    for (const Number number : must) {
      expect(contains(now, number), "#" + show(number) + ", which was acknowledged,");
    }
    std::vector<Number> last_of(detail::kill_writers, 0);
    for (std::size_t i = 0; i < now.size(); ++i) {
      const Number number = now[i];
      const bool may_be_late = contains(late, number);
      expect(contains(must, number) || contains(place.in_flight, number) || may_be_late,
             "nothing but what was acknowledged or in flight");
      Number& last = last_of[number % detail::kill_writers];
      expect((number >= last || may_be_late) && std::count(now.begin(), now.end(), number) == 1,
             "each once and in the order of its writer");
      last = std::max(last, number);
      expect(i >= before.size() || number == before[i], "the order of before");
    }
  }
  before = now;
  late.insert(late.end(), place.in_flight.begin(), place.in_flight.end());
}

} // namespace agentstore::conformance

#endif
