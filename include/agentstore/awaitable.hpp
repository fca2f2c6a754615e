// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_AWAITABLE_HPP
#define AGENTSTORE_AWAITABLE_HPP

/// \file
/// The one coroutine type of the library.

#include <agentstore/detail/requirements.hpp>

#include <boost/asio/awaitable.hpp>

namespace agentstore {

/// What every method of every interface returns.
///
/// Lazy: nothing happens before it is awaited, and one that is dropped has no effect (ASY-01).
/// It is awaited once, by a coroutine of the same type, that is with `any_io_executor`.
///
/// g++ 12 takes no braces inside a `co_await` expression, `co_await f({1, 2})` or `json({...})`: it
/// says "array used as initializer" at the end of the coroutine. Name the value first.
template <class T>
using awaitable = boost::asio::awaitable<T>;

} // namespace agentstore

#endif
