// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_FAULTS_FORKED_STORE_HPP
#define AGENTSTORE_TESTS_SUPPORT_FAULTS_FORKED_STORE_HPP

// What the child of a fork may do with its parent's store: nothing, without harm.

#include "support/catch.hpp"
#include "support/faults/forked_child.hpp"
#include "support/loop.hpp"

#include <agentstore/capabilities/archive_reader.hpp>

#include <memory>

namespace agentstore::test {

inline void check_all_said(const std::string& said, std::initializer_list<const char*> expected) {
  CAPTURE(said);
  for (const char* const each : expected) {
    CHECK(said.find(each) != std::string::npos);
  }
  CHECK(said.find("signal") == std::string::npos);
}

/// In a child each kind of call on the store ends and is refused by name, and the store can be
/// destroyed.
template <class Store>
void check_refused_in_child(std::unique_ptr<Store>& store) {
  const std::string said = said_by_child([&] {
    Loop here;
    std::string all;
    for (const auto& error :
         {error_of(here, store->put_checkpoint("t", "child", 1)),
          error_of(here, store->create_session("s", "u")), error_of(here, store->initialize()),
          error_of(here, store->close())}) {
      all += std::string(error.value().what()) + "; ";
    }
    all += here.run(store->health_check()).issues.back();
    store.reset();
    return all;
  });
  check_all_said(said, {"put_checkpoint \"t\": the backend was made before a fork",
                        "create_session \"s\": the backend was made before a fork",
                        "initialize: the backend was made before a fork",
                        "close: the backend was made before a fork", "closed [agentstore",
                        "; the backend was made before a fork"});
}

/// The same of an archive, whose calls do not throw.
template <class Archive>
void check_archive_refused_in_child(std::unique_ptr<Archive>& archive) {
  const std::string said = said_by_child([&] {
    Loop here;
    std::string all = here.run(archive->append_conversation_message("s", "user", "child"))
                          ? "appended; "
                          : "not appended; ";
    all += here.run(archive->initialize()) ? "opened; " : "not opened; ";
    for (const auto& error :
         {error_of(here, archive->read_archive(ArchiveKind::conversation_message, "s")),
          error_of(here, archive->close())}) {
      all += std::string(error.value().what()) + "; ";
    }
    archive.reset();
    return all;
  });
  check_all_said(said, {"not appended; not opened; ",
                        "read_archive \"s\": the backend was made before a fork",
                        "close: the backend was made before a fork", "closed [agentstore"});
}

} // namespace agentstore::test

#endif
