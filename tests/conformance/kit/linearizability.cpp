// SPDX-License-Identifier: Apache-2.0

// The search for an order of concurrent calls, and what is said of histories, on histories made by
// hand.

#include "support/catch.hpp"

#include <agentstore/conformance/concurrency/history.hpp>

using namespace agentstore;
using namespace agentstore::conformance;
using Kind = Operation::Kind;

namespace {

/// A write of a register, or a read with what it returned.
struct RegisterCall {
  bool writes;
  int value;
  std::uint64_t begin;
  std::uint64_t end;
};

class Register {
public:
  bool take(const RegisterCall& call) {
    if (call.writes) {
      value_ = call.value;
    }
    return value_ == call.value;
  }
  std::string fingerprint() const { return std::to_string(value_); }

private:
  int value_ = 0;
};

Ordering::Verdict judge(const std::vector<RegisterCall>& calls, std::size_t most = 100'000) {
  return find_order(Register(), calls, most).verdict;
}

constexpr auto found = Ordering::Verdict::found;
constexpr auto none = Ordering::Verdict::none;

RegisterCall write(int value, std::uint64_t begin, std::uint64_t end) {
  return {true, value, begin, end};
}
RegisterCall read(int value, std::uint64_t begin, std::uint64_t end) {
  return {false, value, begin, end};
}

/// Histories of one session, for the model.
class Story {
public:
  Story& update(json answer, std::uint64_t begin, std::uint64_t end) {
    Operation operation(Kind::update_session, "s");
    operation.update.increment_requests();
    return add(operation, std::move(answer), begin, end);
  }
  Story& requests(std::uint64_t count, std::uint64_t begin, std::uint64_t end) {
    Session session;
    session.session_id = "s";
    session.user_id = "u";
    session.request_count = count;
    return add(Operation(Kind::get_session, "s"), outcome_of(session), begin, end);
  }
  Story& ends(json answer, const char* status, std::uint64_t begin, std::uint64_t end) {
    Operation operation(Kind::end_session, "s");
    operation.text = status;
    return add(operation, std::move(answer), begin, end);
  }
  Story& append(const char* content, json answer, std::uint64_t begin, std::uint64_t end) {
    Operation operation(Kind::add_conversation_message, "s");
    operation.text = "user";
    operation.content = content;
    return add(operation, std::move(answer), begin, end);
  }
  Story& read(const std::vector<std::string>& contents, std::uint64_t begin, std::uint64_t end) {
    json messages = json::array();
    for (const std::string& content : contents) {
      Message message;
      message.role = "user";
      message.content = content;
      messages.push_back(outcome_of(message));
    }
    return add(Operation(Kind::get_conversation_history, "s"), messages, begin, end);
  }

  std::string disorder() const {
    Model model;
    model.create_session("s", "u", json::object());
    Deadline deadline(std::chrono::seconds(10));
    return text(find_disorder(model, calls_, deadline));
  }
  std::string lost_append() const { return text(find_lost_append(calls_)); }

private:
  static std::string text(const std::optional<Violation>& violation) {
    return violation ? violation->what() : "";
  }
  Story& add(const Operation& operation, json answer, std::uint64_t begin, std::uint64_t end) {
    Call call;
    call.operation = operation;
    call.outcome = std::move(answer);
    call.begin = begin;
    call.end = end;
    calls_.push_back(call);
    return *this;
  }

  History calls_;
};

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("calls one after the other have one order") {
  CHECK(judge({}) == found);
  CHECK(judge({write(1, 1, 2), read(1, 3, 4)}) == found);
  CHECK(judge({write(1, 1, 2), read(0, 3, 4)}) == none);
  CHECK(judge({read(1, 1, 2), write(1, 3, 4)}) == none);
}

TEST_CASE("a call may take effect anywhere between its begin and its end") {
  CHECK(judge({write(1, 1, 10), read(0, 2, 3), read(1, 4, 5)}) == found);
  CHECK(judge({write(1, 1, 10), read(1, 2, 3), read(0, 4, 5)}) == none);
  CHECK(judge({write(1, 1, 10), read(1, 2, 3), read(1, 11, 12)}) == found);
}

TEST_CASE("intervals are closed: an end and a begin at one event are at once") {
  CHECK(judge({write(1, 1, 2), read(0, 2, 3)}) == found);
  CHECK(judge({write(1, 1, 2), read(0, 3, 3)}) == none);
}

TEST_CASE("readers must agree on the order of two writes") {
  const RegisterCall one = write(1, 1, 20);
  const RegisterCall two = write(2, 1, 20);
  CHECK(judge({one, two, read(1, 2, 3), read(2, 4, 5), read(2, 6, 7)}) == found);
  CHECK(judge({one, two, read(1, 2, 3), read(2, 4, 5), read(1, 6, 7)}) == none);
  CHECK(judge({one, two, read(1, 2, 5), read(2, 2, 5), read(1, 6, 7), read(2, 6, 7)}) == none);
}

TEST_CASE("the order that is found explains the answers") {
  const std::vector<RegisterCall> calls = {read(2, 1, 9), write(1, 1, 9), write(2, 1, 9),
                                           read(1, 10, 11)};
  const Ordering ordering = find_order(Register(), calls);
  REQUIRE(ordering.verdict == found);
  CHECK(ordering.order == std::vector<std::size_t>{2, 0, 1, 3});
}

TEST_CASE("without an order, the longest beginning of one is given") {
  const Ordering ordering = find_order(
      Register(), std::vector<RegisterCall>{write(1, 1, 2), read(1, 3, 4), read(5, 5, 6)});
  CHECK(ordering.verdict == none);
  CHECK(ordering.order == std::vector<std::size_t>{0, 1});
}

TEST_CASE("a search that grows too long is given up, and says so") {
  std::vector<RegisterCall> calls;
  for (int i = 1; i <= 20; ++i) {
    calls.push_back(write(i, 1, 100));
  }
  calls.push_back(read(99, 101, 102));
  CHECK(judge(calls, 1000) == Ordering::Verdict::undecided);
}

TEST_CASE("more calls than the search can hold are refused") {
  CHECK_THROWS_AS(judge(std::vector<RegisterCall>(65, write(1, 1, 2))), std::length_error);
}

TEST_CASE("a lost update is a history without an order") {
  CHECK(Story().update(true, 1, 4).update(true, 2, 3).requests(2, 5, 6).disorder().empty());
  CHECK(Story().update(true, 1, 4).requests(0, 2, 3).requests(1, 5, 6).disorder().empty());
  const std::string lost =
      Story().update(true, 1, 4).update(true, 2, 3).requests(1, 5, 6).disorder();
  CHECK(holds(lost, "\"request_count\":2"));
  CHECK(holds(lost, "2 of 3 concurrent calls"));
  CHECK(holds(lost, "came {\"error_count\":0"));
}

TEST_CASE("two ends that both succeed are a history without an order") {
  CHECK(Story().ends(true, "x", 1, 4).ends(false, "y", 1, 4).disorder().empty());
  CHECK_FALSE(Story().ends(true, "x", 1, 4).ends(true, "y", 1, 4).disorder().empty());
  CHECK_FALSE(Story().ends(false, "x", 1, 4).ends(false, "y", 1, 4).disorder().empty());
  CHECK_FALSE(Story().ends(true, "x", 1, 2).update(true, 3, 4).disorder().empty());
  CHECK(Story().ends(true, "x", 1, 3).update(true, 3, 4).disorder().empty());
}

TEST_CASE("a failure that the model does not have is a history without an order") {
  CHECK_FALSE(Story().update(outcome_of(errc::unavailable), 1, 2).disorder().empty());
}

TEST_CASE("appends that are all there, in an order that may be, are right") {
  CHECK(Story().read({}, 1, 2).lost_append().empty());
  CHECK(Story()
            .append("a", true, 1, 5)
            .append("b", true, 2, 4)
            .read({"b"}, 3, 6)
            .append("c", true, 6, 7)
            .read({"b", "a", "c"}, 8, 9)
            .lost_append()
            .empty());
  // Of one that threw it is not known whether it was stored.
  const json unknown = outcome_of(errc::unavailable);
  CHECK(Story().append("a", unknown, 1, 2).read({}, 3, 4).lost_append().empty());
  CHECK(Story().append("a", unknown, 1, 2).read({"a"}, 3, 4).lost_append().empty());
}

TEST_CASE("what is wrong with appends is said") {
  const auto two = [] { return Story().append("a", true, 1, 4).append("b", true, 2, 3); };
  CHECK(holds(two().read({"a"}, 5, 6).lost_append(), "which was acknowledged, came none"));
  CHECK(holds(two().read({"a", "b", "a"}, 5, 6).lost_append(), "once, came it twice"));
  CHECK(holds(two().read({"a", "b", "x"}, 5, 6).lost_append(), "messages that were appended"));
  CHECK(holds(Story().append("a", false, 1, 2).read({"a"}, 3, 4).lost_append(), "was refused"));
  CHECK(holds(
      Story().append("a", true, 1, 2).append("b", true, 3, 4).read({"b", "a"}, 5, 6).lost_append(),
      "called after its end"));
  CHECK(holds(two().read({"b"}, 3, 4).read({"a", "b"}, 5, 6).lost_append(), "the beginning of"));
  CHECK(holds(two().read({}, 5, 6).read({"a", "b"}, 7, 8).lost_append(),
              "in a read that was called after its end"));
  CHECK(holds(Story().read({"a"}, 1, 2).append("a", true, 3, 4).read({"a"}, 5, 6).lost_append(),
              "had ended before it was called"));
}
