// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_SQLITE_HPP
#define AGENTSTORE_SRC_SQLITE_HPP

/// \file
/// Separate compilation of SqliteBackend, SqliteArchive and `sqlite_queue`: for one source file of
/// a program that defines AGENTSTORE_COMPILED in all of them. With CMake, agentstore::compiled is
/// that file and definition.

#include <agentstore/detail/sqlite/archive.hpp>
#include <agentstore/detail/sqlite/engine.hpp>
#include <agentstore/detail/sqlite/queue_journal.hpp>

template class agentstore::detail::EngineBackend<agentstore::detail::sqlite::Engine>;
template std::shared_ptr<agentstore::detail::sqlite::Engine>
    agentstore::detail::construct(agentstore::SqliteOptions);

template class agentstore::detail::EngineArchive<agentstore::detail::sqlite::ArchiveEngine>;
template std::shared_ptr<agentstore::detail::sqlite::ArchiveEngine>
    agentstore::detail::construct(agentstore::SqliteOptions);

template std::shared_ptr<agentstore::detail::dual_write::Journal>
    agentstore::detail::sqlite::make_journal<agentstore::detail::sqlite::QueueJournal>(
        agentstore::SqliteOptions);

#endif
