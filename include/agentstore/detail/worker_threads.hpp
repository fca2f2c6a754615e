// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_WORKER_THREADS_HPP
#define AGENTSTORE_DETAIL_WORKER_THREADS_HPP

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace agentstore::detail {

/// Threads that run the functions posted to `executor()`. `start` makes the threads, and throws if
/// there can be none. asio::thread_pool would make them in its constructor, and hang there.
class WorkerThreads {
public:
  static constexpr std::size_t most = 256;

  /// 0 means one, and more than `most` mean `most`.
  explicit WorkerThreads(std::size_t count)
      : count_(std::clamp(count, std::size_t{1}, most)), work_(context_->get_executor()) {}
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  /// All posted functions run first.
  ~WorkerThreads() {
    work_.reset();
    for (std::thread& thread : threads_) {
      if (thread.get_id() == std::this_thread::get_id()) {
        thread.detach(); // the last owner runs on this thread, which owns the context too
      } else {
        thread.join();
      }
    }
  }

  bool runs_this_thread() const { return context_->get_executor().running_in_this_thread(); }

  boost::asio::any_io_executor executor() const { return context_->get_executor(); }

  /// Makes the threads that are not there yet. Throws std::system_error if the system gives none.
  void start() {
    const std::lock_guard lock(mutex_);
    threads_.reserve(count_);
    while (threads_.size() < count_) {
      threads_.emplace_back([context = context_] { context->run(); });
    }
  }

  bool has_started() const {
    const std::lock_guard lock(mutex_);
    return threads_.size() == count_;
  }

private:
  const std::size_t count_;
  mutable std::mutex mutex_;
  const std::shared_ptr<boost::asio::io_context> context_ =
      std::make_shared<boost::asio::io_context>();
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

} // namespace agentstore::detail

#endif
