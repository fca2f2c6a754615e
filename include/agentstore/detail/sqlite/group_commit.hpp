// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_GROUP_COMMIT_HPP
#define AGENTSTORE_DETAIL_SQLITE_GROUP_COMMIT_HPP

// The one connection that writes, and the queue before it. The jobs that are queued while a commit
// waits for the disk share the next commit, so that the disk is waited for once for all of them. A
// job ends only when its write is stored. A write that fails takes none of the others with it.

#include <agentstore/detail/sqlite/connection.hpp>
#include <agentstore/detail/sqlite/job_queue.hpp>

#include <atomic>
#include <optional>
#include <utility>
#include <vector>

namespace agentstore::detail::sqlite {

/// The queue of the connection that writes. Jobs that share are writes, and run in a transaction;
/// the others, such as opening the file, run alone and outside of one.
class GroupCommit final : public JobQueue {
public:
  explicit GroupCommit(boost::asio::any_io_executor where) : JobQueue(std::move(where), 1) {}

  /// Set by a job, and only touched by jobs.
  std::unique_ptr<Connection> connection;

  /// Whether SQLite failed at the latest write.
  bool has_failed() const noexcept { return has_failed_; }

private:
  void perform(Jobs& jobs) override {
    if (!jobs.front()->shares()) {
      JobQueue::perform(jobs);
      return;
    }
    std::optional<Failure> failure;
    try {
      PatienceOfWriters patience(*this, jobs, Stage::waiting);
      begin(patience);
    } catch (const Failure& caught) {
      failure.emplace(caught.again());
    } catch (const Interrupted&) {
      failure.emplace(Failure::locked()); // no caller is left to get it
    }
    // Jobs that were cancelled, or have waited for too long, have ended.
    std::erase_if(jobs, [](const std::unique_ptr<Job>& job) { return !job->begin(); });
    if (failure) {
      has_failed_ = true;
      for (const auto& job : jobs) {
        settle(*job, [&] { throw failure->again(); });
      }
      return;
    }
    if (jobs.empty()) {
      connection->roll_back();
    } else if (jobs.size() == 1) {
      settle(*jobs.front(), [&] { commit_begun(*jobs.front()); });
    } else if (!commit_together(jobs, &GroupCommit::attempt_all) &&
               !commit_together(jobs, &GroupCommit::attempt_each)) {
      while (!jobs.empty()) {
        const std::unique_ptr<Job> job = std::move(jobs.front());
        jobs.erase(jobs.begin());
        settle(*job, [&] {
          PatienceOfFirst patience(*this, *job, jobs);
          begin(patience);
          commit_begun(*job);
        });
      }
    }
  }

  /// The patience of a job behind which others wait that were begun.
  class PatienceOfFirst final : public PatienceOfOne {
  public:
    PatienceOfFirst(GroupCommit& queue, const Job& job, Jobs& others)
        : PatienceOfOne(queue, job), has_failed_(queue.has_failed_), others_(others) {}
    bool waits_for_lock() override {
      has_failed_ = true; // as PatienceOfWriters
      end_late_jobs(others_, Stage::begun);
      return PatienceOfOne::waits_for_lock();
    }

  private:
    std::atomic<bool>& has_failed_;
    Jobs& others_;
  };

  /// As for any group, and the queue knows that it cannot write.
  class PatienceOfWriters final : public PatienceOfGroup {
  public:
    PatienceOfWriters(GroupCommit& queue, Jobs& jobs, Stage stage)
        : PatienceOfGroup(queue, jobs, stage), has_failed_(queue.has_failed_) {}
    bool waits_for_lock() override {
      has_failed_ = true; // before any caller gets it, and until the next commit
      return PatienceOfGroup::waits_for_lock();
    }

  private:
    std::atomic<bool>& has_failed_;
  };

  using Errors = std::vector<std::exception_ptr>;

  void attempt(Job& job) {
    if (!job.is_wanted()) {
      throw Interrupted();
    }
    PatienceOfOne patience(*this, job);
    const Connection::WithPatience while_attempted(*connection, &patience);
    job.attempt(patience);
  }

  /// Without savepoints, for the common case that all jobs succeed.
  void attempt_all(Jobs& jobs, Errors&) {
    for (const auto& job : jobs) {
      attempt(*job);
    }
  }

  /// With a savepoint for each job: one that fails is undone, and the others stay.
  void attempt_each(Jobs& jobs, Errors& errors) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      connection->change("SAVEPOINT job");
      try {
        attempt(*jobs[i]);
      } catch (...) {
        errors[i] = std::current_exception();
        connection->change("ROLLBACK TO job"); // throws if SQLite has ended the transaction
      }
      connection->change("RELEASE job");
    }
  }

  /// False if nothing was stored. The jobs then have to be tried with more care.
  bool commit_together(Jobs& jobs, void (GroupCommit::*attempt_jobs)(Jobs&, Errors&)) {
    Errors errors;
    try {
      if (!connection->is_in_transaction()) {
        PatienceOfWriters patience(*this, jobs, Stage::begun);
        begin(patience);
      }
      errors.resize(jobs.size());
      (this->*attempt_jobs)(jobs, errors);
      commit();
    } catch (...) {
      connection->roll_back();
      return false;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      settle(*jobs[i], [&] {
        if (errors[i]) {
          std::rethrow_exception(std::exchange(errors[i], nullptr));
        }
      });
    }
    return true;
  }

  void commit_begun(Job& job) {
    try {
      attempt(job);
      commit();
    } catch (const Failure&) {
      has_failed_ = true;
      connection->roll_back();
      throw;
    } catch (...) {
      connection->roll_back();
      throw;
    }
  }

  void begin(Patience& patience) const {
    if (!connection) {
      throw Failure(errc::closed, "the backend is not open");
    }
    const Connection::WithPatience while_waiting(*connection, &patience);
    connection->change("BEGIN IMMEDIATE");
  }

  /// The commit is never interrupted, because nobody would know then what is stored.
  void commit() {
    connection->require_in_place();
    connection->change("COMMIT");
    has_failed_ = false;
  }

  std::atomic<bool> has_failed_ = false;
};

} // namespace agentstore::detail::sqlite

#endif
