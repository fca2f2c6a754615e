// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_CERTIFICATE_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_CERTIFICATE_HPP

#include "support/servers/server_process.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/ip/address.hpp>

namespace agentstore::test {

/// As a certificate says whom it is for: an address, or a name.
inline std::string alternative_name(const std::string& host) {
  boost::system::error_code no_address;
  static_cast<void>(boost::asio::ip::make_address(host, no_address));
  return (no_address ? "DNS:" : "IP:") + host;
}

/// Makes a certificate for a host, signed by itself, and its key.
inline void make_certificate(const std::string& file, const std::string& key,
                             const std::string& host) {
  const std::vector<std::string> words = {"openssl",
                                          "req",
                                          "-x509",
                                          "-newkey",
                                          "ec",
                                          "-pkeyopt",
                                          "ec_paramgen_curve:prime256v1",
                                          "-nodes",
                                          "-keyout",
                                          key,
                                          "-out",
                                          file,
                                          "-days",
                                          "2",
                                          "-subj",
                                          "/CN=" + host,
                                          "-addext",
                                          "subjectAltName=" + alternative_name(host)};
  if (ServerProcess::call(words) != 0) {
    throw std::runtime_error("openssl makes no certificate for " + host);
  }
}

/// One in a directory of its own.
class Certificate {
public:
  explicit Certificate(const std::string& host) { make_certificate(file(), key(), host); }

  std::string file() const { return directory_.file("certificate"); }
  std::string key() const { return directory_.file("key"); }

private:
  TemporaryDirectory directory_;
};

} // namespace agentstore::test

#endif
