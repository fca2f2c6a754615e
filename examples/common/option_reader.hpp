// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_EXAMPLES_COMMON_OPTION_READER_HPP
#define AGENTSTORE_EXAMPLES_COMMON_OPTION_READER_HPP

#include "input_error.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace example {

/// Walks over the arguments: one option after the other, with its value where it takes one.
class OptionReader {
public:
  explicit OptionReader(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  /// Steps to the next option; false at the end.
  bool next() {
    if (at_ == arguments_.size()) {
      return false;
    }
    const std::string& argument = arguments_[at_++];
    const std::size_t equals = argument.starts_with("--") ? argument.find('=') : std::string::npos;
    name_ = argument.substr(0, equals);
    has_value_ = equals != std::string::npos;
    value_ = has_value_ ? argument.substr(equals + 1) : std::string();
    return true;
  }

  const std::string& name() const { return name_; }

  /// The value of the option at hand.
  std::string value() {
    if (!has_value_ && at_ < arguments_.size() && !arguments_[at_].starts_with("--")) {
      value_ = arguments_[at_++];
    }
    if (value_.empty()) {
      throw InputError("option " + name_ + " needs an argument");
    }
    return value_;
  }

  /// For an option without a value.
  bool flag() const {
    if (has_value_) {
      throw InputError("option " + name_ + " takes no argument");
    }
    return true;
  }

private:
  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  std::string name_;
  std::string value_;
  bool has_value_ = false;
};

} // namespace example

#endif
