// SPDX-License-Identifier: Apache-2.0

// Odd stores that have an archive behind them: how much they queue, and how often they try, is
// their own choice.

#include "conformance/odd_stores/all.hpp"

#include <agentstore/archives/dual_write.hpp>
#include <agentstore/conformance/switched_archive.hpp>

namespace agentstore::conformance {

namespace detail {

/// `Choose` is a function of the options.
template <void (*Choose)(DualWriteOptions&)>
class DualWriteHarness {
public:
  static constexpr std::string_view name = "odd";

  Claims claims() const { return Claims().shared_handles(); }
  std::shared_ptr<DualWrite<MemoryBackend>> open(boost::asio::any_io_executor executor,
                                                 std::string space) {
    const auto parts = spaces_->at(space);
    DualWriteOptions options;
    options.max_queued = 20;
    options.max_attempts = 10;
    options.first_pause = std::chrono::milliseconds(20);
    options.longest_pause = std::chrono::milliseconds(200);
    options.close_limit = std::chrono::seconds(1);
    Choose(options);
    return std::make_shared<DualWrite<MemoryBackend>>(
        executor, std::make_shared<MemoryBackend>(parts->hot),
        std::make_shared<SwitchedArchiveOnce>(std::make_shared<MemoryArchive>(parts->archive),
                                              parts->archive_switch),
        options);
  }
  void drop(std::string space) { spaces_->drop(space); }

  void set_archive(std::string space, ArchiveState state) {
    spaces_->at(space)->archive_switch->set(state);
  }
  awaitable<std::vector<ArchiveRecord>> read_archived(std::string space, ArchiveKind kind,
                                                      std::string key) {
    return read(std::make_shared<MemoryArchive>(spaces_->at(space)->archive), kind, std::move(key));
  }

private:
  class Parts {
  public:
    std::shared_ptr<MemorySpace> hot = std::make_shared<MemorySpace>();
    std::shared_ptr<MemoryArchiveSpace> archive = std::make_shared<MemoryArchiveSpace>();
    std::shared_ptr<ArchiveSwitch> archive_switch = std::make_shared<ArchiveSwitch>();
  };

  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<MemoryArchive> archive,
                                                    ArchiveKind kind, std::string key) {
    static_cast<void>(co_await archive->initialize());
    co_return co_await archive->read_archive(kind, std::move(key), 0, 100'000);
  }

  std::shared_ptr<Spaces<Parts>> spaces_ =
      std::make_shared<Spaces<Parts>>([] { return std::make_shared<Parts>(); });
};

template <std::size_t Most>
void queue_at_most(DualWriteOptions& options) {
  options.max_queued = Most;
}
template <std::size_t Most>
void queue_the_newest(DualWriteOptions& options) {
  options.max_queued = Most;
  options.when_full = DualWriteOptions::WhenFull::drop_oldest;
}
template <std::size_t Most>
void weigh_at_most(DualWriteOptions& options) {
  options.max_queued_bytes = Most;
}
inline void try_twice_at_once(DualWriteOptions& options) {
  options.max_attempts = 2;
  options.first_pause = options.longest_pause = std::chrono::milliseconds(1);
}

template <void (*Choose)(DualWriteOptions&)>
std::shared_ptr<AnyHarness> over_dual_write() {
  return std::make_shared<HarnessAdapter<DualWriteHarness<Choose>>>();
}

} // namespace detail

std::vector<OddStore> dual_write_odd_stores() {
  using namespace detail;
  return {
      OddStore("queue_of_0", "nothing is queued, and every record dropped",
               [] { return over_dual_write<&queue_at_most<0>>(); }),
      OddStore("queue_of_1", "one record is queued at a time",
               [] { return over_dual_write<&queue_at_most<1>>(); }),
      OddStore("queue_of_3", "three records are queued",
               [] { return over_dual_write<&queue_at_most<3>>(); }),
      OddStore("queue_of_the_newest_5", "five records are queued, and an older one makes room",
               [] { return over_dual_write<&queue_the_newest<5>>(); }),
      OddStore("queue_of_9", "nine records are queued",
               [] { return over_dual_write<&queue_at_most<9>>(); }),
      OddStore("queue_of_1_KiB", "what is queued weighs little",
               [] { return over_dual_write<&weigh_at_most<1'024>>(); }),
      OddStore("queue_of_20_KiB", "the queue is bounded by weight",
               [] { return over_dual_write<&weigh_at_most<20'480>>(); }),
      OddStore("tries_twice", "a record that was refused twice is dropped, at once: DUA-05",
               [] { return over_dual_write<&try_twice_at_once>(); }),
  };
}

} // namespace agentstore::conformance
