// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_ENTRY_TEXT_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_ENTRY_TEXT_HPP

// The arguments of an append as the text of a JSON array, and back. A value is copied as the text
// that it is, and no tree is built of it.

#include <agentstore/document_part.hpp>
#include <agentstore/records.hpp>

#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace agentstore::detail::dual_write {

/// How much deeper that text is than the deepest value in it: a channel's stands in a pair, in the
/// writes, in the arguments.
inline constexpr std::size_t depth_around_values = 3;

inline void add_text(std::string& all, const std::string& value) {
  all += Document(json(value)).text();
}
inline void add_text(std::string& all, const Document& value) {
  all += value.text();
}
inline void add_text(std::string& all, const std::vector<ChannelWrite>& writes) {
  all += '[';
  for (const ChannelWrite& write : writes) {
    all += all.back() == '[' ? "[" : ",[";
    add_text(all, write.channel);
    all += ',';
    add_text(all, write.value);
    all += ']';
  }
  all += ']';
}

template <class... Values>
std::string text_of_all(const Values&... values) {
  std::string all;
  ((all += all.empty() ? '[' : ',', add_text(all, values)), ...);
  all += ']';
  return all;
}

/// Throws std::invalid_argument if the part is no such value.
template <class Value>
Value value_of(const DocumentPart& part) {
  constexpr auto require = [](bool is_so) {
    if (!is_so) {
      throw std::invalid_argument("it is not what such an append has");
    }
  };
  if constexpr (std::is_same_v<Value, Document>) {
    return part.document();
  } else if constexpr (std::is_same_v<Value, std::string>) {
    require(part.is_string());
    return part.string();
  } else {
    static_assert(std::is_same_v<Value, std::vector<ChannelWrite>>);
    require(part.is_array());
    Value writes;
    for (const DocumentPart& write : part.elements()) {
      const std::vector<DocumentPart> pair = write.elements();
      require(pair.size() == 2);
      writes.emplace_back(value_of<std::string>(pair[0]), pair[1].document());
    }
    return writes;
  }
}

} // namespace agentstore::detail::dual_write

#endif
