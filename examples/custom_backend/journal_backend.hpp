// SPDX-License-Identifier: Apache-2.0
#ifndef EXAMPLE_JOURNAL_BACKEND_HPP
#define EXAMPLE_JOURNAL_BACKEND_HPP

#include "journal_store.hpp"

#include <agentstore/authoring/offloaded_backend.hpp>

namespace example {

inline OffloadedOptions journal_options() {
  OffloadedOptions options("journal");
  options.limits = journal_limits();
  return options;
}

/// A store in a journal: a file to which every change is appended as a line of JSON, and which is
/// replayed into memory when it is opened. Durable, and safe from a kill -9 at any moment; one
/// handle at a time. The file only ever grows.
///
/// All work is done on one thread of the backend's own, so that a call never blocks its caller
/// (ASY-05) and no data is ever locked. A call keeps that thread and all data alive by itself.
class JournalBackend final : public OffloadedBackend<JournalStore> {
public:
  explicit JournalBackend(std::filesystem::path directory, Clock clock = system_clock())
      : OffloadedBackend(journal_options(),
                         [directory = std::move(directory), clock = std::move(clock)] {
                           return std::make_unique<JournalStore>(directory, clock);
                         }) {}
};

} // namespace example

#endif
