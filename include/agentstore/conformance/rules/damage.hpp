// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_CONFORMANCE_RULES_DAMAGE_HPP
#define AGENTSTORE_CONFORMANCE_RULES_DAMAGE_HPP

/// \file
/// ERR-03: a store underneath which a record was spoilt, for which the harness needs `damage`.

#include <agentstore/conformance/methods/tagged_writes.hpp>
#include <agentstore/conformance/rules/areas.hpp>
#include <agentstore/conformance/rules/values.hpp>

namespace agentstore::conformance {

/// The rule's check. UNTESTED where the harness has no `damage`.
void check_damage(RuleContext& ctx);

// Only machinery below this line.

namespace detail {

/// One read, and what it answered before a record was spoilt.
class Look {
public:
  using Read = std::function<std::string(Client&)>;

  Look(std::string_view called, std::vector<std::string> given, Read call)
      : method(called), ids(std::move(given)), read(std::move(call)) {}

  std::string_view method;
  /// The ids, one of which an error is to name.
  std::vector<std::string> ids;
  Read read;
  std::string before;
};

/// Spoils one record after the other, each in a space of its own: a store that reads all of a space
/// when it opens refuses it then.
class DamageCheck {
public:
  explicit DamageCheck(RuleContext& ctx) : ctx_(ctx) {}

  /// Of a session, its messages, its context, or of a thread's checkpoints and their writes the
  /// one with this number.
  void check(Damage::Record record, int number);

  void expect_damage_at_all() const {
    if (damaged_ == 0) {
      throw NotTestable("the harness' damage spoils no record");
    }
    if (noticed_ == 0) {
      throw NotTestable("no read showed anything of what the harness' damage did");
    }
  }

  /// How many there are of what there can be more of.
  static constexpr int last = 3;

private:
  static constexpr const char* whole = "whole";
  /// Long, so that an error which names a part of it shows.
  static constexpr const char* spoilt =
      "spoilt, and with a key that is longer than sixty-four bytes, which an error names whole";

  static std::string id(int number) { return "c" + std::to_string(number); }
  static std::string user_of(const std::string& key) { return "user of " + key; }
  /// What one record has in it and no other.
  static std::string text_in(Damage::Record record, const std::string& key, int number) {
    return std::string(to_string(record)) + " " + std::to_string(number) + " of " + key;
  }

  void fill(Client& client, const std::string& key);
  std::vector<Look> looks_at(Damage::Record record, const std::string& key, int number);
  /// The space after the damage; none where the store refuses it whole.
  std::optional<Client> open_damaged(const std::string& space);
  void expect_corrupted_or_same(Client& client, const Look& look);

  RuleContext& ctx_;
  std::string what_;
  std::size_t spaces_ = 0;
  std::size_t damaged_ = 0;
  std::size_t noticed_ = 0;
};

inline void DamageCheck::fill(Client& client, const std::string& key) {
  using Record = Damage::Record;
  const auto text = [&key](Record record, int number) {
    return object("text", text_in(record, key, number));
  };
  if (ctx_.offers(Interfaces::sessions)) {
    client.create_session(key, user_of(key), text(Record::session, last));
    client.create_session("beside " + key, user_of(key));
  }
  for (int number = 1; number <= last; ++number) {
    if (ctx_.offers(Interfaces::conversations)) {
      client.add_message(key, "user", text_in(Record::message, key, number),
                         text(Record::message, number));
    }
    if (ctx_.offers(Interfaces::checkpoints) || ctx_.offers(Interfaces::checkpointer)) {
      client.store_checkpoint(key, id(number), text(Record::checkpoint, number));
    }
    if (ctx_.offers(Interfaces::checkpointer)) {
      put(ctx_, client, key, id(last), "task " + std::to_string(number),
          WriteList().add("channel", text(Record::write, number)));
    }
  }
  if (ctx_.offers(Interfaces::contexts)) {
    client.store_task_context(key, text(Record::context, last));
  }
}

inline std::vector<Look> DamageCheck::looks_at(Damage::Record record, const std::string& key,
                                               int number) {
  using Record = Damage::Record;
  const std::string checkpoint = id(number);
  const std::string newest = id(last);
  std::vector<Look> looks;
  switch (record) {
  case Record::session:
    looks.emplace_back("get_session", std::vector<std::string>{key},
                       [key](Client& client) { return show(client.get_session(key)); });
    if (ctx_.offers(Interfaces::session_directory)) {
      looks.emplace_back(
          "list_sessions", std::vector<std::string>{user_of(key)},
          [key](Client& client) { return show(client.list_sessions(user_of(key)).sessions); });
    }
    break;
  case Record::message:
    for (const std::size_t limit : {std::size_t{10}, std::size_t{2}}) {
      looks.emplace_back("get_conversation_history", std::vector<std::string>{key},
                         [=](Client& client) { return show(client.history(key, limit)); });
    }
    break;
  case Record::context:
    looks.emplace_back("get_task_context", std::vector<std::string>{key},
                       [key](Client& client) { return show(client.get_task_context(key)); });
    break;
  case Record::write:
    looks.emplace_back("get_writes", std::vector<std::string>{key, newest},
                       [=](Client& client) { return show(client.get_writes(key, newest)); });
    break;
  case Record::checkpoint:
    looks.emplace_back(
        "get_checkpoint", std::vector<std::string>{key, checkpoint},
        [=](Client& client) { return show(client.get_checkpoint(key, checkpoint)); });
    for (const std::size_t limit : {std::size_t{10}, std::size_t{2}}) {
      looks.emplace_back("list_checkpoints", std::vector<std::string>{key},
                         [=](Client& client) { return show(client.list_checkpoints(key, limit)); });
    }
    if (number == last) {
      looks.emplace_back("get_checkpoint", std::vector<std::string>{key},
                         [key](Client& client) { return show(client.get_checkpoint(key)); });
    }
    if (ctx_.offers(Interfaces::thread_directory) && number == last) {
      looks.emplace_back("get_thread_head", std::vector<std::string>{key},
                         [key](Client& client) { return show(client.get_thread_head(key)); });
    }
    if (ctx_.offers(Interfaces::thread_directory) && number != last) {
      looks.emplace_back("list_checkpoints_before", std::vector<std::string>{key, newest},
                         [=](Client& client) { return show(client.list_before(key, newest)); });
    }
    break;
  }
  return looks;
}

inline std::optional<Client> DamageCheck::open_damaged(const std::string& space) {
  std::optional<Client> client;
  try {
    client = ctx_.open_raw_in(space);
  } catch (const HarnessFailure& failure) {
    if (!ctx_.harness().claims().is_opened_by_harness()) {
      throw;
    }
    throw NotTestable("the harness opens no space of which a record was spoilt: " +
                      std::string(failure.what()));
  }
  if (!client->has_life_cycle()) {
    return client;
  }
  try {
    ctx_.expect(client->initialize(), "initialize() to be true", "false");
    return client;
  } catch (const StorageError& error) {
    ctx_.expect(means(error.code(), errc::corrupted) && error.operation() == "initialize",
                "\"corrupted\" from initialize, which it names, or true, " + what_,
                describe(std::current_exception()));
  }
  ++noticed_;
  if (ctx_.offers(Interfaces::backend)) {
    const Health health = client->health_check();
    ctx_.expect(health.status != Health::Status::healthy && !health.issues.empty(),
                "a store that does not open, " + what_ + ", not to be healthy, and to say why",
                show(health));
  }
  return std::nullopt;
}

inline void DamageCheck::expect_corrupted_or_same(Client& client, const Look& look) {
  const std::string expected = "\"corrupted\" from " + std::string(look.method) +
                               ", which names the method and the key " + show(look.ids.front()) +
                               ", or what was there, " + what_;
  std::string answer;
  try {
    answer = look.read(client);
  } catch (const Violation&) {
    throw;
  } catch (const StorageError& error) {
    ctx_.expect(means(error.code(), errc::corrupted) && error.operation() == look.method &&
                    std::find(look.ids.begin(), look.ids.end(), error.key()) != look.ids.end(),
                expected, describe(std::current_exception()));
    ++noticed_;
    return;
  } catch (...) {
    throw Violation(expected, describe(std::current_exception()));
  }
  ctx_.expect(answer == look.before, expected, answer);
}

inline void DamageCheck::check(Damage::Record record, int number) {
  const ShowsWhole whole_answers;
  const std::string space = ctx_.space() + "-" + static_cast<char>('c' + spaces_++);
  what_ = "where " + text_in(record, spoilt, number) + " was spoilt underneath";
  Client client = ctx_.open_in(space);
  fill(client, whole);
  fill(client, spoilt);
  std::vector<Look> hurt = looks_at(record, spoilt, number);
  std::vector<Look> others = looks_at(record, whole, number);
  for (std::vector<Look>* looks : {&hurt, &others}) {
    for (Look& look : *looks) {
      look.before = look.read(client);
    }
  }
  const bool reopens = ctx_.harness().claims().is_durable();
  if (reopens) { // an open store may have it in memory
    ctx_.close(client);
  }
  if (!ctx_.damage(space, Damage(record, spoilt, text_in(record, spoilt, number)))) {
    return;
  }
  ++damaged_;
  std::optional<Client> damaged = reopens ? open_damaged(space) : std::optional<Client>(client);
  if (!damaged) {
    return;
  }
  for (const Look& look : hurt) {
    expect_corrupted_or_same(*damaged, look);
  }
  for (const Look& look : others) {
    ctx_.expect_same(look.read(*damaged), look.before,
                     std::string(look.method) + " of another key, " + what_ + ",");
  }
  if (ctx_.offers(Interfaces::backend)) {
    damaged->health_check(); // what it finds is its own affair, but it answers
  }
  ctx_.close(*damaged);
}

} // namespace detail

inline void check_damage(RuleContext& ctx) {
  using Record = Damage::Record;
  detail::DamageCheck damage(ctx);
  constexpr int last = detail::DamageCheck::last;
  if (ctx.offers(Interfaces::sessions)) {
    damage.check(Record::session, last);
  }
  if (ctx.offers(Interfaces::conversations)) {
    damage.check(Record::message, 2);
  }
  if (ctx.offers(Interfaces::checkpoints) || ctx.offers(Interfaces::checkpointer)) {
    damage.check(Record::checkpoint, 2);
    damage.check(Record::checkpoint, last);
  }
  if (ctx.offers(Interfaces::checkpointer)) {
    damage.check(Record::write, 2);
  }
  if (ctx.offers(Interfaces::contexts)) {
    damage.check(Record::context, last);
  }
  damage.expect_damage_at_all();
}

} // namespace agentstore::conformance

#endif
