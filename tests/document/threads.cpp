// SPDX-License-Identifier: Apache-2.0
// Many threads on one value: ThreadSanitizer says whether they get in each other's way.

#include "support/catch.hpp"
#include "support/json_values.hpp"

#include <agentstore/document_from_text.hpp>

#include <atomic>
#include <barrier>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace agentstore;
using namespace agentstore::test;

namespace {

constexpr int threads = 4;
constexpr int rounds = 200;

/// Runs `work(i)` in several threads that begin at the same moment.
template <class Work>
void together(Work work) {
  std::barrier start(threads);
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      start.arrive_and_wait();
      work(i);
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
}

const json expected = object_of("t", std::string(500, 'x'));

} // namespace

TEST_CASE("The other form is made once, whoever asks", "[document]") {
  for (int round = 0; round < rounds; ++round) {
    const Document text = Document::from_text(expected.dump());
    const Document tree = expected;
    std::vector<const json*> trees(threads);
    std::vector<const char*> texts(threads);
    std::atomic<int> wrong = 0;
    together([&](int i) {
      const auto place = static_cast<std::size_t>(i);
      trees[place] = &text.tree();
      texts[place] = tree.text().data();
      if (*trees[place] != expected || tree.text() != text.text() || tree.fault() != text.fault()) {
        ++wrong;
      }
    });
    CHECK(wrong == 0);
    for (int i = 1; i < threads; ++i) {
      CHECK(trees[static_cast<std::size_t>(i)] == trees[0]);
      CHECK(texts[static_cast<std::size_t>(i)] == texts[0]);
    }
  }
}

TEST_CASE("Copies, fresh ones and what is taken out are each thread's own", "[document]") {
  for (int round = 0; round < rounds; ++round) {
    for (Document shared : {Document::from_text(expected.dump()), Document(expected)}) {
      std::vector<Document> copies(threads, shared);
      shared = Document(); // the last owner is one of the threads
      std::atomic<int> wrong = 0;
      together([&](int i) {
        Document mine = std::move(copies[static_cast<std::size_t>(i)]);
        const Document fresh = mine.fresh();
        const Document copy = fresh;
        if (i % 2 == 0 && (mine.tree() != expected || fresh.text() != expected.dump())) {
          ++wrong;
        }
        json out = std::move(mine).tree();
        out["i"] = i;
        if (out.size() != 2 || copy != expected) {
          ++wrong;
        }
      });
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("A fresh one outlives the value it was made of, on another thread", "[document]") {
  for (int round = 0; round < rounds; ++round) {
    for (const bool is_text : {true, false}) {
      Document kept = is_text ? Document::from_text(expected.dump()) : Document(expected);
      std::vector<Document> fresh;
      for (int i = 0; i < threads; ++i) {
        fresh.push_back(kept.fresh());
      }
      std::atomic<int> wrong = 0;
      together([&](int i) {
        if (i == 0) {
          kept = Document();
        }
        Document mine = std::move(fresh[static_cast<std::size_t>(i)]);
        if (std::move(mine).tree() != expected) {
          ++wrong;
        }
      });
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("A form that could not be made is made by the next one who asks", "[document]") {
  for (int round = 0; round < rounds; ++round) {
    detail::document::Lazy<int> lazy;
    std::atomic<int> attempts = 0;
    std::atomic<int> failed = 0;
    std::atomic<int> right = 0;
    together([&](int) {
      try {
        right += lazy.get([&] {
          if (++attempts < threads) {
            throw std::runtime_error("no memory, say");
          }
          return 1;
        });
      } catch (const std::runtime_error&) {
        ++failed;
      }
    });
    // All but the last attempt failed, each for the one who made it.
    CHECK(failed == threads - 1);
    CHECK(right == 1);
    CHECK(*lazy.peek() == 1);
  }
}
