// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/authoring/session_update.hpp>

using namespace agentstore;
using namespace std::chrono_literals;

namespace {

constexpr Timestamp noon{1'000'000us};

Session ada() {
  json metadata;
  metadata["plan"] = "free";
  return new_session("s1", "ada", std::move(metadata), noon);
}

} // namespace

TEST_CASE("a new session is what SES-01 says") {
  const Session record = ada();
  CHECK(record.session_id == "s1");
  CHECK(record.user_id == "ada");
  CHECK(record.metadata.at("plan") == "free");
  CHECK(record.status == "active");
  CHECK(record.version == 1);
  CHECK(record.created_at == noon);
  CHECK(record.last_activity == noon);
  CHECK(record.request_count == 0);
  CHECK(record.error_count == 0);
  CHECK(record.total_processing_time == 0us);
}

TEST_CASE("an update changes what it names, and each change the version") {
  Session record = ada();
  json patch;
  patch["plan"] = nullptr;
  patch["seats"] = 3;
  apply_update(record, SessionUpdate().updates(patch).increment_requests().add_processing_time(5us),
               noon + 1s, Limits());
  CHECK(record.metadata == json::parse(R"({"seats": 3})"));
  CHECK(record.request_count == 1);
  CHECK(record.error_count == 0);
  CHECK(record.total_processing_time == 5us);
  CHECK(record.last_activity == noon + 1s);
  CHECK(record.version == 2);

  apply_update(record, SessionUpdate().mark_error(), noon, Limits()); // a clock that went back
  CHECK(record.error_count == 1);
  CHECK(record.last_activity == noon + 1s);
  CHECK(record.version == 3);
}

TEST_CASE("an update that goes too far throws, and leaves the record as it is") {
  const Session before = ada();
  Limits limits;
  limits.max_value_bytes = 20;
  json patch;
  patch["seats"] = "a dozen or so";

  Session record = before;
  try {
    apply_update(record, SessionUpdate().updates(patch), noon + 1s, limits);
    FAIL("the merged metadata is longer than the limit");
  } catch (const StorageError& error) {
    CHECK(error.code() == errc::too_large);
    CHECK(error.operation() == "update_session");
    CHECK(error.key() == "s1");
  }
  CHECK(record == before);

  record.total_processing_time = std::chrono::microseconds::max();
  CHECK_THROWS_AS(apply_update(record, SessionUpdate().add_processing_time(1us), noon, limits),
                  StorageError);
  CHECK(record.version == before.version);
}
