// SPDX-License-Identifier: Apache-2.0
// Archives with a bug that each kind of append can have by itself, by IPermanentStorageBackend, by
// IArchiveOnce or by both. What each does wrong stands in the table at the end.

#include "conformance/mutants/another_thread.hpp"
#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

namespace agentstore::conformance {

namespace mutants::by_archive {

using Id = MethodId;
using Records = std::vector<ArchiveRecord>;

/// The bug is in what is read of one kind.
class BugOfReads : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return is_read(call) ? read(std::move(call), std::move(next)) : next(std::move(call));
  }

protected:
  bool is_read(const Operation& call) const {
    return call.kind == Id::read_archive && call.archive_kind == method_of(method()).archive_kind();
  }
  /// All records of the key, however few are asked for.
  static awaitable<Records> all(Operation call, Next next) {
    call.after = 0;
    call.limit = 100'000;
    Answer answer = co_await next(std::move(call));
    co_return std::get<Records>(std::move(answer));
  }
  virtual awaitable<Answer> read(Operation call, Next next) = 0;
};

// The time of a record

/// Has the time of an append from when its awaitable was made.
class TimeOfTheAwaitable : public Bug {
public:
  using Bug::before;
  using Bug::Bug;

  void before(const Operation& call) override {
    if (has(call) && !call.time) {
      made_.set(call.key, now());
    }
  }
  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && !call.time) {
      call.time = made_.get(call.key);
    }
    return next(std::move(call));
  }

private:
  Kept<Timestamp> made_;
};

/// Fills in the time of a record that has none when it is read.
class TimeOfTheRead : public BugOfReads {
public:
  using BugOfReads::BugOfReads;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && !call.time) {
      untimed_->set(std::to_string(now().time_since_epoch().count()), true);
    }
    return BugOfReads::around(std::move(call), std::move(next));
  }

protected:
  awaitable<Answer> read(Operation call, Next next) override {
    Answer answer = co_await next(std::move(call));
    for (ArchiveRecord& record : std::get<Records>(answer)) {
      if (untimed_->has(std::to_string(record.created_at.time_since_epoch().count()))) {
        record.created_at = now();
      }
    }
    co_return answer;
  }

private:
  std::shared_ptr<Kept<bool>> untimed_ = shared<Kept<bool>>();
};

/// No two records of a key have one time.
class EqualTimesMoveOn : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.time) {
      if (latest_->get(call.key) == *call.time) {
        call.time = *call.time + std::chrono::microseconds(1);
      }
      latest_->set(call.key, *call.time);
    }
    return next(std::move(call));
  }

private:
  std::shared_ptr<Kept<Timestamp>> latest_ = shared<Kept<Timestamp>>();
};

enum class WrongEntryTime { unsigned_only, zero_is_none, cut_to_2262 };

template <WrongEntryTime wrong>
class ChangesEntryTimes : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id && call.time) {
      change(call.time);
    }
    return next(std::move(call));
  }

private:
  static void change(std::optional<Timestamp>& time) {
    const Timestamp last = std::chrono::sys_days(std::chrono::year(2262) / 4 / 11);
    if (wrong == WrongEntryTime::unsigned_only) {
      time = std::max(*time, Timestamp());
    } else if (wrong == WrongEntryTime::zero_is_none) {
      time = *time == Timestamp() ? std::nullopt : time;
    } else {
      time = std::min(*time, last);
    }
  }
};

// Pages

/// Goes on behind the time of the last record.
class PagesByTime : public BugOfReads {
public:
  using BugOfReads::BugOfReads;

protected:
  awaitable<Answer> read(Operation call, Next next) override {
    const std::uint64_t after = call.after;
    const std::size_t limit = call.limit;
    Records records = co_await all(std::move(call), std::move(next));
    const auto last = std::find_if(records.begin(), records.end(), [after](const auto& record) {
      return record.sequence == after;
    });
    if (last != records.end()) {
      const Timestamp time = last->created_at;
      std::erase_if(records, [=](const ArchiveRecord& record) {
        return record.sequence <= after || record.created_at < time;
      });
    }
    records.resize(std::min(limit, records.size()));
    co_return records;
  }
};

/// Takes the records of the smallest times, and gives them in order.
class PagesOfTheOldest : public BugOfReads {
public:
  using BugOfReads::BugOfReads;

protected:
  awaitable<Answer> read(Operation call, Next next) override {
    const std::uint64_t after = call.after;
    const std::size_t limit = call.limit;
    Records records = co_await all(std::move(call), std::move(next));
    std::erase_if(records, [=](const ArchiveRecord& record) { return record.sequence <= after; });
    sort_stably(records, [](const auto& a, const auto& b) { return a.created_at < b.created_at; });
    records.resize(std::min(limit, records.size()));
    sort_stably(records, [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    co_return records;
  }
};

enum class WrongPage { newest, no_limit, zero_is_all, with_last, one_more, one_is_none };

template <WrongPage wrong>
class GivesWrongPages : public BugOfReads {
public:
  using BugOfReads::BugOfReads;

protected:
  awaitable<Answer> read(Operation call, Next next) override {
    const std::uint64_t after = call.after;
    const std::size_t limit = call.limit;
    if (wrong == WrongPage::newest && limit < default_archive_limit) {
      Records records = co_await all(std::move(call), std::move(next));
      std::erase_if(records, [=](const ArchiveRecord& record) { return record.sequence <= after; });
      records.erase(records.begin(),
                    records.end() - static_cast<std::ptrdiff_t>(std::min(limit, records.size())));
      co_return records;
    }
    if (wrong == WrongPage::no_limit && limit < default_archive_limit && limit != 0) {
      call.limit = default_archive_limit;
    } else if (wrong == WrongPage::zero_is_all && limit == 0) {
      call.limit = default_archive_limit;
    } else if (wrong == WrongPage::with_last && after != 0 && limit < default_archive_limit) {
      --call.after;
    } else if (wrong == WrongPage::one_more && limit != 0 && limit < default_archive_limit) {
      ++call.limit;
    } else if (wrong == WrongPage::one_is_none && limit == 1) {
      call.limit = 0;
    }
    co_return co_await next(std::move(call));
  }
};

// Keys that look alike, or are found by a part of them

/// Finds the records of a longer key, too, where the key has none of its own.
class ReadsByPrefix : public BugOfReads {
public:
  using BugOfReads::BugOfReads;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      keys_->set(call.key, true);
    }
    return BugOfReads::around(std::move(call), std::move(next));
  }

protected:
  awaitable<Answer> read(Operation call, Next next) override {
    if (!keys_->has(call.key)) {
      for (const auto& [key, is_there] : keys_->all()) {
        if (key.starts_with(call.key)) {
          call.key = key;
          break;
        }
      }
    }
    return next(std::move(call));
  }

private:
  std::shared_ptr<Kept<bool>> keys_ = shared<Kept<bool>>();
};

// The life cycle

/// Forgets a record, or throws, if the archive is closed while the record is under way. Where it
/// forgets, it says that the record is kept.
template <bool throws>
class LosesWhatIsUnderWay : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::close) {
      ++*closes_;
    }
    return has(call) ? keep_late(std::move(call), std::move(next)) : next(std::move(call));
  }

private:
  awaitable<Answer> keep_late(Operation call, Next next) {
    const int before = *closes_;
    co_await step_aside();
    if (*closes_ != before) {
      if (throws) {
        throw StorageError(errc::closed, "append", call.key, "it was closed meanwhile");
      }
      co_return Answer(true);
    }
    co_return co_await next(std::move(call));
  }

  std::shared_ptr<std::atomic<int>> closes_ = shared<std::atomic<int>>();
};

enum class WhenTwoMeet { second_is_refused, second_does_not_wait };

/// Of two calls of one method on the whole store that meet, the second is not as the first.
template <WhenTwoMeet wrong>
class TwoMeet : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call)) {
      return next(std::move(call));
    }
    return is_under_way_.exchange(true) ? second(std::move(call))
                                        : first(std::move(call), std::move(next));
  }

private:
  awaitable<Answer> first(Operation call, Next next) {
    co_await step_far_aside();
    Answer answer = co_await next(std::move(call));
    is_under_way_ = false;
    co_return answer;
  }
  awaitable<Answer> second(Operation call) {
    if (wrong == WhenTwoMeet::second_is_refused) {
      throw StorageError(errc::unavailable, std::string(method_of(call.kind).name), "",
                         "the same is under way");
    }
    co_return call.kind == Id::initialize ? Answer(true) : Answer();
  }

  std::atomic<bool> is_under_way_ = false;
};

/// Each handle has a place of its own for the records of a key, and the first is read first.
class PlacesOfTheHandle : public BugOfReads {
public:
  using BugOfReads::BugOfReads;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      writers_->set(call.key + "\n" + std::to_string(++(*counts_)[call.key]), this);
    }
    return BugOfReads::around(std::move(call), std::move(next));
  }

protected:
  awaitable<Answer> read(Operation call, Next next) override {
    const std::string key = call.key;
    const std::uint64_t after = call.after;
    const std::size_t limit = call.limit;
    Records records = co_await all(std::move(call), std::move(next));
    const auto writer = [&](const ArchiveRecord& record) {
      return writers_->get(key + "\n" + std::to_string(record.sequence)).value_or(nullptr);
    };
    const void* const first = records.empty() ? nullptr : writer(records.front());
    sort_stably(records, [&](const auto& a, const auto& b) {
      return writer(a) == first && writer(b) != first;
    });
    std::uint64_t sequence = 0;
    for (ArchiveRecord& record : records) {
      record.sequence = ++sequence;
    }
    std::erase_if(records, [=](const ArchiveRecord& record) { return record.sequence <= after; });
    records.resize(std::min(limit, records.size()));
    co_return records;
  }

private:
  std::shared_ptr<Kept<const void*>> writers_ = shared<Kept<const void*>>();
  std::shared_ptr<std::map<std::string, int>> counts_ = shared<std::map<std::string, int>>();
};

/// A handle that is closed closes what all handles on the space append to.
class CloseClosesAll : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::initialize) {
      *is_closed_ = false;
    } else if (call.kind == Id::close && was_opened_.exchange(false)) {
      *is_closed_ = true;
    }
    was_opened_ = was_opened_ || call.kind == Id::initialize;
    return has(call) && *is_closed_ ? answered(Answer(false)) : next(std::move(call));
  }

private:
  std::shared_ptr<std::atomic<bool>> is_closed_ = shared<std::atomic<bool>>();
  std::atomic<bool> was_opened_ = false;
};

/// Reads a closed archive as one that is empty.
class ReadsEmptyWhenClosed : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::initialize || call.kind == Id::close) {
      is_open_ = call.kind == Id::initialize;
    }
    if (call.kind == Id::read_archive && !is_open_) {
      return answered(Answer(Records()));
    }
    return next(std::move(call));
  }

private:
  std::atomic<bool> is_open_ = false;
};

/// Has nothing to do where there are no writes, and is not looked at whether it is open.
class NoWritesAreAlwaysKept : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::initialize || call.kind == Id::close) {
      is_open_ = call.kind == Id::initialize;
    }
    if (has(call) && call.writes.empty() && !is_open_) {
      return answered(Answer(true));
    }
    return next(std::move(call));
  }

private:
  std::atomic<bool> is_open_ = false;
};

/// Goes on on a thread of its own, and comes back to wherever the call was awaited.
class ComesBackAnyhow : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) ? later(std::move(call), std::move(next)) : next(std::move(call));
  }

private:
  awaitable<Answer> later(Operation call, Next next) {
    boost::asio::steady_timer timer(pool_, std::chrono::milliseconds(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_return co_await next(std::move(call));
  }

  boost::asio::thread_pool pool_{1};
};

// Entry ids

/// An entry is the same only if some other argument is, too.
class NaturalKeys : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id) {
      *call.entry_id += "/" + call.user_id + call.text + call.checkpoint_id.value_or("");
    }
    return next(std::move(call));
  }
};

template <void (*Bend)(std::string&)>
class BendsIds : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id && is_id(*call.entry_id)) {
      Bend(*call.entry_id);
    }
    return next(std::move(call));
  }

private:
  static bool is_id(const std::string& id) { return !id.empty() && id.size() <= 1'024; }
};

void trim_lines(std::string& id) {
  while (id.size() > 1 && (id.back() == '\n' || id.back() == '\t')) {
    id.pop_back();
  }
}
void read_as_number(std::string& id) {
  while (id.size() > 1 && id.front() == '0' &&
         id.find_first_not_of("0123456789") == std::string::npos) {
    id.erase(0, 1);
  }
}
template <std::size_t most>
void cut(std::string& id) {
  id.resize(std::min(id.size(), most));
}

/// Looks an entry up by its key and its id, joined by this.
template <char separator>
class JoinsKeyAndId : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id) {
      const std::string joined = call.key + separator + *call.entry_id;
      keys_->add(joined, call.key);
      if (keys_->get(joined) != call.key) {
        return answered(Answer(true));
      }
    }
    return next(std::move(call));
  }

private:
  std::shared_ptr<Kept<std::string>> keys_ = shared<Kept<std::string>>();
};

/// Knows the latest entries alone.
class KnowsAHundred : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id) {
      *call.entry_id += std::to_string((*count_)++ / 100);
    }
    return next(std::move(call));
  }

private:
  std::shared_ptr<std::atomic<int>> count_ = shared<std::atomic<int>>();
};

/// Of two appends of an entry that meet, both look for it before either adds it.
class LooksThenAddsAny : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.entry_id ? look(std::move(call), std::move(next))
                                      : next(std::move(call));
  }

private:
  awaitable<Answer> look(Operation call, Next next) {
    const std::string id = call.key + "\n" + *call.entry_id;
    const bool is_there = known_->has(id);
    co_await step_aside();
    if (!is_there) {
      if (!known_->add(id, true)) {
        *call.entry_id += " of the other";
      }
    }
    co_return co_await next(std::move(call));
  }

  std::shared_ptr<Kept<bool>> known_ = shared<Kept<bool>>();
};

/// An append that meets another of its entry is false.
class SecondIsBusy : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.entry_id ? mark(std::move(call), std::move(next))
                                      : next(std::move(call));
  }

private:
  awaitable<Answer> mark(Operation call, Next next) {
    const std::string id = call.key + "\n" + *call.entry_id;
    if (!busy_->add(id, true)) {
      co_return Answer(false);
    }
    co_await step_aside();
    Answer answer = co_await next(std::move(call));
    busy_->erase(id);
    co_return answer;
  }

  std::shared_ptr<Kept<bool>> busy_ = shared<Kept<bool>>();
};

/// What failed is known to the handle that was asked for it.
class FailedIdsOfAHandle : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.entry_id ? append(std::move(call), std::move(next))
                                      : next(std::move(call));
  }

private:
  awaitable<Answer> append(Operation call, Next next) {
    const std::string id = call.key + "\n" + *call.entry_id;
    if (failed_->has(id) && !own_.has(id)) {
      *call.entry_id += " again";
    }
    Answer answer = co_await next(std::move(call));
    if (answer == Answer(false)) {
      failed_->set(id, true);
      own_.set(id, true);
    }
    co_return answer;
  }

  std::shared_ptr<Kept<bool>> failed_ = shared<Kept<bool>>();
  Kept<bool> own_;
};

enum class Cancelled { uses_up, adds_twice };

/// An append that is cancelled spoils its entry id.
template <Cancelled wrong>
class CancelledSpoilsId : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.entry_id ? append(std::move(call), std::move(next))
                                      : next(std::move(call));
  }

private:
  awaitable<Answer> append(Operation call, Next next) {
    const std::string id = call.key + "\n" + *call.entry_id;
    if (!begun_->add(id, true)) {
      if (wrong == Cancelled::uses_up) {
        co_return Answer(true);
      }
      *call.entry_id += " again";
    }
    if (wrong == Cancelled::uses_up) {
      co_await round_trip(); // which throws when it is cancelled
    }
    Answer answer = co_await next(std::move(call));
    if (wrong == Cancelled::adds_twice) {
      co_await round_trip();
    }
    begun_->erase(id);
    co_return answer;
  }

  std::shared_ptr<Kept<bool>> begun_ = shared<Kept<bool>>();
};

/// Appends without an entry id get one, too: how many there were.
class PlainHaveNumbers : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && !call.entry_id) {
      const int number = counts_->get(call.key).value_or(0) + 1;
      counts_->set(call.key, number);
      call.entry_id = std::to_string(number);
    }
    return next(std::move(call));
  }

private:
  std::shared_ptr<Kept<int>> counts_ = shared<Kept<int>>();
};

/// Entry ids of all spaces are in one table.
class EntriesOfAllSpaces : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id) {
      const std::string id = call.key + "\n" + *call.entry_id;
      spaces_->add(id, own_.get());
      if (spaces_->get(id) != own_.get()) {
        return answered(Answer(true));
      }
    }
    return next(std::move(call));
  }

private:
  std::shared_ptr<Kept<int*>> spaces_ = everywhere<Kept<int*>>();
  std::shared_ptr<int> own_ = shared<int>();
};

/// Takes an entry before it was opened.
class TakesEntriesBeforeOpening : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    is_open_ = is_open_ || call.kind == Id::initialize;
    return has(call) && call.entry_id && !is_open_ ? answered(Answer(true)) : next(std::move(call));
  }

private:
  std::atomic<bool> is_open_ = false;
};

/// Makes other values of those of an entry.
template <void (*Change)(json&)>
class ChangesEntryValues : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id) {
      try {
        change(call.value);
        change(call.metadata);
        for (ChannelWrite& write : call.writes) {
          change(write.value);
        }
      } catch (const json::exception&) { // NOLINT(bugprone-empty-catch): no JSON, which is refused
      }
    }
    return next(std::move(call));
  }

private:
  static void change(Document& value) {
    json tree = value.tree();
    Change(tree);
    value = std::move(tree);
  }
};

void drop_nulls(json& value) {
  value = without_nulls(value);
}
void whole_numbers(json& value) {
  if (value.is_number_float() && value.get<double>() == 1.0) {
    value = 1;
  }
  for (json& inner : value) {
    if (value.is_structured()) {
      whole_numbers(inner);
    }
  }
}

// The asynchrony of entries

/// Says what is wrong with an entry before the await.
class ChecksEntriesAtOnce : public Bug {
public:
  using Bug::before;
  using Bug::Bug;

  void before(const Operation& call) override {
    if (has(call) && call.entry_id && call.key.empty()) {
      throw StorageError(errc::invalid_argument, "append", "", "the key is empty");
    }
  }
};

/// Ends on a thread of its own.
class EntriesEndElsewhere : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.entry_id ? elsewhere(std::move(call), std::move(next))
                                      : next(std::move(call));
  }

private:
  awaitable<Answer> elsewhere(Operation call, Next next) {
    Answer answer = co_await next(std::move(call));
    co_await other_.go();
    co_return answer;
  }

  AnotherThread other_;
};

class EntriesBlock : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.entry_id) {
      return slowly(std::move(call), std::move(next));
    }
    return next(std::move(call));
  }

private:
  static awaitable<Answer> slowly(Operation call, Next next) {
    std::this_thread::sleep_for(std::chrono::milliseconds(4));
    co_return co_await next(std::move(call));
  }
};

/// A record that waits when its append is cancelled is kept behind its back.
class CancelledEntriesComeLater : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.entry_id ? append(std::move(call), std::move(next))
                                      : next(std::move(call));
  }

private:
  static awaitable<void> later(Operation call, Next next) {
    co_await round_trip();
    static_cast<void>(co_await next(std::move(call)));
  }
  static awaitable<Answer> append(Operation call, Next next) {
    const auto executor = co_await boost::asio::this_coro::executor;
    const Operation kept = call;
    bool is_cancelled = false;
    try {
      co_await round_trip();
    } catch (const boost::system::system_error&) {
      is_cancelled = true;
    }
    if (is_cancelled) {
      boost::asio::co_spawn(executor, later(kept, next), boost::asio::detached);
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    }
    co_return co_await next(std::move(call));
  }
};

} // namespace mutants::by_archive

std::vector<Mutant> archive_kind_mutants() {
  using namespace mutants;
  using namespace mutants::by_archive;
  std::vector<Mutant> all;
  const auto each = [&]<class AnyBug>(std::string_view rule, std::string_view name,
                                      std::string_view what, std::string_view evidence) {
    add<AnyBug, Id::append_session_event, Id::append_conversation_message, Id::append_checkpoint,
        Id::append_checkpoint_writes, Id::append_conversation_session,
        Id::append_task_context_snapshot>(all, rule, name, what, evidence);
  };
  each.template operator()<TimeOfTheAwaitable>("ARC-03", "time_of_the_awaitable",
                                               "the time is that of making the awaitable",
                                               "the time of a call that was made before");
  each.template operator()<TimeOfTheRead>("ARC-03", "time_of_the_read",
                                          "a record without a time is timed when it is read",
                                          "the records of before");
  each.template operator()<EqualTimesMoveOn>(
      "ARC-03", "equal_times_move_on", "no two records of a key have one time", "the times given");
  each.template operator()<PagesByTime>("ARC-02", "pages_by_time",
                                        "a page goes on behind the time of the last record",
                                        "read in pages of");
  each.template operator()<PagesOfTheOldest>("ARC-02", "pages_of_the_oldest",
                                             "a page has the records of the smallest times",
                                             "read in pages of");
  each.template operator()<GivesWrongPages<WrongPage::newest>>(
      "ARC-02", "pages_of_the_newest", "a page has the newest records", "read in pages of");
  each.template operator()<GivesWrongPages<WrongPage::no_limit>>(
      "ARC-02", "pages_without_limit", "a limit below 100 is none", "at most");
  each.template operator()<GivesWrongPages<WrongPage::zero_is_all>>("ARC-02", "limit_0_is_all",
                                                                    "0 is no limit", "at most 0");
  each.template operator()<GivesWrongPages<WrongPage::with_last>>(
      "ARC-02", "page_with_the_last", "a page begins with the last record of the one before",
      "read in pages of");
  each.template operator()<GivesWrongPages<WrongPage::one_more>>(
      "ARC-02", "page_of_one_more", "a page has one record more", "at most");
  each.template operator()<GivesWrongPages<WrongPage::one_is_none>>(
      "ARC-02", "page_of_one_is_empty", "a page of one record is empty", "read in pages of");
  each.template operator()<ReadsByPrefix>("ARC-01", "archive_reads_by_prefix",
                                          "a key is found by its beginning",
                                          "the records of another key");
  each.template operator()<LosesWhatIsUnderWay<false>>(
      "ARC-06", "close_loses_what_is_under_way", "a record under way at close is lost, as true",
      "which was true beside close()");
  each.template operator()<LosesWhatIsUnderWay<true>>("ARC-06", "close_throws_what_is_under_way",
                                                      "an append under way at close throws",
                                                      "true or false from");
  each.template operator()<PlacesOfTheHandle>("ARC-02", "places_of_the_handle",
                                              "each handle has its own places",
                                              "that two handles appended by turns");
  each.template operator()<CloseClosesAll>(
      "ARC-02", "close_closes_all", "a handle closes the others, too", "the append to be true");
  all.push_back(bug<ReadsEmptyWhenClosed, Id::read_archive>(
      "ARC-09", "reads_empty_when_closed", "a closed archive is read as an empty one",
      "from read_archive"));
  all.push_back(bug<NoWritesAreAlwaysKept, Id::append_checkpoint_writes>(
      "ARC-09", "no_writes_are_always_kept", "a closed archive keeps no writes, as true",
      "an append of no writes"));
  each.template operator()<ComesBackAnyhow>("LIF-07", "archive_comes_back_anyhow",
                                            "a call comes back to a context that is gone",
                                            "a call came back to it");
  add_once<NaturalKeys>(all, "ONC-01", "natural_keys", "other ids make another entry",
                        "the records of one entry");
  all.resize(all.size() - 2); // which have no other argument than a value
  add_once<BendsIds<&trim_lines>>(all, "ONC-02", "trims_entry_ids", "line ends are no part of ids",
                                  "the records of different entries");
  add_once<BendsIds<&read_as_number>>(all, "ONC-02", "numbers_entry_ids", "ids are numbers",
                                      "the records of different entries");
  add_once<BendsIds<&cut<64>>>(all, "ONC-02", "cuts_entry_ids_64", "64 bytes of an id count",
                               "the records of different entries");
  add_once<BendsIds<&cut<300>>>(all, "ONC-02", "cuts_entry_ids_300", "300 bytes of an id count",
                                "the records of different entries");
  add_once<JoinsKeyAndId<'/'>>(all, "ONC-02", "joins_key_and_id_by_slash", "ids run together",
                               "may be run together");
  add_once<JoinsKeyAndId<'|'>>(all, "ONC-02", "joins_key_and_id_by_bar", "ids run together",
                               "may be run together");
  add_once<PlainHaveNumbers>(all, "ONC-02", "plain_have_numbers",
                             "an append without an id takes its number for one",
                             "the records of different entries");
  add_once<EntriesOfAllSpaces>(all, "ONC-02", "entries_of_all_spaces",
                               "entry ids are those of all spaces", "another space");
  add_once<KnowsAHundred>(all, "ONC-03", "knows_a_hundred", "100 entry ids are known",
                          "an entry from before");
  add_once<LooksThenAddsAny>(all, "ONC-03", "looks_then_adds_any", "two appends that meet add both",
                             "records of");
  add_once<SecondIsBusy>(all, "ONC-03", "second_is_busy", "of two that meet one is false", "met ");
  add_once<FailedIdsOfAHandle>(all, "ONC-04", "failed_ids_of_a_handle",
                               "what failed is known to its handle",
                               "an entry that was repeated until it was true");
  add_once<CancelledSpoilsId<Cancelled::uses_up>>(all, "ONC-04", "cancelled_uses_id_up",
                                                  "a cancelled append uses its id up",
                                                  "that was cancelled");
  add_once<CancelledSpoilsId<Cancelled::adds_twice>>(
      all, "ONC-04", "cancelled_adds_twice", "a cancelled append has no id", "that was cancelled");
  add_once<ChangesEntryTimes<WrongEntryTime::unsigned_only>>(
      all, "ONC-05", "no_entry_before_1970", "no entry is before 1970", "the entries' times");
  add_once<ChangesEntryTimes<WrongEntryTime::zero_is_none>>(all, "ONC-05", "entry_at_zero",
                                                            "0 is no time", "the entries' times");
  add_once<ChangesEntryTimes<WrongEntryTime::cut_to_2262>>(
      all, "ONC-05", "no_entry_after_2262", "times are nanoseconds", "the entries' times");
  add_once<ChangesEntryValues<&drop_nulls>>(all, "ONC-05", "entries_without_nulls",
                                            "null members are dropped", "the entries' fields");
  add_once<ChangesEntryValues<&whole_numbers>>(all, "ONC-05", "entries_of_whole_numbers",
                                               "1.0 is 1", "the entries' fields");
  add_once<TakesEntriesBeforeOpening>(all, "ONC-06", "takes_entries_before_opening",
                                      "an entry is taken before it was opened",
                                      "before initialize");
  add_once<ChecksEntriesAtOnce>(all, "ASY-01", "checks_entries_at_once",
                                "a bad key is told before the await",
                                "and nothing before it is awaited");
  add_once<EntriesEndElsewhere>(all, "ASY-03", "entries_end_elsewhere",
                                "an entry ends on another thread", "_once(");
  add_once<EntriesBlock>(all, "ASY-05", "entries_block", "an entry blocks the thread", "_once(");
  add_once<CancelledEntriesComeLater>(all, "CAN-02", "cancelled_entries_come_later",
                                      "an entry is kept once its cancelled append has ended",
                                      "_once(");
  all.push_back(bug<TwoMeet<WhenTwoMeet::second_is_refused>, Id::initialize>(
      "LIF-01", "second_initialize_is_refused", "of two initialize that meet one throws",
      "the same is under way"));
  all.push_back(bug<TwoMeet<WhenTwoMeet::second_does_not_wait>, Id::initialize>(
      "LIF-01", "second_initialize_does_not_wait", "of two initialize that meet one is too early",
      "when initialize() was true"));
  all.push_back(bug<TwoMeet<WhenTwoMeet::second_is_refused>, Id::close>(
      "LIF-04", "other_close_is_refused", "of two close that meet one throws",
      "the same is under way"));
  all.push_back(bug<TwoMeet<WhenTwoMeet::second_is_refused>, Id::initialize, true>(
      "ARC-05", "second_initialize_is_refused_archive", "of two initialize that meet one throws",
      "the same is under way"));
  all.push_back(bug<TwoMeet<WhenTwoMeet::second_does_not_wait>, Id::initialize, true>(
      "ARC-05", "second_initialize_does_not_wait_archive",
      "of two initialize that meet one is too early", "when initialize() was true"));
  all.push_back(bug<TwoMeet<WhenTwoMeet::second_is_refused>, Id::close, true>(
      "ARC-06", "other_close_is_refused_archive", "of two close that meet one throws",
      "the same is under way"));
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that each kind of append can have are caught in each", "[by_archive]") {
  agentstore::test::expect_killed(archive_kind_mutants(), all_rules());
}

TEST_CASE("an archive with entry ids that has no bug keeps all rules", "[by_archive]") {
  using mutants::bug_once;
  const Mutant none = bug_once<mutants::Bug, MethodId::append_checkpoint>("", "no bug", "", "");
  const Report report = run_all_rules(none, all_rules());
  INFO(report.to_table());
  CHECK(report.count(Verdict::broken) == 0);
  CHECK(report.count(Verdict::error) == 0);
  CHECK(report.count(Verdict::held) > 10);
}
