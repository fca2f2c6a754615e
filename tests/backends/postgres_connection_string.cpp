// SPDX-License-Identifier: Apache-2.0

// Which connection strings PostgresBackend takes, without a server.

#include "support/catch.hpp"

#include <agentstore/detail/postgres/connection_string.hpp>

using agentstore::detail::postgres::ConnectionString;

namespace {

/// The hosts as they are tried, each as name/address/port.
std::vector<std::string> hosts_of(const std::string& conninfo) {
  std::vector<std::string> hosts;
  for (const ConnectionString::Host& host : ConnectionString(conninfo).hosts()) {
    hosts.push_back(host.name + "/" + host.address + "/" + host.port);
  }
  return hosts;
}

/// Why it is refused, without the secret. Empty if it is not.
std::string fault_of(const std::string& conninfo) {
  const std::string fault = ConnectionString(conninfo).fault();
  CHECK(fault.find("secret") == std::string::npos);
  return fault;
}

bool is_accepted(const std::string& conninfo) {
  INFO(conninfo);
  const std::string fault = fault_of(conninfo);
  INFO(fault);
  return fault.empty();
}

bool is_refused(const std::string& conninfo, const std::string& why) {
  INFO(conninfo);
  const std::string fault = fault_of(conninfo);
  INFO(fault);
  return fault.find(why) != std::string::npos;
}

} // namespace

TEST_CASE("A connection string is a list of settings or a URI", "[postgres]") {
  CHECK(is_accepted(""));
  CHECK(is_accepted("host=localhost dbname=agents password=secret"));
  CHECK(is_accepted("postgresql://agent:secret@localhost:5432/agents?sslmode=require"));
  CHECK(is_accepted("postgresql:///agents?host=/tmp&user=a@b"));
  CHECK(is_refused("host=localhost pasword=secret", "cannot read"));
  CHECK(is_refused("postgresql://agent:secret@[::1/agents", "cannot read"));
  CHECK(is_refused("host=localhost port=secret", "not a number"));
}

TEST_CASE("What may be a part of a password is refused where it would be shown", "[postgres]") {
  CHECK(is_refused("postgresql://agent:x@secret@localhost/agents", "%40"));
  CHECK(is_refused("postgresql://agent:x/secret@localhost/agents", "%2F"));
  CHECK(is_refused("postgresql://agent:5/secret@localhost/agents", "%2F"));
  CHECK(is_refused("postgresql://localhost:5432/a@b", "database"));
  CHECK(is_accepted("postgresql://agent:x%40%2Fsecret@localhost/agents"));
  CHECK(is_accepted("postgresql://localhost:5432/a%40b"));
}

TEST_CASE("A database may have an @ in its name", "[postgres]") {
  CHECK(is_accepted("postgresql://localhost/a@b"));
  CHECK(is_accepted("postgresql:///a@b"));
  CHECK(is_refused("postgresql://agent/x:secret@localhost/agents", "%2F")); // no database
}

TEST_CASE("There is one port for all hosts, or one for each", "[postgres]") {
  CHECK(is_accepted("host=a.example,b.example,c.example"));
  CHECK(is_accepted("host=a.example,b.example,c.example port=5433"));
  CHECK(is_accepted("host=a.example,b.example,c.example port=1,2,3"));
  CHECK(is_accepted("postgresql://a.example:1,b.example,c.example:3/agents")); // libpq's default
  CHECK(is_accepted("hostaddr=127.0.0.1,127.0.0.2 port=1,2"));
  CHECK(is_refused("host=a.example,b.example,c.example port=1,2", "one for each host"));
  CHECK(is_refused("host=a.example port=1,2", "one for each host"));
  CHECK(is_refused("host=a,b,c hostaddr=127.0.0.1,127.0.0.2 port=1,2,3", "one for each host"));
}

TEST_CASE("A text is shown without the passwords in it", "[postgres]") {
  const ConnectionString string("password=secret sslpassword=hidden");
  CHECK(string.without_secrets("secret, hidden or secretsecret") == "***, *** or ******");
  CHECK(ConnectionString("host=localhost").without_secrets("secret") == "secret");
}

TEST_CASE("libpq sees one host at a time", "[postgres]") {
  using Hosts = std::vector<std::string>;
  CHECK(hosts_of("host=a.example") == Hosts{"a.example//5432"});
  CHECK(hosts_of("host=a.example,10.0.0.1,@socket port=1") ==
        Hosts{"a.example//1", "10.0.0.1//1", "@socket//1"});
  CHECK(hosts_of("host=a.example,b.example port=1,2") == Hosts{"a.example//1", "b.example//2"});
  CHECK(hosts_of("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1") ==
        Hosts{"a/10.0.0.1/1", "b/10.0.0.2/1"});
  CHECK(hosts_of("hostaddr=10.0.0.1,10.0.0.2") == Hosts{"/10.0.0.1/5432", "/10.0.0.2/5432"});
  // What only libpq knows is left to it, as a whole.
  for (const char* const whole : {"host=a.example,,b.example", "host=a,b hostaddr=10.0.0.1,",
                                  "service=elsewhere host=a.example,b.example"}) {
    CHECK(hosts_of(whole) == Hosts{"//"});
    CHECK(ConnectionString(whole).hosts().at(0).count >= 2);
  }
}

TEST_CASE("A standby is looked for on all hosts before a primary is taken", "[postgres]") {
  using Rounds = std::vector<std::string>;
  CHECK(ConnectionString("host=a").rounds() == Rounds{"any"});
  CHECK(ConnectionString("target_session_attrs=read-write").rounds() == Rounds{"read-write"});
  CHECK(ConnectionString("target_session_attrs=prefer-standby").rounds() ==
        Rounds{"standby", "any"});
}

TEST_CASE("A name is looked up, and nothing else is", "[postgres]") {
  for (const char* const conninfo : {"host=a.example", "host=localhost"}) {
    CHECK(ConnectionString(conninfo).hosts().at(0).has_to_be_found());
  }
  for (const char* const conninfo : {"", "host=/run/postgresql", "host=@socket", "host=10.0.0.1",
                                     "host=::1", "host=a.example hostaddr=10.0.0.1"}) {
    CHECK_FALSE(ConnectionString(conninfo).hosts().at(0).has_to_be_found());
  }
}
