// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_FAULTY_SQLITE_VFS_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_FAULTY_SQLITE_VFS_HPP

// A disk that fails on demand. SQLite does all input and output through a table of functions. This
// table passes everything on to the platform's functions. It can make an operation fail or wait,
// and counts operations, for each database by itself.

#include <agentstore/conformance/harness.hpp>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace agentstore::test {

/// From its first use on, SQLite opens files with it. A database is named by the canonical path of
/// its file. The same settings apply to its -wal, -shm and -journal files.
class FaultySqliteVfs {
  struct Disk;

public:
  using Effect = conformance::Fault::Effect;

  static FaultySqliteVfs& instance() {
    static FaultySqliteVfs vfs;
    return vfs;
  }
  FaultySqliteVfs(const FaultySqliteVfs&) = delete;
  FaultySqliteVfs& operator=(const FaultySqliteVfs&) = delete;
  ~FaultySqliteVfs() { sqlite3_vfs_unregister(&vfs_); }

  /// Opening, reading, writing, truncating, syncing, mapping shared memory and taking its locks
  /// fail, as the fault says. Releasing a lock and closing never fail.
  void inject(const std::string& database, conformance::Fault fault) {
    Disk& disk = of(database);
    const std::lock_guard lock(disk.mutex);
    disk.fault = fault;
    disk.operations = 0;
  }

  /// The n-th sync from now on, counted from 1, fails. No other sync fails.
  void fail_one_sync(const std::string& database, std::size_t nth) {
    Disk& disk = of(database);
    const std::lock_guard lock(disk.mutex);
    disk.syncs_to_failure = nth;
  }

  /// How often the write-ahead log was synced: once a commit if commits are synced, and a few
  /// times more when it begins anew or is brought into the file.
  std::size_t log_syncs(const std::string& database) {
    Disk& disk = of(database);
    const std::lock_guard lock(disk.mutex);
    return disk.log_syncs;
  }

  /// While the object lives, a sync of the database waits before it does anything.
  class HeldSyncs {
  public:
    explicit HeldSyncs(const std::string& database) : disk_(instance().of(database)) {
      const std::lock_guard lock(disk_.mutex);
      disk_.holds_syncs = true;
    }
    HeldSyncs(const HeldSyncs&) = delete;
    HeldSyncs& operator=(const HeldSyncs&) = delete;
    ~HeldSyncs() { release(); }

    void release() {
      const std::lock_guard lock(disk_.mutex);
      disk_.holds_syncs = false;
      disk_.changed.notify_all();
    }

    /// Waits until a sync waits; false if none came in good time.
    bool wait() {
      std::unique_lock lock(disk_.mutex);
      return disk_.changed.wait_for(lock, std::chrono::seconds(60),
                                    [this] { return disk_.waiting != 0; });
    }

  private:
    Disk& disk_;
  };

private:
  struct Disk {
    std::mutex mutex;
    std::condition_variable changed;
    conformance::Fault fault;
    std::size_t operations = 0; // since the fault was injected
    std::size_t log_syncs = 0;
    std::size_t syncs_to_failure = 0; // 0: none fails
    bool holds_syncs = false;
    std::size_t waiting = 0;

    /// What becomes of the operation that comes now.
    Effect next() {
      const std::lock_guard lock(mutex);
      ++operations;
      return operations >= fault.first ? fault.effect : Effect::none;
    }

    /// Whether the sync that comes now may be done.
    bool sync(bool is_log) {
      std::unique_lock lock(mutex);
      log_syncs += is_log ? 1 : 0;
      ++waiting;
      changed.notify_all();
      // A test that forgets the object, or is stuck, is to fail and not to hang.
      changed.wait_for(lock, std::chrono::seconds(120), [this] { return !holds_syncs; });
      --waiting;
      return syncs_to_failure == 0 || --syncs_to_failure != 0;
    }
  };

  /// What SQLite takes for an open file. The platform's own follows it in memory.
  struct File {
    sqlite3_file base;
    Disk* disk;
    bool is_log;
  };

  FaultySqliteVfs() : platform_(sqlite3_vfs_find(nullptr)) {
    // A function that is not about an open file is the platform's, whichever table it is in.
    vfs_ = *platform_;
    vfs_.zName = "agentstore-faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + platform_->szOsFile;
    vfs_.xOpen = &open;
    methods_.iVersion = 2; // with shared memory, without memory-mapped reading
    methods_.xClose = &close;
    methods_.xRead = &read;
    methods_.xWrite = &write;
    methods_.xTruncate = &truncate;
    methods_.xSync = &sync;
    methods_.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
      return real(f)->pMethods->xFileSize(real(f), size);
    };
    methods_.xLock = [](sqlite3_file* f, int level) {
      return real(f)->pMethods->xLock(real(f), level);
    };
    methods_.xUnlock = [](sqlite3_file* f, int level) {
      return real(f)->pMethods->xUnlock(real(f), level);
    };
    methods_.xCheckReservedLock = [](sqlite3_file* f, int* result) {
      return real(f)->pMethods->xCheckReservedLock(real(f), result);
    };
    methods_.xFileControl = [](sqlite3_file* f, int operation, void* argument) {
      return real(f)->pMethods->xFileControl(real(f), operation, argument);
    };
    methods_.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
    methods_.xDeviceCharacteristics = [](sqlite3_file* f) {
      return real(f)->pMethods->xDeviceCharacteristics(real(f));
    };
    methods_.xShmMap = &map;
    methods_.xShmLock = &lock;
    methods_.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
    methods_.xShmUnmap = [](sqlite3_file* f, int remove) {
      return real(f)->pMethods->xShmUnmap(real(f), remove);
    };
    if (sqlite3_vfs_register(&vfs_, 1) != SQLITE_OK) {
      throw std::runtime_error("SQLite does not take the faulty disk");
    }
  }

  Disk& of(const std::string& database) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<Disk>& disk = disks_[database];
    if (!disk) {
      disk = std::make_unique<Disk>();
    }
    return *disk;
  }

  static sqlite3_file* real(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
  }
  static File& self(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

  /// Does the operation, or does it and fails, or fails without doing it.
  template <class Operation>
  static int attempt(Disk& disk, int failure, const Operation& operation) {
    const Effect effect = disk.next();
    if (effect == Effect::before) {
      return failure;
    }
    const int result = operation();
    return effect == Effect::after ? failure : result;
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    sqlite3_vfs* const platform = instance().platform_;
    File* const made = new (file) File();
    std::string database = name != nullptr ? name : ""; // a temporary file has none
    for (const std::string_view suffix : {"-wal", "-journal"}) {
      if (database.ends_with(suffix)) {
        database.resize(database.size() - suffix.size());
        made->is_log = suffix == "-wal";
        break;
      }
    }
    made->disk = &instance().of(database);
    // A file has no methods until it is open, because SQLite closes every file that has some.
    real(file)->pMethods = nullptr;
    const Effect effect = made->disk->next();
    if (effect == Effect::before) {
      return SQLITE_CANTOPEN;
    }
    const int result = platform->xOpen(platform, name, real(file), flags, out_flags);
    if (effect == Effect::after || result != SQLITE_OK) {
      if (real(file)->pMethods != nullptr) {
        real(file)->pMethods->xClose(real(file));
      }
      return result != SQLITE_OK ? result : SQLITE_CANTOPEN;
    }
    made->base.pMethods = &instance().methods_;
    return SQLITE_OK;
  }

  static int close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }

  static int read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
    return attempt(*self(file).disk, SQLITE_IOERR_READ,
                   [&] { return real(file)->pMethods->xRead(real(file), bytes, size, offset); });
  }

  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    return attempt(*self(file).disk, SQLITE_IOERR_WRITE,
                   [&] { return real(file)->pMethods->xWrite(real(file), bytes, size, offset); });
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return attempt(*self(file).disk, SQLITE_IOERR_TRUNCATE,
                   [&] { return real(file)->pMethods->xTruncate(real(file), size); });
  }

  static int sync(sqlite3_file* file, int flags) {
    if (!self(file).disk->sync(self(file).is_log)) {
      return SQLITE_IOERR_FSYNC;
    }
    return attempt(*self(file).disk, SQLITE_IOERR_FSYNC,
                   [&] { return real(file)->pMethods->xSync(real(file), flags); });
  }

  static int map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
    const int result = attempt(*self(file).disk, SQLITE_IOERR_SHMMAP, [&] {
      return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
    });
    if (result != SQLITE_OK) {
      *memory = nullptr;
    }
    return result;
  }

  /// A lock that could not be taken is not held, so failing after it was taken is failing before.
  static int lock(sqlite3_file* file, int offset, int count, int flags) {
    if ((flags & SQLITE_SHM_LOCK) != 0 && self(file).disk->next() != Effect::none) {
      return SQLITE_IOERR_SHMLOCK;
    }
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
  }

  sqlite3_vfs* platform_;
  sqlite3_vfs vfs_ = {};
  sqlite3_io_methods methods_ = {};
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Disk>> disks_;
};

} // namespace agentstore::test

#endif
