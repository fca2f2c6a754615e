// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_AREAS_HPP
#define AGENTSTORE_CONFORMANCE_RULES_AREAS_HPP

/// \file
/// The rules of the contract by area. The header of an area defines its function; a program that
/// links agentstore::conformance_compiled needs no more than this one. The functions are templates
/// so that they may be defined in one source file or in every one.

#include <agentstore/conformance/rule.hpp>

#include <vector>

namespace agentstore::conformance {

template <class = void>
std::vector<Rule> session_rules(); // SES
template <class = void>
std::vector<Rule> conversation_rules(); // CON
template <class = void>
std::vector<Rule> checkpoint_rules(); // CHK
template <class = void>
std::vector<Rule> write_rules(); // WRT
template <class = void>
std::vector<Rule> context_rules(); // CTX
template <class = void>
std::vector<Rule> value_rules(); // KEY, VAL
template <class = void>
std::vector<Rule> life_cycle_rules(); // LIF
template <class = void>
std::vector<Rule> clean_up_rules(); // CLN, MET
template <class = void>
std::vector<Rule> session_directory_rules(); // DIR
template <class = void>
std::vector<Rule> thread_directory_rules(); // THR
template <class = void>
std::vector<Rule> archive_rules(); // ARC
template <class = void>
std::vector<Rule> archive_once_rules(); // ONC
template <class = void>
std::vector<Rule> archiving_rules(); // DUA
template <class = void>
std::vector<Rule> asynchrony_rules(); // ASY
template <class = void>
std::vector<Rule> cancellation_rules(); // CAN
template <class = void>
std::vector<Rule> sharing_rules(); // SPC, TWO
template <class = void>
std::vector<Rule> durability_rules(); // DUR
template <class = void>
std::vector<Rule> error_rules(); // ERR
template <class = void>
std::vector<Rule> random_rules(); // MDL, CNC

} // namespace agentstore::conformance

#endif
