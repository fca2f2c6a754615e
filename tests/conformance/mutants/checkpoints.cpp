// SPDX-License-Identifier: Apache-2.0
// Stores that break a rule of checkpoints, of ICheckpointStorage and ICheckpointerBackend. What
// each does wrong stands in the table at the end.

#include "conformance/mutants/expect_killed.hpp"
#include "conformance/mutants/tables.hpp"

#include <agentstore/conformance/mutation/building_blocks.hpp>

namespace agentstore::conformance {

namespace mutants {

/// Changes a checkpoint on its way in, by whichever of the two methods.
class ChangesCheckpoint : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    change_trees(thread_id, checkpoint_id, data, metadata);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    change_trees(thread_id, checkpoint_id, data, metadata);
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }

private:
  void change_trees(const std::string& thread_id, const std::string& checkpoint_id, Document& data,
                    Document& metadata) {
    edit(data, [&](json& data_tree) {
      edit(metadata, [&](json& metadata_tree) {
        change_checkpoint(thread_id, checkpoint_id, data_tree, metadata_tree);
      });
    });
  }
  virtual void change_checkpoint(const std::string& thread_id, const std::string& checkpoint_id,
                                 json& data, json& metadata) = 0;
};

/// Reads the whole thread, newest first, and chooses what to give of it.
class ChoosesCheckpoints : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id) {
      co_return co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    }
    std::vector<Checkpoint> all =
        co_await ForwardingBackend::list_checkpoints(std::move(thread_id), everything);
    co_return latest(std::move(all));
  }

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    std::vector<Checkpoint> all =
        co_await ForwardingBackend::list_checkpoints(std::move(thread_id), everything);
    co_return listed(std::move(all), limit);
  }

protected:
  static std::vector<Checkpoint> first(std::vector<Checkpoint> all, std::size_t limit) {
    all.resize(std::min(limit, all.size()));
    return all;
  }

private:
  static constexpr std::size_t everything = std::size_t{1} << 30u;

  virtual std::optional<Checkpoint> latest(std::vector<Checkpoint> all) const {
    return all.empty() ? std::nullopt : std::optional<Checkpoint>(all.front());
  }
  virtual std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const {
    return first(std::move(all), limit);
  }
};

// CHK-01

class LatestLacksMetadata : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::optional<Checkpoint> latest(std::vector<Checkpoint> all) const override {
    if (all.empty()) {
      return std::nullopt;
    }
    all.front().metadata = json::object();
    return all.front();
  }
};

class StoresDifferences : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    const std::optional<Checkpoint> before =
        co_await ForwardingBackend::get_checkpoint(thread_id, std::nullopt);
    if (before && before->data.is_object() && data.is_object()) {
      json whole = before->data;
      whole.update(data);
      data = std::move(whole);
    }
    co_return co_await ForwardingBackend::store_checkpoint(thread_id, checkpoint_id,
                                                           std::move(data), std::move(metadata));
  }
};

class KeepsOnlyTheLatest : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    const std::string wanted = checkpoint_id.value_or("");
    std::optional<Checkpoint> found =
        co_await ForwardingBackend::get_checkpoint(thread_id, std::nullopt);
    if (found && checkpoint_id && found->checkpoint_id != wanted) {
      found.reset();
    }
    co_return found;
  }
};

class CreationIsReading : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    return changed(
        ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id)),
        [this](std::optional<Checkpoint>& checkpoint) {
          if (checkpoint) {
            checkpoint->created_at += std::chrono::microseconds(++reads_);
          }
        });
  }

private:
  std::atomic<int> reads_ = 0;
};

class CreationIsZero : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    return changed(
        ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id)),
        [](std::optional<Checkpoint>& checkpoint) {
          if (checkpoint) {
            checkpoint->created_at = Timestamp();
          }
        });
  }
};

class PutLosesMetadata : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    if (metadata.is_object()) {
      metadata = Document::object();
    }
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
};

// CHK-02

class LatestById : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::optional<Checkpoint> latest(std::vector<Checkpoint> all) const override {
    const auto found =
        std::max_element(all.begin(), all.end(), [](const Checkpoint& a, const Checkpoint& b) {
          return a.checkpoint_id < b.checkpoint_id;
        });
    return found == all.end() ? std::nullopt : std::optional<Checkpoint>(*found);
  }
};

class LatestByTime : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::optional<Checkpoint> latest(std::vector<Checkpoint> all) const override {
    const auto found =
        std::max_element(all.begin(), all.end(), [](const Checkpoint& a, const Checkpoint& b) {
          return a.created_at < b.created_at;
        });
    return found == all.end() ? std::nullopt : std::optional<Checkpoint>(*found);
  }
};

/// As `ORDER BY created_at DESC, id DESC`: only ties go wrong.
class LatestOfAMomentById : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::optional<Checkpoint> latest(std::vector<Checkpoint> all) const override {
    if (all.empty()) {
      return std::nullopt;
    }
    const Timestamp newest = all.front().created_at;
    std::erase_if(all, [newest](const Checkpoint& one) { return one.created_at != newest; });
    return *std::max_element(all.begin(), all.end(), [](const Checkpoint& a, const Checkpoint& b) {
      return a.checkpoint_id < b.checkpoint_id;
    });
  }
};

class LatestIsFirst : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::optional<Checkpoint> latest(std::vector<Checkpoint> all) const override {
    return all.empty() ? std::nullopt : std::optional<Checkpoint>(all.back());
  }
};

class UnknownIdIsLatest : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    std::optional<Checkpoint> found =
        co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    if (!found) {
      found = co_await ForwardingBackend::get_checkpoint(thread_id, std::nullopt);
    }
    co_return found;
  }
};

class EmptyIdIsLatest : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id && checkpoint_id->empty()) {
      checkpoint_id.reset();
    }
    return ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }
};

class FindsCheckpointByPrefix : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    const std::string prefix = checkpoint_id.value_or("");
    const std::size_t all = 100;
    std::vector<Checkpoint> listed = co_await ForwardingBackend::list_checkpoints(thread_id, all);
    std::optional<Checkpoint> found =
        co_await ForwardingBackend::get_checkpoint(thread_id, std::move(checkpoint_id));
    for (const Checkpoint& checkpoint : listed) {
      if (!found && checkpoint.checkpoint_id.starts_with(prefix)) {
        found = checkpoint;
      }
    }
    co_return found;
  }
};

class UnknownThreadIsAnError : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    std::optional<Checkpoint> found =
        co_await ForwardingBackend::get_checkpoint(thread_id, std::move(checkpoint_id));
    if (!found) {
      throw StorageError(errc::corrupted, "get_checkpoint", thread_id, "no such key");
    }
    co_return found;
  }
};

// CHK-03

class ListsOldestFirst : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    all = first(std::move(all), limit);
    std::reverse(all.begin(), all.end());
    return all;
  }
};

class ListsById : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    std::sort(all.begin(), all.end(), [](const Checkpoint& a, const Checkpoint& b) {
      return a.checkpoint_id > b.checkpoint_id;
    });
    return first(std::move(all), limit);
  }
};

class ListsOldestOfThread : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    const auto count = static_cast<std::ptrdiff_t>(std::min(limit, all.size()));
    all.erase(all.begin(), all.end() - count);
    return all;
  }
};

class ListsWithoutData : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    for (Checkpoint& checkpoint : all) {
      checkpoint.data = nullptr;
    }
    return first(std::move(all), limit);
  }
};

class ZeroListsAll : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    return limit == 0 ? all : first(std::move(all), limit);
  }
};

class ListsTenAtMost : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    return first(std::move(all), std::min<std::size_t>(limit, 10));
  }
};

class ListsByTime : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    sort_stably(
        all, [](const Checkpoint& a, const Checkpoint& b) { return a.created_at > b.created_at; });
    return first(std::move(all), limit);
  }
};

// CHK-04

/// Shows what was stored again as the latest, in one way or another.
class KnowsAgain : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    again_.set(thread_id, checkpoint_id);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    again_.set(thread_id, checkpoint_id);
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }

protected:
  /// With the one stored last at the front, whether it was new then or not.
  std::vector<Checkpoint> by_latest_store(std::vector<Checkpoint> all) const {
    if (!all.empty()) {
      const std::string id = again_.get(all.front().thread_id).value_or("");
      sort_stably(all, [&id](const Checkpoint& a, const Checkpoint& b) {
        return a.checkpoint_id == id && b.checkpoint_id != id;
      });
    }
    return all;
  }

private:
  Kept<std::string> again_;
};

class StoredAgainIsLatest : public KnowsAgain {
public:
  using KnowsAgain::KnowsAgain;

private:
  std::optional<Checkpoint> latest(std::vector<Checkpoint> all) const override {
    all = by_latest_store(std::move(all));
    return all.empty() ? std::nullopt : std::optional<Checkpoint>(all.front());
  }
};

class StoredAgainIsListedFirst : public KnowsAgain {
public:
  using KnowsAgain::KnowsAgain;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    return first(by_latest_store(std::move(all)), limit);
  }
};

class StoredAgainIsCreatedAgain : public ForwardingBackend {
public:
  explicit StoredAgainIsCreatedAgain(MutantSpace& space)
      : ForwardingBackend(space.backend()), space_(space) {}

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    stored_.set(thread_id + '\0' + checkpoint_id, space_.now());
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    return changed(
        ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id)),
        [this](std::optional<Checkpoint>& found) {
          if (found) {
            found->created_at = stored_.get(found->thread_id + '\0' + found->checkpoint_id)
                                    .value_or(found->created_at);
          }
        });
  }

private:
  MutantSpace& space_;
  Kept<Timestamp> stored_;
};

class StoredAgainLosesWrites : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    forget(thread_id, checkpoint_id);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<bool> put_writes(std::string thread_id, std::string checkpoint_id, std::string task_id,
                             std::vector<ChannelWrite> writes) override {
    lost_.erase(thread_id + '\0' + checkpoint_id);
    return ForwardingBackend::put_writes(std::move(thread_id), std::move(checkpoint_id),
                                         std::move(task_id), std::move(writes));
  }

  awaitable<std::vector<PendingWrite>> get_writes(std::string thread_id,
                                                  std::string checkpoint_id) override {
    if (lost_.has(thread_id + '\0' + checkpoint_id)) {
      return answered(std::vector<PendingWrite>());
    }
    return ForwardingBackend::get_writes(std::move(thread_id), std::move(checkpoint_id));
  }

protected:
  void forget(const std::string& thread_id, const std::string& checkpoint_id) {
    lost_.set(thread_id + '\0' + checkpoint_id, true);
  }

private:
  Kept<bool> lost_;
};

class PutAgainLosesWrites : public StoredAgainLosesWrites {
public:
  using StoredAgainLosesWrites::StoredAgainLosesWrites;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    forget(thread_id, checkpoint_id);
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
};

class StoredAgainIsIgnored : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (!stored_.add(thread_id + '\0' + checkpoint_id, true)) {
      return answered(true);
    }
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

private:
  Kept<bool> stored_;
};

/// Remembers the metadata of what is stored, by thread and id.
class KnowsMetadata : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    const std::string key = thread_id + '\0' + checkpoint_id;
    if (const std::optional<Document> before = known_.get(key)) {
      metadata = again(*before, metadata);
    }
    known_.set(key, metadata);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

private:
  virtual json again(const json& before, const json& metadata) const = 0;

  Kept<Document> known_;
};

class StoredAgainKeepsMetadata : public KnowsMetadata {
public:
  using KnowsMetadata::KnowsMetadata;

private:
  json again(const json& before, const json&) const override { return before; }
};

class StoredAgainMergesMetadata : public KnowsMetadata {
public:
  using KnowsMetadata::KnowsMetadata;

private:
  json again(const json& before, const json& metadata) const override {
    json merged = before;
    merged.merge_patch(metadata);
    return merged;
  }
};

class StoredAgainWithoutKeepsMetadata : public KnowsMetadata {
public:
  using KnowsMetadata::KnowsMetadata;

private:
  json again(const json& before, const json& metadata) const override {
    return metadata.empty() ? before : metadata;
  }
};

/// A null of the data is taken for data that was not given.
class StoredAgainAsNullKeepsData : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    return put(&inner(), std::move(thread_id), std::move(checkpoint_id), std::move(data),
               std::move(metadata));
  }
  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    return put(&inner(), std::move(thread_id), std::move(checkpoint_id), std::move(data),
               std::move(metadata));
  }

private:
  static awaitable<bool> put(const InnerBackend* inner, std::string thread_id,
                             std::string checkpoint_id, Document data, Document metadata) {
    if (data.is_null()) {
      const auto before = co_await inner->storage().get_checkpoint(thread_id, checkpoint_id);
      if (before) {
        data = before->data;
      }
    }
    co_return co_await inner->storage().store_checkpoint(
        std::move(thread_id), std::move(checkpoint_id), std::move(data), std::move(metadata));
  }
};

// CHK-05, CHK-06

/// Finds a checkpoint by one key, made of its ids in some way: the last one stored under it.
class KeysCheckpoints : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    Checkpoint ids;
    ids.thread_id = thread_id;
    ids.checkpoint_id = checkpoint_id;
    last_.set(key(thread_id, checkpoint_id), ids);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id) {
      if (const std::optional<Checkpoint> last = last_.get(key(thread_id, *checkpoint_id))) {
        return ForwardingBackend::get_checkpoint(last->thread_id, last->checkpoint_id);
      }
    }
    return ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  virtual std::string key(const std::string& thread_id, const std::string& checkpoint_id) const = 0;

  Kept<Checkpoint> last_;
};

class IdsAreGlobal : public KeysCheckpoints {
public:
  using KeysCheckpoints::KeysCheckpoints;

private:
  std::string key(const std::string&, const std::string& checkpoint_id) const override {
    return checkpoint_id;
  }
};

class ThreadsInAnyCase : public KeysCheckpoints {
public:
  using KeysCheckpoints::KeysCheckpoints;

private:
  std::string key(const std::string& thread_id, const std::string& checkpoint_id) const override {
    std::string lower = thread_id;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return lower + '\0' + checkpoint_id;
  }
};

/// Joins the ids with a text between.
class JoinsIds : public KeysCheckpoints {
public:
  using KeysCheckpoints::KeysCheckpoints;

private:
  std::string key(const std::string& thread_id, const std::string& checkpoint_id) const override {
    return thread_id + between() + checkpoint_id;
  }
  virtual std::string between() const = 0;
};

class JoinsIdsByColon : public JoinsIds {
public:
  using JoinsIds::JoinsIds;

private:
  std::string between() const override { return ":"; }
};

class JoinsIdsByUnitSeparator : public JoinsIds {
public:
  using JoinsIds::JoinsIds;

private:
  std::string between() const override { return "\x1f"; }
};

class JoinsIdsByHash : public JoinsIds {
public:
  using JoinsIds::JoinsIds;

private:
  std::string between() const override { return "#"; }
};

class JoinsIdsByNothing : public JoinsIds {
public:
  using JoinsIds::JoinsIds;

private:
  std::string between() const override { return ""; }
};

class ListsThreadsByPrefix : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    threads_.set(thread_id, true);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    std::vector<Checkpoint> all;
    for (const auto& [id, known] : threads_.all()) {
      if (id == thread_id || id.starts_with(thread_id + ":")) {
        std::vector<Checkpoint> some = co_await ForwardingBackend::list_checkpoints(id, limit);
        all.insert(all.end(), some.begin(), some.end());
      }
    }
    co_return all;
  }

private:
  Kept<bool> threads_;
};

class ThreadsShareALatest : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    latest_.set("latest", thread_id);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    std::string thread = checkpoint_id ? thread_id : latest_.get("latest").value_or(thread_id);
    return ForwardingBackend::get_checkpoint(std::move(thread), std::move(checkpoint_id));
  }

private:
  Kept<std::string> latest_;
};

// CHK-07

class NullDataIsAbsence : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    return changed(
        ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id)),
        [](std::optional<Checkpoint>& found) {
          if (found && found->data.is_null()) {
            found.reset();
          }
        });
  }
};

class EmptyDataIsAnObject : public ChangesCheckpoint {
public:
  using ChangesCheckpoint::ChangesCheckpoint;

private:
  void change_checkpoint(const std::string&, const std::string&, json& data, json&) override {
    if (data.is_array() && data.empty()) {
      data = json::object();
    }
  }
};

class DataIsAContainer : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (data.is_primitive() && metadata.is_object()) {
      return refused<bool>(errc::invalid_argument, "store_checkpoint", thread_id,
                           "data is not an object");
    }
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }
};

class CheckpointTakesNullMetadata : public ChangesCheckpoint {
public:
  using ChangesCheckpoint::ChangesCheckpoint;

private:
  void change_checkpoint(const std::string&, const std::string&, json&, json& metadata) override {
    if (metadata.is_null()) {
      metadata = json::object();
    }
  }
};

class PutTakesAnyMetadata : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    if (!metadata.is_object()) {
      metadata = object("metadata", metadata);
    }
    return ForwardingBackend::put_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
};

class RefusedCheckpointIsKept : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    json none = json::object();
    co_await ForwardingBackend::store_checkpoint(thread_id, checkpoint_id, data, std::move(none));
    co_return co_await ForwardingBackend::store_checkpoint(thread_id, checkpoint_id,
                                                           std::move(data), std::move(metadata));
  }
};

// CHK-08

class PutHasItsOwnThreads : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    return ForwardingBackend::put_checkpoint("put:" + thread_id, std::move(checkpoint_id),
                                             std::move(data), std::move(metadata));
  }
};

class PutIgnoresWhatWasStored : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> put_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                 Document metadata) override {
    const std::optional<Checkpoint> there =
        co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
    if (there) {
      co_return true;
    }
    co_return co_await ForwardingBackend::put_checkpoint(thread_id, checkpoint_id, std::move(data),
                                                         std::move(metadata));
  }
};

/// Two objects as one store, the second with data of its own.
class OpensAnother : public ForwardingBackend {
public:
  OpensAnother(InnerBackend inner, std::shared_ptr<ForwardingBackend> other)
      : ForwardingBackend(std::move(inner)), other_(std::move(other)) {}

  static Handle make(MutantSpace& space) {
    const auto other = std::make_shared<ForwardingBackend>(space.common().backend());
    Handle handle;
    handle.add<ForwardingBackend>(std::make_shared<OpensAnother>(space.backend(), other));
    handle.checkpointer = other.get();
    return handle;
  }

  awaitable<bool> initialize() override {
    co_await other_->initialize();
    co_return co_await ForwardingBackend::initialize();
  }

private:
  std::shared_ptr<ForwardingBackend> other_;
};

// CHK-09

class ListsAThousandAtMost : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    return first(std::move(all), std::min<std::size_t>(limit, 1000));
  }
};

class ListsAPage : public ChoosesCheckpoints {
public:
  using ChoosesCheckpoints::ChoosesCheckpoints;

private:
  std::vector<Checkpoint> listed(std::vector<Checkpoint> all, std::size_t limit) const override {
    return first(std::move(all), std::min<std::size_t>(limit, 250));
  }
};

class PrunesOldCheckpoints : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    const std::size_t kept = 1000;
    std::optional<Checkpoint> found =
        co_await ForwardingBackend::get_checkpoint(thread_id, std::move(checkpoint_id));
    const std::vector<Checkpoint> newest =
        co_await ForwardingBackend::list_checkpoints(thread_id, kept);
    const bool is_kept =
        found && std::any_of(newest.begin(), newest.end(), [&found](const Checkpoint& one) {
          return one.checkpoint_id == found->checkpoint_id;
        });
    if (!is_kept) {
      found.reset();
    }
    co_return found;
  }
};

// CHK-10

/// A store lets others go first; those that come in between go wrong.
class StoresInTwoSteps : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    if (!busy_.enter()) {
      co_return co_await in_between(thread_id, checkpoint_id, std::move(data), std::move(metadata));
    }
    co_await step_aside();
    const bool stored = co_await ForwardingBackend::store_checkpoint(
        thread_id, checkpoint_id, std::move(data), std::move(metadata));
    busy_.leave();
    co_return stored;
  }

private:
  virtual awaitable<bool> in_between(std::string thread_id, std::string checkpoint_id,
                                     Document data, Document metadata) = 0;

  Busy busy_;
};

class LosesConcurrentCheckpoints : public StoresInTwoSteps {
public:
  using StoresInTwoSteps::StoresInTwoSteps;

private:
  awaitable<bool> in_between(std::string, std::string, Document, Document) override {
    return answered(true);
  }
};

class ConcurrentCheckpointsReverse : public StoresInTwoSteps {
public:
  using StoresInTwoSteps::StoresInTwoSteps;

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    return changed(ForwardingBackend::list_checkpoints(std::move(thread_id), limit),
                   [this](std::vector<Checkpoint>& all) {
                     const auto is_met = [this](const Checkpoint& one) {
                       return met_.has(one.checkpoint_id);
                     };
                     sort_stably(all, [&is_met](const Checkpoint& a, const Checkpoint& b) {
                       return !is_met(a) && is_met(b);
                     });
                     const auto met = std::find_if(all.begin(), all.end(), is_met);
                     std::reverse(met, all.end());
                   });
  }

private:
  awaitable<bool> in_between(std::string thread_id, std::string checkpoint_id, Document data,
                             Document metadata) override {
    met_.set(checkpoint_id, true);
    return ForwardingBackend::store_checkpoint(std::move(thread_id), std::move(checkpoint_id),
                                               std::move(data), std::move(metadata));
  }

  Kept<bool> met_;
};

/// Keeps a pointer to the latest besides the list, and sets it in a second step.
class LatestLagsBehind : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata) override {
    const bool is_alone = busy_.enter();
    co_await ForwardingBackend::store_checkpoint(thread_id, checkpoint_id, std::move(data),
                                                 std::move(metadata));
    co_await step_aside();
    if (is_alone) {
      latest_.set(thread_id, checkpoint_id);
      busy_.leave();
    }
    co_return true;
  }

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (!checkpoint_id) {
      checkpoint_id = latest_.get(thread_id);
    }
    return ForwardingBackend::get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }

private:
  Busy busy_;
  Kept<std::string> latest_;
};

class LatestIsAnId : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id, std::optional<std::string> checkpoint_id) override {
    if (checkpoint_id == "latest") {
      auto named = co_await ForwardingBackend::get_checkpoint(thread_id, checkpoint_id);
      if (named) {
        co_return named;
      }
      checkpoint_id.reset();
    }
    co_return co_await ForwardingBackend::get_checkpoint(std::move(thread_id),
                                                         std::move(checkpoint_id));
  }
};

class ListsAreSigned : public ForwardingBackend {
public:
  using ForwardingBackend::ForwardingBackend;

  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    const auto number = static_cast<std::int64_t>(limit);
    return ForwardingBackend::list_checkpoints(std::move(thread_id), number < 0 ? 0 : limit);
  }
};

} // namespace mutants

std::vector<Mutant> checkpoint_mutants() {
  using namespace mutants;
  std::vector<Mutant> all = {
      mutant<LatestLacksMetadata>("CHK-01", "latest_lacks_metadata",
                                  "the latest checkpoint comes without its metadata",
                                  "\"step\":3,\"x\":null}, {\"source\":\"loop\""),
      mutant<StoresDifferences>("CHK-01", "stores_differences",
                                "members that a checkpoint lacks are those of the one before",
                                "expected the checkpoint to be Checkpoint(\"t\", \"second\""),
      mutant<KeepsOnlyTheLatest>("CHK-01", "keeps_only_the_latest",
                                 "only the latest checkpoint of a thread can be read",
                                 "the checkpoint Checkpoint(\"t\", \"first\""),
      mutant<CreationIsReading>("CHK-01", "creation_is_reading",
                                "created_at is different at each reading",
                                "the checkpoint read twice"),
      mutant<CreationIsZero>("CHK-01", "creation_is_zero", "created_at is not kept",
                             "created_at of a checkpoint"),
      mutant<PutLosesMetadata>("CHK-01", "put_loses_metadata",
                               "put_checkpoint does not keep the metadata",
                               "\"put_checkpoint\", {\"by\":\"put_checkpoint\"}, {}, created"),
      mutant<LatestById>("CHK-02", "latest_by_id", "the latest is the one of the greatest id",
                         "the checkpoint to be Checkpoint(\"t\", \"a\""),
      mutant<LatestByTime>("CHK-02", "latest_by_time", "the latest is the one of the latest time",
                           "the checkpoint to be Checkpoint(\"clock\""),
      mutant<LatestOfAMomentById>("CHK-02", "latest_of_a_moment_by_id",
                                  "the latest of one moment is the one of the greatest id",
                                  "the checkpoint to be Checkpoint(\"clock\""),
      mutant<LatestIsFirst>("CHK-02", "latest_is_first", "the latest is the one stored first",
                            "the checkpoint to be Checkpoint(\"t\", \"z\""),
      mutant<UnknownIdIsLatest>("CHK-02", "unknown_id_is_latest",
                                "an unknown id gives the latest checkpoint",
                                "an unknown checkpoint of a known thread"),
      mutant<EmptyIdIsLatest>("CHK-02", "empty_id_is_latest",
                              "an empty id gives the latest checkpoint", "came no error"),
      mutant<FindsCheckpointByPrefix>("CHK-02", "finds_checkpoint_by_prefix",
                                      "a prefix of an id finds the checkpoint",
                                      "an unknown checkpoint of a known thread"),
      mutant<UnknownThreadIsAnError>("CHK-02", "unknown_thread_is_an_error",
                                     "a thread that is not there is an error", "no such key"),
      mutant<ListsOldestFirst>("CHK-03", "lists_oldest_first", "a list comes oldest first",
                               "the ids of the list"),
      mutant<ListsById>("CHK-03", "lists_by_id", "a list is ordered by the ids",
                        "the ids of the list"),
      mutant<ListsByTime>("CHK-03", "lists_by_time", "a list is ordered by the times",
                          "the list under a clock that stands still and goes back"),
      mutant<ListsOldestOfThread>("CHK-03", "lists_oldest_of_thread",
                                  "a limit gives the oldest of the thread",
                                  "the newest 1 checkpoints"),
      mutant<ListsWithoutData>("CHK-03", "lists_without_data", "a list has no data",
                               "the record listed"),
      mutant<ZeroListsAll>("CHK-03", "zero_lists_all", "a limit of 0 is none", "a list of limit 0"),
      mutant<ListsTenAtMost>("CHK-03", "lists_ten_at_most", "the default limit is the greatest one",
                             "the ids of the list"),
      mutant<StoredAgainIsLatest>("CHK-04", "stored_again_is_latest",
                                  "storing an id again makes it the latest",
                                  "the latest, which was stored again"),
      mutant<StoredAgainIsListedFirst>("CHK-04", "stored_again_is_listed_first",
                                       "storing an id again moves it to the front of the list",
                                       "the order of the list"),
      mutant<StoredAgainIsCreatedAgain>("CHK-04", "stored_again_is_created_again",
                                        "storing an id again moves its created_at",
                                        "the checkpoint stored again"),
      mutant<StoredAgainLosesWrites>("CHK-04", "stored_again_loses_writes",
                                     "storing an id again drops its pending writes",
                                     "the pending writes of the checkpoint stored again"),
      mutant<PutAgainLosesWrites>("CHK-04", "put_again_loses_writes",
                                  "putting an id again drops its pending writes",
                                  "the pending writes of the checkpoint stored again"),
      mutant<StoredAgainIsIgnored>("CHK-04", "stored_again_is_ignored",
                                   "storing an id again changes nothing",
                                   "the checkpoint stored again"),
      mutant<StoredAgainKeepsMetadata>("CHK-04", "stored_again_keeps_metadata",
                                       "storing an id again replaces the data only",
                                       "the checkpoint stored again"),
      mutant<StoredAgainMergesMetadata>("CHK-04", "stored_again_merges_metadata",
                                        "storing an id again merges the metadata",
                                        "the checkpoint stored again"),
      mutant<StoredAgainWithoutKeepsMetadata>(
          "CHK-04", "stored_again_without_keeps_metadata",
          "storing an id again without metadata leaves what was there", "with nothing in it"),
      mutant<StoredAgainAsNullKeepsData>("CHK-04", "stored_again_as_null_keeps_data",
                                         "storing an id again as null leaves the data",
                                         "with nothing in it"),
      mutant<IdsAreGlobal>("CHK-05", "ids_are_global", "a checkpoint is found by its id alone",
                           "came Checkpoint(\"T1\", \"c\""),
      mutant<ThreadsInAnyCase>("CHK-05", "threads_in_any_case",
                               "threads that differ in case are one",
                               "came Checkpoint(\"T1\", \"c\""),
      mutant<ThreadsShareALatest>("CHK-05", "threads_share_a_latest",
                                  "the latest is that of all threads",
                                  "expected the checkpoint to be Checkpoint(\"t1\", \"c\""),
      mutant<JoinsIdsByColon>("CHK-06", "joins_ids_by_colon", "ids are joined by a colon",
                              "came Checkpoint(\"a:b\", \"c\""),
      mutant<JoinsIdsByUnitSeparator>("CHK-06", "joins_ids_by_unit_separator",
                                      "ids are joined by a control character",
                                      "came Checkpoint(\"a\\x1fb\", \"c\""),
      mutant<JoinsIdsByHash>("CHK-06", "joins_ids_by_hash", "ids are joined by a #",
                             "came Checkpoint(\"a#b\", \"c\""),
      mutant<JoinsIdsByNothing>("CHK-06", "joins_ids_by_nothing",
                                "ids are joined with nothing between",
                                "came Checkpoint(\"ab\", \"c\""),
      mutant<ListsThreadsByPrefix>("CHK-06", "lists_threads_by_prefix",
                                   "a list holds what starts with the thread and a colon",
                                   "the number of checkpoints of the other thread"),
      mutant<NullDataIsAbsence>("CHK-07", "null_data_is_absence",
                                "a checkpoint with data of null is not found", "came nullopt"),
      mutant<EmptyDataIsAnObject>("CHK-07", "empty_data_is_an_object",
                                  "an empty array comes back as an empty object",
                                  "came Checkpoint(\"t\", \"v8\", {}"),
      mutant<DataIsAContainer>("CHK-07", "data_is_a_container",
                               "data that are a scalar are refused", "data is not an object"),
      mutant<CheckpointTakesNullMetadata>("CHK-07", "checkpoint_takes_null_metadata",
                                          "metadata of null are taken for an empty object",
                                          "store_checkpoint(\"t\", \"wrong\", 1, null)"),
      mutant<PutTakesAnyMetadata>("CHK-07", "put_takes_any_metadata",
                                  "put_checkpoint takes metadata that are no object",
                                  "put_checkpoint(\"t\", \"wrong\", 1, null)"),
      mutant<RefusedCheckpointIsKept>("CHK-07", "refused_checkpoint_is_kept",
                                      "a checkpoint whose metadata are refused is stored",
                                      "a checkpoint that was refused"),
      mutant<PutHasItsOwnThreads>("CHK-08", "put_has_its_own_threads",
                                  "what was put is under a key of its own",
                                  "the list by ICheckpointStorage"),
      mutant<PutIgnoresWhatWasStored>("CHK-08", "put_ignores_what_was_stored",
                                      "putting what was stored changes nothing",
                                      "expected the checkpoint to be Checkpoint(\"t\", \"stored\""),
      mutant<ListsAThousandAtMost>("CHK-09", "lists_a_thousand_at_most",
                                   "no more than 1,000 checkpoints are listed", "came 1000 ["),
      mutant<ListsAPage>("CHK-09", "lists_a_page", "only the first page is listed", "came 250 ["),
      mutant<PrunesOldCheckpoints>("CHK-09", "prunes_old_checkpoints",
                                   "only the newest 1,000 can be read", "\"c1\""),
      mutant<LosesConcurrentCheckpoints>("CHK-10", "loses_concurrent_checkpoints",
                                         "a store that meets another is lost", "each item once"),
      mutant<ConcurrentCheckpointsReverse>("CHK-10", "concurrent_checkpoints_reverse",
                                           "stores that meet others are listed in reverse",
                                           "each writer's own order"),
      mutant<LatestLagsBehind>("CHK-10", "latest_lags_behind",
                               "the latest is noted in a second step, which others overtake",
                               "the latest after concurrent stores"),
      mutant<LatestIsAnId>("CHK-02", "latest_is_an_id",
                           "\"latest\" is the latest, where there is none of that id",
                           "an unknown checkpoint of a known thread"),
      mutant<ListsAreSigned>("CHK-03", "list_limit_is_signed",
                             "the greatest limits are less than 0, and give none",
                             "the newest 9223372036854775808 checkpoints"),
  };
  Mutant two_stores =
      mutant<ForwardingBackend>("CHK-08", "two_stores", "the two interfaces have a store each",
                                "the list by ICheckpointStorage");
  two_stores.make = &OpensAnother::make;
  all.push_back(two_stores);
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("the rules of checkpoints kill their mutants") {
  agentstore::test::expect_killed(checkpoint_mutants(), checkpoint_rules());
}

TEST_CASE("each rule of checkpoints has mutants to kill") {
  agentstore::test::expect_two_for_each(checkpoint_mutants(), checkpoint_rules());
}

TEST_CASE("the rules of checkpoints hold for what the mutants are made of") {
  agentstore::test::expect_held_without_bug(checkpoint_rules());
}
