// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_LANGGRAPH_CHANNELS_HPP
#define AGENTSTORE_DETAIL_LANGGRAPH_CHANNELS_HPP

// The channel values of a checkpoint: which of those given are stored, and which are carried over
// from another checkpoint.

#include <agentstore/detail/langgraph/stored_checkpoint.hpp>

#include <map>
#include <set>

namespace agentstore::langgraph::detail {

inline constexpr auto channel_values = "channel_values";
inline constexpr auto channel_versions = "channel_versions";
inline constexpr auto pending_sends_channel = "__pregel_tasks";

/// The parts of a checkpoint that the checkpointer looks into, found in one walk. They refer to the
/// checkpoint.
class CheckpointParts {
public:
  explicit CheckpointParts(const Document& checkpoint) {
    const DocumentPart whole(checkpoint);
    for (auto& [name, part] : whole.members(channel_values, value_of_channel)) {
      if (name == "id") {
        id = part;
      } else if (name == "v") {
        format = part;
      } else if (name == channel_values) {
        values = part;
      } else if (name == channel_versions) {
        versions = part;
      }
    }
  }

  std::optional<DocumentPart> id;
  std::optional<DocumentPart> format;
  std::optional<DocumentPart> values;
  std::optional<DocumentPart> versions;
  DocumentPart::Members value_of_channel;

  bool has_channels() const {
    return values && values->is_object() && versions && versions->is_object();
  }
  /// Whether pending sends are writes of the parent, as formats before 4 have them.
  bool keeps_sends_as_writes() const {
    const json version = format ? format->tree() : json();
    return version.is_number() && version < 4;
  }
};

/// The checkpoint given to a put, with the values that it gets from elsewhere.
class ChannelCarrier {
public:
  /// Requires: `parts` are those of the checkpoint, values and versions are objects or nothing, and
  /// `new_versions` is an object.
  ChannelCarrier(Document checkpoint, const CheckpointParts& parts, const Document& new_versions)
      : checkpoint_(std::move(checkpoint)) {
    std::set<std::string> changed;
    for (const auto& [name, version] : DocumentPart(new_versions).members()) {
      changed.insert(name);
    }
    is_complete_ = parts.has_channels();
    versions_ = json::object();
    if (parts.versions && parts.versions->is_object()) {
      versions_ = parts.versions->tree();
    }
    for (const auto& [channel, version] : versions_.items()) {
      if (!changed.contains(channel)) {
        missing_.insert(channel);
      }
    }
    for (const auto& [channel, value] : parts.value_of_channel) {
      if (changed.contains(channel) && versions_.contains(channel)) {
        given_.insert(channel);
      } else {
        is_complete_ = false; // there is a value too many
      }
    }
  }

  bool needs_more() const { return !missing_.empty(); }

  /// Takes from a stored checkpoint the values of those channels that it has in the wanted version.
  /// If the stored checkpoint has such a channel without a value, the channel gets none. Returns
  /// false if the stored value is no checkpoint.
  bool carry_from(const StoredCheckpoint& from) {
    if (from.is_pruned || missing_.empty()) {
      return true;
    }
    const CheckpointParts parts(from.checkpoint);
    if (!parts.has_channels()) {
      return false;
    }
    const json versions = parts.versions->tree();
    std::map<std::string, DocumentPart> values;
    for (const auto& [channel, value] : parts.value_of_channel) {
      values.insert_or_assign(channel, value);
    }
    std::erase_if(missing_, [&](const std::string& channel) {
      const auto version = versions.find(channel);
      if (version == versions.end() || *version != versions_.at(channel)) {
        return false;
      }
      if (const auto value = values.find(channel); value != values.end()) {
        carried_.emplace_back(channel, value->second.document());
      }
      return true;
    });
    return true;
  }

  /// The checkpoint to store. It is the given one, unless its values change.
  Document finish() {
    if (is_complete_ && carried_.empty()) {
      return std::move(checkpoint_);
    }
    return DocumentPart(checkpoint_).is_text() ? finish_text() : finish_tree();
  }

private:
  using Members = std::vector<std::pair<std::string, Document>>;

  Document finish_tree() {
    json tree = std::move(checkpoint_).tree();
    json given = std::exchange(tree[channel_values], json::object());
    json& values = tree[channel_values];
    for (const std::string& channel : given_) {
      values[channel] = std::move(given[channel]);
    }
    for (auto& [channel, value] : carried_) {
      values[channel] = std::move(value).tree();
    }
    tree[channel_versions] = std::move(versions_);
    return tree;
  }

  Document finish_text() {
    std::map<std::string, DocumentPart> whole;
    for (auto& [name, part] : DocumentPart(checkpoint_).members()) {
      whole.insert_or_assign(name, part);
    }
    std::map<std::string, DocumentPart> given;
    if (const auto values = whole.find(channel_values); values != whole.end()) {
      for (auto& [channel, part] : values->second.members()) {
        given.insert_or_assign(channel, part);
      }
    }
    Members values = std::move(carried_);
    for (const std::string& channel : given_) {
      values.emplace_back(channel, given.at(channel).document());
    }
    Members members;
    for (const auto& [name, part] : whole) {
      if (name != channel_values && name != channel_versions) {
        members.emplace_back(name, part.document());
      }
    }
    members.emplace_back(channel_values, make_object(std::move(values)));
    members.emplace_back(channel_versions, std::move(versions_));
    return make_object(std::move(members));
  }

  Document checkpoint_;
  json versions_;
  std::set<std::string> given_;   // channels whose values are stored as given
  std::set<std::string> missing_; // channels that did not change, whose values are looked for
  Members carried_;
  bool is_complete_ = false; // all that was given is stored, and nothing is to be added
};

/// Whether `one` comes before `other` as a channel's version: numbers by value, all else as text.
inline bool version_less(const json& one, const json& other) {
  if (one.is_number() && other.is_number()) {
    return one < other;
  }
  const auto text = [](const json& version) {
    return version.is_string() ? version.get<std::string>() : version.dump();
  };
  return text(one) < text(other);
}

/// The checkpoint with its pending sends as a channel. Formats before 4 kept the sends as writes of
/// the parent.
inline Document with_pending_sends(Document checkpoint,
                                   std::vector<PendingWrite> writes_of_parent) {
  json sends = json::array();
  for (PendingWrite& write : writes_of_parent) {
    if (write.channel == pending_sends_channel) {
      sends.push_back(std::move(write.value).tree());
    }
  }
  json tree = std::move(checkpoint).tree();
  json& versions = tree[channel_versions];
  const auto greatest = std::max_element(versions.begin(), versions.end(), version_less);
  json version = 1;
  if (greatest != versions.end()) {
    version = *greatest;
  }
  versions[pending_sends_channel] = std::move(version);
  tree[channel_values][pending_sends_channel] = std::move(sends);
  return tree;
}

} // namespace agentstore::langgraph::detail

#endif
