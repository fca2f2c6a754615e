// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_CLICKHOUSE_HPP
#define AGENTSTORE_SRC_CLICKHOUSE_HPP

/// \file
/// Separate compilation of ClickHouseArchive: for one source file of a program that defines
/// AGENTSTORE_COMPILED in all of them. With CMake, agentstore::compiled is that file and
/// definition.

#include <agentstore/detail/clickhouse/archive.hpp>

template class agentstore::detail::EngineArchive<agentstore::detail::clickhouse::ArchiveEngine>;
template std::shared_ptr<agentstore::detail::clickhouse::ArchiveEngine>
    agentstore::detail::construct(boost::asio::any_io_executor, agentstore::ClickHouseOptions);

#endif
