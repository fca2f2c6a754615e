// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULE_HPP
#define AGENTSTORE_CONFORMANCE_RULE_HPP

/// \file
/// A rule as a value: its id, what it says, when it is due, and how it is checked.

#include <agentstore/conformance/check/rule_context.hpp>

#include <string_view>

namespace agentstore::conformance {

/// What a rule needs in order to be due. The namespace `needs` has the common ones.
class Needs {
public:
  using Claim = bool (Claims::*)() const;

  constexpr Needs() = default;

  /// All of these interfaces.
  constexpr Needs all(unsigned interfaces) const {
    Needs copy = *this;
    copy.all_ |= interfaces;
    return copy;
  }
  /// One of these interfaces at least.
  constexpr Needs any(unsigned interfaces) const {
    Needs copy = *this;
    copy.any_ |= interfaces;
    return copy;
  }
  /// This claim.
  constexpr Needs claim(Claim wanted, const char* name) const {
    Needs copy = *this;
    copy.claim_ = wanted;
    copy.claim_name_ = name;
    return copy;
  }

  /// Empty if the rule is due, else the reason why it is not.
  std::string missing(unsigned offered, const Claims& claims) const {
    if ((offered & all_) != all_ || (any_ != 0 && (offered & any_) == 0)) {
      return "the backend does not have the interface";
    }
    if (claim_ != nullptr && !(claims.*claim_)()) {
      return std::string("not claimed: ") + claim_name_;
    }
    return {};
  }

private:
  unsigned all_ = 0;
  unsigned any_ = 0;
  Claim claim_ = nullptr;
  const char* claim_name_ = "";
};

/// The needs that rules have.
namespace needs {
inline constexpr Needs anything = Needs();
inline constexpr Needs sessions = Needs().all(Interfaces::sessions);
inline constexpr Needs conversations = Needs().all(Interfaces::conversations);
inline constexpr Needs session_conversations =
    Needs().all(Interfaces::sessions | Interfaces::conversations);
inline constexpr Needs checkpoints =
    Needs().any(Interfaces::checkpoints | Interfaces::checkpointer);
inline constexpr Needs both_checkpoint_interfaces =
    Needs().all(Interfaces::checkpoints | Interfaces::checkpointer);
inline constexpr Needs writes = Needs().all(Interfaces::checkpointer);
inline constexpr Needs contexts = Needs().all(Interfaces::contexts);
inline constexpr Needs session_contexts = Needs().all(Interfaces::sessions | Interfaces::contexts);
inline constexpr Needs backend = Needs().all(Interfaces::backend);
inline constexpr Needs life_cycle = Needs().any(Interfaces::backend | Interfaces::archive);
inline constexpr Needs session_directory =
    Needs().all(Interfaces::sessions | Interfaces::session_directory);
inline constexpr Needs thread_directory =
    Needs()
        .all(Interfaces::thread_directory)
        .any(Interfaces::checkpoints | Interfaces::checkpointer);
inline constexpr Needs archive = Needs().all(Interfaces::archive);
inline constexpr Needs archiving =
    Needs().all(Interfaces::archiving | Interfaces::backend | Interfaces::checkpointer);
inline constexpr Needs archive_once = Needs().all(Interfaces::archive | Interfaces::archive_once);
} // namespace needs

/// One rule of the contract.
class Rule {
public:
  using Body = void (*)(RuleContext&);

  Rule(std::string_view the_id, Needs due, std::string_view sentence, std::string_view look_at,
       Body check)
      : id(the_id), when(due), text(sentence), hint(look_at), body(check) {}

  /// The id as the headers have it, e.g. "SES-03".
  std::string_view id;
  /// The interfaces and claims that make the rule due.
  Needs when;
  /// The rule in one sentence.
  std::string_view text;
  /// What to look at first if the rule is broken.
  std::string_view hint;
  /// Checks the rule: returns if it holds, throws `Violation` if not, `NotTestable` if the check
  /// could not decide.
  Body body;
};

} // namespace agentstore::conformance

#endif
