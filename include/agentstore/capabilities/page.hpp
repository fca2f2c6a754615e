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
/// its end, in the following way. Code that hands pages and cursors to others does the same:
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

  /// Goes on behind the page that gave this cursor. An empty cursor means the first page.
  Page& after(std::string page_cursor) {
    cursor = std::move(page_cursor);
    return *this;
  }
  bool is_first() const { return cursor.empty(); }

  /// From 1 to 1,000; anything else is `invalid_argument`. It may differ from page to page.
  std::size_t size = default_page_size;
  /// Opaque. A cursor stays valid whatever is written after it was given, also if the item that it
  /// stands behind is deleted, and however often it is used; it is good on every handle, and after
  /// `close` and `initialize`. A cursor that did not come from the same list is `invalid_argument`,
  /// and so is a part of a cursor.
  std::string cursor;

  bool operator==(const Page&) const = default;
};

static_assert(!std::is_aggregate_v<Page>);

} // namespace agentstore

#endif
