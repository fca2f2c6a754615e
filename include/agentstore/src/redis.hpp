// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_REDIS_HPP
#define AGENTSTORE_SRC_REDIS_HPP

/// \file
/// Separate compilation of RedisBackend: for one source file of a program that defines
/// AGENTSTORE_COMPILED in all of them. With CMake, agentstore::compiled is that file and
/// definition.

#include <agentstore/detail/redis/engine.hpp>

template class agentstore::detail::EngineBackend<agentstore::detail::redis::Engine>;
template std::shared_ptr<agentstore::detail::redis::Engine>
    agentstore::detail::construct(boost::asio::any_io_executor, agentstore::RedisOptions);

#endif
