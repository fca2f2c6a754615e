// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/records.hpp>

using namespace agentstore;
using namespace std::chrono_literals;

// g++ 12 destroys aggregate temporaries twice in a co_await expression: whatever a method takes or
// hands out must not be one.
template <class... Types>
constexpr bool none_is_an_aggregate = (!std::is_aggregate_v<Types> && ...);

static_assert(none_is_an_aggregate<Session, Message, Checkpoint, ChannelWrite, PendingWrite, Health,
                                   Metrics, SessionUpdate, ArchiveRecord, std::string, json,
                                   std::optional<std::string>, std::optional<Timestamp>,
                                   std::vector<ChannelWrite>, std::chrono::microseconds>);

// Records go through co_spawn and containers, and a move must not be a copy in disguise.
template <class... Types>
constexpr bool all_are_plain_values =
    ((std::is_default_constructible_v<Types> && std::is_copy_constructible_v<Types> &&
      std::is_nothrow_move_constructible_v<Types>) &&
     ...);

static_assert(all_are_plain_values<Session, Message, Checkpoint, ChannelWrite, PendingWrite, Health,
                                   Metrics, SessionUpdate, ArchiveRecord>);

namespace {

/// Where the text of `patch["text"]` lives: moving the patch keeps it, copying does not.
const void* address_of_text(const json& patch) {
  return patch.at("text").get_ref<const std::string&>().data();
}

json patch_with_text() {
  json patch = json::object();
  patch["text"] = std::string(1000, 'x');
  return patch;
}

/// `[[[...]]]`: copying it recurses into it, and would end the test.
json deep(std::size_t depth) {
  json value = json::array();
  for (std::size_t i = 1; i < depth; ++i) {
    json outer = json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

} // namespace

TEST_CASE("A SessionUpdate as it is made changes nothing") {
  const SessionUpdate update;
  CHECK_FALSE(update.metadata_patch());
  CHECK_FALSE(update.counts_request());
  CHECK_FALSE(update.counts_error());
  CHECK(update.processing_time() == 0us);
}

TEST_CASE("A SessionUpdate is built by a chain on a temporary") {
  const SessionUpdate update = SessionUpdate()
                                   .updates(patch_with_text())
                                   .increment_requests()
                                   .mark_error()
                                   .add_processing_time(120ms);
  REQUIRE(update.metadata_patch());
  CHECK(*update.metadata_patch() == patch_with_text());
  CHECK(update.counts_request());
  CHECK(update.counts_error());
  CHECK(update.processing_time() == 120'000us);
}

TEST_CASE("A SessionUpdate is built step by step") {
  SessionUpdate update;
  SessionUpdate& same = update.increment_requests().updates(patch_with_text());
  CHECK(&same == &update);
  update.mark_error().add_processing_time(5us);
  CHECK(update.counts_request());
  CHECK(update.counts_error());
  CHECK(update.processing_time() == 5us);
  update.increment_requests(false).mark_error(false).add_processing_time(7us);
  CHECK_FALSE(update.counts_request());
  CHECK_FALSE(update.counts_error());
  CHECK(update.processing_time() == 7us);
  CHECK(update.metadata_patch());
}

TEST_CASE("Neither chain copies the patch") {
  json first = patch_with_text();
  const void* const first_text = address_of_text(first);
  const SessionUpdate chained =
      SessionUpdate().updates(std::move(first)).increment_requests().mark_error();
  CHECK(address_of_text(*chained.metadata_patch()) == first_text);

  json second = patch_with_text();
  const void* const second_text = address_of_text(second);
  SessionUpdate stepwise;
  stepwise.updates(std::move(second)).add_processing_time(1us);
  CHECK(address_of_text(*stepwise.metadata_patch()) == second_text);

  const SessionUpdate with_deep = SessionUpdate().updates(deep(100'000)).mark_error();
  CHECK(with_deep.metadata_patch()->is_array());
}

TEST_CASE("A null patch is a patch, which the backend is to refuse") {
  CHECK(SessionUpdate().updates(nullptr).metadata_patch().has_value());
}

TEST_CASE("Records start out as a new one is") {
  const Session session;
  CHECK(session.status == "active");
  CHECK(session.version == 1);
  CHECK(session.metadata == json::object());
  CHECK(session.total_processing_time == 0us);
  CHECK(Message().metadata == json::object());
  CHECK(Checkpoint().metadata == json::object());
  CHECK(Health().status == Health::Status::unhealthy);
  const ChannelWrite write("channel", json::array());
  CHECK(write.channel == "channel");
  CHECK(write.value == json::array());
}

TEST_CASE("Records are equal if every field is") {
  Session session;
  Session other = session;
  CHECK(session == other);
  other.total_processing_time = 1us;
  CHECK_FALSE(session == other);
  Checkpoint checkpoint;
  Checkpoint later = checkpoint;
  later.created_at += 1us;
  CHECK_FALSE(checkpoint == later);
}
