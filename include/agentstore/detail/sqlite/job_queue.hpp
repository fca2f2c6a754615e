// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_JOB_QUEUE_HPP
#define AGENTSTORE_DETAIL_SQLITE_JOB_QUEUE_HPP

// Calls on their way to the threads of the database, and back to their callers.

#include <agentstore/awaitable.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace agentstore::detail::sqlite {

/// Something to be done on a thread of the database.
class Job {
public:
  explicit Job(bool shares) : shares_(shares) {}
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  /// Whether it may be done together with others.
  bool shares() const noexcept { return shares_; }
  /// Does it, or throws. What shares may be told to do it again.
  virtual void attempt() = 0;
  /// Ends the call, with the result of the last attempt or, if there is one, with the error, which
  /// from here on is the caller's alone.
  virtual void complete(std::exception_ptr error) = 0;

private:
  bool shares_;
};

/// A queue of jobs, taken in their order, in so many lanes at once, on an executor.
///
/// A lane that runs out of jobs lingers for a moment before it goes: to wake a thread costs as much
/// as to read a row, and most often there is a next job at once.
class JobQueue : public std::enable_shared_from_this<JobQueue> {
public:
  /// How many jobs share at most, so that none waits for too many others.
  static constexpr std::size_t most_jobs = 256;

  JobQueue(boost::asio::any_io_executor where, std::size_t lanes)
      : where_(std::move(where)), most_lanes_(lanes) {}
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  virtual ~JobQueue() = default;

  /// Runs `work()` in its turn and returns its result, or throws what it threw, on the executor of
  /// the awaiting coroutine. One hop out, one back; lazy; not to be interrupted.
  template <class Work>
  static awaitable<std::invoke_result_t<Work&>> run(std::shared_ptr<JobQueue> self, bool shares,
                                                    Work work);

  void submit(std::unique_ptr<Job> job) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
    waiting_.store(queue_.size(), std::memory_order_relaxed);
    open_lane();
  }

protected:
  using Jobs = std::vector<std::unique_ptr<Job>>;

  /// Does and completes the jobs: one, or some that share.
  virtual void perform(Jobs& jobs) {
    for (const auto& job : jobs) {
      settle(*job, [&] { job->attempt(); });
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
    job.complete(std::move(error));
  }

private:
  /// With the lock held: opens one more lane, if there is a job that no lane is about to take.
  void open_lane() {
    if (queue_.size() > lingering_ && lanes_ < most_lanes_) {
      ++lanes_;
      boost::asio::post(where_, [self = shared_from_this()] { self->drain(); });
    }
  }

  void drain() {
    for (Jobs jobs = take(); !jobs.empty(); jobs = take()) {
      perform(jobs);
    }
  }

  /// The next job, and those that it shares with. None: the lane is closed.
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
    while (!queue_.empty() && jobs.size() < most_jobs &&
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
  const std::size_t most_lanes_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Job>> queue_;
  std::atomic<std::size_t> waiting_ = 0; // the queue's size, for who lingers
  std::size_t lanes_ = 0;
  std::size_t lingering_ = 0;
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

/// The initiation of the asynchronous operation `JobQueue::run`.
class Submit {
public:
  template <class Handler, class Work>
  void operator()(Handler handler, JobQueue* queue, bool shares, Attempts<Work>* attempts) const {
    queue->submit(std::make_unique<Call<Handler, Work>>(std::move(handler), shares, attempts));
  }

private:
  template <class Handler, class Work>
  class Call final : public Job {
  public:
    Call(Handler handler, bool shares, Attempts<Work>* attempts)
        : Job(shares), home_(boost::asio::prefer(boost::asio::get_associated_executor(handler),
                                                 boost::asio::execution::outstanding_work.tracked)),
          handler_(std::move(handler)), attempts_(attempts) {}

    void attempt() override { attempts_->attempt(); }
    void complete(std::exception_ptr error) override {
      attempts_->error = std::move(error);
      // The caller's context is at work until this thread has left `post`, which touches it after
      // the caller has gone on: who runs the context out of work may then end it.
      const Home home = std::move(home_);
      auto resume = [handler = std::move(handler_)]() mutable { std::move(handler)(); };
      boost::asio::post(home, std::move(resume));
    }

  private:
    using Home =
        decltype(boost::asio::prefer(boost::asio::get_associated_executor(std::declval<Handler&>()),
                                     boost::asio::execution::outstanding_work.tracked));

    Home home_;
    Handler handler_;
    Attempts<Work>* attempts_;
  };
};

template <class Work>
awaitable<std::invoke_result_t<Work&>> JobQueue::run(std::shared_ptr<JobQueue> self, bool shares,
                                                     Work work) {
  Attempts<Work> attempts(work);
  auto* const attempts_here = &attempts;
  JobQueue* const queue = self.get();
  auto submitted = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
      Submit(), boost::asio::use_awaitable, queue, shares, attempts_here);
  co_await std::move(submitted);
  co_return attempts.take();
}

} // namespace agentstore::detail::sqlite

#endif
