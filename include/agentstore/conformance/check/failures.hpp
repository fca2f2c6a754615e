// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CHECK_FAILURES_HPP
#define AGENTSTORE_CONFORMANCE_CHECK_FAILURES_HPP

/// \file
/// How the check of a rule can end other than well, as exceptions of the kit's own, and the record
/// of the calls that led there.

#include <agentstore/conformance/check/show.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace agentstore::conformance {

/// The backend broke the rule: what was expected, and what came instead.
class Violation : public std::runtime_error {
public:
  Violation(std::string expected_outcome, std::string actual_outcome)
      : std::runtime_error("expected " + expected_outcome + ", came " + actual_outcome),
        expected(std::move(expected_outcome)), actual(std::move(actual_outcome)) {}

  std::string expected;
  std::string actual;
};

/// A call did not end within its deadline. That is a violation of any rule.
class Timeout : public Violation {
public:
  explicit Timeout(const std::string& call)
      : Violation("an end of " + call, "nothing: the call did not complete in time") {}
};

/// The rule, or a part of it, could not be tested; says what is missing.
class NotTestable : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What the machine lacks: threads, memory or descriptors. Neither a backend nor its harness is
/// wrong then. Empty if the error is another one.
inline std::string machine_fault(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const StorageError&) {
    return {};
  } catch (const std::bad_alloc&) {
    return "there is no memory left";
  } catch (const std::system_error& e) {
    for (const std::errc lack :
         {std::errc::resource_unavailable_try_again, std::errc::not_enough_memory,
          std::errc::too_many_files_open, std::errc::too_many_files_open_in_system}) {
      if (e.code() == lack) {
        return e.what();
      }
    }
  } catch (const boost::system::system_error& e) {
    for (const auto lack :
         {boost::system::errc::not_enough_memory, boost::system::errc::too_many_files_open,
          boost::system::errc::too_many_files_open_in_system}) {
      if (e.code() == lack) {
        return e.what();
      }
    }
  } catch (...) {
    return {};
  }
  return {};
}

/// The harness itself failed, in `open`, `drop` or a hook.
class HarnessFailure : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What an exception was, for a person.
inline std::string describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const StorageError& e) {
    return std::string("StorageError: ") + e.what();
  } catch (const std::exception& e) {
    return std::string("an exception that is not a StorageError: ") + e.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

/// `text` on one line.
inline std::string one_line(std::string_view text) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    result += (result.empty() ? "" : " ") + std::string(text.substr(begin, end - begin));
    begin = std::min(text.find_first_not_of(" \n", end), text.size());
  }
  return result;
}

/// The latest calls of a check and how each ended, written from any thread.
class Transcript {
public:
  static constexpr std::size_t most_kept = 12;
  /// AGENTSTORE_TRANSCRIPT: the file to which the transcripts of broken rules go, with all of their
  /// calls. Null if it is not set.
  static const char* file() {
    const char* const name = std::getenv("AGENTSTORE_TRANSCRIPT");
    return name != nullptr && *name != '\0' ? name : nullptr;
  }
  /// The beginning of a call's text, if the call is the harness' business and not the backend's.
  static constexpr std::string_view by_harness = "the harness' ";

  /// Records which call is about to be made. The call may block before there is anything to await.
  /// The next call that begins takes its place.
  void announce(const std::string& call) {
    const std::lock_guard lock(mutex_);
    announced_ = call;
  }

  /// Begins a call; returns its number.
  std::size_t begin(std::string call) {
    const std::lock_guard lock(mutex_);
    announced_.clear();
    waiting_.emplace_back(++count_, call);
    add(std::move(call));
    return count_;
  }

  void end(std::size_t number, const std::string& how) {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [number](const Entry& entry) { return entry.number == number; });
    for (Entry& entry : entries_) {
      if (entry.number == number) {
        entry.outcome = how;
        return;
      }
    }
  }

  /// Runs an action that is no call but may block the thread like one. An action that ends leaves
  /// nothing in the transcript.
  /// Requires: the action does not throw.
  template <class Action>
  void during(std::string step, const Action& action);

  /// Adds a text for the reader of the transcript.
  void note(std::string text) {
    const std::lock_guard lock(mutex_);
    ++count_;
    add(std::move(text));
  }

  /// The text of the latest call that is about to be made, or has begun and not ended. Empty if
  /// there is none.
  std::string waiting_for() const {
    const std::lock_guard lock(mutex_);
    return announced_.empty() && !waiting_.empty() ? waiting_.back().text : announced_;
  }

  /// Each of the latest calls and its outcome, the oldest first.
  std::string text() const { return text_of_latest(most_kept); }
  /// The same for all calls that are kept.
  std::string whole_text() const { return text_of_latest(SIZE_MAX); }

  /// The latest call without its outcome, in one line.
  std::string last_call() const {
    const std::lock_guard lock(mutex_);
    return entries_.empty() ? "the check" : one_line(entries_.back().text);
  }

private:
  struct Entry {
    Entry(std::size_t n, std::string t) : number(n), text(std::move(t)) {}
    std::size_t number;
    std::string text;
    std::string outcome;
  };

  std::string text_of_latest(std::size_t most) const {
    const std::lock_guard lock(mutex_);
    const std::size_t first = entries_.size() - std::min(most, entries_.size());
    std::string result;
    if (before_ + first != 0) {
      result = "    (" + std::to_string(before_ + first) + " calls before)\n";
    }
    for (std::size_t i = first; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      result += "    " + entry.text + "\n";
      result += entry.outcome.empty() ? std::string() : "      -> " + entry.outcome + "\n";
    }
    return result;
  }

  void add(std::string text) {
    entries_.emplace_back(count_, std::move(text));
    if (entries_.size() > most_kept && file() == nullptr) {
      entries_.pop_front();
      ++before_;
    }
  }
  void forget(std::size_t number) {
    const std::lock_guard lock(mutex_);
    const auto is_it = [number](const Entry& entry) { return entry.number == number; };
    std::erase_if(waiting_, is_it);
    if (std::erase_if(entries_, is_it) == 0) {
      --before_; // the call was no longer among the latest
    }
  }

  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
  std::vector<Entry> waiting_;
  std::string announced_;
  std::size_t count_ = 0;
  std::size_t before_ = 0;
};

template <class Action>
void Transcript::during(std::string step, const Action& action) {
  const std::size_t number = begin(std::move(step));
  action();
  forget(number);
}

} // namespace agentstore::conformance

#endif
