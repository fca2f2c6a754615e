// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_CONFORMANCE_DIRECTORIES_HPP
#define AGENTSTORE_SRC_CONFORMANCE_DIRECTORIES_HPP

/// \file
/// Separate compilation of the kit, in parts that compile side by side: directories, archives, life
/// cycle and clean-up. With CMake, agentstore::conformance_compiled has all parts.

#include <agentstore/conformance/rules/archive.hpp>
#include <agentstore/conformance/rules/archive_once.hpp>
#include <agentstore/conformance/rules/archiving.hpp>
#include <agentstore/conformance/rules/clean_up.hpp>
#include <agentstore/conformance/rules/life_cycle.hpp>
#include <agentstore/conformance/rules/session_directory.hpp>
#include <agentstore/conformance/rules/thread_directory.hpp>

namespace agentstore::conformance {

template std::vector<Rule> archive_rules();
template std::vector<Rule> archive_once_rules();
template std::vector<Rule> archiving_rules();
template std::vector<Rule> clean_up_rules();
template std::vector<Rule> life_cycle_rules();
template std::vector<Rule> session_directory_rules();
template std::vector<Rule> thread_directory_rules();

} // namespace agentstore::conformance

#endif
