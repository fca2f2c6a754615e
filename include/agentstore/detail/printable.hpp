// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_PRINTABLE_HPP
#define AGENTSTORE_DETAIL_PRINTABLE_HPP

#include <agentstore/records.hpp>

#include <string>

namespace agentstore::detail {

/// A caller's name for a health report. The report has to be UTF-8, but the name need not be: bytes
/// that are no UTF-8 become U+FFFD.
inline std::string printable(const std::string& name) {
  return json::parse(json(name).dump(-1, ' ', false, json::error_handler_t::replace))
      .get<std::string>();
}

} // namespace agentstore::detail

#endif
