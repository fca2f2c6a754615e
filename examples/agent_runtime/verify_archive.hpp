// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_AGENT_RUNTIME_VERIFY_ARCHIVE_HPP
#define AGENTSTORE_EXAMPLES_AGENT_RUNTIME_VERIFY_ARCHIVE_HPP

/// \file
/// Reads completed runs back from the archive and compares what it holds with what was recorded.

#include "verify.hpp"

#include <agentstore/capabilities/archive_reader.hpp>
#include <agentstore/record_json.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace agent_runtime {

/// Compares one run after the other, and throws at the first difference: a record that is missing,
/// there twice, out of order or another one.
class ArchiveVerifier {
public:
  /// All must outlive the verifier.
  ArchiveVerifier(agentstore::IArchiveReader& archive, const std::vector<RecordedRun>& runs)
      : archive_(archive), runs_(runs) {}

  /// How many records there are.
  agentstore::awaitable<std::size_t> verify();

private:
  using Kind = agentstore::ArchiveKind;
  using Records = std::vector<json>;

  using Page = std::vector<agentstore::ArchiveRecord>;

  agentstore::awaitable<Records> read(Kind kind) const;
  agentstore::awaitable<Page> read_page(Kind kind, std::uint64_t after) const;
  void compare_messages(const Records& found) const;
  void compare_checkpoints(const Records& found) const;
  void compare_writes(const Records& found) const;
  void compare_events(const Records& found) const;
  void compare(const std::string& what, const json& archived, const json& recorded) const;

  agentstore::IArchiveReader& archive_;
  const std::vector<RecordedRun>& runs_;
  const RecordedRun* run_ = nullptr;
};

// Only machinery below this line.

inline agentstore::awaitable<std::size_t> ArchiveVerifier::verify() {
  std::size_t records = 0;
  for (const RecordedRun& run : runs_) {
    run_ = &run;
    const Records messages = co_await read(Kind::conversation_message);
    compare_messages(messages);
    const Records checkpoints = co_await read(Kind::checkpoint);
    compare_checkpoints(checkpoints);
    const Records writes = co_await read(Kind::checkpoint_writes);
    compare_writes(writes);
    const Records events = co_await read(Kind::session_event);
    compare_events(events);
    const Records contexts = co_await read(Kind::task_context_snapshot);
    compare("number of task contexts", contexts.size(), run.messages.size());
    records +=
        messages.size() + checkpoints.size() + writes.size() + events.size() + contexts.size();
  }
  co_return records;
}

inline agentstore::awaitable<ArchiveVerifier::Records> ArchiveVerifier::read(Kind kind) const {
  Records all;
  for (std::uint64_t after = 0;;) {
    Page page = co_await read_page(kind, after);
    if (page.empty()) {
      co_return all;
    }
    after = page.back().sequence;
    for (agentstore::ArchiveRecord& record : page) {
      all.push_back(std::move(record.fields));
    }
  }
}

/// A server that is away for a moment is asked again.
inline agentstore::awaitable<ArchiveVerifier::Page>
ArchiveVerifier::read_page(Kind kind, std::uint64_t after) const {
  constexpr int most_attempts = 100;
  for (int attempt = 1;; ++attempt) {
    try {
      co_return co_await archive_.read_archive(kind, run_->id, after);
    } catch (const agentstore::StorageError& error) {
      if (!agentstore::is_transient(error) || attempt == most_attempts) {
        throw;
      }
    }
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor,
                                    std::chrono::milliseconds(100));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

inline void ArchiveVerifier::compare_messages(const Records& found) const {
  compare("number of messages", found.size(), run_->messages.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    agentstore::Message message;
    message.role = found[i].at("role").get<std::string>();
    message.content = found[i].at("content").get<std::string>();
    message.metadata = found[i].at("metadata");
    compare("message " + std::to_string(i + 1), recorded_form(message), run_->messages[i]);
  }
}

inline void ArchiveVerifier::compare_checkpoints(const Records& found) const {
  compare("number of checkpoints", found.size(), run_->messages.size());
  AgentState state;
  for (std::size_t step = 1; step <= found.size(); ++step) {
    const std::string what = "checkpoint " + std::to_string(step);
    compare(what + ", id", found[step - 1].at("checkpoint_id"), checkpoint_id(step));
    state.take(run_->messages[step - 1]);
    json expected = state;
    expected["processing_us"] = found[step - 1].at("data").at("processing_us"); // not recorded
    compare(what, found[step - 1].at("data"), expected);
  }
}

inline void ArchiveVerifier::compare_writes(const Records& found) const {
  Records expected;
  for (std::size_t step = 1; step < run_->messages.size(); ++step) {
    if (const json& message = run_->messages[step]; is_tool_result(message)) {
      std::vector<agentstore::ChannelWrite> writes;
      writes.emplace_back(message_channel, message);
      json& fields = expected.emplace_back(json::object());
      fields["thread_id"] = run_->id;
      fields["checkpoint_id"] = checkpoint_id(step);
      fields["task_id"] = tool_task_id(message, step + 1);
      fields["writes"] = writes;
    }
  }
  compare("writes", found, expected);
}

inline void ArchiveVerifier::compare_events(const Records& found) const {
  Records types;
  for (const json& fields : found) {
    types.push_back(fields.at("event_type"));
  }
  Records expected(run_->messages.size(), "update_session");
  expected.insert(expected.begin(), "create_session");
  expected.emplace_back("end_session");
  compare("events", types, expected);
  compare("status at the end", found.back().at("payload").at("status"), run_->outcome);
}

inline void ArchiveVerifier::compare(const std::string& what, const json& archived,
                                     const json& recorded) const {
  if (archived != recorded) {
    throw Difference("archive of run \"" + run_->id + "\" (line " + std::to_string(run_->line) +
                     "), " + what + ": " + describe_difference(archived, recorded));
  }
}

} // namespace agent_runtime

#endif
