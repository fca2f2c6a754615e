// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AWAITABLE_HPP
#define AGENTSTORE_AWAITABLE_HPP

/// \file
/// The one coroutine type of the library.

#include <agentstore/detail/requirements.hpp>

#include <boost/asio/awaitable.hpp>

namespace agentstore {

/// The type that every method of every interface returns.
///
/// An awaitable is lazy: nothing happens before it is awaited, and a dropped awaitable has no
/// effect (ASY-01). Requires: it is awaited once, by a coroutine of the same type, that is with
/// `any_io_executor`.
///
/// g++ 12 takes no braces inside a `co_await` expression, `co_await f({1, 2})` or `json({...})`:
/// the compiler reports "array used as initializer" at the end of the coroutine. Name the value
/// first.
template <class T>
using awaitable = boost::asio::awaitable<T>;

} // namespace agentstore

#endif
