// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REQUIREMENTS_HPP
#define AGENTSTORE_DETAIL_REQUIREMENTS_HPP

// What a compiler must be able to do. Every public header includes this before anything else. The
// include of a file that is not there ends the compilation: without it the one line that helps is
// followed by pages of errors.

#if defined(__clang__) && __clang_major__ < 16
#error "agentstore needs clang 16 or newer, or g++ 12 or newer: this clang is too old"
#include <agentstore/see-the-error-above>
#elif defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 12
#error "agentstore needs g++ 12 or newer, or clang 16 or newer: this g++ is too old"
#include <agentstore/see-the-error-above>
#elif __cplusplus < 202002L
#error "agentstore needs C++20: compile with -std=c++20"
#include <agentstore/see-the-error-above>
#elif !defined(__cpp_exceptions)
#error "agentstore needs exceptions: compile without -fno-exceptions"
#include <agentstore/see-the-error-above>
#endif

#endif
