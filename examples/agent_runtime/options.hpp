// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_OPTIONS_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_OPTIONS_HPP

#include "../common/option_reader.hpp"

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace agent_runtime {

using example::InputError;
using example::OptionReader;

/// The command line.
class Options {
public:
  std::string store_uri = "sqlite:agent_runtime.db";
  /// Empty for none.
  std::string archive_uri;
  /// Empty for one in memory.
  std::string archive_queue_uri;
  std::string input_path;
  std::size_t concurrency = 4;
  bool verify = false;
  bool quiet = false;
  bool help = false;
};

inline constexpr std::size_t max_concurrency = 4096;

/// Reads the command line; throws InputError. Values may follow as `--name value` or
/// `--name=value`.
Options parse_options(const std::vector<std::string>& arguments);

// The machinery of parse_options.

inline std::size_t parse_concurrency(const std::string& text) {
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end || number < 1 || number > max_concurrency) {
    throw InputError("option --concurrency needs a number from 1 to " +
                     std::to_string(max_concurrency) + ", not \"" + text + "\"");
  }
  return number;
}

inline Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  OptionReader reader(arguments);
  while (reader.next()) {
    const std::string& name = reader.name();
    if (name == "--store") {
      options.store_uri = reader.value();
    } else if (name == "--archive") {
      options.archive_uri = reader.value();
    } else if (name == "--archive-queue") {
      options.archive_queue_uri = reader.value();
    } else if (name == "--input") {
      options.input_path = reader.value();
    } else if (name == "--concurrency") {
      options.concurrency = parse_concurrency(reader.value());
    } else if (name == "--verify") {
      options.verify = reader.flag();
    } else if (name == "--quiet") {
      options.quiet = reader.flag();
    } else if (name == "--help" || name == "-h") {
      options.help = reader.flag();
      return options;
    } else if (name.starts_with("-")) {
      throw InputError("unknown option " + name + " (see --help)");
    } else {
      throw InputError("unexpected argument \"" + name + "\" (see --help)");
    }
  }
  if (options.input_path.empty()) {
    throw InputError("option --input is missing (see --help)");
  }
  if (!options.archive_queue_uri.empty() && options.archive_uri.empty()) {
    throw InputError("option --archive-queue needs an --archive (see --help)");
  }
  return options;
}

} // namespace agent_runtime

#endif
