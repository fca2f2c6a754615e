// SPDX-License-Identifier: Apache-2.0
// The Redis backend over TLS: which servers it trusts, and that it works as without TLS.

#include "support/servers/redis_tls.hpp"

#include "support/servers/redis_rig.hpp"

namespace {

using namespace agentstore;
using namespace agentstore::test;

RedisOptions options_for(const RedisTlsServer& tls, const std::string& host,
                         const Certificate& trusted) {
  RedisOptions options = patient(tls.uri(host));
  options.ca_file = trusted.file();
  options.connect_timeout = std::chrono::seconds(10);
  return options;
}

std::optional<StorageError> error_with(const RedisOptions& options) {
  Loop loop;
  RedisBackend backend(loop.context().get_executor(), options);
  return error_of(loop, backend.initialize());
}

} // namespace

TEST_CASE("calls go by TLS, also large ones and after a pause") {
  const Certificate certificate("localhost");
  RedisTlsServer tls(certificate);
  RedisRig rig(options_for(tls, "localhost", certificate));
  CHECK(rig.works());
  const std::string text(3'000'000, 'x');
  std::vector<std::shared_ptr<Ending<bool>>> endings;
  for (int i = 0; i < 20; ++i) {
    endings.push_back(rig.loop.start(rig.backend.put_checkpoint("t", std::to_string(i), text)));
  }
  rig.loop.finish();
  for (const auto& each : endings) {
    CHECK(each->has_value());
  }
  CHECK(rig.loop.run(rig.backend.list_checkpoints("t", 20)).size() == 20);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(rig.works());
  }
  // All of it runs on one connection, beside the connection that asks.
  CHECK(tls.server.raw().text({"INFO", "clients"}).find("connected_clients:2\r") !=
        std::string::npos);
  tls.server.kill();
  CHECK(
      is_clear(error_of(rig.loop, rig.backend.get_session("s")), errc::unavailable, "get_session"));
  tls.server.start();
  CHECK(rig.works());
}

TEST_CASE("a server that does not prove to be the host is not trusted") {
  const Certificate certificate("localhost");
  const Certificate other("localhost");
  const Certificate stranger("elsewhere.example");
  {
    const RedisTlsServer tls(certificate);
    CHECK(!error_with(options_for(tls, "localhost", certificate)));
    CHECK(is_clear(error_with(options_for(tls, "localhost", other)), errc::unavailable,
                   "initialize", "TLS"));
    RedisOptions system = options_for(tls, "localhost", certificate);
    system.ca_file.clear();
    CHECK(is_clear(error_with(system), errc::unavailable, "initialize", "TLS"));
    RedisOptions missing = options_for(tls, "localhost", certificate);
    missing.ca_file = "/nowhere";
    CHECK(is_clear(error_with(missing), errc::invalid_argument, "initialize", "authorities"));
  }
  const RedisTlsServer tls(stranger);
  CHECK(is_clear(error_with(options_for(tls, "localhost", stranger)), errc::unavailable,
                 "initialize", "TLS"));
}

TEST_CASE("TLS and plain do not go together") {
  const Certificate certificate("localhost");
  const RedisTlsServer tls(certificate);
  RedisOptions plain("redis://localhost:" + std::to_string(tls.port), fresh_space());
  CHECK(is_clear(error_with(plain), errc::unavailable, "initialize"));
  RedisOptions secured("rediss://localhost:" + shared_redis().port(), fresh_space());
  secured.ca_file = certificate.file();
  CHECK(is_clear(error_with(secured), errc::unavailable, "initialize"));
}
