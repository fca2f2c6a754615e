// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_DUAL_WRITE_ENTRY_HPP
#define AGENTSTORE_DETAIL_DUAL_WRITE_ENTRY_HPP

// A record on its way to the archive.

#include <agentstore/authoring/archive_calls.hpp>
#include <agentstore/capabilities/archive_once.hpp>
#include <agentstore/detail/dual_write/entry_text.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace agentstore::detail::dual_write {

/// An archive, and whether it takes entry ids.
class Target {
public:
  Target() = default;

  std::shared_ptr<IPermanentStorageBackend> storage;
  std::shared_ptr<IArchiveOnce> once; // null if the archive does not
};

/// What a value weighs in the queue.
inline std::size_t bytes_of(const std::string& text) {
  return text.size();
}
inline std::size_t bytes_of(const Document& value) {
  return value.most_bytes();
}
inline std::size_t bytes_of(const std::vector<ChannelWrite>& writes) {
  std::size_t bytes = 0;
  for (const ChannelWrite& write : writes) {
    bytes += write.channel.size() + write.value.most_bytes();
  }
  return bytes;
}

/// One append, which can be made any number of times.
class Entry {
public:
  /// The weight of an entry besides its values.
  static constexpr std::size_t own_bytes = 256;

  Entry(std::string entry_id, ArchiveKind what, std::string of, Timestamp time, std::size_t weight)
      : id(std::move(entry_id)), kind(what), key(std::move(of)), created_at(time), bytes(weight) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  virtual ~Entry() = default;

  virtual awaitable<bool> append(const Target& target) const = 0;
  /// What is appended besides the key, as the text of a JSON array.
  virtual std::string others_text() const = 0;

  const std::string id;
  const ArchiveKind kind;
  const std::string key;
  const Timestamp created_at;
  const std::size_t bytes;
};

using EntryPtr = std::shared_ptr<const Entry>;

template <class Append, class... Others>
class EntryOf final : public Entry {
public:
  EntryOf(std::string entry_id, std::string of, Timestamp time, Others... others)
      : Entry(std::move(entry_id), Append::kind, std::move(of), time,
              own_bytes + (bytes_of(others) + ... + 0)),
        others_(std::move(others)...) {}

  awaitable<bool> append(const Target& target) const override {
    const std::optional<Timestamp> time = created_at;
    return std::apply(
        [&](const Others&... others) {
          return target.once ? Append::once(*target.once, id, key, others..., time)
                             : Append::on(*target.storage, key, others..., time);
        },
        others_);
  }

  std::string others_text() const override {
    return std::apply([](const Others&... others) { return text_of_all(others...); }, others_);
  }

private:
  std::tuple<Others...> others_;
};

} // namespace agentstore::detail::dual_write

#endif
