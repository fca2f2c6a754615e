// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CONCURRENCY_HISTORY_HPP
#define AGENTSTORE_CONFORMANCE_CONCURRENCY_HISTORY_HPP

/// \file
/// Calls made at once by several clients: how they are made, and what must be true of them.

#include <agentstore/conformance/check/rule_context.hpp>
#include <agentstore/conformance/concurrency/linearizability.hpp>
#include <agentstore/conformance/random/apply.hpp>

namespace agentstore::conformance {

/// One call, what came of it, and when it was under way by a clock that counts events.
class Call {
public:
  Call() = default;

  std::size_t client = 0;
  Operation operation;
  json outcome;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

using History = std::vector<Call>;

/// Makes the calls of each program in turn. Calls of different programs are made at once, on the
/// calling thread. Client i uses `handles[i % handles.size()]`; the handles share one driver.
/// Pauses of random length lie between calls. If all handlers of a backend run on the given
/// executor, the same numbers give the same interleaving.
History interleave(const std::vector<Client>& handles, const std::vector<Program>& programs,
                   std::mt19937_64& random);

/// The same, each program on a thread of its own. The clients wait for each other before each call.
History race(RuleContext& ctx, const std::vector<Client>& handles,
             const std::vector<Program>& programs);

/// Makes one more call, after all others.
void make_last_call(Client& client, const Operation& operation, History& history);

/// What is wrong with a history of calls on one session, or nothing. There must be an order of the
/// calls in which the model gives the same answers. The search counts as progress.
std::optional<Violation> find_disorder(const Model& before, const History& history,
                                       Deadline& deadline);

/// What is wrong with a history of appends and unlimited reads of one conversation, or nothing. The
/// contents are all different, and the last call is a read that follows all others. The last read
/// must hold every acknowledged append once and as it was given, and no append before an append
/// that had ended when it began. It must also begin with what any other read returned. Each read
/// must hold all that had been acknowledged before it.
std::optional<Violation> find_lost_append(const History& history);

/// One call a line, with the events at which it began and ended.
std::string show(const History& history);

// Only machinery below this line.

namespace detail {

/// The model as a state of `find_order`.
class ModelState {
public:
  ModelState(Model model, Deadline& deadline) : model_(std::move(model)), deadline_(&deadline) {}

  bool take(const Call& call) {
    deadline_->beat();
    return identical(answer(call), call.outcome);
  }
  json answer(const Call& call) { return apply(model_, call.operation); }
  std::string fingerprint() const { return model_.fingerprint(); }

private:
  Model model_;
  Deadline* deadline_;
};

inline Call begun(std::size_t client, const Operation& operation, std::uint64_t begin) {
  Call call;
  call.client = client;
  call.operation = operation;
  call.begin = begin;
  return call;
}

/// One client of `interleave`: what it still has to do, and what it is doing.
class Turn {
public:
  Turn(Client handle, const Program& program) : client_(std::move(handle)), program_(program) {}

  bool is_over() const { return next_ == program_.size() && !running_; }
  bool is_running() const { return running_.has_value(); }
  bool is_pausing() const { return !running_ && pause_ != 0; }
  bool can_start() const { return !running_ && pause_ == 0 && next_ != program_.size(); }
  void pause(std::size_t steps) { pause_ = steps; }
  void pass() { pause_ -= pause_ != 0 ? 1u : 0u; }

  void start(std::size_t index, std::uint64_t now) {
    const Operation& operation = program_[next_++];
    call_ = begun(index, operation, now);
    running_ = client_.driver().start("client " + std::to_string(index) + ": " + show(operation),
                                      apply(client_.handle(), operation));
  }
  bool has_ended() const { return running_ && running_->is_done(); }
  Call finish(std::uint64_t now) {
    call_.outcome = client_.driver().finish(*running_);
    call_.end = now;
    running_.reset();
    return call_;
  }
  /// Drives the call until it ends or hangs.
  void wait() { client_.driver().settle(*running_); }

private:
  Client client_;
  const Program& program_;
  std::size_t next_ = 0;
  std::size_t pause_ = 0;
  std::optional<Pending<json>> running_;
  Call call_;
};

} // namespace detail

inline History interleave(const std::vector<Client>& handles, const std::vector<Program>& programs,
                          std::mt19937_64& random) {
  constexpr std::size_t longest_pause = 5;
  History history;
  Driver& driver = Client(handles.front()).driver();
  std::vector<detail::Turn> turns;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    turns.emplace_back(handles[i % handles.size()], programs[i]);
    turns.back().pause(random() % longest_pause);
  }
  std::uint64_t now = 0;
  const auto any = [&turns](bool (detail::Turn::*has)() const) {
    return std::any_of(turns.begin(), turns.end(),
                       [has](const detail::Turn& turn) { return (turn.*has)(); });
  };
  while (!std::all_of(turns.begin(), turns.end(),
                      [](const detail::Turn& turn) { return turn.is_over(); })) {
    for (std::size_t i = 0; i < turns.size(); ++i) {
      if (turns[i].can_start()) {
        turns[i].start(i, ++now);
      }
      turns[i].pass();
    }
    // One handler at a time. If none is ready, a pause goes by, or else the calls wait for
    // something outside.
    if (!driver.step() && !any(&detail::Turn::is_pausing) && !any(&detail::Turn::can_start) &&
        !driver.run_until([&any] { return any(&detail::Turn::has_ended); })) {
      std::find_if(turns.begin(), turns.end(), [](const detail::Turn& turn) {
        return turn.is_running();
      })->wait();
    }
    ++now;
    for (detail::Turn& turn : turns) {
      if (turn.has_ended()) {
        history.push_back(turn.finish(now));
        turn.pause(random() % longest_pause);
      }
    }
  }
  return history;
}

inline History race(RuleContext& ctx, const std::vector<Client>& handles,
                    const std::vector<Program>& programs) {
  std::atomic<std::uint64_t> clock = 0;
  std::vector<History> histories(programs.size());
  std::size_t rounds = 0;
  for (const Program& program : programs) {
    rounds = std::max(rounds, program.size());
  }
  ctx.in_rounds(handles.front(), programs.size(), rounds,
                [&](std::size_t round, std::size_t index, Client mine) {
                  if (round >= programs[index].size()) {
                    return;
                  }
                  Client client = Client(handles[index % handles.size()]).on(mine.driver());
                  const Operation& operation = programs[index][round];
                  Call call = detail::begun(index, operation, ++clock);
                  call.outcome =
                      client.call("client " + std::to_string(index) + ": " + show(operation),
                                  apply(client.handle(), operation));
                  call.end = ++clock;
                  histories[index].push_back(std::move(call));
                });
  History all;
  for (const History& history : histories) {
    all.insert(all.end(), history.begin(), history.end());
  }
  return all;
}

inline void make_last_call(Client& client, const Operation& operation, History& history) {
  std::uint64_t now = 0;
  for (const Call& call : history) {
    now = std::max(now, call.end);
  }
  Call call = detail::begun(0, operation, now + 1);
  call.outcome = client.call(show(operation), apply(client.handle(), operation));
  call.end = now + 2;
  history.push_back(std::move(call));
}

inline std::string show(const History& history) {
  std::string text;
  for (const Call& call : history) {
    text += "client " + std::to_string(call.client) + " [" + std::to_string(call.begin) + ", " +
            std::to_string(call.end) + "] " + show(call.operation) + " -> " + show(call.outcome) +
            "\n";
  }
  return text;
}

inline std::optional<Violation> find_disorder(const Model& before, const History& history,
                                              Deadline& deadline) {
  const detail::ModelState initial(before, deadline);
  const Ordering found = find_order(initial, history);
  if (found.verdict != Ordering::Verdict::none) {
    return std::nullopt;
  }
  // The most telling call is one that may come next in the order found, and does not fit.
  detail::ModelState state = initial;
  std::vector<bool> done(history.size(), false);
  for (const std::size_t i : found.order) {
    state.take(history[i]);
    done[i] = true;
  }
  std::size_t next = history.size();
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!done[i] && (next == history.size() || history[i].end < history[next].end)) {
      next = i;
    }
  }
  const json expected = state.answer(history[next]);
  return Violation(show(expected) + " from " + show(history[next].operation) + " of client " +
                       std::to_string(history[next].client) +
                       ", as in the order that explains most (" +
                       std::to_string(found.order.size()) + " of " +
                       std::to_string(history.size()) + " concurrent calls; none explains all)",
                   show(history[next].outcome));
}

inline std::optional<Violation> find_lost_append(const History& history) {
  const auto is_append = [](const Call& call) {
    return call.operation.kind == Operation::Kind::add_conversation_message;
  };
  const json& last = history.back().outcome;
  if (!last.is_array()) {
    return Violation("the conversation after all appends", show(last));
  }
  // Where each append stands at last.
  constexpr std::size_t nowhere = SIZE_MAX;
  std::vector<std::size_t> places(history.size(), nowhere);
  std::size_t found = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!is_append(history[i])) {
      continue;
    }
    const std::string call = show(history[i].operation);
    Message message;
    message.role = history[i].operation.text;
    message.content = history[i].operation.content;
    message.metadata = history[i].operation.metadata;
    const json expected = outcome_of(message);
    for (std::size_t place = 0; place < last.size(); ++place) {
      if (!identical(last[place], expected)) {
        continue;
      }
      if (places[i] != nowhere) {
        return Violation("the message of " + call + " once", "it twice in " + show(last));
      }
      places[i] = place;
      ++found;
    }
    if (places[i] == nowhere && identical(history[i].outcome, json(true))) {
      return Violation("the message of " + call + ", which was acknowledged",
                       "none: " + show(last));
    }
    if (places[i] != nowhere && identical(history[i].outcome, json(false))) {
      return Violation("no message of " + call + ", which was refused", "one in " + show(last));
    }
  }
  if (found != last.size()) {
    return Violation("messages that were appended, with sequences that increase", show(last));
  }
  for (std::size_t a = 0; a < history.size(); ++a) {
    if (is_append(history[a])) {
      for (std::size_t b = 0; b < history.size(); ++b) {
        if (is_append(history[b]) && history[a].end < history[b].begin && places[a] != nowhere &&
            places[b] != nowhere && places[a] > places[b]) {
          return Violation("the message of " + show(history[a].operation) + " before that of " +
                               show(history[b].operation) + ", which was called after its end",
                           show(last));
        }
      }
      continue;
    }
    const json& read = history[a].outcome;
    for (std::size_t i = 0; i < read.size(); ++i) {
      if (!read.is_array() || i >= last.size() || !identical(read[i], last[i])) {
        return Violation("each read to be the beginning of the conversation as it is at last, " +
                             show(last),
                         show(read));
      }
    }
    for (std::size_t b = 0; b < history.size(); ++b) {
      if (!is_append(history[b]) || places[b] == nowhere) {
        continue;
      }
      if (history[b].end < history[a].begin && places[b] >= read.size()) {
        return Violation("the message of " + show(history[b].operation) +
                             " in a read that was called after its end",
                         show(read));
      }
      if (history[b].begin > history[a].end && places[b] < read.size()) {
        return Violation("no message of " + show(history[b].operation) +
                             " in a read that had ended before it was called",
                         show(read));
      }
    }
  }
  return std::nullopt;
}

} // namespace agentstore::conformance

#endif
