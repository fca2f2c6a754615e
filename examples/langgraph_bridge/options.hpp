// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_OPTIONS_HPP
#define AGENTSTORE_EXAMPLES_LANGGRAPH_BRIDGE_OPTIONS_HPP

#include "../common/option_reader.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace langgraph_bridge {

using example::InputError;

inline constexpr auto token_variable = "AGENTSTORE_BRIDGE_TOKEN";

/// The command line, and the token that it or the environment leads to.
class Options {
public:
  std::string store_uri = "sqlite:langgraph.db";
  boost::asio::ip::tcp::endpoint listen{boost::asio::ip::address_v4::loopback(), 8730};
  std::string token;
  std::size_t max_body = std::size_t{64} << 20U;
  /// In seconds; 0: without an end.
  unsigned grace = 10;
  bool allow_remote = false;
  bool help = false;
};

/// Reads the command line; throws InputError.
Options parse_options(const std::vector<std::string>& arguments);

// The machinery of parse_options.

template <class Number>
Number parse_number(const std::string& option, const std::string& text, Number most) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end || number > most) {
    throw InputError("option " + option + " needs a number from 0 to " + std::to_string(most) +
                     ", not \"" + text + "\"");
  }
  return number;
}

/// "127.0.0.1:8730", "localhost:0", "[::1]:8730"
inline boost::asio::ip::tcp::endpoint parse_endpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    throw InputError("option --listen needs HOST:PORT, not \"" + text + "\"");
  }
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host == "localhost") {
    host = "127.0.0.1";
  }
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) {
    throw InputError("option --listen needs an address or localhost before the port, not \"" +
                     host + "\"");
  }
  return {address, parse_number<std::uint16_t>("--listen", text.substr(colon + 1), 65535)};
}

/// A token without its line end. Neither it nor a part of it is ever in a message.
inline std::string check_token(std::string token, const std::string& origin) {
  while (token.ends_with('\n') || token.ends_with('\r')) {
    token.pop_back();
  }
  const bool visible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (token.empty() || !visible) {
    throw InputError("the token in " + origin + " is not one line of visible ASCII");
  }
  return token;
}

inline std::string read_token(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string token;
  if (!std::getline(file, token)) {
    throw InputError("the token file " + path + " cannot be read, or is empty");
  }
  return check_token(std::move(token), path);
}

inline Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  std::string token_file;
  example::OptionReader reader(arguments);
  while (reader.next()) {
    const std::string& name = reader.name();
    if (name == "--store") {
      options.store_uri = reader.value();
    } else if (name == "--listen") {
      options.listen = parse_endpoint(reader.value());
    } else if (name == "--token-file") {
      token_file = reader.value();
    } else if (name == "--max-body") {
      options.max_body = parse_number<std::size_t>(name, reader.value(), std::size_t{1} << 30U);
    } else if (name == "--grace") {
      options.grace = parse_number<unsigned>(name, reader.value(), 86'400);
    } else if (name == "--allow-remote") {
      options.allow_remote = reader.flag();
    } else if (name == "--help" || name == "-h") {
      options.help = reader.flag();
      return options;
    } else if (name.starts_with("-")) {
      throw InputError("unknown option " + name + " (see --help)");
    } else {
      throw InputError("unexpected argument \"" + name + "\" (see --help)");
    }
  }
  if (!token_file.empty()) {
    options.token = read_token(token_file);
  } else if (const char* const token = std::getenv(token_variable); token != nullptr) {
    options.token = check_token(token, token_variable);
  }
  if (!options.listen.address().is_loopback()) {
    if (!options.allow_remote) {
      throw InputError(
          "option --listen: " + options.listen.address().to_string() +
          " can be reached from other machines; that needs --allow-remote and a token");
    }
    if (options.token.empty()) {
      throw InputError("option --allow-remote needs a token: --token-file or " +
                       std::string(token_variable));
    }
  }
  return options;
}

} // namespace langgraph_bridge

#endif
