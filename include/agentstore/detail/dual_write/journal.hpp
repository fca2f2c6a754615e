// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_JOURNAL_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_JOURNAL_HPP

// Keeps a queue outside of memory too, so that it outlives the process.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/dual_write/entry.hpp>

#include <string>
#include <vector>

namespace agentstore::detail::dual_write {

/// May be used from any thread. It holds the entries of the queue, and those that left it a moment
/// ago.
class Journal {
public:
  using Entries = std::vector<EntryPtr>;

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  virtual ~Journal() = default;

  /// Opens the journal, if it is not open, and returns its entries, the oldest first. Throws
  /// StorageError.
  virtual awaitable<Entries> open() = 0;
  /// Waits until all earlier work is done, and closes the journal.
  virtual awaitable<void> close() = 0;
  /// Begins to close the journal, and does not wait.
  virtual void abandon() noexcept = 0;

  // Both begin the work and do not wait for it. The work is done in the order of the calls.
  virtual void add(const Entry& entry, std::string others_text) noexcept = 0;
  virtual void remove(const Entry& entry) noexcept = 0;

  /// Waits until each entry added so far is durable, or could not be made so. Ends if cancelled.
  virtual awaitable<void> written() = 0;

  /// Entries that were added and not removed, and that the next `open` will not find.
  class Lost {
  public:
    Lost() = default;
    bool is_all = false; // the rest means nothing then
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
  };
  /// What was lost when the journal was closed. Says it once.
  virtual Lost take_lost() { return {}; }

  /// Whether the latest work succeeded.
  virtual bool is_well() const noexcept = 0;

protected:
  Journal() = default;
};

} // namespace agentstore::detail::dual_write

#endif
