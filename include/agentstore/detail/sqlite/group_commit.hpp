// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_GROUP_COMMIT_HPP
#define AGENTSTORE_DETAIL_SQLITE_GROUP_COMMIT_HPP

// The one connection that writes, and the queue before it. What is queued while a commit waits for
// the disk shares the next one: the disk is waited for once for all of them, and each is told that
// it is stored only when it is. A write that fails takes none of the others with it.

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

  /// Whether SQLite could not do the latest write.
  bool has_failed() const noexcept { return has_failed_; }

private:
  void perform(Jobs& jobs) override {
    if (!jobs.front()->shares()) {
      JobQueue::perform(jobs);
      return;
    }
    std::optional<Failure> failure;
    try {
      begin();
    } catch (const Failure& caught) {
      failure.emplace(caught.again());
    }
    if (failure) {
      has_failed_ = true;
      for (const auto& job : jobs) {
        auto error = std::make_exception_ptr(failure->again()); // named, to keep nothing of it here
        job->complete(std::move(error));
      }
      return;
    }
    if (jobs.size() == 1) {
      settle(*jobs.front(), [&] { commit_begun(*jobs.front()); });
    } else if (!commit_together(jobs, &GroupCommit::attempt_all) &&
               !commit_together(jobs, &GroupCommit::attempt_each)) {
      for (const auto& job : jobs) {
        settle(*job, [&] {
          begin();
          commit_begun(*job);
        });
      }
    }
  }

  using Errors = std::vector<std::exception_ptr>;

  /// For most jobs, which succeed: none has to be undone without the others.
  void attempt_all(Jobs& jobs, Errors&) const {
    for (const auto& job : jobs) {
      job->attempt();
    }
  }

  /// One that fails is undone, and the others stay.
  void attempt_each(Jobs& jobs, Errors& errors) const {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      connection->change("SAVEPOINT job");
      try {
        jobs[i]->attempt();
      } catch (...) {
        errors[i] = std::current_exception();
        connection->change("ROLLBACK TO job"); // throws if SQLite has ended the transaction
      }
      connection->change("RELEASE job");
    }
  }

  /// False if nothing of it was stored, and it has to be tried with more care.
  bool commit_together(Jobs& jobs, void (GroupCommit::*attempt)(Jobs&, Errors&) const) {
    Errors errors(jobs.size());
    try {
      if (!connection->is_in_transaction()) {
        begin();
      }
      (this->*attempt)(jobs, errors);
      connection->change("COMMIT");
    } catch (...) {
      connection->roll_back();
      return false;
    }
    has_failed_ = false;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i]->complete(std::move(errors[i]));
    }
    return true;
  }

  void commit_begun(Job& job) {
    try {
      job.attempt();
      connection->change("COMMIT");
      has_failed_ = false;
    } catch (const Failure&) {
      has_failed_ = true;
      connection->roll_back();
      throw;
    } catch (...) {
      connection->roll_back();
      throw;
    }
  }

  void begin() const {
    if (!connection) {
      throw Failure(errc::closed, "the backend is not open");
    }
    connection->change("BEGIN IMMEDIATE");
  }

  std::atomic<bool> has_failed_ = false;
};

} // namespace agentstore::detail::sqlite

#endif
