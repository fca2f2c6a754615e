// SPDX-License-Identifier: Apache-2.0

// Odd stores that are directories otherwise than the reference. That of table_directories.hpp
// comes with all stores of choices.cpp: it lists by scanning, and may give an empty last page.

#include "conformance/odd_stores/all.hpp"

#include <agentstore/authoring/cursor.hpp>
#include <agentstore/testing/forwarding_directories.hpp>

namespace agentstore::conformance {

namespace detail {

/// Reads two pages ahead for each that it gives, and drops what is too much.
class LooksFarAhead : public ForwardingStore {
public:
  using ForwardingStore::ForwardingStore;

  awaitable<SessionPage> list_sessions(std::string user_id, Page page = Page()) override {
    read_cursor("list_sessions", user_id, page);
    const std::size_t size = page.size;
    page.size = std::min(3 * size, max_page_size);
    SessionPage came = co_await ForwardingStore::list_sessions(user_id, std::move(page));
    if (came.sessions.size() > size) {
      came.sessions.resize(size);
      came.next = make_cursor("list_sessions", user_id, position_of(came.sessions.back()));
    }
    co_return came;
  }
};

/// The numbers under which a store keeps where a page ended. A cursor is no more than that.
class CursorBook {
public:
  std::string write(const std::string& list, const std::string& cursor) {
    if (cursor.empty()) {
      return cursor;
    }
    const std::lock_guard lock(mutex_);
    // The hash is of the number too, or a changed number could be that of the same page, given
    // again.
    const std::string count = std::to_string(cursors_.size());
    const std::string number =
        "page-" + count + "-" + std::to_string(std::hash<std::string>()(count + cursor));
    cursors_[number] = std::make_pair(list, cursor);
    return number;
  }
  std::string read(const char* method, const std::string& key, const std::string& list,
                   const std::string& number) {
    if (number.empty()) {
      return number;
    }
    const std::lock_guard lock(mutex_);
    const auto found = cursors_.find(number);
    if (found == cursors_.end() || found->second.first != list) {
      throw StorageError(errc::invalid_argument, method, key, "there is no such page");
    }
    return found->second.second;
  }

private:
  std::mutex mutex_;
  std::map<std::string, std::pair<std::string, std::string>> cursors_;
};

class NumbersItsPages : public ForwardingStore {
public:
  NumbersItsPages(InnerStore inner, std::shared_ptr<CursorBook> book)
      : ForwardingStore(std::move(inner)), book_(std::move(book)) {}

  awaitable<SessionPage> list_sessions(std::string user_id, Page page = Page()) override {
    const std::string list = "sessions of " + user_id;
    const Page inner =
        Page(page.size).after(book_->read("list_sessions", user_id, list, page.cursor));
    SessionPage came = co_await ForwardingStore::list_sessions(std::move(user_id), inner);
    came.next = book_->write(list, came.next);
    co_return came;
  }
  awaitable<ThreadPage> list_threads(std::string prefix = "", Page page = Page()) override {
    const std::string list = "threads from " + prefix;
    const Page inner =
        Page(page.size).after(book_->read("list_threads", prefix, list, page.cursor));
    ThreadPage came = co_await ForwardingStore::list_threads(std::move(prefix), inner);
    came.next = book_->write(list, came.next);
    co_return came;
  }

private:
  std::shared_ptr<CursorBook> book_;
};

/// One directory alone, beside the interface that it is of.
class SessionsWithDirectory : public ISessionStorage, public ForwardingSessionDirectory {
public:
  explicit SessionsWithDirectory(const std::shared_ptr<MemoryBackend>& inner)
      : ForwardingSessionDirectory(inner), inner_(inner) {}

  awaitable<Session> create_session(std::string session_id, std::string user_id,
                                    Document metadata = Document::object()) override {
    return inner_->create_session(std::move(session_id), std::move(user_id), std::move(metadata));
  }
  awaitable<std::optional<Session>> get_session(std::string session_id) override {
    return inner_->get_session(std::move(session_id));
  }
  awaitable<bool> update_session(std::string session_id, SessionUpdate update) override {
    return inner_->update_session(std::move(session_id), std::move(update));
  }
  awaitable<bool> end_session(std::string session_id, std::string status = "completed") override {
    return inner_->end_session(std::move(session_id), std::move(status));
  }

private:
  std::shared_ptr<MemoryBackend> inner_;
};

class ThreadsWithDirectory : public ICheckpointStorage, public ForwardingThreadDirectory {
public:
  explicit ThreadsWithDirectory(const std::shared_ptr<MemoryBackend>& inner)
      : ForwardingThreadDirectory(inner), inner_(inner) {}

  awaitable<bool> store_checkpoint(std::string thread_id, std::string checkpoint_id, Document data,
                                   Document metadata = Document::object()) override {
    return inner_->store_checkpoint(std::move(thread_id), std::move(checkpoint_id), std::move(data),
                                    std::move(metadata));
  }
  awaitable<std::optional<Checkpoint>>
  get_checkpoint(std::string thread_id,
                 std::optional<std::string> checkpoint_id = std::nullopt) override {
    return inner_->get_checkpoint(std::move(thread_id), std::move(checkpoint_id));
  }
  awaitable<std::vector<Checkpoint>>
  list_checkpoints(std::string thread_id, std::size_t limit = default_checkpoint_limit) override {
    return inner_->list_checkpoints(std::move(thread_id), limit);
  }

private:
  std::shared_ptr<MemoryBackend> inner_;
};

/// Such a store has no life cycle: it comes open.
template <class Store>
class DirectoryHarness {
public:
  static constexpr std::string_view name = "odd";

  Claims claims() const { return Claims().durable().shared_handles(); }
  awaitable<std::shared_ptr<Store>> open(boost::asio::any_io_executor, std::string space) {
    return opened(std::make_shared<MemoryBackend>(spaces_->at(space)));
  }
  void drop(std::string space) { spaces_->drop(space); }

private:
  static awaitable<std::shared_ptr<Store>> opened(std::shared_ptr<MemoryBackend> store) {
    static_cast<void>(co_await store->initialize());
    co_return std::make_shared<Store>(store);
  }

  std::shared_ptr<Spaces<MemorySpace>> spaces_ =
      std::make_shared<Spaces<MemorySpace>>([] { return std::make_shared<MemorySpace>(); });
};

} // namespace detail

std::vector<OddStore> directory_odd_stores() {
  return {
      OddStore("looks_far_ahead", "reads three pages for each that it gives",
               [] {
                 return over_memory_with(system_clock(), [](std::shared_ptr<MemoryBackend> inner) {
                   return std::make_shared<detail::LooksFarAhead>(std::move(inner));
                 });
               }),
      OddStore("numbers_its_pages", "a cursor is a number that the store keeps a book of",
               [] {
                 const auto book = std::make_shared<detail::CursorBook>();
                 return over_memory_with(
                     system_clock(), [book](std::shared_ptr<MemoryBackend> inner) {
                       return std::make_shared<detail::NumbersItsPages>(std::move(inner), book);
                     });
               }),
      OddStore("session_directory_alone", "sessions and their directory, and nothing else",
               []() -> std::shared_ptr<AnyHarness> {
                 using Harness = detail::DirectoryHarness<detail::SessionsWithDirectory>;
                 return std::make_shared<HarnessAdapter<Harness>>();
               }),
      OddStore("thread_directory_alone", "checkpoints and their directory, and nothing else",
               []() -> std::shared_ptr<AnyHarness> {
                 using Harness = detail::DirectoryHarness<detail::ThreadsWithDirectory>;
                 return std::make_shared<HarnessAdapter<Harness>>();
               }),
  };
}

} // namespace agentstore::conformance
