// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_CLICKHOUSE_ARCHIVE_HPP
#define AGENTSTORE_DETAIL_CLICKHOUSE_ARCHIVE_HPP

// The engine of ClickHouseArchive.

#include <agentstore/archives/clickhouse.hpp>
#include <agentstore/detail/clickhouse/inserter.hpp>
#include <agentstore/detail/clickhouse/tables.hpp>
#include <agentstore/detail/engine_archive_members.hpp>
#include <agentstore/detail/process.hpp>

#include <boost/asio/strand.hpp>

#include <atomic>

namespace agentstore::detail::clickhouse {

class ArchiveEngine {
public:
  ArchiveEngine(boost::asio::any_io_executor executor, const ClickHouseOptions& options)
      : options_(options), setup_(options_),
        server_(std::in_place, std::move(executor), options_, setup_) {}

  static awaitable<bool> open(std::shared_ptr<ArchiveEngine> engine) {
    if (engine->setup_.fault || !engine->server_.is_here()) {
      co_return false;
    }
    bool is_cancelled = false;
    try {
      const Time give_up_at = engine->deadline();
      auto opening = run_on_strand(engine->server_->strand, make_tables(engine, give_up_at));
      const std::optional<bool> is_open = co_await std::move(opening);
      is_cancelled = !is_open;
      engine->is_open_ = engine->is_open_ || is_open.has_value();
    } catch (const Failure&) {
      co_return false;
    } catch (const std::exception&) {
      co_return false;
    }
    if (is_cancelled) {
      throw boost::system::system_error(boost::asio::error::operation_aborted, "initialize");
    }
    co_return true;
  }

  static awaitable<void> close(std::shared_ptr<ArchiveEngine> engine) {
    engine->server_.require_here("close", "");
    engine->is_open_ = false;
    for (const auto& inserter : engine->server_->inserters) {
      auto start = [inserter](StrandCallPtr<bool> call) { inserter->flush(std::move(call)); };
      auto flushing = call_on_strand<bool>(engine->server_->strand, std::move(start));
      const std::optional<bool> is_flushed = co_await std::move(flushing);
      if (!is_flushed) {
        throw boost::system::system_error(boost::asio::error::operation_aborted, "close");
      }
    }
    auto start = [engine](const StrandCallPtr<bool>& call) {
      engine->server_->pool->close_idle();
      call->finish(true);
    };
    auto closing = call_on_strand<bool>(engine->server_->strand, std::move(start));
    static_cast<void>(co_await std::move(closing));
  }

  /// Every failure, running out of memory included, means that the record is lost. Only a
  /// cancellation is thrown to the caller.
  template <class Append, class... Others>
  static awaitable<bool>
  append(std::shared_ptr<ArchiveEngine> engine, std::optional<std::string> entry_id,
         std::optional<Timestamp> created_at, std::string key, Others... others) {
    try {
      if (!engine->server_.is_here() || !engine->is_open_) {
        co_return false;
      }
      const ClickHouseOptions& options = engine->options_;
      Append::check(options.limits, key, others...);
      if (entry_id) {
        check_entry_id<Append>(*entry_id);
      }
      const Timestamp time = created_at ? *created_at : options.clock();
      std::string row =
          make_row(next_place(), entry_id.value_or(std::string()), time, key, others...);
      auto inserting = insert(*engine->server_, Append::kind, std::move(row));
      const std::optional<bool> is_kept = co_await std::move(inserting);
      if (is_kept) {
        co_return *is_kept;
      }
    } catch (const std::exception&) {
      co_return false;
    }
    throw boost::system::system_error(boost::asio::error::operation_aborted, Append::name);
  }

  static awaitable<std::vector<ArchiveRecord>> read(std::shared_ptr<ArchiveEngine> engine,
                                                    ArchiveKind kind, std::string key,
                                                    std::uint64_t after, std::size_t limit) {
    constexpr const char* operation = "read_archive";
    std::optional<std::string> answer;
    try {
      if (engine->setup_.fault) {
        throw Failure(*engine->setup_.fault);
      }
      if (!engine->server_.is_here()) {
        throw Failure(errc::closed, not_of_this_process);
      }
      if (!engine->is_open_) {
        throw Failure(errc::closed, "the archive is not open");
      }
      check(operation, key).id("key", key);
      const Table& table = table_of(kind);
      const Page page(after, limit);
      Query query(select_page(engine->setup_.uri.database, table, key, page));
      const Time give_up_at = engine->deadline();
      const Server& server = *engine->server_;
      auto asking =
          run_on_strand(server.strand, Pool::ask(server.pool, std::move(query), give_up_at));
      answer = co_await std::move(asking);
      if (answer) {
        co_return take_records(table, page, *answer);
      }
    } catch (const Failure& failure) {
      throw StorageError(failure.code, operation, key, failure.reason, failure.cause);
    }
    throw boost::system::system_error(boost::asio::error::operation_aborted, operation);
  }

private:
  /// The result of the options. A constructor cannot report a fault in the options, so the calls
  /// report it.
  class Setup {
  public:
    explicit Setup(const ClickHouseOptions& options) {
      try {
        uri = Uri::parse(options.uri);
        if (uri.is_tls) {
          tls = make_tls_context(options.ca_file);
        }
        if (std::min(options.connect_timeout, options.operation_timeout) <=
            std::chrono::milliseconds(0)) {
          throw std::invalid_argument("a time-out is not above 0");
        }
        if (options.max_batch_bytes == 0 || options.max_queued_bytes == 0 ||
            options.max_connections == 0) {
          throw std::invalid_argument("a size of the options is 0");
        }
      } catch (const std::invalid_argument& refusal) {
        fault = Failure(errc::invalid_argument, refusal.what());
      }
    }

    Uri uri;
    TlsContext tls;
    std::optional<Failure> fault;
  };

  /// What works on the connections.
  class Server {
  public:
    Server(boost::asio::any_io_executor executor, const ClickHouseOptions& options,
           const Setup& setup)
        : strand(boost::asio::make_strand(executor)),
          pool(std::make_shared<Pool>(strand, options, setup.uri, setup.tls)) {
      for (const Table& table : tables) {
        inserters.push_back(std::make_shared<Inserter>(strand, options, pool,
                                                       insert_into(setup.uri.database, table)));
      }
    }

    const boost::asio::any_io_executor strand;
    const std::shared_ptr<Pool> pool;
    std::vector<std::shared_ptr<Inserter>> inserters; // by kind
  };

  /// Adds a row and waits until it is kept; no template, as all appends do the same. Nothing if the
  /// caller cancelled.
  static awaitable<std::optional<bool>> insert(const Server& server, ArchiveKind kind,
                                               std::string row) {
    auto start = [inserter = server.inserters[static_cast<std::size_t>(kind)],
                  row = std::move(row)](StrandCallPtr<bool> call) mutable {
      inserter->add(std::move(row), std::move(call));
    };
    return call_on_strand<bool>(server.strand, std::move(start));
  }

  Time deadline() const {
    return deadline_after(std::chrono::steady_clock::now(), options_.operation_timeout);
  }

  /// Makes the missing tables. A user who may not make tables can open an archive that is there.
  static awaitable<bool> make_tables(std::shared_ptr<ArchiveEngine> engine, Time give_up_at) {
    const std::string& database = engine->setup_.uri.database;
    const std::shared_ptr<Pool> pool = engine->server_->pool;
    Query look(select_columns(database));
    const std::string columns = co_await Pool::ask(pool, look, give_up_at);
    const std::vector<Table> missing = missing_tables(columns);
    if (missing.empty()) {
      co_return true;
    }
    if (columns.empty()) {
      Query create("CREATE DATABASE IF NOT EXISTS " + database);
      static_cast<void>(co_await Pool::ask(pool, std::move(create), give_up_at));
    }
    for (const Table& table : missing) {
      Query create(create_table(database, table));
      static_cast<void>(co_await Pool::ask(pool, std::move(create), give_up_at));
    }
    // If another process has made the tables meanwhile, they are the same ones.
    const std::string made = co_await Pool::ask(pool, std::move(look), give_up_at);
    co_return missing_tables(made).empty();
  }

  const ClickHouseOptions options_;
  const Setup setup_;
  const OfThisProcess<Server> server_; // in a child, no connection is ended
  std::atomic<bool> is_open_ = false;
};

} // namespace agentstore::detail::clickhouse

#endif
