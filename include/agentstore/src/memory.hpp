// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_MEMORY_HPP
#define AGENTSTORE_SRC_MEMORY_HPP

/// \file
/// Separate compilation of MemoryBackend and MemoryArchive: for one source file of a program that
/// defines AGENTSTORE_COMPILED in all of them. With CMake, agentstore::compiled is that file and
/// definition.

#include <agentstore/detail/memory/archive.hpp>
#include <agentstore/detail/memory/engine.hpp>

template class agentstore::detail::EngineBackend<agentstore::detail::memory::Engine>;
template std::shared_ptr<agentstore::detail::memory::Space>
    agentstore::detail::construct(agentstore::MemoryOptions);
template std::shared_ptr<agentstore::detail::memory::Engine>
    agentstore::detail::construct(std::shared_ptr<agentstore::detail::memory::Space>);

template class agentstore::detail::EngineArchive<agentstore::detail::memory::ArchiveEngine>;
template std::shared_ptr<agentstore::detail::memory::ArchiveSpace>
    agentstore::detail::construct(agentstore::MemoryArchiveOptions);
template std::shared_ptr<agentstore::detail::memory::ArchiveEngine>
    agentstore::detail::construct(std::shared_ptr<agentstore::detail::memory::ArchiveSpace>);

#endif
