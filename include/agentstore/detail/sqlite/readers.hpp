// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_READERS_HPP
#define AGENTSTORE_DETAIL_SQLITE_READERS_HPP

// The connections that read, each used by one call at a time.

#include <agentstore/detail/sqlite/connection.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace agentstore::detail::sqlite {

class Readers {
public:
  using Opener = std::function<std::unique_ptr<Connection>(Patience&)>;

  explicit Readers(Opener opener) : opener_(std::move(opener)) {}

  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
  }

  /// Waits for the reads under way and closes all connections. While one is open, SQLite keeps a
  /// part of the data in the write-ahead log beside the file.
  void close() {
    std::unique_lock lock(mutex_);
    is_open_ = false;
    all_back_.wait(lock, [this] { return out_ == 0; });
    idle_.clear();
  }

  /// Runs `work(connection)` on a connection of its own, or on the one that the patience brings.
  /// Returns the result of `work`.
  template <class Work>
  auto with_connection(Patience& patience, Work& work) {
    std::optional<Lease> lease;
    Connection& connection = patience.connection() != nullptr
                                 ? *patience.connection()
                                 : lease.emplace(*this, patience).connection();
    const Connection::WithPatience while_working(connection, &patience);
    return work(connection);
  }

  /// The use of a connection, which goes back when the object does.
  class Lease {
  public:
    Lease(Readers& readers, Patience& patience) : readers_(readers), connection_(readers.take()) {
      try {
        if (!connection_) {
          connection_ = readers_.opener_(patience);
        }
      } catch (...) {
        readers_.give_back(nullptr);
        throw;
      }
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { readers_.give_back(std::move(connection_)); }

    Connection& connection() { return *connection_; }

  private:
    Readers& readers_;
    std::unique_ptr<Connection> connection_;
  };

private:
  /// An idle connection. Null if no connection is idle; the caller then opens one.
  std::unique_ptr<Connection> take() {
    const std::lock_guard lock(mutex_);
    if (!is_open_) {
      throw Failure(errc::closed, "the backend is not open");
    }
    ++out_;
    if (idle_.empty()) {
      return nullptr;
    }
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }

  void give_back(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex_);
    if (connection) {
      idle_.push_back(std::move(connection));
    }
    --out_;
    all_back_.notify_all();
  }

  Opener opener_;
  std::mutex mutex_;
  std::condition_variable all_back_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t out_ = 0;
  bool is_open_ = false;
};

} // namespace agentstore::detail::sqlite

#endif
