// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DOCUMENT_FROM_TEXT_HPP
#define AGENTSTORE_DOCUMENT_FROM_TEXT_HPP

/// \file
/// The definition of `Document::from_text`, on Boost.JSON's parser. A program that includes this
/// header and calls `from_text` links Boost::json, or has `#include <boost/json/src.hpp>` in one
/// source file. A program that links `agentstore::compiled` needs neither of them.

#include <agentstore/detail/document/from_text.hpp>
#include <agentstore/document.hpp>

#if !defined(AGENTSTORE_COMPILED)
#include <agentstore/detail/document/validate.hpp>
#endif

#endif
