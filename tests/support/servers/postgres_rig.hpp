// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_SERVERS_POSTGRES_RIG_HPP
#define AGENTSTORE_TESTS_SUPPORT_SERVERS_POSTGRES_RIG_HPP

#include "support/catch.hpp"
#include "support/clear_error.hpp"
#include "support/raw_postgres.hpp"
#include "support/servers/postgres_server.hpp"
#include "support/waiting.hpp"

#include <agentstore/backends/postgres.hpp>
#include <agentstore/record_json.hpp>

#include <atomic>
#include <csignal>
#include <functional>
#include <future>
#include <sstream>
#include <thread>

namespace agentstore::test {

/// The limit for a call that has shorter limits of its own. It is generous, because only a call
/// that hangs is to be found.
inline constexpr std::chrono::seconds soon{15};

/// Options with that password and a space of the test's own.
inline PostgresOptions options_for(const std::string& conninfo, const std::string& space) {
  return PostgresOptions(conninfo + " password=" + secret, space);
}

template <class T>
std::optional<StorageError> error_of(const Ending<T>& ending) {
  try {
    if (ending.error) {
      std::rethrow_exception(ending.error);
    }
  } catch (const StorageError& error) {
    return error;
  } catch (...) {
  }
  return std::nullopt;
}

/// Whether the call ended by the caller's cancellation.
template <class T>
bool was_cancelled(const Ending<T>& ending) {
  try {
    if (ending.error) {
      std::rethrow_exception(ending.error);
    }
  } catch (const boost::system::system_error& error) {
    return error.code() == boost::asio::error::operation_aborted;
  } catch (...) {
  }
  return false;
}

/// A view of the server that does not go through any backend.
class Observer {
public:
  explicit Observer(const PostgresServer& server)
      : raw_(server.admin_conninfo()), locks_(server.admin_conninfo()) {}

  RawPostgres& raw() { return raw_; }

  /// How many connections of role agent there are, and how many of them wait for a lock.
  int connections() { return count(""); }
  int blocked() { return count(" AND wait_event_type = 'Lock'"); }

  /// Ends all connections of role agent. Returns how many there were, when their processes are
  /// gone.
  int terminate() {
    std::istringstream ended(
        raw_.text("SELECT CASE WHEN usename = 'agent' AND pg_terminate_backend(pid) THEN pid END"
                  " FROM pg_stat_activity"));
    int count = 0;
    for (pid_t process = 0; ended >> process; ++count) {
      while (::kill(process, 0) == 0 || errno != ESRCH) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return count;
  }

  /// Locks the table against other sessions, until `unlock`.
  void lock(const std::string& space, const std::string& table) {
    locks_.execute("BEGIN; LOCK TABLE \"" + space + "\"." + table + " IN ACCESS EXCLUSIVE MODE");
  }
  void unlock() { locks_.execute("COMMIT"); }

private:
  int count(const std::string& condition) {
    return std::stoi(
        raw_.text("SELECT count(*) FROM pg_stat_activity WHERE usename = 'agent'" + condition));
  }

  RawPostgres raw_;
  RawPostgres locks_; // in a transaction raw_ would see its first answer again
};

/// The server of all tests that do no harm to it, and do not ask what a crash of it leaves.
inline const PostgresServer& shared_server() {
  static const PostgresServer one(std::vector<std::string>(1, "fsync=off"));
  return one;
}

/// Stops the server, and starts it again when the object goes out of scope at the latest.
class Outage {
public:
  explicit Outage(PostgresServer& server, const std::string& mode = "fast") : server_(server) {
    server_.stop(mode);
  }
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;
  ~Outage() {
    if (!is_over_) {
      server_.start();
    }
  }
  void end() {
    is_over_ = true;
    server_.start();
  }

private:
  PostgresServer& server_;
  bool is_over_ = false;
};

/// A fault beside a loop. The thread that makes the fault and the calls that suffer it share the
/// flags here.
class Course {
public:
  using Fault = std::function<void(const Course&)>;

  /// Runs the loop to its end, while another thread does the fault.
  void run(Loop& loop, const Fault& fault) {
    auto done = std::async(std::launch::async, [&] {
      fault(*this);
      is_mended = true;
    });
    loop.finish();
    done.get();
  }

  /// Called by the fault: waits until the fault has cost a call.
  void wait_until_felt() const {
    for (const Stopwatch stopwatch; !was_felt && stopwatch.elapsed() < std::chrono::seconds(20);) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::atomic<bool> is_mended = false;
  std::atomic<bool> was_felt = false;
};

/// A backend that is open, and what it is tested with.
class PostgresRig {
public:
  PostgresRig(const PostgresServer& server, const PostgresOptions& options)
      : backend(loop.context().get_executor(), options), observer(server) {
    REQUIRE(loop.run(backend.initialize()));
  }

  explicit PostgresRig(const PostgresOptions& options) : PostgresRig(shared_server(), options) {}

  bool works() {
    const std::string id = "check-" + std::to_string(++checks_);
    const bool put = loop.run(backend.put_checkpoint(id, "c", checks_));
    const auto read = loop.run(backend.get_checkpoint(id));
    return put && read && read->data == json(checks_) &&
           loop.run(backend.health_check()).status == Health::Status::healthy;
  }

  bool is_unhealthy() {
    const Health health = loop.run(backend.health_check());
    UNSCOPED_INFO(json(health).dump());
    return health.status == Health::Status::unhealthy && health.issues.size() == 1 &&
           has_no_secret(json(health).dump());
  }

  /// Waits until so many of the backend's connections wait for a lock.
  bool all_blocked(int count) {
    return until(loop, [this, count] { return observer.blocked() == count; });
  }

  std::string server_processes() {
    return observer.raw().text("SELECT string_agg(pid::text, ',' ORDER BY pid)"
                               " FROM pg_stat_activity WHERE usename = 'agent'");
  }

  Loop loop;
  PostgresBackend backend;
  Observer observer;

private:
  int checks_ = 0;
};

} // namespace agentstore::test

#endif
