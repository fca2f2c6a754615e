// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_BENCH_DIRECTORIES_HPP
#define AGENTSTORE_TESTS_BENCH_DIRECTORIES_HPP

// What a page costs far down a list: the same of each backend that is a directory.

#include "bench/bench.hpp"

#include <agentstore/capabilities/session_directory.hpp>
#include <agentstore/storage_backend.hpp>

#include <cstdlib>

namespace bench {

inline agentstore::awaitable<void> create_sessions(agentstore::ISessionStorage& sessions,
                                                   int count) {
  for (int i = 0; i < count; ++i) {
    const std::string id = "session-" + std::to_string(i * 7919 % 100'003);
    co_await sessions.create_session(id, "user-7");
  }
}

/// The page before the last cursor of the list, and so a full one.
inline agentstore::awaitable<void> find_last(agentstore::ISessionDirectory& directory,
                                             agentstore::Page& last) {
  agentstore::Page page;
  for (bool more = true; more;) {
    const agentstore::SessionPage came = co_await directory.list_sessions("user-7", page);
    last = page;
    page.after(came.next);
    more = !page.is_first();
  }
}

inline agentstore::awaitable<void> list_often(agentstore::ISessionDirectory& directory,
                                              agentstore::Page page, int times) {
  for (int i = 0; i < times; ++i) {
    const agentstore::SessionPage came = co_await directory.list_sessions("user-7", page);
    if (came.sessions.size() != page.size) {
      std::abort();
    }
  }
}

/// The last page of 100 over the first, of the 10,000 sessions of one user. A store that lives on a
/// context brings a `run` of its own.
template <class Store, class Run = void (*)(agentstore::awaitable<void>)>
double session_page_cost_growth(Store& store, Run run_one = &run) {
  constexpr int sessions = 10'000;
  constexpr int times = 50;
  run_one(create_sessions(store, sessions));
  agentstore::Page last;
  run_one(find_last(store, last));
  return ratio(
      15, [&] { run_one(list_often(store, last, times)); },
      [&] { run_one(list_often(store, agentstore::Page(), times)); });
}

} // namespace bench

#endif
