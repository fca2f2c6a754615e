// SPDX-License-Identifier: Apache-2.0
#ifndef EXAMPLE_JOURNAL_HPP
#define EXAMPLE_JOURNAL_HPP

#include <agentstore/agentstore.hpp>

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

namespace example {

/// Throws what `errno` says, after a phrase such as "cannot open /x/journal.jsonl".
[[noreturn]] inline void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// An open file.
class File {
public:
  File(const std::filesystem::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (fd_ < 0) {
      fail("cannot open " + path.string());
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(fd_); }

  int fd() const { return fd_; }

private:
  int fd_;
};

/// An append-only file of JSON values, one a line, for one handle at a time.
///
/// When the disk fails it throws std::system_error. There are no checksums: a line that has become
/// unreadable is noticed, one that has become another readable line is not.
class Journal {
public:
  /// Opens `directory`/journal.jsonl; creates what is missing.
  explicit Journal(const std::filesystem::path& directory)
      : path_(prepare(directory) / "journal.jsonl"), file_(path_, O_RDWR | O_CREAT | O_APPEND) {
    if (::flock(file_.fd(), LOCK_EX | LOCK_NB) != 0) {
      fail("cannot lock " + path_.string() + ", which another handle may have open");
    }
    sync_directory(directory); // a file whose name a power cut takes away is lost
  }

  /// Hands every entry to `apply`, oldest first, and makes the journal ready for `append`.
  ///
  /// A last line without a line feed is an append that never ended, so nobody was told that it is
  /// stored: it is cut off. Any other line that cannot be read, or that `apply` refuses by an
  /// exception of nlohmann's or std::out_of_range, is damage: `corrupted`.
  template <class Apply>
  void replay(Apply apply) {
    std::ifstream in(path_, std::ios::binary);
    std::string line;
    for (std::size_t number = 1; std::getline(in, line) && !in.eof(); ++number) {
      try {
        apply(agentstore::json::parse(line));
      } catch (const agentstore::json::exception& error) {
        refuse(number, error.what());
      } catch (const std::out_of_range& error) {
        refuse(number, error.what());
      }
      size_ += line.size() + 1;
    }
    if (!in.eof()) { // a failed read must not pass for the end: the rest would be cut off
      errno = EIO;
      fail("cannot read " + path_.string());
    }
    cut_and_sync(); // from here on, what was read is also safe from a power cut
  }

  /// Adds an entry. When this returns, the entry is on the disk. When it throws, the entry is gone
  /// again, unless `good()` has become false.
  void append(const agentstore::json& entry) {
    const std::string line = entry.dump() + '\n';
    good_ = false;
    try {
      write(line);
      if (::fdatasync(file_.fd()) != 0) {
        fail("cannot sync " + path_.string());
      }
    } catch (const std::system_error&) {
      cut_and_sync();
      good_ = true;
      throw;
    }
    size_ += line.size();
    good_ = true;
  }

  /// False once an append could be neither finished nor undone. Only opening it again tells then.
  bool good() const { return good_; }

private:
  static std::filesystem::path prepare(const std::filesystem::path& directory) {
    if (!std::filesystem::exists(directory)) {
      prepare(directory.parent_path());
      std::filesystem::create_directory(directory);
      sync_directory(directory.parent_path());
    }
    return directory;
  }

  static void sync_directory(const std::filesystem::path& directory) {
    const File opened(directory, O_RDONLY | O_DIRECTORY);
    if (::fsync(opened.fd()) != 0) {
      fail("cannot sync " + directory.string());
    }
  }

  void write(std::string_view rest) {
    while (!rest.empty()) {
      const ssize_t written = ::write(file_.fd(), rest.data(), rest.size());
      if (written >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        fail("cannot write " + path_.string());
      }
    }
  }

  void cut_and_sync() {
    if (::ftruncate(file_.fd(), static_cast<off_t>(size_)) != 0 || ::fsync(file_.fd()) != 0) {
      fail("cannot cut " + path_.string());
    }
  }

  [[noreturn]] void refuse(std::size_t line, const std::string& why) const {
    throw agentstore::StorageError(agentstore::errc::corrupted, "initialize", "",
                                   path_.string() + ":" + std::to_string(line) + ": " + why);
  }

  std::filesystem::path path_;
  File file_;
  std::size_t size_ = 0; // of the whole lines
  bool good_ = true;
};

} // namespace example

#endif
