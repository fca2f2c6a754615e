// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_SCRIPTS_SCRIPTS_HPP
#define AGENTSTORE_DETAIL_REDIS_SCRIPTS_SCRIPTS_HPP

// What each method asks of the server, and what it makes of the response. `Scripts<Call>` has
//
//     Request request(const ScriptContext&, arguments of the call...);
//     bool take(const Response&);  // true: done; false: make another request
//     Result result();
//
// No function here waits for anything. A request without commands ends the call.

#include <agentstore/authoring/calls.hpp>
#include <agentstore/authoring/clock.hpp>
#include <agentstore/detail/redis/codec.hpp>
#include <agentstore/detail/redis/keys.hpp>
#include <agentstore/detail/redis/request.hpp>

namespace agentstore::detail::redis {

/// What a method may need besides its arguments.
class ScriptContext {
public:
  ScriptContext(const Clock& the_clock, Limits the_limits, const Keys& the_keys)
      : clock(the_clock), limits(the_limits), keys(the_keys) {}

  const Clock& clock;
  Limits limits;
  const Keys& keys;
};

/// The scripts of one method, by its call.
template <class Call>
class Scripts;

/// The part of a write whose result is whether it did something.
class TrueIfDone {
public:
  bool take(const Response& response) {
    result_ = response.only().integer() != 0;
    return true;
  }
  bool result() const { return result_; }

private:
  bool result_ = false;
};

/// How many items a script is to give at most, as one of its numbers.
inline std::uint64_t limit_of(std::size_t limit) {
  return std::min<std::uint64_t>(limit, 1'000'000'000'000);
}

/// Some fields of a hash, however many.
inline const std::string fetch_function = R"lua(
-- The values of fields that are all to be there.
local function fetch(key, fields)
  local values = {}
  for from = 1, #fields, 5000 do -- Lua's stack holds some 8000
    local some = read('HMGET', key, unpack(fields, from, math.min(#fields, from + 4999)))
    for i = 1, #some do
      if not some[i] then
        fail('CORRUPTED', 'a part of what was stored is missing')
      end
      values[#values + 1] = some[i]
    end
  end
  return values
end
)lua";

} // namespace agentstore::detail::redis

#endif
