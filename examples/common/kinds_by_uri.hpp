// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_COMMON_KINDS_BY_URI_HPP
#define AGENTSTORE_EXAMPLES_COMMON_KINDS_BY_URI_HPP

/// \file
/// From a URI to what it names, a store or an archive. Each kind has a file of its own, which adds
/// it. What is not built is not there.

#include "input_error.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <string>

namespace example {

template <class Made>
class KindsByUri {
public:
  /// How the URIs of a scheme are written, and how one is made.
  class Kind {
  public:
    std::string usage;
    /// Of the whole URI and of what follows the colon; throws InputError. The executor is for what
    /// has no threads of its own.
    Made (*make)(boost::asio::any_io_executor executor, const std::string& uri,
                 const std::string& rest);
  };

  /// For a constant at namespace scope, so that the kind is there before main begins.
  static bool add(const std::string& scheme, Kind kind) {
    return kinds().emplace(scheme, std::move(kind)).second;
  }

  /// The URIs there are, for a message.
  static std::string usage() {
    std::string text;
    for (const auto& [scheme, kind] : kinds()) {
      text += text.empty() ? "" : ", ";
      text += kind.usage;
    }
    return text;
  }

  /// What a URI names, not yet open; throws InputError, which speaks of it as `what`.
  static Made make(boost::asio::any_io_executor executor, const std::string& uri,
                   const std::string& what) {
    const auto is_no_part_of_scheme = [](unsigned char c) { return std::isalnum(c) == 0; };
    const auto end = std::find_if(uri.begin(), uri.end(), is_no_part_of_scheme);
    const std::string scheme(uri.begin(), end);
    const auto kind = kinds().find(scheme);
    if (end == uri.end() || *end != ':' || kind == kinds().end()) {
      // What follows is not shown: it may hold a password.
      throw InputError(what + " URI beginning with \"" + scheme + "\" is none of " + usage());
    }
    return kind->second.make(std::move(executor), uri, uri.substr(scheme.size() + 1));
  }

private:
  /// By scheme.
  static std::map<std::string, Kind>& kinds() {
    static std::map<std::string, Kind> all;
    return all;
  }
};

} // namespace example

#endif
