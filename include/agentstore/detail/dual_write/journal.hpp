// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_JOURNAL_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_JOURNAL_HPP

// Where a queue is kept besides in memory, so that it outlives the process.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/dual_write/entry.hpp>

#include <string>
#include <vector>

namespace agentstore::detail::dual_write {

/// Used from any thread. It has what is in the queue, and what left it a moment ago.
class Journal {
public:
  using Entries = std::vector<EntryPtr>;

  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  virtual ~Journal() = default;

  /// Opens it, if it is not open, and returns what is in it, the oldest first. Throws StorageError.
  virtual awaitable<Entries> open() = 0;
  /// Waits until all before it is done.
  virtual awaitable<void> close() = 0;
  /// Begins to close it, and does not wait.
  virtual void abandon() noexcept = 0;

  // Both begin to be done, in their order, and are not waited for.
  virtual void add(const Entry& entry, std::string others_text) noexcept = 0;
  virtual void remove(const Entry& entry) noexcept = 0;

  /// Waits until what was added so far is durable, or could not be made so. Cancelled, it ends.
  virtual awaitable<void> written() = 0;

  /// Whether it could do what it was asked last.
  virtual bool is_well() const noexcept = 0;

protected:
  Journal() = default;
};

} // namespace agentstore::detail::dual_write

#endif
