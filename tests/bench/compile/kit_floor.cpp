// SPDX-License-Identifier: Apache-2.0
#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>

#include <support/catch.hpp>
