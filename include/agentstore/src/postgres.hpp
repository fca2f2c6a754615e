// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_POSTGRES_HPP
#define AGENTSTORE_SRC_POSTGRES_HPP

/// \file
/// Separate compilation of PostgresBackend and PostgresArchive: for one source file of a program
/// that defines AGENTSTORE_COMPILED in all of them. With CMake, agentstore::compiled is that file
/// and definition.

#include <agentstore/detail/postgres/archive.hpp>
#include <agentstore/detail/postgres/engine.hpp>

template class agentstore::detail::EngineBackend<agentstore::detail::postgres::Engine>;
template std::shared_ptr<agentstore::detail::postgres::Engine>
    agentstore::detail::construct(boost::asio::any_io_executor, agentstore::PostgresOptions);

template class agentstore::detail::EngineArchive<agentstore::detail::postgres::ArchiveEngine>;
template std::shared_ptr<agentstore::detail::postgres::ArchiveEngine>
    agentstore::detail::construct(boost::asio::any_io_executor, agentstore::PostgresOptions);

#endif
