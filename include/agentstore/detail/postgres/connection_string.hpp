// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_POSTGRES_CONNECTION_STRING_HPP
#define AGENTSTORE_DETAIL_POSTGRES_CONNECTION_STRING_HPP

// What to connect to. libpq would block while it looks up the name of a host, so Asio looks names
// up before libpq sees them. libpq would also wait for a silent host for ever, so it gets one host
// at a time.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/postgres/failure.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string_view>

namespace agentstore::detail::postgres {

/// A connection string with libpq's defaults for what it leaves out.
class ConnectionString {
public:
  explicit ConnectionString(std::string conninfo) : conninfo_(std::move(conninfo)) {
    // libpq's message about a string that it cannot read may quote a part of it, so it is not used.
    using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;
    const Options given(PQconninfoParse(conninfo_.c_str(), nullptr), &PQconninfoFree);
    if (given == nullptr || conninfo_.find('\0') != std::string::npos) {
      fault_ = "libpq cannot read the connection string";
    } else if (has_stray_delimiter()) {
      fault_ = "in the connection string's user, password or database an @ or / is not written as "
               "%40 or "
               "%2F";
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
    if (fault_.empty() && !has_numeric_ports()) {
      fault_ = "a port of the connection string is not a number";
    }
    if (fault_.empty() && !has_port_for_each_host()) {
      fault_ = "the connection string has several ports, but not one for each host";
    }
  }

  /// What is wrong with the connection string, without a word of it. Empty if nothing is.
  const std::string& fault() const { return fault_; }

  /// Replaces the passwords in a text.
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

  /// A host to connect to, as libpq's keywords say it. An empty value is left to libpq.
  class Host {
  public:
    Host() = default;

    std::string name;
    std::string address;
    std::string port;
    /// More than one if libpq itself has to find its way through the hosts.
    std::size_t count = 1;

    /// Whether it is a name that has to be looked up: no address, no directory of a Unix socket, no
    /// abstract socket.
    bool has_to_be_found() const {
      boost::system::error_code not_an_address;
      boost::asio::ip::make_address(name, not_an_address);
      return address.empty() && !name.empty() && name[0] != '/' && name[0] != '@' &&
             not_an_address.failed();
    }
  };

  using Settings = std::vector<std::pair<std::string, std::string>>;

  /// The hosts, in the order in which they are tried.
  std::vector<Host> hosts() const {
    const std::vector<std::string> names = split(setting("host"));
    const std::vector<std::string> addresses = split(setting("hostaddr"));
    const std::vector<std::string> ports = split(setting("port"));
    const bool has_addresses = !setting("hostaddr").empty();
    Host all; // libpq alone reads its service file, and has no word for a default host among others
    all.count = std::max(names.size(), addresses.size());
    const bool has_all_names = names.size() == all.count && !has_empty(names);
    const bool has_all_addresses = addresses.size() == all.count && !has_empty(addresses);
    if (settings_.contains("service") ||
        (all.count > 1 && (has_addresses ? !has_all_addresses : !has_all_names))) {
      return {all};
    }
    std::vector<Host> list(all.count);
    for (std::size_t i = 0; i < list.size(); ++i) {
      list[i].name = i < names.size() ? names[i] : "";
      list[i].address = has_addresses ? addresses[i] : "";
      list[i].port = i < ports.size() ? ports[i] : ports.front(); // one port is for all hosts
    }
    if (setting("load_balance_hosts") == "random") {
      std::shuffle(list.begin(), list.end(), std::minstd_rand(std::random_device()()));
    }
    return list;
  }

  /// What the hosts are tried for, one round after the other. libpq makes two rounds of its own to
  /// find a standby, if possible; it sees one host at a time here.
  std::vector<std::string> rounds() const {
    const std::string wanted = setting("target_session_attrs");
    if (wanted == "prefer-standby") {
      return {"standby", "any"};
    }
    return {wanted};
  }

  /// Keywords and values for libpq.
  Settings settings_for(const Host& host, const std::string& wanted) const {
    Settings settings;
    settings.emplace_back("dbname", conninfo_); // libpq takes a whole string in this place
    settings.emplace_back("client_encoding", "UTF8");
    settings.emplace_back("fallback_application_name", "agentstore");
    // libpq passes over a value that is empty.
    settings.emplace_back("host", host.name);
    settings.emplace_back("hostaddr", host.address);
    settings.emplace_back("port", host.count == 1 ? host.port : "");
    settings.emplace_back("target_session_attrs", wanted);
    return settings;
  }

  /// The host once for each of its addresses. Throws Failure, also if the look-up is late.
  static awaitable<std::vector<Host>> find(Host host, boost::asio::any_io_executor executor,
                                           std::chrono::steady_clock::time_point deadline) {
    if (!host.has_to_be_found()) {
      co_return std::vector<Host>(1, host);
    }
    // The resolver cannot be stopped while it asks. Nobody waits for a late answer.
    const auto lookup = std::make_shared<Lookup>(executor);
    lookup->timer.expires_at(deadline);
    lookup->resolver.async_resolve(
        host.name, "",
        [lookup](const boost::system::error_code& error, const Lookup::Results& results) {
          lookup->error = error;
          lookup->results = results;
          lookup->timer.cancel();
        });
    boost::system::error_code ignored;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
    co_await lookup->timer.async_wait(token);
    std::vector<Host> found;
    for (const auto& entry : lookup->results) {
      found.push_back(host);
      found.back().address = entry.endpoint().address().to_string();
    }
    if (found.empty()) {
      const std::string reason = "host \"" + host.name + "\" is not found: ";
      throw lookup->error == boost::asio::error::timed_out
          ? Failure::late(reason + lookup->error.message())
          : Failure(errc::unavailable, reason + lookup->error.message());
    }
    co_return found;
  }

private:
  /// Whether a URI may have an @ or a / in its password. libpq would read a part of such a password
  /// as a host, a port or a database, and those are no secrets in its messages. A password comes
  /// after a colon: without one before it, an @ behind the / belongs to the name of the database.
  bool has_stray_delimiter() const {
    const auto scheme = conninfo_.find("://");
    if (!conninfo_.starts_with("postgres") || scheme == std::string::npos) {
      return false;
    }
    const std::string_view rest = std::string_view(conninfo_).substr(scheme + 3);
    const std::string_view before_query = rest.substr(0, rest.find('?'));
    const auto at = before_query.find('@');
    return at != std::string_view::npos &&
           (before_query.rfind('@') != at ||
            (before_query.find('/') < at && before_query.find(':') < at));
  }

  bool has_numeric_ports() const {
    const std::vector<std::string> ports = split(setting("port"));
    return std::all_of(ports.begin(), ports.end(), [](const std::string& port) {
      return port.find_first_not_of("0123456789") == std::string::npos;
    });
  }

  /// libpq's rule: one port for all hosts, or one for each. If Asio looks up the hosts, libpq does
  /// not see the ports as they were written.
  bool has_port_for_each_host() const {
    const std::string addresses = setting("hostaddr");
    const std::size_t hosts = split(addresses.empty() ? setting("host") : addresses).size();
    const std::size_t ports = split(setting("port")).size();
    return ports == 1 || ports == hosts;
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

  static bool has_empty(const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), std::string()) != list.end();
  }

  /// An attempt to look a name up.
  class Lookup {
  public:
    using Results = boost::asio::ip::tcp::resolver::results_type;

    explicit Lookup(const boost::asio::any_io_executor& executor)
        : resolver(executor), timer(executor) {}

    boost::asio::ip::tcp::resolver resolver;
    boost::asio::steady_timer timer;
    boost::system::error_code error = boost::asio::error::timed_out; // until there is an answer
    Results results;
  };

  std::string conninfo_;
  std::map<std::string, std::string> settings_;
  std::string fault_;
};

} // namespace agentstore::detail::postgres

#endif
