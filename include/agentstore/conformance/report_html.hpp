// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_REPORT_HTML_HPP
#define AGENTSTORE_CONFORMANCE_REPORT_HTML_HPP

/// \file
/// A report as a page that a person can open, print and pass on: one file of valid HTML, without
/// outside resources or scripts.

#include <agentstore/conformance/report.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace agentstore::conformance {

/// The statement, the claims, what was broken and why, all rules by area, and what was not tested.
std::string to_html(const Report& report);

// Only machinery below this line.

namespace detail {

/// Text that is no markup. Characters that HTML cannot hold become replacement characters.
inline std::string in_html(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      result += "&#xFFFD;";
    } else {
      result += c;
    }
  }
  return result;
}

inline std::string in_element(std::string_view name, std::string_view text) {
  const std::string tag(name.substr(0, name.find(' ')));
  return "<" + std::string(name) + ">" + in_html(text) + "</" + tag + ">";
}

/// The name of a style for a verdict.
inline std::string style_of(Verdict verdict) {
  switch (verdict) {
  case Verdict::held:
    return "held";
  case Verdict::broken:
  case Verdict::error:
  case Verdict::not_run:
    return "broken";
  case Verdict::broken_known:
  case Verdict::untested:
    return "open";
  case Verdict::not_claimed:
    return "aside";
  }
  return "aside";
}

inline std::string area_of(const RuleResult& rule) {
  return rule.id.substr(0, rule.id.find('-'));
}

inline std::string row_in_html(const RuleResult& rule) {
  std::string row =
      "<tr id=\"" + in_html(rule.id) + "\">" + in_element("th scope=\"row\"", rule.id) +
      in_element("td class=\"" + style_of(rule.verdict) + "\"", to_string(rule.verdict)) + "<td>" +
      in_html(rule.text);
  if (!rule.reason.empty()) {
    row += "<br>" + in_element("em", rule.reason);
  }
  return row + "</td>" + in_element("td class=\"number\"", std::to_string(rule.took.count())) +
         "</tr>\n";
}

inline constexpr std::string_view html_style = R"(
body { font: 16px/1.4 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #111; background: #fff; }
table { border-collapse: collapse; width: 100%; margin-bottom: 1.5em; }
th, td { border: 1px solid #bbb; padding: 0.25em 0.5em; text-align: left; vertical-align: top; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #bbb; padding: 0.5em; }
em { overflow-wrap: anywhere; }
.held { background: #e3f4e3; } .broken { background: #f9dcdc; font-weight: bold; }
.open { background: #fdf3d0; } .aside { color: #555; } .number { text-align: right; }
@media print { body { margin: 0; max-width: none; } tr, pre { break-inside: avoid; } }
)";

} // namespace detail

inline std::string to_html(const Report& report) {
  using detail::in_element;
  const std::string title = "agentstore conformance: " + report.harness;
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
      in_element("title", title) + "\n<style>" + std::string(detail::html_style) +
      "</style>\n</head>\n<body>\n" + in_element("h1", title) + "\n" +
      in_element("p class=\"" + std::string(report.conforms() ? "held" : "broken") + "\"",
                 report.statement()) +
      "\n";
  page +=
      in_element("p", "agentstore " + detail::library_version() + ", contract " + contract_version +
                          ", claims {" + detail::joined(report.claims) + "}, seed " +
                          std::to_string(report.seed) + ", " + detail::compiler_version()) +
      "\n<table>\n<tr><th scope=\"col\">Verdict</th><th scope=\"col\">Rules</th></tr>\n";
  for (const Verdict verdict : detail::all_verdicts) {
    if (const std::size_t count = report.count(verdict); count != 0) {
      page += "<tr>" +
              in_element("td class=\"" + detail::style_of(verdict) + "\"", to_string(verdict)) +
              in_element("td class=\"number\"", std::to_string(count)) + "</tr>\n";
    }
  }
  page += "</table>\n";
  for (const RuleResult& rule : report.results) {
    if (detail::style_of(rule.verdict) == "broken") {
      page += in_element("h2", rule.id + " " + std::string(to_string(rule.verdict))) + "\n" +
              in_element("p", rule.reason) + "\n";
      if (!rule.details.empty()) {
        page += in_element("pre", rule.details) + "\n";
      }
    }
  }
  page += "<h2>All rules</h2>\n";
  std::vector<std::string> areas;
  for (const RuleResult& rule : report.results) {
    if (std::find(areas.begin(), areas.end(), detail::area_of(rule)) == areas.end()) {
      areas.push_back(detail::area_of(rule));
    }
  }
  for (const std::string& area : areas) {
    page += in_element("h3", area) +
            "\n<table>\n<tr><th scope=\"col\">Rule</th><th scope=\"col\">Verdict</th>"
            "<th scope=\"col\">What it says</th><th scope=\"col\">ms</th></tr>\n";
    for (const RuleResult& rule : report.results) {
      if (detail::area_of(rule) == area) {
        page += detail::row_in_html(rule);
      }
    }
    page += "</table>\n";
  }
  page += "<h2>What this does not show</h2>\n<ul>\n";
  for (const char* open :
       {"what a loss of power does",
        "what a clock that jumps does, where the harness cannot set it",
        "what a network that splits does",
        "data races, which are met by chance alone: run the kit under ThreadSanitizer too",
        "what the rules say that are UNTESTED or NOT CLAIMED above"}) {
    page += in_element("li", open) + "\n";
  }
  return page + "</ul>\n</body>\n</html>\n";
}

} // namespace agentstore::conformance

#endif
