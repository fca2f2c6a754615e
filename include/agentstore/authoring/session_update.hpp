// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AUTHORING_SESSION_UPDATE_HPP
#define AGENTSTORE_AUTHORING_SESSION_UPDATE_HPP

/// \file
/// How a creation and an update change the record of a session, for backends that do this outside
/// of their store.

#include <agentstore/authoring/arguments.hpp>

#include <algorithm>

namespace agentstore {

/// The record of a session that is created at `now`, as SES-01 requires: active, with its counters
/// at 0 and its version at 1.
inline Session new_session(std::string session_id, std::string user_id, Document metadata,
                           Timestamp now) {
  Session record;
  record.session_id = std::move(session_id);
  record.user_id = std::move(user_id);
  record.metadata = std::move(metadata);
  record.created_at = now;
  record.last_activity = now;
  return record;
}

/// Records a change at `now`: last_activity never goes backwards (SES-10), the version grows
/// (SES-14).
inline void touch(Session& record, Timestamp now) {
  record.last_activity = std::max(record.last_activity, now);
  ++record.version;
}

/// Applies `update` to the record of an active session (SES-04, SES-05, SES-10, SES-14).
///
/// Throws, and leaves the record as it is, if the merged metadata exceeds the limits or the total
/// processing time would overflow.
inline void apply_update(Session& record, const SessionUpdate& update, Timestamp now,
                         Limits limits) {
  const auto arguments = check("update_session", record.session_id, limits);
  if (update.processing_time() > std::chrono::microseconds::max() - record.total_processing_time) {
    arguments.refuse(errc::invalid_argument, "add_processing_time", "overflows the total");
  }
  if (update.metadata_patch()) {
    json merged = record.metadata.tree();
    merged.merge_patch(*update.metadata_patch());
    arguments.object("metadata, merged,", merged);
    record.metadata = std::move(merged);
  }
  record.total_processing_time += update.processing_time();
  record.request_count += std::uint64_t{update.counts_request()};
  record.error_count += std::uint64_t{update.counts_error()};
  touch(record, now);
}

} // namespace agentstore

#endif
