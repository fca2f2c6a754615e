// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AGENTSTORE_HPP
#define AGENTSTORE_AGENTSTORE_HPP

/// \file
/// The seven interfaces, their records and errors; no backend. A runtime includes this header.

#include <agentstore/checkpoint_storage.hpp>
#include <agentstore/checkpointer_backend.hpp>
#include <agentstore/conversation_storage.hpp>
#include <agentstore/permanent_storage_backend.hpp>
#include <agentstore/record_json.hpp>
#include <agentstore/session_storage.hpp>
#include <agentstore/storage_backend.hpp>
#include <agentstore/task_context_storage.hpp>
#include <agentstore/typed.hpp>
#include <agentstore/version.hpp>

#endif
