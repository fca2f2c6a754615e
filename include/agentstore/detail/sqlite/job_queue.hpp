// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_JOB_QUEUE_HPP
#define AGENTSTORE_DETAIL_SQLITE_JOB_QUEUE_HPP

// Calls on their way to the threads of the database, and back to their callers.

#include <agentstore/awaitable.hpp>
#include <agentstore/detail/awaited_call.hpp>
#include <agentstore/detail/sqlite/connection.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <optional>
#include <type_traits>
#include <vector>

namespace agentstore::detail::sqlite {

/// How a job is done.
class Manner {
public:
  using Time = std::chrono::steady_clock::time_point;

  static Manner alone(Time give_up) { return {false, give_up}; }
  static Manner shared(Time give_up) { return {true, give_up}; }

  bool shares;  // the job may be done together with others
  Time give_up; // from then on the job no longer waits for a lock

private:
  Manner(bool together, Time time) : shares(together), give_up(time) {}
};

/// Something to be done on a thread of the database.
class Job {
public:
  explicit Job(Manner manner) : manner_(manner) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  bool shares() const noexcept { return manner_.shares; }
  bool waits_at(Manner::Time now) const noexcept { return is_wanted() && now < manner_.give_up; }

  /// Whether the caller still wants the result.
  virtual bool is_wanted() const noexcept = 0;
  /// Called before the first attempt. False if there is nothing to do or to complete.
  virtual bool begin() const = 0;
  /// Does the job, or throws. A job that shares may be done again. `patience` is for a connection
  /// that the job takes for itself.
  virtual void attempt(Patience& patience) = 0;
  /// Ends the job, with the result of the last attempt or with the error, if there is one. From
  /// here on the error belongs to the job alone.
  virtual void complete(std::exception_ptr error) const = 0;

private:
  Manner manner_;
};

class Attempts;

/// A queue of jobs on an executor. The jobs are taken in their order, in so many lanes at once.
///
/// A lane that runs out of jobs polls for a short time before it closes, because waking a thread
/// costs as much as reading a row, and mostly the next job comes at once.
class JobQueue : public std::enable_shared_from_this<JobQueue> {
public:
  /// How many jobs share at most, so that none waits for too many others.
  static constexpr std::size_t max_batch = 256;

  JobQueue(boost::asio::any_io_executor where, std::size_t lanes,
           std::size_t max_together = max_batch)
      : where_(std::move(where)), max_lanes_(lanes), max_together_(max_together) {}
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  virtual ~JobQueue() = default;

  /// Runs `work(patience)` in its turn and returns its result, or throws what it threw, on the
  /// executor of the awaiting coroutine. One hop out, one back; lazy. A call that is cancelled in
  /// the queue ends at once. A call that is cancelled later ends when the work asks `patience`.
  template <class Work>
  static awaitable<std::invoke_result_t<Work&, Patience&>> run(std::shared_ptr<JobQueue> self,
                                                               Manner manner, Work work);

  void submit(std::unique_ptr<Job> job) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
    waiting_.store(queue_.size(), std::memory_order_relaxed);
    open_lane();
  }

protected:
  using Jobs = std::vector<std::unique_ptr<Job>>;
  /// Whether the jobs of a group were begun.
  enum class Stage { waiting, begun };

  /// Does and completes the jobs: one job, or several that share.
  virtual void perform(Jobs& jobs) {
    for (const auto& job : jobs) {
      if (job->begin()) {
        PatienceOfOne patience(*this, *job);
        settle(*job, [&] { job->attempt(patience); });
      }
    }
  }

  /// The patience of one job. The job waits for a lock until its time is up, and stops when it is
  /// cancelled.
  class PatienceOfOne : public Patience {
  public:
    PatienceOfOne(JobQueue& queue, const Job& job) : queue_(queue), job_(job) {}
    bool waits_for_lock() override {
      queue_.end_late_jobs();
      return job_.waits_at(std::chrono::steady_clock::now());
    }
    bool goes_on() override { return job_.is_wanted(); }

  private:
    JobQueue& queue_;
    const Job& job_;
  };

  /// The patience of a group. The group waits for a lock while any of its jobs does.
  class PatienceOfGroup : public Patience {
  public:
    PatienceOfGroup(JobQueue& queue, Jobs& jobs, Stage stage)
        : queue_(queue), jobs_(jobs), stage_(stage) {}
    bool waits_for_lock() override {
      end_late_jobs(jobs_, stage_);
      queue_.end_late_jobs();
      return !jobs_.empty();
    }
    bool goes_on() override { return true; }

  private:
    JobQueue& queue_;
    Jobs& jobs_;
    Stage stage_;
  };

  template <class Work>
  static void settle(const Job& job, Work work) {
    std::exception_ptr error;
    try {
      work();
    } catch (const Interrupted&) {
      error = std::make_exception_ptr(
          boost::system::system_error(boost::asio::error::operation_aborted));
    } catch (...) {
      error = std::current_exception();
    }
    job.complete(std::move(error));
  }

  /// Ends the jobs whose time is up, and the jobs that nobody wants.
  static void end_late_jobs(Jobs& jobs, Stage stage) {
    const auto now = std::chrono::steady_clock::now();
    Jobs late;
    std::erase_if(jobs, [&](std::unique_ptr<Job>& job) {
      const bool goes = !job->waits_at(now);
      if (goes) {
        late.push_back(std::move(job));
      }
      return goes;
    });
    for (const auto& job : late) {
      if (stage == Stage::begun || job->begin()) {
        settle(*job, [&job] {
          if (!job->is_wanted()) {
            throw Interrupted();
          }
          throw Failure::locked();
        });
      }
    }
  }

  /// The same for the queued jobs. A lane that waits for a lock calls it, because the queued jobs
  /// would wait for that lock too.
  void end_late_jobs() {
    Jobs late;
    {
      const auto now = std::chrono::steady_clock::now();
      const std::lock_guard lock(mutex_);
      std::erase_if(queue_, [&](std::unique_ptr<Job>& job) {
        const bool goes = !job->waits_at(now);
        if (goes) {
          late.push_back(std::move(job));
        }
        return goes;
      });
      waiting_.store(queue_.size(), std::memory_order_relaxed);
    }
    end_late_jobs(late, Stage::waiting);
  }

private:
  awaitable<void> submit_and_wait(Manner manner, Attempts* attempts);

  /// Requires: the lock is held. Opens one more lane, if there is a job that no lane is about to
  /// take.
  void open_lane() {
    if (queue_.size() > lingering_ && lanes_ < max_lanes_) {
      ++lanes_;
      boost::asio::post(where_, [self = shared_from_this()] { self->drain(); });
    }
  }

  void drain() {
    for (Jobs jobs = take(); !jobs.empty(); jobs = take()) {
      perform(jobs);
    }
  }

  /// The next job, and the jobs that it shares with. If there are none, the lane is closed.
  Jobs take() {
    std::unique_lock lock(mutex_);
    if (queue_.empty()) {
      ++lingering_;
      lock.unlock();
      linger();
      lock.lock();
      --lingering_;
    }
    Jobs jobs;
    // Other lanes may be free for the rest.
    const std::size_t share =
        std::min((queue_.size() + max_lanes_ - 1) / max_lanes_, max_together_);
    while (!queue_.empty() && jobs.size() < share &&
           (jobs.empty() || (jobs.front()->shares() && queue_.front()->shares()))) {
      jobs.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    waiting_.store(queue_.size(), std::memory_order_relaxed);
    if (jobs.empty()) {
      --lanes_;
    } else {
      open_lane();
    }
    return jobs;
  }

  void linger() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(40);
    while (waiting_.load(std::memory_order_relaxed) == 0 &&
           std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
  }

  const boost::asio::any_io_executor where_;
  const std::size_t max_lanes_;
  const std::size_t max_together_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Job>> queue_;
  std::atomic<std::size_t> waiting_ = 0; // the queue's size, for lanes that linger
  std::size_t lanes_ = 0;
  std::size_t lingering_ = 0;
};

/// A call's work, in the awaiting frame. No template, since every type of work would have Asio's
/// part compiled once more.
class Attempts {
public:
  Attempts() = default;
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  virtual void attempt(Patience& patience) = 0;

  std::exception_ptr error;

protected:
  ~Attempts() = default;
};

/// The work and its result.
template <class Work>
class AttemptsOf final : public Attempts {
public:
  using Result = std::invoke_result_t<Work&, Patience&>;

  explicit AttemptsOf(Work& work) : work_(work) {}

  void attempt(Patience& patience) override {
    if constexpr (std::is_void_v<Result>) {
      work_(patience);
    } else {
      result_.emplace(work_(patience));
    }
  }

  Result take() {
    if (error) {
      std::rethrow_exception(std::exchange(error, nullptr));
    }
    if constexpr (!std::is_void_v<Result>) {
      return *std::move(result_);
    }
  }

private:
  Work& work_;
  std::optional<std::conditional_t<std::is_void_v<Result>, bool, Result>> result_;
};

/// The initiation of the asynchronous operation `JobQueue::run`.
class Submit {
public:
  template <class Handler>
  void operator()(Handler handler, JobQueue* queue, Manner manner, Attempts* attempts) const {
    auto call = AwaitedBy<Handler>::make(std::move(handler), &attempts->error);
    queue->submit(std::make_unique<Call>(manner, std::move(call), attempts));
  }

private:
  class Call final : public Job {
  public:
    Call(Manner manner, std::shared_ptr<AwaitedCall> call, Attempts* attempts)
        : Job(manner), call_(std::move(call)), attempts_(attempts) {}

    bool is_wanted() const noexcept override { return !call_->is_unwanted(); }
    bool begin() const override { return call_->begin(); }
    void attempt(Patience& patience) override { attempts_->attempt(patience); }
    void complete(std::exception_ptr error) const override { call_->end(std::move(error)); }

  private:
    std::shared_ptr<AwaitedCall> call_;
    Attempts* attempts_;
  };
};

inline awaitable<void> JobQueue::submit_and_wait(Manner manner, Attempts* attempts) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
      Submit(), boost::asio::use_awaitable, this, manner, attempts);
}

template <class Work>
awaitable<std::invoke_result_t<Work&, Patience&>> JobQueue::run(std::shared_ptr<JobQueue> self,
                                                                Manner manner, Work work) {
  AttemptsOf<Work> attempts(work);
  auto ended = self->submit_and_wait(manner, &attempts);
  co_await std::move(ended);
  co_return attempts.take();
}

} // namespace agentstore::detail::sqlite

#endif
