// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_KILL_RIG_HPP
#define AGENTSTORE_CONFORMANCE_KILL_RIG_HPP

/// \file
/// DUR-02: a child writes and is killed; what it had been told is stored must be there.
///
/// The child is this program once more. Its writes follow from a seed, each has a number, and it
/// sends the number through a pipe when the write is acknowledged. Thus the parent knows, whenever
/// the child dies, what must be there, and what may be: one write of each concurrent writer.

#include <agentstore/conformance/child_process.hpp>
#include <agentstore/conformance/deed.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sys/prctl.h>

namespace agentstore::conformance {

/// What the child does: to be called, with the harness, by the program that was started with the
/// child arguments. Does nothing where the program was not started by a kill rig; else it does not
/// return.
inline void run_kill_child(AnyHarness& harness);

/// Kills children on one space, one after the other, and looks at it after each.
class KillRig {
public:
  /// UNTESTED where the program cannot start itself again.
  KillRig(World& w, std::string space);

  /// One child, one kill, one comparison. Throws `Violation` where something is lost, torn or out
  /// of order, or where the child's writes fail or do not end.
  void round();

private:
  using Number = Deed::Number;

  class Place;
  class Plan;

  void start(const Plan& plan);
  void read_until_ready(ChildProcess& child);
  void read_until_killed(ChildProcess& child, const Plan& plan);
  void take(std::string& text);
  void compare();
  void compare(Client& c, Place place);
  std::vector<Number> read(Client& c, const Place& place);

  World& w_;
  std::string space_;
  std::vector<Deed> deeds_;
  std::uint64_t seed_;
  std::uint64_t rounds_ = 0;
  /// From which number on the next child writes.
  Number next_ = 0;
  /// What was found at each place after the last kill.
  std::map<std::pair<std::size_t, std::string>, std::vector<Number>> found_;
  std::map<std::pair<std::size_t, std::string>, std::vector<Number>> in_flight_before_;
  // Of the child at work:
  bool greeted_ = false;
  bool ready_ = false;
  std::vector<Number> acknowledged_;
};

// Only machinery below this line.

namespace detail {

inline constexpr const char* kill_variable = "AGENTSTORE_KILL_CHILD";
/// How many writers a child has: one write of each may be under way when it dies.
inline constexpr std::uint64_t kill_writers = 3;

/// Where and how a numbered write is done. The number alone decides.
class KillStep {
public:
  KillStep(const std::vector<Deed>& deeds, std::uint64_t seed, Deed::Number the_number)
      : number(the_number), deed(std::mt19937_64(seed + the_number)() % deeds.size()) {
    key = "k" + std::to_string(deed);
    if (deeds[deed].on_repeat == Deed::Again::replaces) {
      key += "-writer" + std::to_string(writer());
    } else if (deeds[deed].on_repeat == Deed::Again::never) {
      key += "-" + std::to_string(number);
    }
  }

  std::uint64_t writer() const { return number % kill_writers; }

  Deed::Number number;
  std::size_t deed;
  std::string key;
};

inline std::vector<Deed> kill_deeds(AnyHarness& harness) {
  std::vector<Deed> all = deeds(harness.interfaces(), harness.can_read_archive());
  std::erase_if(all, [](const Deed& deed) { return !deed.is_readable; });
  return all;
}

/// The child at work. Everything it says is one line of the pipe.
class KillChild {
public:
  KillChild(AnyHarness& harness, const json& setting, int pipe)
      : deadline_(harness.deadline()),
        world_(harness, deadline_, setting.at("space").get<std::string>(), 0),
        deeds_(kill_deeds(harness)), seed_(setting.at("seed").get<std::uint64_t>()),
        first_(setting.at("first").get<std::uint64_t>()),
        dies_after_(setting.at("dies_after").get<std::uint64_t>()),
        steps_(setting.at("steps").get<std::uint64_t>()), pipe_(pipe) {}

  [[noreturn]] void run() {
    try {
      say("hello");
      Client client = world_.open();
      if (first_ == 0) {
        prepare(client);
      }
      for (std::uint64_t i = 0; i < kill_writers; ++i) {
        next_.push_back(first_ + i);
        writes_.emplace_back();
      }
      say("ready");
      for (;;) {
        work(client);
      }
    } catch (const HarnessFailure& failure) {
      say(std::string("harness ") + failure.what());
    } catch (const Violation& violation) {
      say("broken " + violation.came + ", where expected was " + violation.expected);
    } catch (...) {
      say("broken " + describe(std::current_exception()));
    }
    std::_Exit(1);
  }

private:
  /// The places that many writes go to.
  void prepare(Client& client) {
    for (std::size_t i = 0; i < deeds_.size(); ++i) {
      if (deeds_[i].on_repeat == Deed::Again::adds) {
        deeds_[i].prepare(world_, client, "k" + std::to_string(i));
      }
      for (std::uint64_t w = 0; w < kill_writers; ++w) {
        if (deeds_[i].on_repeat == Deed::Again::replaces) {
          deeds_[i].prepare(world_, client,
                            "k" + std::to_string(i) + "-writer" + std::to_string(w));
        }
      }
    }
  }

  /// Keeps every writer at work, until one of them is done.
  void work(Client& client) {
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      if (!writes_[i]) {
        const KillStep step(deeds_, seed_, next_[i]);
        const Deed& deed = deeds_[step.deed];
        if (deed.on_repeat == Deed::Again::never) {
          deed.prepare(world_, client, step.key);
        }
        writes_[i] = client.driver().start(deed.text(step.key, step.number),
                                           deed.write(client.handle(), step.key, step.number));
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
      throw Hang(writes_.front()->state->call);
    }
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      if (writes_[i]->is_done()) {
        if (!client.driver().finish(*writes_[i])) {
          throw Violation(writes_[i]->state->call + " to be true", "false");
        }
        say(std::to_string(next_[i]));
        if (++said_ == dies_after_ && steps_ == 0) {
          ::kill(::getpid(), SIGKILL);
        }
        next_[i] += kill_writers;
        writes_[i].reset();
      }
    }
  }

  void say(std::string line) const {
    std::replace(line.begin(), line.end(), '\n', ' ');
    line += '\n';
    for (std::size_t at = 0; at < line.size();) {
      const ssize_t size = ::write(pipe_, line.data() + at, line.size() - at);
      if (size < 0 && errno != EINTR) {
        std::_Exit(1);
      }
      at += size > 0 ? static_cast<std::size_t>(size) : 0;
    }
  }

  Deadline deadline_;
  World world_;
  std::vector<Deed> deeds_;
  std::uint64_t seed_;
  Deed::Number first_;
  std::uint64_t dies_after_;
  std::uint64_t steps_;
  int pipe_;
  std::vector<Deed::Number> next_;
  std::vector<std::optional<Pending<bool>>> writes_;
  std::uint64_t said_ = 0;
};

} // namespace detail

inline void run_kill_child(AnyHarness& harness) {
  const char* text = std::getenv(detail::kill_variable);
  if (text == nullptr) {
    return;
  }
  const std::string setting = text;
  const std::size_t space = setting.rfind(' ');
  const json parsed = json::parse(setting.substr(0, space));
  // Where the parent is killed itself, nobody reads the pipe any more; where the child hangs, it
  // would not notice.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parsed.at("parent").get<pid_t>()) {
    std::_Exit(1);
  }
  detail::KillChild child(harness, parsed, std::stoi(setting.substr(space)));
  child.run();
}

/// When the child is to die.
class KillRig::Plan {
public:
  explicit Plan(std::mt19937_64& random)
      : acknowledgements(1 + random() % 40), by_itself(random() % 3 != 0),
        steps(random() % 2 == 0 ? 0 : 1 + random() % (1 + random() % 12)), delay(random() % 1500) {}

  /// After so many acknowledgements...
  std::uint64_t acknowledgements;
  /// ... by its own hand: at once, or after some more steps of its event loop, mostly few. Nothing
  /// that is not yet written by then has a chance.
  bool by_itself;
  std::uint64_t steps;
  /// ... or by the parent's, a little later: anywhere, inside of a system call too.
  std::chrono::microseconds delay;
};

/// A key that one kind of deed was done to, with what is known about it.
class KillRig::Place {
public:
  std::size_t deed = 0;
  std::string key;
  std::vector<Number> acknowledged;
  std::vector<Number> in_flight;
};

inline KillRig::KillRig(World& w, std::string space)
    : w_(w), space_(std::move(space)), deeds_(detail::kill_deeds(w.harness())),
      seed_(w.random()()) {
  if (w.child_arguments().empty()) {
    throw Untested("the program cannot start itself again: it was given no child arguments");
  }
  if (std::getenv(detail::kill_variable) != nullptr) {
    // A main that does not look at its arguments would start child after child.
    throw Untested("the program is itself the child of a kill rig");
  }
  if (deeds_.empty()) {
    throw Untested("what is written cannot be read back");
  }
}

inline void KillRig::round() {
  const Plan plan(w_.random());
  ++rounds_;
  greeted_ = false;
  ready_ = false;
  acknowledged_.clear();
  const std::size_t entry = w_.transcript().begin(
      "a child that writes to " + show(space_) + " with " + show(detail::kill_writers) +
      " writers, its " + std::to_string(rounds_) + ". on that space; kill -9");
  start(plan);
  w_.transcript().end(entry,
                      "dead after " + std::to_string(acknowledged_.size()) + " acknowledgements");
  compare();
}

inline void KillRig::start(const Plan& plan) {
  json setting = json::object();
  setting["space"] = space_;
  setting["seed"] = seed_;
  setting["first"] = next_;
  setting["dies_after"] = plan.by_itself ? plan.acknowledgements : 0;
  setting["steps"] = plan.steps;
  setting["parent"] = ::getpid();
  ChildProcess child(w_.child_arguments(), detail::kill_variable, setting.dump());
  read_until_ready(child);
  read_until_killed(child, plan);
}

inline void KillRig::read_until_ready(ChildProcess& child) {
  using namespace std::chrono_literals;
  // To start a program takes its time, more so under a sanitizer on a busy machine.
  const auto end = std::chrono::steady_clock::now() + 30s + w_.deadline().call();
  std::string text;
  bool over = false;
  while (!ready_ && !over) {
    w_.deadline().beat();
    over =
        child.read(text, 20ms) == ChildProcess::Came::end || std::chrono::steady_clock::now() > end;
    take(text);
  }
  if (!greeted_) {
    throw HarnessFailure("this program, started again with the argument \"" +
                         w_.child_arguments().front() + "\", does not call run_kill_child; " +
                         child.kill());
  }
  if (!ready_) {
    throw Violation("a store that a child process can open", child.kill());
  }
}

inline void KillRig::read_until_killed(ChildProcess& child, const Plan& plan) {
  using namespace std::chrono_literals;
  std::string text;
  std::size_t seen = 0;
  auto progress = std::chrono::steady_clock::now();
  while (plan.by_itself || acknowledged_.size() < plan.acknowledgements) {
    w_.deadline().beat();
    const bool over = child.read(text, 20ms) == ChildProcess::Came::end;
    take(text);
    if (over) {
      break;
    }
    if (acknowledged_.size() != seen) {
      seen = acknowledged_.size();
      progress = std::chrono::steady_clock::now();
    } else if (std::chrono::steady_clock::now() - progress > w_.deadline().call() + 1s) {
      w_.deadline().after_a_hang();
      throw Violation("acknowledgements of a child's writes",
                      "none any more after " + std::to_string(seen));
    }
  }
  if (!plan.by_itself) {
    std::this_thread::sleep_for(plan.delay);
  }
  const std::string how = child.kill();
  while (child.read(text, 0ms) == ChildProcess::Came::data) {
  }
  take(text);
  if (acknowledged_.size() < plan.acknowledgements) {
    throw Violation("a child that writes until it is killed",
                    how + " after " + std::to_string(acknowledged_.size()) + " acknowledgements");
  }
}

inline void KillRig::take(std::string& text) {
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

inline void KillRig::compare() {
  std::map<std::pair<std::size_t, std::string>, Place> places;
  const auto place_of = [&](Number number) -> Place& {
    const detail::KillStep step(deeds_, seed_, number);
    Place& place = places[std::make_pair(step.deed, step.key)];
    place.deed = step.deed;
    place.key = step.key;
    return place;
  };
  for (const auto& [where, numbers] : found_) {
    Place& place = places[where];
    place.deed = where.first;
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
    client = w_.open_in(space_);
  } catch (const HarnessFailure& failure) {
    throw Violation("a store that opens again after a kill -9", failure.what());
  }
  for (const auto& [where, place] : places) {
    compare(*client, place);
  }
  w_.close(*client);
}

inline std::vector<KillRig::Number> KillRig::read(Client& c, const Place& place) {
  try {
    return deeds_[place.deed].numbers(w_, c, place.key);
  } catch (const Hang&) {
    throw;
  } catch (const Violation& violation) {
    throw Violation(violation.expected + ", by " + std::string(deeds_[place.deed].name) + " to " +
                        show(place.key) + " after a kill -9",
                    violation.came);
  }
}

inline void KillRig::compare(Client& c, Place place) {
  const Deed& deed = deeds_[place.deed];
  if (deed.removes) { // and leaves no number
    std::fill(place.acknowledged.begin(), place.acknowledged.end(), Deed::removal);
    std::fill(place.in_flight.begin(), place.in_flight.end(), Deed::removal);
  }
  const auto where = std::make_pair(place.deed, place.key);
  std::vector<Number>& before = found_[where];
  // What a killed client had sent a server may still do, a moment later.
  std::vector<Number>& late = in_flight_before_[where];
  const std::vector<Number> now = read(c, place);
  const auto contains = [](const std::vector<Number>& numbers, Number number) {
    return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
  };
  const auto expect = [&](bool met, const std::string& what) {
    if (!met) {
      throw Violation(what + " by " + std::string(deed.name) + " to " + show(place.key) +
                          " after a kill -9; before this child there were " + show(before) +
                          ", acknowledged to it were " + show(place.acknowledged) +
                          ", in flight were " + show(place.in_flight),
                      show(now));
    }
  };
  std::vector<Number> must = deed.on_repeat == Deed::Again::adds || place.acknowledged.empty()
                                 ? before
                                 : std::vector<Number>();
  if (deed.on_repeat == Deed::Again::adds) {
    must.insert(must.end(), place.acknowledged.begin(), place.acknowledged.end());
  } else if (!place.acknowledged.empty()) {
    must.push_back(place.acknowledged.back());
  }
  if (deed.on_repeat == Deed::Again::replaces) {
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
