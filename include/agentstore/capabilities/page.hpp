// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CAPABILITIES_PAGE_HPP
#define AGENTSTORE_CAPABILITIES_PAGE_HPP

/// \file
/// How the directories give long lists: page by page.

#include <agentstore/detail/requirements.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace agentstore {

/// How many items a page holds when the caller does not say, and at most.
inline constexpr std::size_t default_page_size = 100;
inline constexpr std::size_t max_page_size = 1'000;

/// Which page of a list: the first, or the one that follows another. paginators.hpp reads a list to
/// its end; this is what it does, and what one does who gives a page and its cursor to somebody:
///
///     Page page;
///     do {
///       const ThreadPage threads = co_await store.list_threads("user-7/", page);
///       ...
///       page.after(threads.next);
///     } while (!page.is_first());
class Page {
public:
  Page() = default;
  explicit Page(std::size_t items) : size(items) {}

  /// Goes on behind the page that gave this cursor; an empty one means the first page.
  Page& after(std::string page_cursor) {
    cursor = std::move(page_cursor);
    return *this;
  }
  bool is_first() const { return cursor.empty(); }

  /// From 1 to 1,000; anything else is `invalid_argument`. It may differ from page to page.
  std::size_t size = default_page_size;
  /// Opaque, and good whatever is written after it was given, also where the item is deleted that
  /// it stands behind. One that did not come from the same list is `invalid_argument`, so is a part
  /// of one.
  std::string cursor;

  bool operator==(const Page&) const = default;
};

static_assert(!std::is_aggregate_v<Page>);

} // namespace agentstore

#endif
