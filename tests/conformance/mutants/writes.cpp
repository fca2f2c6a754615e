// SPDX-License-Identifier: Apache-2.0
// Stores that break a rule of pending writes. What each does wrong stands in the table at the
// end.

#include "conformance/mutants/directory_parts.hpp"
#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants {

/// Shows the writes otherwise than they are.
class ChangesWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return changed(ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)),
                   [this](std::vector<PendingWrite>& writes) { change_writes(writes); });
  }

private:
  virtual void change_writes(std::vector<PendingWrite>& writes) const = 0;
};

/// Keeps the writes itself, by rules of its own.
class KeepsWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    std::string key = thread_id + '\0' + checkpoint_id;
    std::vector<ChannelWrite> call = writes;
    // The store's own writes are not shown, but it checks the arguments.
    const bool taken = co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, task_id,
                                                              std::move(writes));
    std::vector<PendingWrite> kept = kept_.get(key).value_or(std::vector<PendingWrite>());
    keep(kept, task_id, call);
    kept_.set(key, std::move(kept));
    co_return taken;
  }

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    std::vector<PendingWrite> kept =
        kept_.get(thread_id + '\0' + checkpoint_id).value_or(std::vector<PendingWrite>());
    sort_stably(kept, [](const PendingWrite& a, const PendingWrite& b) {
      return std::tie(a.task_id, a.index) < std::tie(b.task_id, b.index);
    });
    return answered(std::move(kept));
  }

protected:
  using Writes = std::vector<PendingWrite>;

  static PendingWrite made(const std::string& task_id, const ChannelWrite& write,
                           std::int64_t index) {
    PendingWrite result;
    result.task_id = task_id;
    result.index = index;
    result.channel = write.channel;
    result.value = write.value;
    return result;
  }

  static PendingWrite* find(Writes& kept, const std::string& task_id, std::int64_t index) {
    const auto found = std::find_if(kept.begin(), kept.end(), [&](const PendingWrite& write) {
      return write.task_id == task_id && write.index == index;
    });
    return found == kept.end() ? nullptr : &*found;
  }

  /// By the rules: special channels keep the last value, others the first.
  static void keep_one(Writes& kept, const PendingWrite& write, bool is_special) {
    PendingWrite* const there = find(kept, write.task_id, write.index);
    if (there == nullptr) {
      kept.push_back(write);
    } else if (is_special) {
      *there = write;
    }
  }

private:
  virtual void keep(Writes& kept, const std::string& task_id,
                    const std::vector<ChannelWrite>& call) const = 0;

  Kept<Writes> kept_;
};

// WRT-01

class OrdersWritesByArrival : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    sort_stably(writes, [](const PendingWrite& a, const PendingWrite& b) {
      return a.task_id == "b" && b.task_id != "b";
    });
  }
};

class OrdersIndicesAsTexts : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    std::sort(writes.begin(), writes.end(), [](const PendingWrite& a, const PendingWrite& b) {
      return std::pair(a.task_id, std::to_string(a.index)) <
             std::pair(b.task_id, std::to_string(b.index));
    });
  }
};

class OrdersTasksByAlphabet : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    const auto lower = [](std::string text) {
      std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
      });
      return text;
    };
    sort_stably(writes, [&lower](const PendingWrite& a, const PendingWrite& b) {
      return lower(a.task_id) < lower(b.task_id);
    });
  }
};

class OrdersSpecialsLast : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    sort_stably(writes, [](const PendingWrite& a, const PendingWrite& b) {
      return a.task_id == b.task_id && a.index >= 0 && b.index < 0;
    });
  }
};

class ValuesAreTexts : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    for (PendingWrite& write : writes) {
      if (write.value.is_structured()) {
        write.value = write.value.dump();
      }
    }
  }
};

class NullWritesAreDropped : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    std::erase_if(writes, [](const PendingWrite& write) { return write.value.is_null(); });
  }
};

class TasksEndAtColon : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    for (PendingWrite& write : writes) {
      write.task_id = write.task_id.substr(0, write.task_id.find(':'));
    }
  }
};

// WRT-02

class RepeatReplaces : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    for (std::size_t i = 0; i < call.size(); ++i) {
      keep_one(kept, made(task_id, call[i], write_index(call[i].channel, i)), true);
    }
  }
};

class RepeatReplacesTask : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    std::erase_if(kept, [&task_id](const PendingWrite& write) { return write.task_id == task_id; });
    for (std::size_t i = 0; i < call.size(); ++i) {
      kept.push_back(made(task_id, call[i], write_index(call[i].channel, i)));
    }
  }
};

class RepeatAppends : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    for (const ChannelWrite& write : call) {
      kept.push_back(made(task_id, write, write_index(write.channel, kept.size())));
    }
  }
};

class RepeatIsIgnoredWhole : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    if (find(kept, task_id, 0) == nullptr) {
      for (std::size_t i = 0; i < call.size(); ++i) {
        keep_one(kept, made(task_id, call[i], write_index(call[i].channel, i)), false);
      }
    }
  }
};

class FirstOfEachChannelCounts : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    for (std::size_t i = 0; i < call.size(); ++i) {
      const bool is_there = std::any_of(kept.begin(), kept.end(), [&](const PendingWrite& write) {
        return write.task_id == task_id && write.channel == call[i].channel;
      });
      if (!is_there) {
        kept.push_back(made(task_id, call[i], write_index(call[i].channel, i)));
      }
    }
  }
};

// WRT-03

class SpecialsKeepTheFirst : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    for (std::size_t i = 0; i < call.size(); ++i) {
      keep_one(kept, made(task_id, call[i], write_index(call[i].channel, i)), false);
    }
  }
};

class ScheduledKeepsTheFirst : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    for (std::size_t i = 0; i < call.size(); ++i) {
      const std::int64_t index = write_index(call[i].channel, i);
      keep_one(kept, made(task_id, call[i], index), index < 0 && index != -2);
    }
  }
};

/// Replaces if all writes of the call are special, and else ignores what is there.
class DecidesByCall : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    const bool all = std::all_of(call.begin(), call.end(), [](const ChannelWrite& write) {
      return write_index(write.channel, 0) < 0;
    });
    for (std::size_t i = 0; i < call.size(); ++i) {
      keep_one(kept, made(task_id, call[i], write_index(call[i].channel, i)), all);
    }
  }
};

class OneSpecialReplacesAll : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    const bool any = std::any_of(call.begin(), call.end(), [](const ChannelWrite& write) {
      return write_index(write.channel, 0) < 0;
    });
    for (std::size_t i = 0; i < call.size(); ++i) {
      keep_one(kept, made(task_id, call[i], write_index(call[i].channel, i)), any);
    }
  }
};

class SpecialsTakeNoPlace : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    std::size_t place = 0;
    for (const ChannelWrite& write : call) {
      const std::int64_t index = write_index(write.channel, place);
      place += index < 0 ? 0u : 1u;
      keep_one(kept, made(task_id, write, index), index < 0);
    }
  }
};

class UnderscoresAreSpecial : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    for (std::size_t i = 0; i < call.size(); ++i) {
      keep_one(kept, made(task_id, call[i], write_index(call[i].channel, i)),
               call[i].channel.starts_with("__"));
    }
  }
};

class SpecialsHaveOtherIndices : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    for (PendingWrite& write : writes) {
      if (write.index == -3 || write.index == -4) {
        write.index = -7 - write.index;
      }
    }
  }
};

// WRT-04

class EqualWritesAreOne : public ChangesWrites {
public:
  using ChangesWrites::ChangesWrites;

private:
  void change_writes(std::vector<PendingWrite>& writes) const override {
    const auto end =
        std::unique(writes.begin(), writes.end(), [](const PendingWrite& a, const PendingWrite& b) {
          return a.channel == b.channel && a.value == b.value;
        });
    writes.erase(end, writes.end());
  }
};

class ChannelIsTheKey : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    std::vector<ChannelWrite> kept;
    for (const ChannelWrite& write : writes) {
      std::erase_if(kept,
                    [&write](const ChannelWrite& other) { return other.channel == write.channel; });
      kept.push_back(write);
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(kept));
  }
};

class TasksAreOne : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    for (std::size_t i = 0; i < call.size(); ++i) {
      const bool is_there = std::any_of(kept.begin(), kept.end(), [i](const PendingWrite& write) {
        return write.index == static_cast<std::int64_t>(i);
      });
      if (!is_there) {
        kept.push_back(made(task_id, call[i], write_index(call[i].channel, i)));
      }
    }
  }
};

// WRT-05

/// Finds writes by one key, made of their ids in some way.
class KeysWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    return ForwardingBackend::put_writes("writes", key(thread_id, checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return ForwardingBackend::get_writes("writes", key(thread_id, checkpoint_id));
  }

private:
  virtual std::string key(const std::string& thread_id, const std::string& checkpoint_id) const = 0;
};

class WritesOfAllThreads : public KeysWrites {
public:
  using KeysWrites::KeysWrites;

private:
  std::string key(const std::string&, const std::string& checkpoint_id) const override {
    return checkpoint_id;
  }
};

class WritesOfAllCheckpoints : public KeysWrites {
public:
  using KeysWrites::KeysWrites;

private:
  std::string key(const std::string& thread_id, const std::string&) const override {
    return thread_id;
  }
};

class WriteKeysJoinByColon : public KeysWrites {
public:
  using KeysWrites::KeysWrites;

private:
  std::string key(const std::string& thread_id, const std::string& checkpoint_id) const override {
    return thread_id + ":" + checkpoint_id;
  }
};

class WriteKeysJoinByBar : public KeysWrites {
public:
  using KeysWrites::KeysWrites;

private:
  std::string key(const std::string& thread_id, const std::string& checkpoint_id) const override {
    return thread_id + "|" + checkpoint_id;
  }
};

class WriteKeysJoinByNothing : public KeysWrites {
public:
  using KeysWrites::KeysWrites;

private:
  std::string key(const std::string& thread_id, const std::string& checkpoint_id) const override {
    return thread_id + checkpoint_id;
  }
};

class TaskKeysJoinByColon : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    std::vector<PendingWrite> writes =
        co_await ForwardingBackend::get_writes(thread_id, checkpoint_id);
    const std::vector<PendingWrite> more =
        co_await ForwardingBackend::get_writes(thread_id, checkpoint_id + ":task");
    writes.insert(writes.end(), more.begin(), more.end());
    co_return writes;
  }
};

class NextCheckpointInheritsWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    std::vector<PendingWrite> writes =
        co_await ForwardingBackend::get_writes(thread_id, checkpoint_id);
    if (writes.empty()) {
      const std::size_t two = 2;
      const std::vector<Checkpoint> latest =
          co_await ForwardingBackend::list_checkpoints(thread_id, two);
      if (latest.size() == two && latest.front().checkpoint_id == checkpoint_id) {
        writes = co_await ForwardingBackend::get_writes(thread_id, latest.back().checkpoint_id);
      }
    }
    co_return writes;
  }
};

// WRT-06

class WritesNeedTheirCheckpoint : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    const std::optional<Checkpoint> there =
        co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    if (!there) {
      co_return false;
    }
    co_return co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, std::move(task_id),
                                                     std::move(writes));
  }
};

class WritesMakeACheckpoint : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    const std::optional<Checkpoint> there =
        co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    if (!there) {
      json data = nullptr;
      json metadata = json::object();
      co_await ForwardingBackend::put_checkpoint(thread_id, checkpoint_id, std::move(data),
                                                 std::move(metadata));
    }
    co_return co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, std::move(task_id),
                                                     std::move(writes));
  }
};

class WritesWaitForTheirCheckpoint : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    const std::optional<Checkpoint> there =
        co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    std::vector<PendingWrite> writes =
        co_await ForwardingBackend::get_writes(thread_id, checkpoint_id);
    if (!there) {
      writes.clear();
    }
    co_return writes;
  }
};

class CheckpointClearsWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    const std::optional<Checkpoint> there =
        co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    std::vector<PendingWrite> writes =
        co_await ForwardingBackend::get_writes(thread_id, checkpoint_id);
    if (there) {
      writes.clear();
    }
    co_return writes;
  }
};

// WRT-07

class EmptyCallIsFalse : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    if (writes.empty()) {
      return answered(false);
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class EmptyCallIsAnError : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    if (writes.empty()) {
      return refused<bool>(errc::invalid_argument, "put_writes", thread_id,
                           "syntax error near VALUES");
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class EmptyCallClears : public KeepsWrites {
public:
  using KeepsWrites::KeepsWrites;

private:
  void keep(Writes& kept, const std::string& task_id,
            const std::vector<ChannelWrite>& call) const override {
    if (call.empty()) {
      std::erase_if(kept,
                    [&task_id](const PendingWrite& write) { return write.task_id == task_id; });
    }
    for (std::size_t i = 0; i < call.size(); ++i) {
      kept.push_back(made(task_id, call[i], write_index(call[i].channel, i)));
    }
  }
};

class EmptyCallLeavesAMark : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    if (writes.empty()) {
      writes.emplace_back("__no_writes__", nullptr);
    }
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

// WRT-08

/// Stores the first write, then the first two, and so on: the same in the end.
class PutsOneByOne : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    std::vector<ChannelWrite> some;
    for (const ChannelWrite& write : writes) {
      some.push_back(write);
      co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, task_id, some);
      co_await between(checkpoint_id);
    }
    co_return true;
  }

private:
  virtual awaitable<void> between(std::string) { co_return; }
};

/// The same with the arguments checked first, so that only others see the parts.
class ShowsHalfACall : public PutsOneByOne {
public:
  using PutsOneByOne::PutsOneByOne;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    check("put_writes", thread_id).writes(writes);
    co_return co_await PutsOneByOne::put_writes(thread_id, checkpoint_id, task_id,
                                                std::move(writes));
  }

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    const bool is_awaited = readers_.is_awaited(checkpoint_id);
    auto found = co_await PutsOneByOne::get_writes(std::move(thread_id), checkpoint_id);
    if (is_awaited) {
      readers_.come(checkpoint_id);
    }
    co_return found;
  }

private:
  awaitable<void> between(std::string checkpoint_id) override {
    readers_.wait(checkpoint_id);
    co_return;
  }

  Encounter readers_;
};

class FailureLeavesAWrite : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    const std::vector<ChannelWrite> first(writes.begin(),
                                          writes.begin() + (writes.empty() ? 0 : 1));
    try {
      co_return co_await ForwardingBackend::put_writes(thread_id, checkpoint_id, task_id,
                                                       std::move(writes));
    } catch (const StorageError& error) {
      if (means(error.code(), errc::unavailable)) {
        left_.set(thread_id + '\0' + checkpoint_id, first);
      }
      throw;
    }
  }

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    const std::vector<ChannelWrite> left =
        left_.get(thread_id + '\0' + checkpoint_id).value_or(std::vector<ChannelWrite>());
    return changed(ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)),
                   [left](std::vector<PendingWrite>& writes) {
                     for (const ChannelWrite& write : left) {
                       PendingWrite& shown = writes.emplace_back();
                       shown.task_id = "task";
                       shown.channel = write.channel;
                       shown.value = write.value;
                     }
                   });
  }

private:
  Kept<std::vector<ChannelWrite>> left_;
};

class BadWritesAreSkipped : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    std::erase_if(writes, [](const ChannelWrite& write) { return write.channel.empty(); });
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }
};

class IndexHasSevenBits : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return changed(ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)),
                   [](std::vector<PendingWrite>& writes) {
                     for (PendingWrite& write : writes) {
                       write.index %= 128;
                     }
                   });
  }
};

/// Keeps one error for all tasks.
class OneErrorForAllTasks : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    return changed(ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id)),
                   [](std::vector<PendingWrite>& writes) {
                     std::size_t errors = 0;
                     std::erase_if(writes, [&errors](const PendingWrite& write) {
                       return write.channel == "__error__" && ++errors > 1;
                     });
                   });
  }
};

} // namespace mutants

std::vector<Mutant> write_mutants() {
  using namespace mutants;
  return {
      mutant<OrdersWritesByArrival>("WRT-01", "orders_writes_by_arrival",
                                    "tasks come in the order of their calls",
                                    "came 17 [\"b:0 n0=0\""),
      mutant<OrdersIndicesAsTexts>("WRT-01", "orders_indices_as_texts",
                                   "indices are ordered as texts: 10 before 2",
                                   "item 8: \"b:10 n10=10\""),
      mutant<OrdersTasksByAlphabet>("WRT-01", "orders_tasks_by_alphabet",
                                    "tasks are ordered without case", "came 17 [\"a:0 x="),
      mutant<OrdersSpecialsLast>("WRT-01", "orders_specials_last",
                                 "special channels come after the others",
                                 "came 17 [\"B:1 z=1.5\""),
      mutant<ValuesAreTexts>("WRT-01", "values_are_texts", "values come back as their dumps",
                             "a:0 x=\\\"{"),
      mutant<NullWritesAreDropped>("WRT-01", "null_writes_are_dropped",
                                   "a write of null is not kept", "came 16 ["),
      mutant<TasksEndAtColon>("WRT-01", "tasks_end_at_colon", "a task id is cut at its first colon",
                              "the writes of three tasks"),
      mutant<RepeatReplaces>("WRT-02", "repeat_replaces", "a repeated index keeps the last value",
                             "the writes after a call with other values"),
      mutant<RepeatReplacesTask>("WRT-02", "repeat_replaces_task",
                                 "a call replaces all that the task wrote",
                                 "the writes after a call with other values"),
      mutant<RepeatAppends>("WRT-02", "repeat_appends", "a repeated call is stored once more",
                            "the writes after the same call again"),
      mutant<RepeatIsIgnoredWhole>("WRT-02", "repeat_is_ignored_whole",
                                   "a task that wrote before can add nothing",
                                   "the writes after a call with other values"),
      mutant<FirstOfEachChannelCounts>("WRT-02", "first_of_each_channel_counts",
                                       "a task keeps the first value of each channel",
                                       "came 4 [\"task:0 a=1\", \"task:0 other="),
      mutant<SpecialsKeepTheFirst>("WRT-03", "specials_keep_the_first",
                                   "special channels keep the first value",
                                   "the special channels after some were put again"),
      mutant<ScheduledKeepsTheFirst>("WRT-03", "scheduled_keeps_the_first",
                                     "one of the special channels keeps the first value",
                                     "the special channels after some were put again"),
      mutant<DecidesByCall>("WRT-03", "decides_by_call",
                            "special channels replace only in calls of nothing else",
                            "special and plain channels after mixed calls"),
      mutant<OneSpecialReplacesAll>("WRT-03", "one_special_replaces_all",
                                    "a special channel lets its whole call replace",
                                    "special and plain channels after mixed calls"),
      mutant<SpecialsTakeNoPlace>("WRT-03", "specials_take_no_place",
                                  "special channels do not count as positions",
                                  "special and plain channels after mixed calls"),
      mutant<UnderscoresAreSpecial>("WRT-03", "underscores_are_special",
                                    "every channel that begins with __ keeps the last value",
                                    "a channel that only looks special"),
      mutant<SpecialsHaveOtherIndices>("WRT-03", "specials_have_other_indices",
                                       "two special channels have each other's index",
                                       "the special channels"),
      mutant<EqualWritesAreOne>("WRT-04", "equal_writes_are_one", "equal writes are kept once",
                                "equal writes to be 3"),
      mutant<ChannelIsTheKey>("WRT-04", "channel_is_the_key",
                              "a channel that is twice in a call is kept once",
                              "equal writes to be 3"),
      mutant<TasksAreOne>("WRT-04", "tasks_are_one", "the key is the index, without the task",
                          "equal writes to be 3"),
      mutant<WritesOfAllThreads>("WRT-05", "writes_of_all_threads",
                                 "writes are found by their checkpoint alone",
                                 "the writes of the same checkpoint id in another thread"),
      mutant<WritesOfAllCheckpoints>("WRT-05", "writes_of_all_checkpoints",
                                     "writes are found by their thread alone",
                                     "the writes of one checkpoint"),
      mutant<WriteKeysJoinByColon>("WRT-05", "write_keys_join_by_colon",
                                   "thread and checkpoint are joined by a colon",
                                   "the writes of another thread"),
      mutant<WriteKeysJoinByBar>("WRT-05", "write_keys_join_by_bar",
                                 "thread and checkpoint are joined by a bar",
                                 "the writes of ids around \"|\""),
      mutant<WriteKeysJoinByNothing>("WRT-05", "write_keys_join_by_nothing",
                                     "thread and checkpoint are joined with nothing between",
                                     "the writes of ids around \"\""),
      mutant<TaskKeysJoinByColon>("WRT-05", "task_keys_join_by_colon",
                                  "a scan by checkpoint and colon finds other checkpoints",
                                  "the writes of one checkpoint"),
      mutant<NextCheckpointInheritsWrites>("WRT-05", "next_checkpoint_inherits_writes",
                                           "a checkpoint has the writes of the one before",
                                           "the writes of the next checkpoint"),
      mutant<WritesNeedTheirCheckpoint>("WRT-06", "writes_need_their_checkpoint",
                                        "writes without a checkpoint are refused by false",
                                        "put_writes to be true; came false"),
      mutant<WritesMakeACheckpoint>("WRT-06", "writes_make_a_checkpoint",
                                    "writes without a checkpoint create one",
                                    "a checkpoint that only has writes"),
      mutant<WritesWaitForTheirCheckpoint>("WRT-06", "writes_wait_for_their_checkpoint",
                                           "writes are not seen before their checkpoint is there",
                                           "writes without their checkpoint"),
      mutant<CheckpointClearsWrites>("WRT-06", "checkpoint_clears_writes",
                                     "storing the checkpoint drops the writes that came before it",
                                     "writes whose checkpoint came after them"),
      mutant<EmptyCallIsFalse>("WRT-07", "empty_call_is_false", "a call without writes is false",
                               "put_writes to be true; came false"),
      mutant<EmptyCallIsAnError>("WRT-07", "empty_call_is_an_error",
                                 "a call without writes is an error", "syntax error near VALUES"),
      mutant<EmptyCallClears>("WRT-07", "empty_call_clears",
                              "a call without writes removes those of the task",
                              "the writes after one more empty call"),
      mutant<EmptyCallLeavesAMark>("WRT-07", "empty_call_leaves_a_mark",
                                   "a call without writes stores a marker",
                                   "the writes after an empty call"),
      mutant<PutsOneByOne>("WRT-08", "puts_one_by_one",
                           "a call is refused at its second write, after it has stored the first",
                           "the writes after calls that were refused"),
      mutant<ShowsHalfACall>("WRT-08", "shows_half_a_call",
                             "a reader sees the first writes of a call without the others",
                             "a multiple of 4 writes"),
      mutant<FailureLeavesAWrite>("WRT-08", "failure_leaves_a_write",
                                  "a call that fails has stored its first write",
                                  "all of write #0, or nothing"),
      mutant<BadWritesAreSkipped>("WRT-08", "bad_writes_are_skipped",
                                  "of a call with a bad write the good ones are stored",
                                  "came no error"),
      mutant<IndexHasSevenBits>("WRT-01", "index_has_seven_bits", "after index 127 comes 0",
                                "1,100 writes of one call"),
      mutant<KnowsWritesByTheirNumber<ForwardingBackend>>(
          "WRT-03", "knows_writes_by_their_number", "writes are read anew if their number changed",
          "the special channels after some were put again"),
      mutant<OneErrorForAllTasks>("WRT-03", "one_error_for_all_tasks",
                                  "the error of one task stands for those of all",
                                  "one special channel by two tasks"),
  };
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of pending writes kill their mutants") {
  agentstore::test::expect_killed(write_mutants(), write_rules());
}

TEST_CASE("each rule of pending writes has mutants to kill") {
  agentstore::test::expect_two_for_each(write_mutants(), write_rules());
}

TEST_CASE("the rules of pending writes hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(write_rules());
}
