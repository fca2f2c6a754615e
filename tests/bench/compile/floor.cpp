// SPDX-License-Identifier: Apache-2.0
// What no user of the library can do without.
#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>
