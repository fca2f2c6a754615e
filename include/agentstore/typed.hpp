// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TYPED_HPP
#define AGENTSTORE_TYPED_HPP

/// \file
/// Task contexts and checkpoints as types of your own, by nlohmann's `to_json` and `from_json`.
///
///     co_await save_task_context(store, "s-1", plan);
///     std::optional<Plan> plan = co_await load_task_context<Plan>(store, "s-1");
///
/// Saving converts at the call and stores at the await. Loading throws `corrupted`, naming the key,
/// if the stored value is not a `T`, that is if the `from_json` of `T` throws. The storage must
/// outlive the call, as for its own methods.

#include <agentstore/checkpoint_storage.hpp>
#include <agentstore/task_context_storage.hpp>

namespace agentstore {

/// Stores `context` as ITaskContextStorage::store_task_context does.
template <class T>
[[nodiscard]] awaitable<bool> save_task_context(ITaskContextStorage& storage,
                                                std::string session_id, const T& context);

/// Loads what `save_task_context` stored; nullopt if there is none (CTX-01).
template <class T>
[[nodiscard]] awaitable<std::optional<T>> load_task_context(ITaskContextStorage& storage,
                                                            std::string session_id);

/// Stores `data` as ICheckpointStorage::store_checkpoint does. `Storage` is an ICheckpointStorage,
/// an ICheckpointerBackend, or a class that is both.
template <class T, class Storage>
[[nodiscard]] awaitable<bool> save_checkpoint(Storage& storage, std::string thread_id,
                                              std::string checkpoint_id, const T& data,
                                              Document metadata = Document::object());

/// Loads the data of a checkpoint, of the latest if no id is given; nullopt if there is none.
template <class T, class Storage>
[[nodiscard]] awaitable<std::optional<T>>
load_checkpoint(Storage& storage, std::string thread_id,
                std::optional<std::string> checkpoint_id = std::nullopt);

// Only machinery below this line.

namespace detail {

template <class T>
T decode(const json& stored, const char* operation, const std::string& key) try {
  return stored.get<T>();
} catch (const std::exception& error) { // whatever the type's own from_json throws
  throw StorageError(errc::corrupted, operation, key, error.what());
}

template <class T>
awaitable<std::optional<T>> decode_context(awaitable<std::optional<Document>> read,
                                           std::string key) {
  const std::optional<Document> stored = co_await std::move(read);
  if (!stored) {
    co_return std::nullopt;
  }
  co_return decode<T>(*stored, "load_task_context", key);
}

template <class T>
awaitable<std::optional<T>> decode_checkpoint(awaitable<std::optional<Checkpoint>> read,
                                              std::string key) {
  const std::optional<Checkpoint> stored = co_await std::move(read);
  if (!stored) {
    co_return std::nullopt;
  }
  co_return decode<T>(stored->data, "load_checkpoint", key);
}

} // namespace detail

template <class T>
awaitable<bool> save_task_context(ITaskContextStorage& storage, std::string session_id,
                                  const T& context) {
  return storage.store_task_context(std::move(session_id), json(context));
}

template <class T>
awaitable<std::optional<T>> load_task_context(ITaskContextStorage& storage,
                                              std::string session_id) {
  std::string key = session_id;
  return detail::decode_context<T>(storage.get_task_context(std::move(session_id)), std::move(key));
}

template <class T, class Storage>
awaitable<bool> save_checkpoint(Storage& storage, std::string thread_id, std::string checkpoint_id,
                                const T& data, Document metadata) {
  if constexpr (std::is_base_of_v<ICheckpointStorage, Storage>) {
    return storage.store_checkpoint(std::move(thread_id), std::move(checkpoint_id), json(data),
                                    std::move(metadata));
  } else {
    return storage.put_checkpoint(std::move(thread_id), std::move(checkpoint_id), json(data),
                                  std::move(metadata));
  }
}

template <class T, class Storage>
awaitable<std::optional<T>> load_checkpoint(Storage& storage, std::string thread_id,
                                            std::optional<std::string> checkpoint_id) {
  std::string key = thread_id;
  return detail::decode_checkpoint<T>(
      storage.get_checkpoint(std::move(thread_id), std::move(checkpoint_id)), std::move(key));
}

} // namespace agentstore

#endif
