// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_CLICKHOUSE_SERVER_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_CLICKHOUSE_SERVER_HPP

// A ClickHouse server of the test's own, with configuration files of its own.

#include "support/raw_clickhouse.hpp"
#include "support/servers/server_process.hpp"

#include <chrono>
#include <thread>

namespace agentstore::test {

/// Its users: `default` without a password, `agent` with the password `it's a "secret"`, `reader`
/// who may only read, and `poor`, whose quota is two statements an hour.
class ClickHouseServer {
public:
  /// Also takes TLS, if it is given the files of a certificate and its key.
  explicit ClickHouseServer(std::string certificate = "", std::string key = "")
      : ClickHouseServer(0, std::move(certificate), std::move(key)) {}
  /// A server whose data is on a disk of its own, of so many MiB. Requires: `may_have_disk`.
  explicit ClickHouseServer(std::size_t disk_mib) : ClickHouseServer(disk_mib, "", "") {}

  /// Whether this user may mount a disk that only its server sees, and that goes with the server.
  static bool may_have_disk() { return ServerProcess::call({"unshare", "--mount", "true"}) == 0; }

  int port() const { return port_; }
  int tls_port() const { return tls_port_; }
  std::string uri(const std::string& database = "agentstore") const {
    return "clickhouse://127.0.0.1:" + std::to_string(port_) + "/" + database;
  }
  RawClickHouse raw() const { return RawClickHouse(port_); }

  /// Waits until it answers.
  void start() {
    std::vector<std::string> words = {AGENTSTORE_CLICKHOUSE_SERVER,
                                      "--config-file=" + process_.directory() + "/config.xml"};
    if (disk_mib_ != 0) {
      const std::string mount =
          "mkdir -p \"$0\" && mount -t tmpfs -o size=" + std::to_string(disk_mib_) +
          "m none \"$0\" && exec \"$@\"";
      words.insert(words.begin(), {"unshare", "--mount", "sh", "-c", mount, data()});
    }
    process_.start(words);
    for (int tries = 0; !answers(); ++tries) {
      if (tries == 3'000 || !process_.is_running()) {
        throw std::runtime_error("the ClickHouse server does not start");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  void kill() { process_.end(SIGKILL); }
  void freeze() const { process_.freeze(); }
  void wake() const { process_.wake(); }

  /// Leaves no room on the server's own disk, and makes some again.
  void fill_disk() const {
    std::ofstream file(ballast(), std::ios::binary);
    const std::string some(4'096, 'x');
    while (file.write(some.data(), static_cast<std::streamsize>(some.size())).flush()) {
    }
  }
  void empty_disk() const { std::filesystem::remove(ballast()); }

private:
  ClickHouseServer(std::size_t disk_mib, std::string certificate, std::string key)
      : disk_mib_(disk_mib), certificate_(std::move(certificate)), key_(std::move(key)),
        port_(ServerProcess::free_port()), tcp_port_(ServerProcess::free_port()),
        tls_port_(ServerProcess::free_port()) {
    if (std::getenv("AGENTSTORE_NO_CLICKHOUSE") != nullptr) {
      throw std::runtime_error("no ClickHouse server is installed"); // and ctest calls it a skip
    }
    write_files();
    start();
  }

  std::string data() const { return process_.directory() + "/data"; }
  /// On its disk, as it sees it.
  std::string ballast() const {
    return "/proc/" + std::to_string(process_.id()) + "/root" + data() + "/ballast";
  }

  bool answers() const {
    try {
      return raw().text("SELECT 1") == "1";
    } catch (const std::exception&) {
      return false;
    }
  }

  std::string tls() const {
    if (certificate_.empty()) {
      return "";
    }
    return "<https_port>" + std::to_string(tls_port_) +
           "</https_port><openSSL><server><certificateFile>" + certificate_ +
           "</certificateFile><privateKeyFile>" + key_ +
           "</privateKeyFile><verificationMode>none</verificationMode></server></openSSL>\n";
  }

  void write_files() const {
    const std::string& here = process_.directory();
    std::ofstream(here + "/config.xml")
        << "<?xml version=\"1.0\"?>\n<yandex>\n<logger><level>none</level></logger>\n"
        << "<http_port>" << port_ << "</http_port><tcp_port>" << tcp_port_ << "</tcp_port>\n"
        << tls() << "<listen_host>127.0.0.1</listen_host><listen_host>::1</listen_host>\n"
        << "<listen_try>1</listen_try>\n" // there may be no IPv6
        << "<path>" << data() << "/</path><tmp_path>" << here << "/tmp/</tmp_path>\n"
        << "<user_files_path>" << here << "/user_files/</user_files_path>\n"
        << "<format_schema_path>" << here << "/format_schemas/</format_schema_path>\n"
        << "<users_config>" << here << "/users.xml</users_config>\n"
        << "<default_profile>default</default_profile>\n"
        << "<default_database>default</default_database>\n"
        << "<mark_cache_size>5368709</mark_cache_size>\n"
        // Tests append one record at a time, as fast as they can.
        << "<merge_tree><parts_to_delay_insert>100000</parts_to_delay_insert>\n"
        << "<parts_to_throw_insert>100000</parts_to_throw_insert></merge_tree>\n</yandex>\n";
    const auto user = [](const std::string& name, const std::string& password,
                         const std::string& profile, const std::string& quota) {
      return "<" + name + "><password>" + password +
             "</password><networks><ip>127.0.0.1</ip><ip>::1</ip></networks><profile>" + profile +
             "</profile><quota>" + quota + "</quota></" + name + ">\n";
    };
    std::ofstream(here + "/users.xml")
        << "<?xml version=\"1.0\"?>\n<yandex>\n"
        << "<profiles><default></default><reading><readonly>1</readonly></reading></profiles>\n"
        << "<quotas><default></default><little><interval><duration>3600</duration>"
        << "<queries>2</queries></interval></little></quotas>\n<users>\n"
        << user("default", "", "default", "default")
        << user("agent", "it's a &quot;secret&quot;", "default", "default")
        << user("reader", "", "reading", "default") << user("poor", "", "default", "little")
        << "</users>\n</yandex>\n";
  }

  ServerProcess process_;
  std::size_t disk_mib_;
  std::string certificate_;
  std::string key_;
  int port_;
  int tcp_port_;
  int tls_port_;
};

} // namespace agentstore::test

#endif
