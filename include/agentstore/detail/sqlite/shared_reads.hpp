// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_SHARED_READS_HPP
#define AGENTSTORE_DETAIL_SQLITE_SHARED_READS_HPP

// The queue of calls that read. Reads of one record that wait together are done together. They
// share a connection, a snapshot of the file, and the wake-up of the thread that awaits them. Each
// of these costs about as much as such a read.

#include <agentstore/detail/sqlite/job_queue.hpp>
#include <agentstore/detail/sqlite/readers.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace agentstore::detail::sqlite {

/// Jobs that share read one record each. Other jobs may read many, and run alone.
class SharedReads final : public JobQueue {
public:
  SharedReads(boost::asio::any_io_executor where, std::size_t lanes,
              std::shared_ptr<Readers> readers)
      : JobQueue(std::move(where), lanes, max_together), readers_(std::move(readers)) {}

private:
  static constexpr std::size_t max_together = 16; // few: the first waits for all

  void perform(Jobs& jobs) override {
    std::vector<std::pair<std::unique_ptr<Job>, std::exception_ptr>> done;
    std::optional<Readers::Lease> lease;
    if (jobs.size() > 1) {
      try {
        done.reserve(jobs.size());
        PatienceOfGroup patience(*this, jobs, Stage::waiting);
        lease.emplace(*readers_, patience);
        begin(lease->connection(), patience);
      } catch (...) {
        lease.reset(); // each job meets the failure by itself
      }
    }
    if (!lease) {
      JobQueue::perform(jobs);
      return;
    }
    for (auto& job : jobs) {
      if (job->begin()) {
        PatienceOfSharer patience(*this, *job, lease->connection());
        std::exception_ptr error;
        try {
          job->attempt(patience);
        } catch (...) {
          error = std::current_exception();
        }
        done.emplace_back(std::move(job), std::move(error));
      }
    }
    lease->connection().roll_back(); // nothing was written
    lease.reset();
    for (auto& end : done) {
      settle(*end.first, [&end] {
        if (end.second) {
          std::rethrow_exception(std::exchange(end.second, nullptr));
        }
      });
    }
  }

  /// Takes the snapshot, which is newer than all of the calls. Only here a lock is waited for.
  static void begin(Connection& connection, Patience& patience) {
    const Connection::WithPatience while_waiting(connection, &patience);
    connection.change("BEGIN");
    try {
      connection.query("SELECT 1 FROM sqlite_schema LIMIT 1").next();
    } catch (...) {
      connection.roll_back();
      throw;
    }
  }

  class PatienceOfSharer final : public PatienceOfOne {
  public:
    PatienceOfSharer(JobQueue& queue, const Job& job, Connection& connection)
        : PatienceOfOne(queue, job), connection_(connection) {}
    Connection* connection() override { return &connection_; }

  private:
    Connection& connection_;
  };

  const std::shared_ptr<Readers> readers_; // a group that nobody wants may outlive the database
};

} // namespace agentstore::detail::sqlite

#endif
