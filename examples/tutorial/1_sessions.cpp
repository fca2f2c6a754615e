// SPDX-License-Identifier: Apache-2.0
// The life of a session: it is created once, gathers counters and metadata, is ended once, and can
// only be read from then on.

#include "run.hpp"

#include <agentstore/backends/memory.hpp>

using namespace std::chrono_literals;

agentstore::awaitable<void> lesson() {
  agentstore::MemoryBackend store;
  co_await store.initialize();

  // JSON gets a name before it is awaited: g++ 12 takes no braces inside a co_await expression.
  const agentstore::json metadata = {{"model", "small"}, {"channel", "web"}};
  co_await store.create_session("s-1", "ada", metadata);

  // One update is one atomic step, whoever else updates the session. Metadata is merged: what is
  // not named stays, and null removes.
  const agentstore::json patch = {{"model", "large"}, {"channel", nullptr}};
  agentstore::SessionUpdate update;
  update.increment_requests().add_processing_time(250ms).updates(patch);
  co_await store.update_session("s-1", update);
  co_await store.update_session("s-1", agentstore::SessionUpdate().mark_error());

  // Of all that try to end it, one is told true.
  const bool ended = co_await store.end_session("s-1", "failed");
  const bool again = co_await store.end_session("s-1");
  std::cout << "ended: " << ended << ", again: " << again << '\n';

  // What has ended, or was never there, is not an error: the answer is false or nothing.
  const bool updated = co_await store.update_session("s-1", update);
  const auto other = co_await store.get_session("s-2");
  std::cout << "updated: " << updated << ", s-2: " << other.has_value() << '\n';

  const auto session = co_await store.get_session("s-1");
  std::cout << session->status << " after " << session->request_count << " request and "
            << session->error_count << " error, " << session->metadata << '\n';
  co_await store.close();
}

int main() {
  tutorial::run(lesson());
}
