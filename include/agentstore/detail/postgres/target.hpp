// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_TARGET_HPP
#define AGENTSTORE_DETAIL_POSTGRES_TARGET_HPP

// What to connect to: a connection string, with the names in it looked up by Asio, because libpq
// would block on them.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/postgres/failure.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <string_view>

namespace agentstore::detail::postgres {

class Target {
public:
  explicit Target(std::string conninfo) : conninfo_(std::move(conninfo)) {
    // The message of a string that libpq cannot read may quote a part of it, so it is not used.
    using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;
    const Options given(PQconninfoParse(conninfo_.c_str(), nullptr), &PQconninfoFree);
    if (given == nullptr || conninfo_.find('\0') != std::string::npos) {
      fault_ = "libpq cannot read the connection string";
    } else if (has_stray_delimiter()) {
      fault_ = "in the connection string's user or password an @ or / is not written as %40 or %2F";
    }
    const Options defaults(PQconndefaults(), &PQconninfoFree);
    for (const Options* options : {&defaults, &given}) {
      for (const PQconninfoOption* option = options->get();
           option != nullptr && option->keyword != nullptr; ++option) {
        if (option->val != nullptr && *option->val != '\0') {
          settings_[option->keyword] = option->val;
        }
      }
    }
    if (fault_.empty() && !has_ports()) {
      fault_ = "a port is none";
    }
  }

  /// What is wrong with the connection string, without a word of it; empty if nothing is.
  const std::string& fault() const { return fault_; }

  /// Takes what must not be shown out of a text.
  std::string without_secrets(std::string text) const {
    for (const char* const keyword : {"password", "sslpassword"}) {
      const auto secret = settings_.find(keyword);
      if (secret == settings_.end()) {
        continue;
      }
      for (std::size_t at = 0; (at = text.find(secret->second, at)) != std::string::npos;) {
        text.replace(at, secret->second.size(), "***");
        at += 3;
      }
    }
    return text;
  }

  /// libpq's settings, the names of hosts resolved. Throws Failure.
  static awaitable<std::vector<std::pair<std::string, std::string>>>
  resolve(std::shared_ptr<const Target> target, boost::asio::any_io_executor executor) {
    std::vector<std::pair<std::string, std::string>> settings;
    settings.emplace_back("dbname", target->conninfo_); // libpq expands it where it stands
    settings.emplace_back("client_encoding", "UTF8");
    settings.emplace_back("fallback_application_name", "agentstore");
    if (!target->needs_resolver()) {
      co_return settings;
    }
    const std::vector<std::string> hosts = split(target->setting("host"));
    std::vector<std::string> ports = split(target->setting("port"));
    if (ports.size() == 1) {
      ports.resize(hosts.size(), ports.front()); // libpq's rule: one port is for all hosts
    }
    std::string host_list;
    std::string address_list;
    std::string port_list;
    std::string reason = "no host";
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      std::vector<std::string> addresses;
      if (is_name(hosts[i])) {
        boost::system::error_code error;
        boost::asio::ip::tcp::resolver resolver(executor);
        const std::string& host = hosts[i];
        const std::string no_service;
        auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
        const auto found = co_await resolver.async_resolve(host, no_service, token);
        for (const auto& entry : found) {
          addresses.push_back(entry.endpoint().address().to_string());
        }
        if (error) {
          reason = "host \"" + host + "\" is not found: " + error.message();
        }
      } else {
        addresses.emplace_back(hosts[i].starts_with('/') ? "" : hosts[i]);
      }
      for (const std::string& address : addresses) {
        const std::string comma = host_list.empty() ? "" : ",";
        host_list += comma + hosts[i];
        address_list += comma + address;
        port_list += comma + (i < ports.size() ? ports[i] : "");
      }
    }
    if (host_list.empty()) {
      throw Failure(errc::unavailable, target->without_secrets(reason));
    }
    settings.emplace_back("host", host_list);
    settings.emplace_back("hostaddr", address_list);
    settings.emplace_back("port", port_list);
    co_return settings;
  }

private:
  /// A URI whose password holds an @ or a / as it is: libpq reads a part of it as a host, a port or
  /// a database, which are no secrets.
  bool has_stray_delimiter() const {
    const auto scheme = conninfo_.find("://");
    if (!conninfo_.starts_with("postgres") || scheme == std::string::npos) {
      return false;
    }
    const std::string_view rest = std::string_view(conninfo_).substr(scheme + 3);
    const std::string_view before_query = rest.substr(0, rest.find('?'));
    const auto at = before_query.find('@');
    return at != std::string_view::npos &&
           (before_query.rfind('@') != at || before_query.find('/') < at);
  }

  bool has_ports() const {
    const std::vector<std::string> ports = split(setting("port"));
    return std::all_of(ports.begin(), ports.end(), [](const std::string& port) {
      return port.find_first_not_of("0123456789") == std::string::npos;
    });
  }

  std::string setting(const std::string& keyword) const {
    const auto found = settings_.find(keyword);
    return found != settings_.end() ? found->second : std::string();
  }

  static std::vector<std::string> split(const std::string& list) {
    std::vector<std::string> parts(1);
    for (const char c : list) {
      if (c == ',') {
        parts.emplace_back();
      } else {
        parts.back() += c;
      }
    }
    return parts;
  }

  /// A name, and not the folder of a socket or an address.
  static bool is_name(const std::string& host) {
    boost::system::error_code not_an_address;
    boost::asio::ip::make_address(host, not_an_address);
    return !host.empty() && host[0] != '/' && host[0] != '@' && not_an_address.failed();
  }

  bool needs_resolver() const {
    bool has_name = false;
    for (const std::string& host : split(setting("host"))) {
      // An empty entry or an abstract socket in a list of hosts is libpq's own affair.
      if (host.empty() || host[0] == '@') {
        return false;
      }
      has_name = has_name || is_name(host);
    }
    return has_name && setting("hostaddr").empty();
  }

  std::string conninfo_;
  std::map<std::string, std::string> settings_;
  std::string fault_;
};

} // namespace agentstore::detail::postgres

#endif
