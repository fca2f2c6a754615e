// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_LANGGRAPH_HPP
#define AGENTSTORE_SRC_LANGGRAPH_HPP

/// \file
/// Separate compilation of langgraph::Checkpointer: for one source file of a program that defines
/// AGENTSTORE_COMPILED in all of them. With CMake, agentstore::compiled is that file and
/// definition.

#include <agentstore/detail/langgraph/checkpointer_impl.hpp>

template class agentstore::langgraph::BasicCheckpointer<agentstore::langgraph::detail::Stores>;

#endif
