// SPDX-License-Identifier: Apache-2.0

// Odd stores underneath which records are spoilt, and which notice it sooner or later than others.

#include "conformance/odd_stores/all.hpp"

#include <agentstore/conformance/mutation/damaged_store.hpp>

namespace agentstore::conformance {

namespace detail {

/// Has what it wrote in memory as well, by its key, and reads its file for lists alone.
class ReadsFromACopy final : public ForwardingStore {
public:
  ReadsFromACopy(InnerStore copy, std::shared_ptr<const DamagedRecords> damaged)
      : ForwardingStore(copy), file_(copy, std::move(damaged)) {}

  awaitable<std::vector<Message>> get_conversation_history(std::string session_id,
                                                           std::size_t limit) override {
    return file_.get_conversation_history(std::move(session_id), limit);
  }
  awaitable<std::vector<Checkpoint>> list_checkpoints(std::string thread_id,
                                                      std::size_t limit) override {
    return file_.list_checkpoints(std::move(thread_id), limit);
  }
  awaitable<SessionPage> list_sessions(std::string user_id, Page page) override {
    return file_.list_sessions(std::move(user_id), std::move(page));
  }

private:
  DamagedStore file_;
};

/// Reads all of its file when it opens.
class RefusesToOpen final : public ForwardingStore {
public:
  RefusesToOpen(InnerStore inner, std::shared_ptr<const DamagedRecords> damaged)
      : ForwardingStore(std::move(inner)), damaged_(std::move(damaged)) {}

  awaitable<bool> initialize() override { return open(damaged_, ForwardingStore::initialize()); }

private:
  static awaitable<bool> open(std::shared_ptr<const DamagedRecords> damaged, awaitable<bool> call) {
    if (!damaged->are_none()) {
      throw StorageError(errc::corrupted, "initialize", "", "line 7 of the file is no record");
    }
    co_return co_await std::move(call);
  }

  std::shared_ptr<const DamagedRecords> damaged_;
};

template <class Store>
std::shared_ptr<AnyHarness> over_spoilt() {
  const auto spaces = std::make_shared<Spaces<MemorySpace>>(
      [] { return std::make_shared<MemorySpace>(MemoryOptions()); });
  const auto damaged =
      std::make_shared<Spaces<DamagedRecords>>([] { return std::make_shared<DamagedRecords>(); });
  auto harness = std::make_shared<FunctionHarness>(
      Interfaces::of<Store>(), Claims().durable().shared_handles(),
      [=](const std::string& space) {
        Handle handle;
        handle.add(std::make_shared<Store>(std::make_shared<MemoryBackend>(spaces->at(space)),
                                           damaged->at(space)));
        return handle;
      },
      [=](const std::string& space) {
        spaces->drop(space);
        damaged->drop(space);
      });
  harness->let_damage([damaged](const std::string& space, const Damage& what) {
    damaged->at(space)->add(what.text);
  });
  return harness;
}

} // namespace detail

std::vector<OddStore> damaged_odd_stores() {
  return {
      OddStore("reads_what_it_needs", "each read meets the damage that is in its way, and no other",
               &detail::over_spoilt<DamagedStore>),
      OddStore("reads_from_a_copy",
               "what is read by its id comes from a copy, and was never spoilt",
               &detail::over_spoilt<detail::ReadsFromACopy>),
      OddStore("refuses_to_open", "one spoilt record, and all of the space stays closed",
               &detail::over_spoilt<detail::RefusesToOpen>),
  };
}

} // namespace agentstore::conformance
