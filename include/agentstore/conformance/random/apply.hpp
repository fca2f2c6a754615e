// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RANDOM_APPLY_HPP
#define AGENTSTORE_CONFORMANCE_RANDOM_APPLY_HPP

/// \file
/// Makes a call that is a value: on a store, and on the model.

#include <agentstore/conformance/methods/call_text.hpp>
#include <agentstore/conformance/random/model.hpp>
#include <agentstore/conformance/random/normalize.hpp>

namespace agentstore::conformance {

/// Makes the call on a store and gives its outcome; never throws for what the store throws.
awaitable<json> apply(Handle& handle, Operation operation);

/// Makes the call on the model.
json apply(Model& model, const Operation& operation);

/// Makes the call on the model, and gives all outcomes that are allowed. There are several if an
/// argument is invalid and the call would be refused without that too, because either error may
/// come first.
std::vector<json> allowed_outcomes(Model& model, const Operation& operation);

/// Whether the contract decides the outcome of the call.
bool is_decided(const Model& model, const Operation& operation);

// Only machinery below this line.

namespace detail {

class OutcomeOf {
public:
  json operator()(std::monostate) const { return json(); }
  json operator()(std::uint64_t count) const { return json(count); }
  json operator()(const std::optional<Document>& context) const { return context_outcome(context); }
  json operator()(const std::vector<Message>& list) const { return sequence_outcome(list); }
  json operator()(const std::vector<ArchiveRecord>& list) const { return sequence_outcome(list); }
  json operator()(const SessionPage& page) const { return outcome_of_list(page.sessions); }
  json operator()(const ThreadPage& page) const { return outcome_of_list(page.thread_ids); }
  json operator()(const ThreadHead& head) const { return head_outcome(head); }
  template <class Record>
  json operator()(const std::optional<Record>& record) const {
    return optional_outcome(record);
  }
  template <class Record>
  json operator()(const std::vector<Record>& list) const {
    return list_outcome(list);
  }
  template <class T>
  json operator()(const T& answer) const {
    return outcome_of(answer);
  }
};

/// Makes the call again for each page, until the last.
template <class Directory, class PageOf, class Item>
awaitable<json> apply_to_pages(Directory* directory,
                               awaitable<PageOf> (Directory::*list)(std::string, Page),
                               std::vector<Item> PageOf::* items, Operation o) {
  Gathered<Item> all;
  Page page(o.limit);
  for (bool more = true; more;) {
    const PageOf part = co_await (directory->*list)(o.key, page);
    more = all.add(part.*items, part.next, o.limit);
    page.after(part.next);
  }
  co_return outcome_of_list(all);
}

inline awaitable<json> apply_to_pages(IArchiveReader* archive, Operation o) {
  std::vector<ArchiveRecord> all;
  for (bool more = true; more;) {
    const std::uint64_t after = all.empty() ? 0 : all.back().sequence;
    const std::vector<ArchiveRecord> page =
        co_await archive->read_archive(o.archive_kind, o.key, after, o.limit);
    // A page that is too long, or does not move on, is as good as the last: it shows.
    more = !page.empty() && page.size() <= o.limit && page.back().sequence > after;
    all.insert(all.end(), page.begin(), page.end());
  }
  co_return sequence_outcome(all);
}

inline awaitable<json> apply_once(awaitable<Answer> call) {
  const Answer answer = co_await std::move(call);
  co_return std::visit(OutcomeOf(), answer);
}

inline awaitable<json> apply_or_throw(Handle& handle, Operation o) {
  switch (o.kind) {
  case Operation::Kind::list_sessions:
    return apply_to_pages(handle.session_directory, &ISessionDirectory::list_sessions,
                          &SessionPage::sessions, std::move(o));
  case Operation::Kind::list_threads:
    return apply_to_pages(handle.thread_directory, &IThreadDirectory::list_threads,
                          &ThreadPage::thread_ids, std::move(o));
  case Operation::Kind::read_archive:
    return apply_to_pages(handle.archive_reader, std::move(o));
  default:
    return apply_once(method_of(o.kind).call(handle, std::move(o)));
  }
}

} // namespace detail

// The caller holds the handle and drives the call to its end.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters)
inline awaitable<json> apply(Handle& handle, Operation o) {
  json result;
  try {
    if (o.kind != Operation::Kind::set_clock) { // which is no call on the store
      result = co_await detail::apply_or_throw(handle, std::move(o));
    }
  } catch (...) {
    result = outcome_of(std::current_exception());
  }
  co_return result;
}

inline json apply(Model& model, const Operation& o) {
  using Kind = Operation::Kind;
  const std::string checkpoint = o.checkpoint_id.value_or(std::string());
  try {
    switch (o.kind) {
    case Kind::create_session:
      return outcome_of(model.create_session(o.key, o.user_id, o.metadata));
    case Kind::get_session:
      return detail::optional_outcome(model.get_session(o.key));
    case Kind::update_session:
      return model.update_session(o.key, o.update);
    case Kind::end_session:
      return model.end_session(o.key, o.text);
    case Kind::add_conversation_message:
      return model.add_conversation_message(o.key, o.text, o.content, o.metadata);
    case Kind::get_conversation_history:
      return detail::sequence_outcome(model.get_conversation_history(o.key, o.limit));
    case Kind::store_checkpoint:
    case Kind::put_checkpoint:
      return model.store_checkpoint(o.key, checkpoint, o.value, o.metadata);
    case Kind::get_checkpoint:
      return detail::optional_outcome(model.get_checkpoint(o.key, o.checkpoint_id));
    case Kind::list_checkpoints:
      return detail::list_outcome(model.list_checkpoints(o.key, o.limit));
    case Kind::put_writes:
      return model.put_writes(o.key, checkpoint, o.task_id, o.writes);
    case Kind::get_writes:
      return detail::list_outcome(model.get_writes(o.key, checkpoint));
    case Kind::get_task_context:
      return detail::context_outcome(model.get_task_context(o.key));
    case Kind::store_task_context:
      return model.store_task_context(o.key, o.value);
    case Kind::list_sessions:
      return detail::outcome_of_list(model.list_sessions(o.key, o.limit));
    case Kind::delete_session:
      return model.delete_session(o.key);
    case Kind::list_threads:
      return detail::outcome_of_list(model.list_threads(o.key, o.limit));
    case Kind::delete_thread:
      return model.delete_thread(o.key);
    case Kind::copy_thread:
      return model.copy_thread(o.key, o.target);
    case Kind::prune_thread:
      return model.prune_thread(o.key, o.limit);
    case Kind::list_checkpoints_before:
      return detail::list_outcome(model.list_checkpoints_before(o.key, checkpoint, o.limit));
    case Kind::get_thread_head:
      return detail::head_outcome(model.get_thread_head(o.key, o.limit));
    case Kind::initialize:
      return model.initialize();
    case Kind::close:
      model.close();
      return json();
    case Kind::health_check:
      return outcome_of(model.health_check());
    case Kind::get_metrics:
      return outcome_of(model.get_metrics());
    case Kind::cleanup_expired_sessions:
      return model.cleanup_expired_sessions(o.max_idle);
    case Kind::append_session_event:
      return model.append_session_event(o.key, o.user_id, o.text, o.value, o.time);
    case Kind::append_conversation_message:
      return model.append_conversation_message(o.key, o.text, o.content, o.metadata, o.time);
    case Kind::append_checkpoint:
      return model.append_checkpoint(o.key, checkpoint, o.value, o.metadata, o.time);
    case Kind::append_checkpoint_writes:
      return model.append_checkpoint_writes(o.key, checkpoint, o.task_id, o.writes, o.time);
    case Kind::append_conversation_session:
      return model.append_conversation_session(o.key, o.value, o.time);
    case Kind::append_task_context_snapshot:
      return model.append_task_context_snapshot(o.key, o.value, o.time);
    case Kind::read_archive:
      return detail::pages_of(model.read_archive(o.archive_kind, o.key), o.limit);
    case Kind::set_clock:
      model.set_clock(o.time.value_or(Timestamp()));
      return json();
    }
  } catch (const StorageError&) {
    return outcome_of(std::current_exception());
  }
  throw std::logic_error("a call of no kind");
}

inline std::vector<json> allowed_outcomes(Model& model, const Operation& operation) {
  std::vector<json> allowed;
  allowed.push_back(apply(model, operation));
  if (!identical(allowed.front(), outcome_of(errc::invalid_argument))) {
    return allowed;
  }
  if (!model.is_open()) {
    allowed.push_back(outcome_of(errc::closed));
    return allowed;
  }
  const Method& method = method_of(operation.kind);
  if (method.id == MethodId::create_session && model.has_session(operation.key)) {
    allowed.push_back(outcome_of(errc::already_exists));
  } else if (method.needs_session() && !operation.key.empty() &&
             !model.is_writable(operation.key)) {
    allowed.push_back(outcome_of(false));
  }
  return allowed;
}

inline bool is_decided(const Model& model, const Operation& operation) {
  return operation.kind != Operation::Kind::cleanup_expired_sessions ||
         model.decides_cleanup(operation.max_idle);
}

} // namespace agentstore::conformance

#endif
