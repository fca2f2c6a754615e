// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_JSON_TEXT_HPP
#define AGENTSTORE_DETAIL_SQLITE_JSON_TEXT_HPP

// A tree becomes text on the caller's thread, so that the thread that writes to the database does
// only what the database has to do.

#include <agentstore/records.hpp>

#include <vector>

namespace agentstore::detail::sqlite {

/// Makes sure that each JSON value in an argument has its `text()`.
template <class Argument>
void make_text(const Argument&) {}
inline void make_text(const Document& value) {
  static_cast<void>(value.text());
}
inline void make_text(const std::vector<ChannelWrite>& writes) {
  for (const ChannelWrite& write : writes) {
    make_text(write.value);
  }
}

} // namespace agentstore::detail::sqlite

#endif
