// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_SQLITE_OPEN_FILES_HPP
#define AGENTSTORE_DETAIL_SQLITE_OPEN_FILES_HPP

// Which files a process has open, and which of them the process had open that it was forked from.
//
// SQLite keeps a process' locks in a table of its own, because the system's belong to a process and
// not to a connection. The child of a fork finds its parent's entries there and takes those locks
// for its own. A connection that it opens would then write without a lock, into a log that the
// parent removes when it closes, and what was acknowledged would be lost.

#include <agentstore/detail/process.hpp>

#include <algorithm>
#include <compare>
#include <map>
#include <mutex>
#include <pthread.h>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>
#include <vector>

namespace agentstore::detail::sqlite {

/// Which file a path leads to.
class FileIdentity {
public:
  FileIdentity() = default;
  explicit FileIdentity(const std::string& path) {
    struct ::stat status{};
    if (::stat(path.c_str(), &status) == 0) {
      device_ = status.st_dev;
      inode_ = status.st_ino;
    }
  }
  auto operator<=>(const FileIdentity&) const = default;

private:
  ::dev_t device_ = 0;
  ::ino_t inode_ = 0; // 0: none
};

/// Says for as long as it lives that this process has the file open.
class OpenFile {
public:
  explicit OpenFile(FileIdentity file) : file_(file) {
    const std::lock_guard lock(mutex());
    files()[file_].emplace_back(this);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    const std::lock_guard lock(mutex());
    auto& handles = files()[file_];
    std::erase(handles, this);
    if (handles.empty()) {
      files().erase(file_);
    }
  }

  /// Whether the process that this one was forked from had the file open then. Its objects are
  /// never destroyed here, so it stays so.
  static bool is_of_parent(FileIdentity file) {
    const std::lock_guard lock(mutex());
    const auto found = files().find(file);
    return found != files().end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [](const OpenFile* handle) { return !handle->process_.is_here(); });
  }

private:
  using Files = std::map<FileIdentity, std::vector<const OpenFile*>>;

  /// Never destroyed, because backends of static storage may be destroyed later.
  static Files& files() {
    static Files& all = *new Files();
    return all;
  }
  /// Held around a fork, or else the child might find it taken by a thread that it does not have.
  static std::mutex& mutex() {
    static std::mutex& one = *new std::mutex();
    [[maybe_unused]] static const int is_watched = ::pthread_atfork(
        [] { mutex().lock(); }, [] { mutex().unlock(); }, [] { mutex().unlock(); });
    return one;
  }

  const FileIdentity file_;
  const ProcessOfOrigin process_;
};

} // namespace agentstore::detail::sqlite

#endif
