// SPDX-License-Identifier: Apache-2.0

// Odd stores that are archives.

#include "conformance/odd_stores/all.hpp"

#include <agentstore/testing/forwarding_archive_once.hpp>

namespace agentstore::conformance {

namespace detail {

/// Numbers its records and its snapshots with gaps.
class GappedArchive : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override {
    std::vector<ArchiveRecord> page =
        co_await ForwardingArchive::read_archive(kind, std::move(key), after / 100, limit);
    for (ArchiveRecord& record : page) {
      record.sequence = record.sequence * 100 + 99;
      if (kind == ArchiveKind::task_context_snapshot) {
        record.fields["version"] = record.sequence;
      }
    }
    co_return page;
  }
};

/// Numbers its snapshots from 0: each is greater than those before it.
class VersionsFromZero : public ForwardingArchiveOnce {
public:
  using ForwardingArchiveOnce::ForwardingArchiveOnce;

  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override {
    std::vector<ArchiveRecord> page =
        co_await ForwardingArchiveOnce::read_archive(kind, std::move(key), after, limit);
    for (ArchiveRecord& record : page) {
      if (kind == ArchiveKind::task_context_snapshot) {
        record.fields["version"] = record.fields.at("version").get<std::uint64_t>() - 1;
      }
    }
    co_return page;
  }
};

/// Gives three records a page, however many are asked for.
class SmallPages : public ForwardingArchive {
public:
  using ForwardingArchive::ForwardingArchive;

  awaitable<std::vector<ArchiveRecord>>
  read_archive(ArchiveKind kind, std::string key, std::uint64_t after = 0,
               std::size_t limit = default_archive_limit) override {
    return ForwardingArchive::read_archive(kind, std::move(key), after,
                                           std::min<std::size_t>(limit, 3));
  }
};

template <class Archive>
std::shared_ptr<AnyHarness> over_archive(Claims claims) {
  const auto spaces = std::make_shared<Spaces<MemoryArchiveSpace>>(
      [] { return std::make_shared<MemoryArchiveSpace>(); });
  return std::make_shared<FunctionHarness>(
      Interfaces::of<Archive>(), std::move(claims),
      [spaces](const std::string& space) {
        auto inner = std::make_shared<MemoryArchive>(spaces->at(space));
        Handle handle;
        handle.add(std::make_shared<Archive>(std::move(inner)));
        return handle;
      },
      [spaces](const std::string& space) { spaces->drop(space); });
}

/// Its own times are as coarse as its clock, and those that are given are kept as they are.
inline std::shared_ptr<AnyHarness> over_coarse_archive(std::chrono::microseconds unit) {
  const SettableClock clock;
  MemoryArchiveOptions options;
  options.clock = coarse(clock.clock(), unit);
  const auto spaces = std::make_shared<Spaces<MemoryArchiveSpace>>(
      [options] { return std::make_shared<MemoryArchiveSpace>(options); });
  auto harness = std::make_shared<FunctionHarness>(
      Interfaces::of<MemoryArchive>(), Claims().durable().shared_handles(),
      [spaces](const std::string& space) {
        Handle handle;
        handle.add(std::make_shared<MemoryArchive>(spaces->at(space)));
        return handle;
      },
      [spaces](const std::string& space) { spaces->drop(space); });
  harness->let_set(clock);
  return harness;
}

/// An archive that only takes.
class MuteArchiveHarness {
public:
  static constexpr std::string_view name = "odd";

  Claims claims() const { return Claims().shared_handles(); }
  std::shared_ptr<IPermanentStorageBackend> open(boost::asio::any_io_executor, std::string space) {
    return std::make_shared<MemoryArchive>(spaces_->at(space));
  }
  void drop(std::string space) { spaces_->drop(space); }

protected:
  std::shared_ptr<Spaces<MemoryArchiveSpace>> spaces_ =
      std::make_shared<Spaces<MemoryArchiveSpace>>(
          [] { return std::make_shared<MemoryArchiveSpace>(); });
};

/// The same, read back by the harness, as from the database behind it.
class HookedArchiveHarness : public MuteArchiveHarness {
public:
  awaitable<std::vector<ArchiveRecord>> read_archive(std::string space, ArchiveKind kind,
                                                     std::string key) {
    return read(std::make_shared<MemoryArchive>(spaces_->at(space)), kind, std::move(key));
  }

private:
  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<MemoryArchive> archive,
                                                    ArchiveKind kind, std::string key) {
    static_cast<void>(co_await archive->initialize());
    co_return co_await archive->read_archive(kind, std::move(key), 0, 100'000);
  }
};

} // namespace detail

std::vector<OddStore> archive_odd_stores() {
  return {
      OddStore("archive_alone", "an archive and nothing else, which claims nothing",
               [] { return detail::over_archive<ForwardingArchive>(Claims()); }),
      OddStore("archive_gaps", "record and snapshot numbers with gaps",
               [] { return detail::over_archive<detail::GappedArchive>(Claims().durable()); }),
      OddStore("archive_from_zero", "the first snapshot has version 0",
               [] {
                 return detail::over_archive<detail::VersionsFromZero>(
                     Claims().durable().shared_handles());
               }),
      OddStore("archive_whole_seconds", "an archive whose clock counts whole seconds",
               [] { return detail::over_coarse_archive(std::chrono::seconds(1)); }),
      OddStore("archive_milliseconds", "an archive whose clock counts milliseconds",
               [] { return detail::over_coarse_archive(std::chrono::milliseconds(1)); }),
      OddStore("archive_small_pages",
               "pages shorter than the limit, which is the most there may be",
               [] { return detail::over_archive<detail::SmallPages>(Claims().shared_handles()); }),
      OddStore("archive_mute", "an archive that nobody can read: most of its rules are UNTESTED",
               []() -> std::shared_ptr<AnyHarness> {
                 return std::make_shared<HarnessAdapter<detail::MuteArchiveHarness>>();
               }),
      OddStore("archive_hooked", "no IArchiveReader; the harness reads it",
               []() -> std::shared_ptr<AnyHarness> {
                 return std::make_shared<HarnessAdapter<detail::HookedArchiveHarness>>();
               }),
  };
}

} // namespace agentstore::conformance
