// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_COMMON_INPUT_ERROR_HPP
#define AGENTSTORE_EXAMPLES_COMMON_INPUT_ERROR_HPP

#include <stdexcept>

namespace example {

/// What the user typed or handed in is wrong: an option, a URI, a line of the input file. The
/// message is one line that names it. Nothing has been stored when it is thrown.
class InputError : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace example

#endif
