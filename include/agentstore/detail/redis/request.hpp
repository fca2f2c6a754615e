// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_REQUEST_HPP
#define AGENTSTORE_DETAIL_REDIS_REQUEST_HPP

// What goes to the server at a time, and what comes back.

#include <agentstore/detail/redis/hash_slot.hpp>
#include <agentstore/detail/redis/reply.hpp>
#include <agentstore/detail/redis/script.hpp>

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

namespace agentstore::detail::redis {

/// A script with its keys and arguments, or a plain command.
class Command {
public:
  explicit Command(const Script& which) : script(&which) {}
  explicit Command(std::vector<std::string> command_words) : words(std::move(command_words)) {}

  /// Requires: all keys come before the first argument.
  Command& key(std::string name) {
    words.push_back(std::move(name));
    ++keys;
    return *this;
  }
  Command& add(std::string argument) {
    words.push_back(std::move(argument));
    return *this;
  }
  Command& add(std::string_view argument) { return add(std::string(argument)); }
  Command& add(const char* argument) { return add(std::string(argument)); }
  Command& add(std::uint64_t number) { return add(std::to_string(number)); }

  bool writes() const { return script != nullptr && script->writes; }

  std::size_t bytes() const {
    return std::accumulate(
        words.begin(), words.end(), std::size_t{4'096},
        [](std::size_t sum, const std::string& word) { return sum + word.size() + 32; });
  }

  /// The hash slot of the command, or 0 if it has no key. All keys of a script lie in one slot.
  std::size_t slot() const {
    const std::size_t first = script != nullptr ? 0 : 1; // behind a plain command's name
    return words.size() > first ? slot_of_key(words[first]) : 0;
  }

  /// Null for a plain command.
  const Script* script = nullptr;
  std::size_t keys = 0;
  std::vector<std::string> words;
  /// Whether the command goes to a node that its slot is still on its way to. The command is then
  /// announced by ASKING.
  bool asks_importer = false;
};

/// Commands that are sent together. Each is a step of its own, so commands of others may come in
/// between.
class Request {
public:
  Request() = default;
  explicit Request(Command command) { add(std::move(command)); }

  Request& add(Command command) {
    writes = writes || command.writes();
    commands.push_back(std::move(command));
    return *this;
  }

  /// Whether the server would end the connection over the request. The server takes a million words
  /// of 512 MiB and has a buffer of a GiB.
  bool is_too_large() const {
    constexpr std::size_t max_words = 1'000'000;
    constexpr std::size_t max_word = std::size_t{512} << 20u;
    constexpr std::size_t max_bytes = (std::size_t{1} << 30u) - (std::size_t{1} << 20u);
    return std::any_of(commands.begin(), commands.end(), [](const Command& command) {
      return command.words.size() > max_words || command.bytes() > max_bytes ||
             std::any_of(command.words.begin(), command.words.end(),
                         [](const std::string& word) { return word.size() > max_word; });
    });
  }

  std::vector<Command> commands;
  /// A request that only reads may be sent again when its connection breaks.
  bool writes = false;
};

/// The replies to all commands of a request, or what went wrong.
class Response {
public:
  Response() = default;
  explicit Response(Failure why) : failure(std::move(why)) {}

  /// The only reply.
  Element only() const { return replies.at(0).root(); }

  std::vector<Reply> replies;
  std::optional<Failure> failure;
};

} // namespace agentstore::detail::redis

#endif
