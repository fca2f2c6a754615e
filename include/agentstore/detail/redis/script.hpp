// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPT_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPT_HPP

// Scripts run on the server, each as a whole and with no other command in between. The server keeps
// a script's text and knows it by its SHA-1. If it has forgotten the text, it gets the text again.

#include <boost/algorithm/hex.hpp>

#include <array>
#include <iterator>
#include <openssl/sha.h>
#include <ranges>
#include <string>
#include <string_view>

namespace agentstore::detail::redis {

/// Requires: scripts are static.
class Script {
public:
  /// How the server treats a script. If the server is full, a replica, or cannot write to its disk,
  /// it refuses a script that writes before the script begins.
  enum class Kind {
    reads,
    writes,
    /// Takes up less space when it has run, so it also runs if the server is full.
    removes
  };

  Script(Kind kind, const std::string& body)
      : text("#!lua" +
             std::string(kind == Kind::reads     ? " flags=no-writes"
                         : kind == Kind::removes ? " flags=allow-oom"
                                                 : "") +
             "\n" + with_functions(body)),
        digest(digest_of(text)), writes(kind != Kind::reads) {}

  const std::string text;
  const std::string digest;
  const bool writes;

  /// The functions that scripts use, each behind those that it calls. Each script checks everything
  /// before its first write: it reads from each key to see that the key has the right type, and it
  /// checks that the user may run its commands and that each value to be counted up is a number.
  /// Nothing after that can fail, so a script that fails has done nothing.
  static constexpr std::array<const char*, 7> functions = {
      R"lua(
-- Ends the script with an error.
local function fail(kind, reason)
  error(redis.error_reply(kind .. ' ' .. reason))
end
)lua",
      R"lua(
-- A command that only reads. An error names it.
local function read(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    error(redis.error_reply(reply.err .. ' (' .. (...) .. ')'))
  end
  return reply
end
)lua",
      R"lua(
-- Whether the user may do this to the keys. What stands for the words behind a key is as many as the
-- command has at least: newer servers count them where one asks for rights.
local function may(command, key, ...)
  local allows = redis.acl_check_cmd
  local is_allowed
  if command == 'PERSIST' or command == 'UNLINK' then
    is_allowed = allows(command, key)
  elseif command == 'HDEL' or command == 'ZREM' then
    is_allowed = allows(command, key, '0')
  else
    is_allowed = allows(command, key, '0', '0')
  end
  if not is_allowed then
    fail('NOPERM', "this user has no permissions to run the '" .. command .. "' command")
  end
  if ... then
    return may(command, ...)
  end
end
)lua",
      R"lua(
-- Counts up. As the first write of a script it is a check as well: where it fails nothing has been
-- done.
local function count_first(key, field)
  local reply = redis.pcall('HINCRBY', key, field, '1')
  if type(reply) == 'table' and reply.err then
    if string.find(reply.err, 'not an integer') or string.find(reply.err, 'overflow') then
      fail('CORRUPTED', 'a number is to stand where none does')
    end
    error(redis.error_reply(reply.err .. ' (HINCRBY)'))
  end
  return reply
end
)lua",
      R"lua(
-- Whether a text is a whole number, as the server writes one, that can go up.
local function can_count(text)
  return text == '0' or (#text <= 18 and string.find(text, '^%-?[1-9]%d*$'))
end
)lua",
      R"lua(
-- Fields of a hash. Those that are there can go up.
local function numbers(key, ...)
  local values = read('HMGET', key, ...)
  for i = 1, #values do
    if values[i] and not can_count(values[i]) then
      fail('CORRUPTED', 'a number is to stand where none does')
    end
  end
  return values
end
)lua",
      R"lua(
-- The number that a script counts with itself. It counts nothing that can reach 2^53. Lua has a
-- zero below zero, which is no number to the server; the sum is the other one.
local function digits(number)
  return string.format('%.0f', number + 0)
end
)lua"};

private:
  /// A script with the functions that it calls. The server makes each function anew whenever the
  /// script runs.
  static std::string with_functions(std::string script) {
    for (const std::string_view text : std::views::reverse(functions)) {
      constexpr std::string_view begin = "local function ";
      const std::size_t name = text.find(begin) + begin.size();
      if (script.find(text.substr(name, text.find('(', name) + 1 - name)) != std::string::npos) {
        script.insert(0, text);
      }
    }
    return script;
  }

  static std::string digest_of(const std::string& text) {
    unsigned char bytes[SHA_DIGEST_LENGTH];
    ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes);
    std::string hex;
    boost::algorithm::hex_lower(std::begin(bytes), std::end(bytes), std::back_inserter(hex));
    return hex;
  }
};

} // namespace agentstore::detail::redis

#endif
