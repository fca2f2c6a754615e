// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_TEXTS_HPP
#define AGENTSTORE_TESTS_SUPPORT_TEXTS_HPP

#include <string>
#include <vector>

namespace agentstore::test {

/// Texts that are UTF-8, up to the edges of each length of encoding.
inline std::vector<std::string> utf8_texts() {
  return {"a",
          "\x7f",
          "\xc2\x80",         // U+0080
          "\xdf\xbf",         // U+07FF
          "\xe0\xa0\x80",     // U+0800
          "\xed\x9f\xbf",     // U+D7FF, the last before the surrogates
          "\xee\x80\x80",     // U+E000, the first after them
          "\xef\xbf\xbf",     // U+FFFF
          "\xf0\x90\x80\x80", // U+10000
          "\xf4\x8f\xbf\xbf", // U+10FFFF
          "12345678\xc3\xa9",
          "1234567\xc3\xa9",
          "e\xcc\x81"};
}

/// Texts that are not, the fault at the front, behind eight plain bytes, and at the very end.
inline std::vector<std::string> not_utf8_texts() {
  std::vector<std::string> texts;
  for (const char* wrong : {"\x80",             // a continuation alone
                            "\xbf",             //
                            "\xc0\x80",         // overlong NUL
                            "\xc1\xbf",         // overlong U+007F
                            "\xe0\x9f\xbf",     // overlong U+07FF
                            "\xf0\x8f\xbf\xbf", // overlong U+FFFF
                            "\xed\xa0\x80",     // the first surrogate
                            "\xed\xbf\xbf",     // the last
                            "\xf4\x90\x80\x80", // U+110000
                            "\xf5\x80\x80\x80", //
                            "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
                            "\xc3",         // cut off
                            "\xe2\x82",     //
                            "\xf0\x9f\x98", //
                            "\xe2(\xa1"}) {
    texts.emplace_back(wrong);
    texts.push_back(std::string("12345678") + wrong);
    texts.push_back(std::string("ok ") + wrong + " and more of it");
  }
  return texts;
}

} // namespace agentstore::test

#endif
