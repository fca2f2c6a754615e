// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_CONFORMANCE_HPP
#define AGENTSTORE_CONFORMANCE_CONFORMANCE_HPP

/// \file
/// The conformance kit without a test framework: all rules, and the code that runs them.
///
///     const auto kit = make_kit(std::make_shared<HarnessAdapter<MyHarness>>());
///     const Report report = kit->run_all();
///     std::cout << report.to_table();
///     return report.conforms() ? 0 : 1;

#include <agentstore/conformance/rules/archive.hpp>
#include <agentstore/conformance/rules/archive_once.hpp>
#include <agentstore/conformance/rules/archiving.hpp>
#include <agentstore/conformance/rules/asynchrony.hpp>
#include <agentstore/conformance/rules/cancellation.hpp>
#include <agentstore/conformance/rules/checkpoints.hpp>
#include <agentstore/conformance/rules/clean_up.hpp>
#include <agentstore/conformance/rules/contexts.hpp>
#include <agentstore/conformance/rules/conversations.hpp>
#include <agentstore/conformance/rules/durability.hpp>
#include <agentstore/conformance/rules/errors.hpp>
#include <agentstore/conformance/rules/life_cycle.hpp>
#include <agentstore/conformance/rules/random.hpp>
#include <agentstore/conformance/rules/session_directory.hpp>
#include <agentstore/conformance/rules/sessions.hpp>
#include <agentstore/conformance/rules/sharing.hpp>
#include <agentstore/conformance/rules/thread_directory.hpp>
#include <agentstore/conformance/rules/values.hpp>
#include <agentstore/conformance/rules/writes.hpp>
#include <agentstore/conformance/runner/make_kit.hpp>

#endif
