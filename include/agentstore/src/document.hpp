// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_SRC_DOCUMENT_HPP
#define AGENTSTORE_SRC_DOCUMENT_HPP

/// \file
/// Separate compilation of Document::from_text: for one source file of a program that defines
/// AGENTSTORE_COMPILED in all of them. With CMake, agentstore::compiled is that file and
/// definition.

#include <agentstore/detail/document/validate.hpp>

template class agentstore::detail::document::Reader<std::string_view>;

#endif
