// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_CLUSTER_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_REDIS_CLUSTER_HPP

// A Redis Cluster of three masters, their three replicas, and the nodes that join it. Each node is
// a server of its own.

#include "support/servers/certificate.hpp"
#include "support/servers/redis_server.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <memory>
#include <sstream>

namespace agentstore::test {

class RedisCluster {
public:
  static constexpr std::size_t size = 6;
  static constexpr std::size_t masters = 3;

  /// Ends when every node takes calls and every replica has what its master has. The first half of
  /// the nodes are masters. A master's replica stands at the same place in the second half. If the
  /// others do not hear of a node for `node_timeout`, they take it to be gone.
  explicit RedisCluster(std::chrono::milliseconds node_timeout = std::chrono::milliseconds(1'000))
      : RedisCluster(node_timeout, nullptr) {}
  /// A cluster whose nodes speak TLS with each other and with clients, and call themselves
  /// localhost.
  RedisCluster(std::chrono::milliseconds node_timeout, const Certificate& certificate)
      : RedisCluster(node_timeout, &certificate) {}

  /// Any node will do for a client.
  std::string uri() const { return node(0).tcp_uri(); }
  std::string tls_uri() const { return "rediss://localhost:" + tls_ports_.front(); }
  RedisServer& node(std::size_t index) { return *nodes_.at(index); }
  const RedisServer& node(std::size_t index) const { return *nodes_.at(index); }

  /// What the node says its name among the others is.
  std::string id(std::size_t index) const { return node(index).raw().text({"CLUSTER", "MYID"}); }
  /// Whether it serves slots, or would if it had some.
  bool is_master(std::size_t index) const {
    return info(index, "replication").find("role:master") != std::string::npos;
  }
  /// The node that serves a slot, by its own word. If no node does, a number above all nodes.
  std::size_t owner(std::size_t slot) const;
  /// A further master joins, which serves no slot yet. The others hear of it after a while.
  std::size_t add_node();
  bool do_all_know_all() const;
  /// Waits until all nodes but one that is gone take calls again.
  void wait_until_ok(std::size_t but = size) const;
  /// Moves a slot in steps, as `redis-cli --cluster reshard` does.
  void begin_move(std::size_t slot, std::size_t from, std::size_t to) const;
  /// Moves some keys of the slot. False when no key of it is left.
  bool move_some(std::size_t slot, std::size_t from, std::size_t to) const;
  void end_move(std::size_t slot, std::size_t from, std::size_t to) const;

  std::string info(std::size_t index, const std::string& section) const {
    return node(index).raw().text({"INFO", section});
  }

  /// Waits for what other processes do. Throws if they do not.
  static void wait_until(const std::string& what, const std::function<bool()>& holds);

private:
  RedisCluster(std::chrono::milliseconds node_timeout, const Certificate* certificate);

  static bool is_in(std::size_t slot, const std::string& ranges);
  void start_node();

  const std::chrono::milliseconds node_timeout_;
  const Certificate* const certificate_;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::string> bus_ports_;
  std::vector<std::string> tls_ports_;
};

// Only machinery below this line.

inline void RedisCluster::wait_until(const std::string& what, const std::function<bool()>& holds) {
  for (int tries = 0; !holds(); ++tries) {
    if (tries == 3'000) {
      throw std::runtime_error("the cluster does not come to it: " + what);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

inline void RedisCluster::start_node() {
  bus_ports_.push_back(std::to_string(ServerProcess::free_port()));
  std::vector<std::pair<std::string, std::string>> settings = {
      {"cluster-enabled", "yes"},
      {"cluster-port", bus_ports_.back()},
      {"cluster-node-timeout", std::to_string(node_timeout_.count())},
      {"cluster-replica-validity-factor", "0"},
      {"repl-diskless-sync-delay", "0"}};
  if (certificate_ != nullptr) {
    tls_ports_.push_back(std::to_string(ServerProcess::free_port()));
    settings.insert(settings.end(), {{"tls-port", tls_ports_.back()},
                                     {"tls-cert-file", certificate_->file()},
                                     {"tls-key-file", certificate_->key()},
                                     {"tls-ca-cert-file", certificate_->file()},
                                     {"tls-auth-clients", "no"},
                                     {"tls-replication", "yes"},
                                     {"tls-cluster", "yes"},
                                     {"cluster-announce-hostname", "localhost"},
                                     {"cluster-preferred-endpoint-type", "hostname"}});
  }
  nodes_.push_back(std::make_unique<RedisServer>(settings));
  nodes_.back()->raw().text({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(nodes_.size())});
}

inline std::size_t RedisCluster::add_node() {
  start_node();
  nodes_.back()->raw().text({"CLUSTER", "MEET", "127.0.0.1", node(0).port(), bus_ports_.front()});
  return nodes_.size() - 1;
}

inline bool RedisCluster::do_all_know_all() const {
  const std::string all = "cluster_known_nodes:" + std::to_string(nodes_.size()) + "\r";
  return std::all_of(nodes_.begin(), nodes_.end(), [&all](const auto& each) {
    const std::string state = each->raw().text({"CLUSTER", "INFO"});
    return state.find(all) != std::string::npos &&
           state.find("cluster_state:ok") != std::string::npos;
  });
}

inline RedisCluster::RedisCluster(std::chrono::milliseconds node_timeout,
                                  const Certificate* certificate)
    : node_timeout_(node_timeout), certificate_(certificate) {
  for (std::size_t i = 0; i < size; ++i) {
    start_node();
  }
  for (std::size_t i = 0; i < size; ++i) {
    RawRedis raw = node(i).raw();
    if (i < masters) {
      raw.text({"CLUSTER", "ADDSLOTSRANGE", std::to_string((16'384 * i + masters - 1) / masters),
                std::to_string((16'384 * (i + 1) + masters - 1) / masters - 1)});
    }
    for (std::size_t other = 0; other < i; ++other) {
      raw.text({"CLUSTER", "MEET", "127.0.0.1", node(other).port(), bus_ports_[other]});
    }
  }
  for (std::size_t i = masters; i < size; ++i) {
    const std::string master = id(i - masters);
    wait_until("nodes know each other", [&] {
      try {
        return node(i).raw().text({"CLUSTER", "REPLICATE", master}) == "OK";
      } catch (const std::runtime_error&) { // it does not know it yet
        return false;
      }
    });
  }
  wait_until_ok();
  wait_until("replicas have what masters have", [this] {
    for (std::size_t i = masters; i < size; ++i) {
      if (info(i, "replication").find("master_link_status:up") == std::string::npos) {
        return false;
      }
    }
    return true;
  });
}

inline void RedisCluster::wait_until_ok(std::size_t but) const {
  for (std::size_t i = 0; i < size; ++i) {
    wait_until("all take calls", [&] {
      const auto state = i == but ? "" : node(i).raw().text({"CLUSTER", "INFO"});
      return i == but || (state.find("cluster_state:ok") != std::string::npos &&
                          state.find("cluster_known_nodes:6") != std::string::npos &&
                          state.find("cluster_slots_ok:16384") != std::string::npos);
    });
  }
}

inline bool RedisCluster::is_in(std::size_t slot, const std::string& ranges) {
  std::istringstream words(ranges);
  for (std::string word; words >> word;) {
    const std::size_t dash = word.find('-');
    if (std::isdigit(static_cast<unsigned char>(word.front())) != 0 && std::stoul(word) <= slot &&
        slot <= std::stoul(dash == std::string::npos ? word : word.substr(dash + 1))) {
      return true;
    }
  }
  return false;
}

inline std::size_t RedisCluster::owner(std::size_t slot) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    std::istringstream lines(node(i).raw().text({"CLUSTER", "NODES"}));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t ranges = line.find(" connected ");
      if (line.find("myself,master") != std::string::npos && ranges != std::string::npos &&
          is_in(slot, line.substr(ranges))) {
        return i;
      }
    }
  }
  return nodes_.size();
}

inline void RedisCluster::begin_move(std::size_t slot, std::size_t from, std::size_t to) const {
  const std::string number = std::to_string(slot);
  node(to).raw().text({"CLUSTER", "SETSLOT", number, "IMPORTING", id(from)});
  node(from).raw().text({"CLUSTER", "SETSLOT", number, "MIGRATING", id(to)});
}

inline bool RedisCluster::move_some(std::size_t slot, std::size_t from, std::size_t to) const {
  RawRedis raw = node(from).raw();
  const auto keys = raw.list({"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), "10"});
  std::vector<std::string> command = {"MIGRATE", "127.0.0.1", node(to).port(), "",
                                      "0",       "5000",      "KEYS"};
  command.insert(command.end(), keys.begin(), keys.end());
  return !keys.empty() && raw.text(command) == "OK";
}

inline void RedisCluster::end_move(std::size_t slot, std::size_t from, std::size_t to) const {
  const std::string new_owner = id(to);
  for (const std::size_t each : {to, from}) {
    node(each).raw().text({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", new_owner});
  }
}

} // namespace agentstore::test

#endif
