// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_STATEMENT_NAME_HPP
#define AGENTSTORE_DETAIL_POSTGRES_STATEMENT_NAME_HPP

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <libpq-fe.h>
#include <string>
#include <vector>

namespace agentstore::detail::postgres {

/// The name under which a server prepares a statement. The name follows from the statement's text
/// and types. So two connections that get the same server never mean different statements by one
/// name.
inline std::string statement_name(const std::string& sql, const std::vector<Oid>& types) {
  std::string identity;
  for (const Oid type : types) {
    identity += std::to_string(type) + ' ';
  }
  identity += sql;
  const boost::uuids::name_generator_sha1 name(boost::uuids::ns::oid());
  return "agentstore_" + boost::uuids::to_string(name(identity));
}

} // namespace agentstore::detail::postgres

#endif
