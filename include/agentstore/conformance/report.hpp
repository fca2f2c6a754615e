// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_REPORT_HPP
#define AGENTSTORE_CONFORMANCE_REPORT_HPP

/// \file
/// The findings of a run of the kit, as values, as a table for a person and as JSON for a program.

#include <agentstore/conformance/claims.hpp>
#include <agentstore/records.hpp>
#include <agentstore/version.hpp>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace agentstore::conformance {

enum class Verdict {
  held,
  broken,
  broken_known, ///< broken, as `Claims::known_gap` said
  not_claimed,  ///< not due: the interface or the claim is not there
  untested,     ///< due, but a hook of the harness is missing
  not_run,
  error, ///< the harness failed, or a known gap no longer shows
};

/// The verdict as reports show it, e.g. "BROKEN(known)".
std::string_view to_string(Verdict verdict);

/// The result of one rule.
class RuleResult {
public:
  RuleResult() = default;

  std::string id;
  std::string text;
  Verdict verdict = Verdict::not_run;
  /// One line; empty if the rule held.
  std::string reason;
  /// For a broken rule: what was done, what was expected and what came, and the hint.
  std::string details;
  std::chrono::milliseconds took{0};
};

/// The results of all rules for one harness.
///
/// JSON, `to_json()`:
///
///     { "harness": text, "library": "0.1.0", "contract": "1.0", "compiler": text,
///       "seed": number, "claims": [text], "conforms": boolean, "statement": text,
///       "counts": { verdict: number, ... },
///       "rules": [ { "id": text, "text": text, "verdict": text, "reason": text,
///                    "details": text, "milliseconds": number } ] }
class Report {
public:
  Report() = default;

  std::string harness;
  std::vector<std::string> claims;
  std::uint64_t seed = 0;
  std::vector<RuleResult> results;

  std::size_t count(Verdict verdict) const;
  const RuleResult* find(std::string_view id) const;

  /// Whether every rule that is due was run and held (or is a known gap, or untested for want of a
  /// hook), and at least one rule was run and held.
  bool conforms() const;

  /// One sentence: what the backend conforms to, or why nothing is stated.
  std::string statement() const;

  /// All rules with their verdicts, the statement, and a note on what the statement does not mean.
  std::string to_table() const;

  json to_json() const;
};

// Only machinery below this line.

inline std::string_view to_string(Verdict verdict) {
  switch (verdict) {
  case Verdict::held:
    return "HELD";
  case Verdict::broken:
    return "BROKEN";
  case Verdict::broken_known:
    return "BROKEN(known)";
  case Verdict::not_claimed:
    return "NOT CLAIMED";
  case Verdict::untested:
    return "UNTESTED";
  case Verdict::not_run:
    return "NOT RUN";
  case Verdict::error:
    return "ERROR";
  }
  return "?";
}

namespace detail {

inline constexpr std::array<Verdict, 7> all_verdicts = {
    Verdict::held,     Verdict::broken,  Verdict::broken_known, Verdict::not_claimed,
    Verdict::untested, Verdict::not_run, Verdict::error};

inline std::string library_version() {
  return std::to_string(version_major) + "." + std::to_string(version_minor) + "." +
         std::to_string(version_patch);
}

inline std::string compiler_version() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

inline std::string padded(std::string_view text, std::size_t width) {
  std::string result(text);
  result.resize(std::max(width, result.size()), ' ');
  return result;
}

inline std::string joined(const std::vector<std::string>& parts) {
  std::string result;
  for (const std::string& part : parts) {
    result += (result.empty() ? "" : ", ") + part;
  }
  return result;
}

} // namespace detail

inline std::size_t Report::count(Verdict verdict) const {
  std::size_t result = 0;
  for (const RuleResult& rule : results) {
    result += rule.verdict == verdict ? 1u : 0u;
  }
  return result;
}

inline const RuleResult* Report::find(std::string_view id) const {
  for (const RuleResult& rule : results) {
    if (rule.id == id) {
      return &rule;
    }
  }
  return nullptr;
}

inline bool Report::conforms() const {
  return count(Verdict::held) != 0 && count(Verdict::broken) == 0 && count(Verdict::not_run) == 0 &&
         count(Verdict::error) == 0;
}

inline std::string Report::statement() const {
  if (!conforms()) {
    if (count(Verdict::held) + count(Verdict::broken) + count(Verdict::broken_known) == 0) {
      return harness + ": no conformance statement: no rule was run";
    }
    std::string why;
    for (const Verdict verdict : {Verdict::broken, Verdict::error, Verdict::not_run}) {
      if (const std::size_t rules = count(verdict); rules != 0) {
        why += (why.empty() ? "" : ", ") + std::to_string(rules) + " " +
               std::string(to_string(verdict));
      }
    }
    return harness + ": no conformance statement: " + why;
  }
  std::string text = harness + " conforms to the agentstore contract " + contract_version + ": " +
                     std::to_string(count(Verdict::held)) + " rules held; claims {" +
                     detail::joined(claims) + "}";
  if (const std::size_t gaps = count(Verdict::broken_known); gaps != 0) {
    text += "; " + std::to_string(gaps) + " known gaps";
  }
  if (const std::size_t untested = count(Verdict::untested); untested != 0) {
    text += "; " + std::to_string(untested) + " untested for want of a hook";
  }
  return text;
}

inline std::string Report::to_table() const {
  std::string table = "agentstore " + detail::library_version() + ", contract " + contract_version +
                      ", harness " + harness + ", claims {" + detail::joined(claims) + "}, seed " +
                      std::to_string(seed) + ", " + detail::compiler_version() + "\n\n";
  for (const RuleResult& rule : results) {
    table += "  " + rule.id + "  " + detail::padded(to_string(rule.verdict), 13) + " " +
             detail::padded(std::to_string(rule.took.count()) + " ms", 9) + rule.text + "\n";
    if (!rule.reason.empty() && rule.verdict != Verdict::not_claimed) {
      table += "          " + rule.reason + "\n";
    }
  }
  table += "\n  ";
  for (const Verdict verdict : detail::all_verdicts) {
    if (const std::size_t rules = count(verdict); rules != 0) {
      table += std::to_string(rules) + " " + std::string(to_string(verdict)) + "   ";
    }
  }
  table += "\n\n" + statement() + "\n";
  if (conforms()) {
    table +=
        "Not shown by this: what a loss of power does, what a clock that jumps does where the "
        "harness\ncannot set it, and what a network that splits does. Data races are only met by "
        "chance, a\nstore without any lock may pass: run the kit under ThreadSanitizer too.\n";
  }
  return table;
}

inline json Report::to_json() const {
  json counts = json::object();
  for (const Verdict verdict : detail::all_verdicts) {
    counts[std::string(to_string(verdict))] = count(verdict);
  }
  json rules = json::array();
  for (const RuleResult& rule : results) {
    json entry = json::object();
    entry["id"] = rule.id;
    entry["text"] = rule.text;
    entry["verdict"] = std::string(to_string(rule.verdict));
    entry["reason"] = rule.reason;
    entry["details"] = rule.details;
    entry["milliseconds"] = rule.took.count();
    rules.push_back(std::move(entry));
  }
  json out = json::object();
  out["harness"] = harness;
  out["library"] = detail::library_version();
  out["contract"] = contract_version;
  out["compiler"] = detail::compiler_version();
  out["seed"] = seed;
  out["claims"] = claims;
  out["conforms"] = conforms();
  out["statement"] = statement();
  out["counts"] = std::move(counts);
  out["rules"] = std::move(rules);
  return out;
}

} // namespace agentstore::conformance

#endif
