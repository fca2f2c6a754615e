// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_TLS_CONTEXT_HPP
#define AGENTSTORE_DETAIL_TLS_CONTEXT_HPP

// Whom an engine's connections believe that they are the server.

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace agentstore::detail {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// What all connections of a backend share. The server's certificate is verified by the system's
/// authorities, or by those of a file. Throws std::invalid_argument for a file that holds none.
inline TlsContext make_tls_context(const std::string& authorities) {
  namespace ssl = boost::asio::ssl;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  boost::system::error_code error;
  if (authorities.empty()) {
    // NOLINTNEXTLINE(bugprone-unused-return-value): it is the same error
    context->set_default_verify_paths(error);
  } else {
    // NOLINTNEXTLINE(bugprone-unused-return-value): it is the same error
    context->load_verify_file(authorities, error);
  }
  if (error) {
    throw std::invalid_argument("the certificates of the authorities cannot be read: " +
                                error.message());
  }
  context->set_verify_mode(ssl::verify_peer);
  return context;
}

} // namespace agentstore::detail

#endif
