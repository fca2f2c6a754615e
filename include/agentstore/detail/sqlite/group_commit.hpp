// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_GROUP_COMMIT_HPP
#define AGENTSTORE_DETAIL_SQLITE_GROUP_COMMIT_HPP

// The one connection that writes, and the queue before it. What is queued while a commit waits for
// the disk shares the next one: the disk is waited for once for all of them, and each is told that
// it is stored only when it is. A write that fails takes none of the others with it.

#include <agentstore/authoring/offload.hpp>
#include <agentstore/detail/sqlite/connection.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace agentstore::detail::sqlite {

/// Something to be done on the writing connection.
class Job {
public:
  virtual ~Job() = default;

  /// Writes share a transaction; other jobs, such as opening the file, stand alone outside of one.
  virtual bool is_write() const noexcept = 0;
  /// Does it, or throws. A write may be told to do it again after a rollback.
  virtual void attempt() = 0;
  /// Ends the call, with the result of the last attempt or, if there is one, with the error.
  virtual void complete(std::exception_ptr error) = 0;
};

/// A queue of jobs that are done one after the other, on an executor.
class GroupCommit : public std::enable_shared_from_this<GroupCommit> {
public:
  /// How many writes share a commit at most, so that none waits for too many others.
  static constexpr std::size_t most_jobs = 256;

  explicit GroupCommit(boost::asio::any_io_executor where) : where_(std::move(where)) {}

  /// Set by a job, and only touched by jobs.
  std::unique_ptr<Connection> connection;

  /// Runs `work()` in its turn; otherwise as `offload` does. A write's `work` may run twice.
  template <class Work>
  static awaitable<std::invoke_result_t<Work&>> run(std::shared_ptr<GroupCommit> self,
                                                    bool is_write, Work work);

  void submit(std::unique_ptr<Job> job) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(job));
      if (std::exchange(is_draining_, true)) {
        return;
      }
    }
    boost::asio::post(where_, [self = shared_from_this()] { self->drain(); });
  }

  /// Whether SQLite could not do the latest write.
  bool has_failed() const noexcept { return has_failed_; }

private:
  using Jobs = std::vector<std::unique_ptr<Job>>;

  void drain() {
    for (Jobs jobs = take(); !jobs.empty(); jobs = take()) {
      if (jobs.front()->is_write()) {
        commit(jobs);
      } else {
        settle(*jobs.front(), [&] { jobs.front()->attempt(); });
      }
    }
  }

  /// What is to be done next: some writes, or one other job.
  Jobs take() {
    Jobs jobs;
    const std::lock_guard lock(mutex_);
    while (!queue_.empty() && jobs.size() < most_jobs &&
           (jobs.empty() || (jobs.front()->is_write() && queue_.front()->is_write()))) {
      jobs.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    is_draining_ = !jobs.empty();
    return jobs;
  }

  void commit(Jobs& jobs) {
    try {
      begin();
    } catch (const Failure&) {
      has_failed_ = true;
      for (const auto& job : jobs) {
        job->complete(std::current_exception());
      }
      return;
    }
    if (jobs.size() == 1) {
      settle(*jobs.front(), [&] { commit_begun(*jobs.front()); });
    } else if (!commit_together(jobs)) {
      for (const auto& job : jobs) {
        settle(*job, [&] {
          begin();
          commit_begun(*job);
        });
      }
    }
  }

  /// False if nothing of it was stored, and each has to be tried alone.
  bool commit_together(Jobs& jobs) {
    std::vector<std::exception_ptr> errors(jobs.size());
    try {
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        connection->execute("SAVEPOINT job");
        try {
          jobs[i]->attempt();
        } catch (...) {
          errors[i] = std::current_exception();
          connection->execute("ROLLBACK TO job"); // throws if SQLite has ended the transaction
        }
        connection->execute("RELEASE job");
      }
      connection->execute("COMMIT");
    } catch (const Failure&) {
      roll_back();
      return false;
    }
    has_failed_ = false;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i]->complete(errors[i]);
    }
    return true;
  }

  void commit_begun(Job& job) {
    try {
      job.attempt();
      connection->execute("COMMIT");
      has_failed_ = false;
    } catch (const Failure&) {
      has_failed_ = true;
      roll_back();
      throw;
    } catch (...) {
      roll_back();
      throw;
    }
  }

  void begin() {
    if (!connection) {
      throw Failure(errc::closed, "the backend is not open");
    }
    connection->execute("BEGIN IMMEDIATE");
  }

  void roll_back() noexcept {
    try {
      if (connection && connection->in_transaction()) {
        connection->execute("ROLLBACK");
      }
    } catch (const Failure&) {
      // A rollback that fails has ended the transaction all the same.
    }
  }

  template <class Work>
  static void settle(Job& job, Work work) {
    std::exception_ptr error;
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    job.complete(error);
  }

  boost::asio::any_io_executor where_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Job>> queue_;
  bool is_draining_ = false;
  std::atomic<bool> has_failed_ = false;
};

/// Where a call keeps its work and what came of it, in the awaiting frame.
template <class Work>
class Attempts {
public:
  using Result = std::invoke_result_t<Work&>;

  explicit Attempts(Work& work) : work_(work) {}

  void attempt() {
    if constexpr (std::is_void_v<Result>) {
      work_();
    } else {
      result_.emplace(work_());
    }
  }

  Result take() {
    if (error) {
      std::rethrow_exception(error);
    }
    if constexpr (!std::is_void_v<Result>) {
      return *std::move(result_);
    }
  }

  std::exception_ptr error;

private:
  Work& work_;
  std::optional<std::conditional_t<std::is_void_v<Result>, bool, Result>> result_;
};

/// The initiation of the asynchronous operation `GroupCommit::run`.
class Submit {
public:
  template <class Handler, class Work>
  void operator()(Handler handler, GroupCommit* queue, bool is_write,
                  Attempts<Work>* attempts) const {
    queue->submit(std::make_unique<Call<Handler, Work>>(std::move(handler), is_write, attempts));
  }

private:
  template <class Handler, class Work>
  class Call final : public Job {
  public:
    Call(Handler handler, bool is_write, Attempts<Work>* attempts)
        : home_(boost::asio::prefer(boost::asio::get_associated_executor(handler),
                                    boost::asio::execution::outstanding_work.tracked)),
          handler_(std::move(handler)), is_write_(is_write), attempts_(attempts) {}

    bool is_write() const noexcept override { return is_write_; }
    void attempt() override { attempts_->attempt(); }
    void complete(std::exception_ptr error) override {
      attempts_->error = std::move(error);
      // What keeps the caller's context at work leaves this thread with the handler.
      const auto home = boost::asio::get_associated_executor(handler_);
      auto resume = [work = std::move(home_), handler = std::move(handler_)]() mutable {
        std::move(handler)();
      };
      boost::asio::post(home, std::move(resume));
    }

  private:
    using Home =
        decltype(boost::asio::prefer(boost::asio::get_associated_executor(std::declval<Handler&>()),
                                     boost::asio::execution::outstanding_work.tracked));

    Home home_;
    Handler handler_;
    bool is_write_;
    Attempts<Work>* attempts_;
  };
};

template <class Work>
awaitable<std::invoke_result_t<Work&>> GroupCommit::run(std::shared_ptr<GroupCommit> self,
                                                        bool is_write, Work work) {
  Attempts<Work> attempts(work);
  auto* const attempts_here = &attempts;
  GroupCommit* const queue = self.get();
  auto submitted = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
      Submit(), boost::asio::use_awaitable, queue, is_write, attempts_here);
  co_await std::move(submitted);
  co_return attempts.take();
}

} // namespace agentstore::detail::sqlite

#endif
