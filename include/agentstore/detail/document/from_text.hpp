// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DOCUMENT_FROM_TEXT_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_FROM_TEXT_HPP

#include <agentstore/document.hpp>

namespace agentstore::detail::document {

/// What Document::from_text is; defined in detail/document/validate.hpp. `Text` is
/// std::string_view: a template, so that an explicit instantiation defines it in a program that
/// compiles it once.
template <class Text>
class Reader {
public:
  static Document read(Text text, std::size_t max_depth = Document::max_depth);
};

} // namespace agentstore::detail::document

#endif
