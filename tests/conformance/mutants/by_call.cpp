// SPDX-License-Identifier: Apache-2.0
// Stores with a bug that looks at calls as values and so can be put into many methods. People who
// had not seen the kit thought of them. What each does wrong stands in the table at the end.

#include "conformance/mutants/bug.hpp"
#include "conformance/mutants/expect_killed.hpp"

#include <agentstore/conformance/kit.hpp>

namespace agentstore::conformance {

namespace mutants::by_call {

using Id = MethodId;

/// Knows which keys were written by this handle: of the others it is as after a reopen.
class KnowsOwnKeys : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (method_of(call.kind).kind == MethodKind::writes) {
      own_.set(call.key, true);
      return next(std::move(call));
    }
    if (call.kind == Id::copy_thread) {
      own_.set(call.target, true);
    }
    if (!has(call) || own_.has(call.key)) {
      return next(std::move(call));
    }
    return of_others(std::move(call), std::move(next));
  }

protected:
  virtual void spoil(Answer& answer) const = 0;

private:
  awaitable<Answer> of_others(Operation call, Next next) {
    Answer answer = co_await next(std::move(call));
    spoil(answer);
    co_return answer;
  }

  Kept<bool> own_;
};

// What is lost, or changed, where it was read from the disk

template <std::size_t most>
class LoadsNewest : public KnowsOwnKeys {
public:
  using KnowsOwnKeys::KnowsOwnKeys;

private:
  void spoil(Answer& answer) const override {
    if (auto* messages = std::get_if<std::vector<Message>>(&answer)) {
      if (messages->size() > most) {
        messages->erase(messages->begin(), messages->end() - most);
      }
    } else if (auto* checkpoints = std::get_if<std::vector<Checkpoint>>(&answer)) {
      checkpoints->resize(std::min(checkpoints->size(), most));
    } else if (auto* writes = std::get_if<std::vector<PendingWrite>>(&answer)) {
      writes->resize(std::min(writes->size(), most));
    }
  }
};

/// What of a value does not come back from the disk.
using Loss = void (*)(json&);

template <class Value>
void change_each(json& value, Value change) {
  if (value.is_structured()) {
    for (json& inner : value) {
      change_each(inner, change);
    }
  } else {
    change(value);
  }
}

inline void round_doubles(json& value) {
  change_each(value, [](json& each) {
    if (each.is_number_float()) {
      char text[40];
      std::snprintf(text, sizeof text, "%.15g", each.get<double>());
      each = std::strtod(text, nullptr);
    }
  });
}
inline void drop_signs_of_zero(json& value) {
  change_each(value, [](json& each) {
    if (each.is_number_float() && each.get<double>() == 0) {
      each = 0.0;
    }
  });
}
inline void cut_at_nul(json& value) {
  change_each(value, [](json& each) {
    if (each.is_string()) {
      each = std::string(each.get<std::string>().c_str());
    }
  });
}
inline void strip_bom(json& value) {
  change_each(value, [](json& each) {
    if (each.is_string() && each.get_ref<const std::string&>().starts_with("\xEF\xBB\xBF")) {
      each = each.get<std::string>().substr(3);
    }
  });
}
inline void only_the_bmp(json& value) {
  change_each(value, [](json& each) {
    if (each.is_string()) {
      std::string text = each.get<std::string>();
      for (std::size_t at = text.find('\xF0'); at != std::string::npos; at = text.find('\xF0')) {
        text.replace(at, 4, "?");
      }
      each = text;
    }
  });
}
inline void has_255_columns(json& value) {
  while (value.is_object() && value.size() > 255) {
    value.erase(value.begin());
  }
}

/// Changes each array and each object of a value, the outer ones first.
template <class Change>
void change_containers(json& value, Change change) {
  if (value.is_structured()) {
    change(value);
    for (json& inner : value) {
      change_containers(inner, change);
    }
  }
}
template <class Rename>
void rename_members(json& value, Rename rename) {
  change_containers(value, [rename](json& each) {
    if (each.is_object()) {
      json result = json::object();
      for (auto member = each.begin(); member != each.end(); ++member) {
        result[rename(member.key())] = *member;
      }
      each = std::move(result);
    }
  });
}
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from)) {
    text.replace(at, from.size(), to);
  }
  return text;
}

inline void cuts_arrays(json& value) {
  change_containers(value, [](json& each) {
    if (each.is_array() && each.size() > 1'000) {
      each.erase(each.begin() + 1'000, each.end());
    }
  });
}
inline void slashes_are_paths(json& value) {
  rename_members(value, [](const std::string& name) { return replaced(name, "/", "."); });
}
inline void tildes_are_escapes(json& value) {
  rename_members(value, [](const std::string& name) { return replaced(name, "~1", "/"); });
}
inline void names_have_512_bytes(json& value) {
  rename_members(value, [](const std::string& name) { return name.substr(0, 512); });
}
inline void pairs_are_sets(json& value) {
  change_containers(value, [](json& each) {
    if (each.is_array() && each.size() > 1 && each[0].is_string() && each[0] == each[1]) {
      each.erase(0);
    }
  });
}
inline void words_are_values(json& value) {
  change_each(value, [](json& each) {
    if (each == "true") {
      each = true;
    }
  });
}
inline void joins_ligatures(json& value) {
  change_each(value, [](json& each) {
    if (each.is_string()) {
      each = replaced(each.get<std::string>(), "\xEF\xAC\x81", "fi");
    }
  });
}
inline void trims_lines(json& value) {
  change_each(value, [](json& each) {
    if (each.is_string() && each.get_ref<const std::string&>().starts_with('\n')) {
      each = each.get<std::string>().substr(1);
    }
  });
}

inline std::string trimmed(std::string text) {
  while (text.size() > 1 && text.back() == ' ') {
    text.pop_back();
  }
  return text;
}
inline void trims_spaces(json& value) {
  change_each(value, [](json& each) {
    if (each.is_string()) {
      each = trimmed(each.get<std::string>());
    }
  });
}

inline void lose(Loss loss, Document& value) {
  edit(value, [loss](json& tree) { loss(tree); });
}
inline void lose(Loss loss, std::string& text) {
  json value = text;
  loss(value);
  text = value.get<std::string>();
}
inline void lose_in(Loss loss, Answer& answer) {
  if (auto* session = std::get_if<std::optional<Session>>(&answer); session && *session) {
    lose(loss, (*session)->metadata);
  } else if (auto* messages = std::get_if<std::vector<Message>>(&answer)) {
    for (Message& message : *messages) {
      lose(loss, message.content);
      lose(loss, message.metadata);
    }
  } else if (auto* checkpoint = std::get_if<std::optional<Checkpoint>>(&answer);
             checkpoint && *checkpoint) {
    lose(loss, (*checkpoint)->data);
    lose(loss, (*checkpoint)->metadata);
  } else if (auto* checkpoints = std::get_if<std::vector<Checkpoint>>(&answer)) {
    for (Checkpoint& each : *checkpoints) {
      lose(loss, each.data);
      lose(loss, each.metadata);
    }
  } else if (auto* head = std::get_if<ThreadHead>(&answer); head && head->latest) {
    lose(loss, head->latest->data);
  } else if (auto* page = std::get_if<SessionPage>(&answer)) {
    for (Session& each : page->sessions) {
      lose(loss, each.metadata);
    }
  } else if (auto* writes = std::get_if<std::vector<PendingWrite>>(&answer)) {
    for (PendingWrite& write : *writes) {
      lose(loss, write.value);
    }
  } else if (auto* context = std::get_if<std::optional<Document>>(&answer); context && *context) {
    lose(loss, **context);
  }
}

template <Loss loss>
class ExactInMemory : public KnowsOwnKeys {
public:
  using KnowsOwnKeys::KnowsOwnKeys;

private:
  void spoil(Answer& answer) const override { lose_in(loss, answer); }
};

/// Loses it in a copy alone.
template <Loss loss>
class ExactButInCopies : public KnowsCopies {
public:
  using KnowsCopies::KnowsCopies;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool is_copy = is_of_copy(call);
    const bool loses = has(call) && is_copy;
    Answer answer = co_await next(std::move(call));
    if (loses) {
      lose_in(loss, answer);
    }
    co_return answer;
  }
};

class NullContextIsLost : public KnowsOwnKeys {
public:
  using KnowsOwnKeys::KnowsOwnKeys;

private:
  void spoil(Answer& answer) const override {
    if (auto* context = std::get_if<std::optional<Document>>(&answer);
        context && *context && (*context)->is_null()) {
      context->reset();
    }
  }
};

/// Loses it wherever it is read.
template <Loss loss>
class NeverExact : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool spoils = has(call);
    Answer answer = co_await next(std::move(call));
    if (spoils) {
      lose_in(loss, answer);
    }
    co_return answer;
  }
};

inline void cut(Timestamp& time, std::chrono::microseconds unit) {
  time -= (time.time_since_epoch() % unit + unit) % unit;
}

/// Times are as exact as a text in the file, once they come from there.
template <std::int64_t unit>
class CutsTimes : public KnowsOwnKeys {
public:
  using KnowsOwnKeys::KnowsOwnKeys;

private:
  void spoil(Answer& answer) const override {
    constexpr std::chrono::microseconds of(unit);
    if (auto* session = std::get_if<std::optional<Session>>(&answer); session && *session) {
      cut((*session)->created_at, of);
      cut((*session)->last_activity, of);
    } else if (auto* messages = std::get_if<std::vector<Message>>(&answer)) {
      for (Message& message : *messages) {
        cut(message.timestamp, of);
      }
    } else if (auto* checkpoints = std::get_if<std::vector<Checkpoint>>(&answer)) {
      for (Checkpoint& checkpoint : *checkpoints) {
        cut(checkpoint.created_at, of);
      }
    }
  }
};

/// This method finds no record that another handle wrote. Other reads do.
class FindsOwnAlone : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (method_of(call.kind).kind == MethodKind::writes) {
      own_.set(call.key, true);
      own_.set(call.user_id, true);
    }
    const bool is_blind = has(call) && !is_known(call);
    return is_blind ? blind(std::move(call), std::move(next)) : next(std::move(call));
  }

private:
  bool is_known(const Operation& call) const {
    for (const auto& [key, is_own] : own_.all()) {
      if (key == call.key || (call.kind == Id::list_threads && key.starts_with(call.key))) {
        return true;
      }
    }
    return false;
  }

  static awaitable<Answer> blind(Operation call, Next next) {
    const MethodKind kind = method_of(call.kind).kind;
    const Id id = call.kind;
    if (kind == MethodKind::changes) {
      co_return id == Id::prune_thread ? Answer(std::uint64_t{0}) : Answer(false);
    }
    Answer answer = co_await next(std::move(call));
    make_empty(answer);
    co_return answer;
  }

  Kept<bool> own_;
};

// Handles that do not know of each other

/// A lock for each handle: of two handles that make the same change at once, one changes nothing
/// and says that it did.
class LocksItself : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) ? guarded(std::move(call), std::move(next)) : next(std::move(call));
  }

private:
  /// Who is at a key.
  class Inside {
  public:
    std::mutex mutex;
    std::multimap<std::string, const Bug*> who;
  };

  awaitable<Answer> guarded(Operation call, Next next) {
    const auto inside = shared<Inside>();
    const std::string key = call.target.empty() ? call.key : call.target;
    const bool is_number = call.kind == Id::prune_thread;
    const std::size_t keep = call.limit;
    bool is_beside_another = false;
    {
      const std::lock_guard lock(inside->mutex);
      const auto range = inside->who.equal_range(key);
      for (auto at = range.first; at != range.second; ++at) {
        is_beside_another = is_beside_another || at->second != this;
      }
      inside->who.emplace(key, this);
    }
    std::exception_ptr error;
    Answer answer;
    co_await step_far_aside();
    try {
      if (!is_beside_another) {
        answer = co_await next(std::move(call));
      } else if (is_number) {
        answer = std::uint64_t{keep + 1};
      } else {
        answer = true;
      }
    } catch (...) {
      error = std::current_exception();
    }
    co_await step_aside();
    {
      const std::lock_guard lock(inside->mutex);
      for (auto at = inside->who.lower_bound(key); at != inside->who.end(); ++at) {
        if (at->second == this) {
          inside->who.erase(at);
          break;
        }
      }
    }
    if (error) {
      std::rethrow_exception(error);
    }
    co_return answer;
  }
};

/// Of whatever it has read it keeps the answer, until it writes itself.
class ReadsOnce : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const MethodKind kind = method_of(call.kind).kind;
    if (kind != MethodKind::reads) {
      forget();
    }
    return has(call) ? cached(std::move(call), std::move(next)) : next(std::move(call));
  }

protected:
  virtual bool is_kept(const Answer&) const { return true; }

private:
  void forget() {
    const std::lock_guard lock(mutex_);
    answers_.clear();
  }
  std::optional<Answer> known(const std::string& text) {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(text);
    return found == answers_.end() ? std::nullopt : std::optional<Answer>(found->second);
  }
  void keep(const std::string& text, const Answer& answer) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(text, answer);
  }

  awaitable<Answer> cached(Operation call, Next next) {
    const std::string text = show(call);
    if (std::optional<Answer> before = known(text)) {
      co_return *std::move(before);
    }
    Answer answer = co_await next(std::move(call));
    if (is_kept(answer)) {
      keep(text, answer);
    }
    co_return answer;
  }

  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
};

/// The same of what was not there.
class KeepsAbsence : public ReadsOnce {
public:
  using ReadsOnce::ReadsOnce;

private:
  bool is_kept(const Answer& answer) const override { return !is_positive(answer); }
};

/// Versions of each handle's own.
class CountsItself : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    if (call.kind == Id::update_session) {
      changes_.set(key, changes_.get(key).value_or(0) + 1);
    }
    const bool shows = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* session = std::get_if<std::optional<Session>>(&answer);
        shows && session && *session && (*session)->version > 1) {
      (*session)->version = 1 + changes_.get(key).value_or(0);
    }
    co_return answer;
  }

private:
  Kept<std::uint64_t> changes_;
};

// Ids

using Normal = std::string (*)(std::string);

inline std::string lower(std::string id) {
  std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return id;
}
inline std::string cut_to_255(std::string id) {
  return id.substr(0, std::max<std::size_t>(255, id.size() > 1024 ? id.size() : 255));
}
inline std::string composed(std::string id) {
  const std::size_t at = id.find("e\xCC\x81");
  return at == std::string::npos ? id : id.replace(at, 3, "\xC3\xA9");
}
inline std::string decoded(std::string id) {
  const std::size_t at = id.find("%2F");
  return at == std::string::npos ? id : id.replace(at, 3, "/");
}

/// One method alone takes another id for the one that is given.
template <Normal normal>
class Normalizes : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      call.key = normal(std::move(call.key));
    }
    return next(std::move(call));
  }
};

/// What is removed takes with it what its id is the beginning of, up to a separator.
template <char separator>
class TakesNeighbours : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::create_session || call.kind == Id::store_checkpoint) {
      known_.set(call.key, true);
    }
    const bool removes = has(call);
    const Operation made = call;
    std::vector<std::string> before = there_before(made);
    Answer answer = co_await next(std::move(call));
    if (removes && is_positive(answer)) {
      for (const auto& [id, is_known] : known_.all()) {
        const std::size_t at = id.find(separator);
        if (at == std::string::npos || at == 0) {
          continue;
        }
        Operation look(Id::get_session, id.substr(0, at));
        const bool by_clean_up = made.kind == Id::cleanup_expired_sessions &&
                                 known_.has(look.key) &&
                                 !is_positive(co_await next(std::move(look)));
        if (by_clean_up || id.starts_with(made.key + separator)) {
          Operation removal = made;
          removal.kind = by_clean_up ? Id::delete_session : made.kind;
          removal.key = id;
          static_cast<void>(co_await next(std::move(removal)));
        }
      }
    }
    co_return answer;
  }

private:
  static std::vector<std::string> there_before(const Operation&) { return {}; }

  Kept<bool> known_;
};

/// A checkpoint and a task are found by a text of both.
template <char separator>
class JoinsCheckpointAndTask : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::size_t at =
        call.checkpoint_id ? call.checkpoint_id->find(separator) : std::string::npos;
    const bool is_split =
        has(call) && at != std::string::npos && at != 0 && at + 1 < call.checkpoint_id->size();
    if (is_split) {
      call.task_id = call.checkpoint_id->substr(at + 1) + separator + call.task_id;
      call.checkpoint_id->resize(at);
    }
    return next(std::move(call));
  }
};

// What is counted, cut and ordered otherwise

/// The id of a checkpoint is cut, by this method alone.
template <std::size_t most>
class CutsCheckpointIds : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.checkpoint_id && call.checkpoint_id->size() <= max_id_bytes) {
      call.checkpoint_id = call.checkpoint_id->substr(0, most);
    }
    return next(std::move(call));
  }
};

/// What is neither an id nor content has a column of so many bytes.
template <std::size_t most>
class CutsNames : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      call.text = call.text.substr(0, most);
      for (ChannelWrite& write : call.writes) {
        write.channel = write.channel.substr(0, most);
      }
    }
    return next(std::move(call));
  }
};

template <std::size_t most>
class Caps : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool caps = has(call);
    Answer answer = co_await next(std::move(call));
    if (!caps) {
      co_return answer;
    }
    if (auto* messages = std::get_if<std::vector<Message>>(&answer);
        messages && messages->size() > most) {
      messages->erase(messages->begin(), messages->end() - most);
    } else if (auto* checkpoints = std::get_if<std::vector<Checkpoint>>(&answer)) {
      checkpoints->resize(std::min(checkpoints->size(), most));
    } else if (auto* writes = std::get_if<std::vector<PendingWrite>>(&answer)) {
      writes->resize(std::min(writes->size(), most));
    } else if (auto* head = std::get_if<ThreadHead>(&answer)) {
      head->checkpoint_ids.resize(std::min(head->checkpoint_ids.size(), most));
    } else if (auto* sessions = std::get_if<SessionPage>(&answer)) {
      sessions->sessions.resize(std::min(sessions->sessions.size(), most));
    } else if (auto* threads = std::get_if<ThreadPage>(&answer)) {
      threads->thread_ids.resize(std::min(threads->thread_ids.size(), most));
    }
    co_return answer;
  }
};

class CountsIn32Bits : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      call.limit = static_cast<std::uint32_t>(call.limit);
    }
    return next(std::move(call));
  }
};

/// Of a long list the contents of what is far behind are lost.
class LosesContentsBehind256 : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool loses = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* checkpoints = std::get_if<std::vector<Checkpoint>>(&answer); loses && checkpoints) {
      for (std::size_t i = 256; i < checkpoints->size(); ++i) {
        (*checkpoints)[i].data = Document();
      }
    } else if (auto* messages = std::get_if<std::vector<Message>>(&answer); loses && messages) {
      for (std::size_t i = 256; i < messages->size(); ++i) {
        (*messages)[i].content.clear();
      }
    }
    co_return answer;
  }
};

/// Sorts a whole list by `Less` of the ids.
using Less = bool (*)(const std::string&, const std::string&);

inline bool natural(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) {
    return text.empty() || text.size() > 18 ||
                   text.find_first_not_of("0123456789") != std::string::npos
               ? -1
               : std::atoll(text.c_str());
  };
  return number(a) >= 0 && number(b) >= 0 && number(a) != number(b) ? number(a) < number(b) : a < b;
}
inline bool by_signed_bytes(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return static_cast<signed char>(x) < static_cast<signed char>(y);
  });
}
inline bool by_utf16(const std::string& a, const std::string& b) {
  const auto unit = [](unsigned char c) { return c >= 0xF0 ? 0xED : static_cast<int>(c); };
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(), [unit](char x, char y) {
        return unit(static_cast<unsigned char>(x)) < unit(static_cast<unsigned char>(y));
      });
}
inline bool punctuation_last(const std::string& a, const std::string& b) {
  const auto rank = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || byte >= 0x80 ? int{byte} : 0x100 + byte;
  };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [rank](char x, char y) { return rank(x) < rank(y); });
}

template <Less less>
class SortsBy : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool sorts = has(call);
    Answer answer = co_await next(std::move(call));
    if (!sorts) {
      co_return answer;
    }
    if (auto* writes = std::get_if<std::vector<PendingWrite>>(&answer)) {
      sort_stably(*writes, [](const PendingWrite& a, const PendingWrite& b) {
        return less(a.task_id, b.task_id);
      });
    } else if (auto* page = std::get_if<SessionPage>(&answer)) {
      sort_stably(page->sessions, [](const Session& a, const Session& b) {
        return a.last_activity == b.last_activity && less(a.session_id, b.session_id);
      });
    } else if (auto* threads = std::get_if<ThreadPage>(&answer)) {
      sort_stably(threads->thread_ids, less);
    }
    co_return answer;
  }
};

/// Orders by milliseconds, and then by the id.
class SortsByMilliseconds : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool sorts = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* page = std::get_if<SessionPage>(&answer); sorts && page) {
      sort_stably(page->sessions, [](const Session& a, const Session& b) {
        Timestamp of_a = a.last_activity;
        Timestamp of_b = b.last_activity;
        cut(of_a, std::chrono::milliseconds(1));
        cut(of_b, std::chrono::milliseconds(1));
        return of_a != of_b ? of_a > of_b : a.session_id < b.session_id;
      });
    }
    co_return answer;
  }
};

/// A scan from the prefix to the prefix and U+FFFF.
class ScansToFfff : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool scans = has(call) && !call.key.empty();
    const std::string end = call.key + "\xEF\xBF\xBF";
    Answer answer = co_await next(std::move(call));
    if (auto* page = std::get_if<ThreadPage>(&answer); scans && page) {
      std::erase_if(page->thread_ids, [&end](const std::string& id) { return id > end; });
    }
    co_return answer;
  }
};

template <bool always>
class SystemComesFirst : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool moves = has(call);
    Operation whole = call;
    Answer answer = co_await next(std::move(call));
    auto* messages = std::get_if<std::vector<Message>>(&answer);
    if (!moves || messages == nullptr || messages->empty()) {
      co_return answer;
    }
    if (always) {
      whole.limit = 1'000'000;
      const Answer all = co_await next(std::move(whole));
      for (const Message& message : std::get<std::vector<Message>>(all)) {
        if (message.role == "system" && message.sequence < messages->front().sequence) {
          messages->front() = message;
          break;
        }
      }
    } else {
      sort_stably(*messages, [](const Message& a, const Message& b) {
        return a.role == "system" && b.role != "system";
      });
    }
    co_return answer;
  }
};

/// The limit of one value is taken for that of a call.
class LimitsTheCall : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    std::size_t bytes = call.content.size() + call.text.size() + call.value.text().size() +
                        call.metadata.text().size();
    for (const ChannelWrite& write : call.writes) {
      bytes += write.value.text().size();
    }
    if (has(call) && bytes > (std::size_t{2} << 20u) + 1000) {
      return refused<Answer>(errc::too_large, std::string(method_of(call.kind).name), call.key,
                             "the call is too large");
    }
    return next(std::move(call));
  }
};

// Removals that reach too far, or bring something back

class DeletionWipesSession : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool wipes = call.kind == method();
    const std::string key = call.key;
    const bool hidden = wiped_.has(key);
    const Id id = call.kind;
    Answer answer = co_await next(std::move(call));
    if (wipes && is_positive(answer)) {
      wiped_.set(key, true);
    } else if (hidden && id == Id::get_conversation_history) {
      answer = std::vector<Message>();
    }
    co_return answer;
  }

private:
  Kept<bool> wiped_;
};

class DeletionWipesContext : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    const Id id = call.kind;
    Answer answer = co_await next(std::move(call));
    if (id == method() && is_positive(answer)) {
      wiped_.set(key, true);
    } else if (id == Id::get_task_context && wiped_.has(key)) {
      answer = std::optional<Document>();
    }
    co_return answer;
  }

private:
  Kept<bool> wiped_;
};

/// Reads a thread, and puts back what it has read when it has pruned.
class PruningWritesBack : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) ? writing_back(std::move(call), std::move(next)) : next(std::move(call));
  }

private:
  static awaitable<Answer> writing_back(Operation call, Next next) {
    Operation list(Id::list_checkpoints, call.key);
    list.limit = call.limit;
    const Answer before = co_await next(std::move(list));
    co_await step_far_aside();
    Answer removed = co_await next(std::move(call));
    for (const Checkpoint& checkpoint : std::get<std::vector<Checkpoint>>(before)) {
      Operation again(Id::store_checkpoint, checkpoint.thread_id);
      again.checkpoint_id = checkpoint.checkpoint_id;
      again.value = checkpoint.data;
      again.metadata = checkpoint.metadata;
      static_cast<void>(co_await next(std::move(again)));
    }
    co_return removed;
  }
};

// Activity

/// The end of what a method does to last_activity.
class SetsActivityBack : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    const Id id = call.kind;
    Answer answer = co_await next(std::move(call));
    if (id == method() && is_positive(answer)) {
      times_->set(key, now());
    } else if (id == Id::update_session && is_positive(answer)) {
      times_->erase(key);
    } else if (auto* session = std::get_if<std::optional<Session>>(&answer);
               session && *session && times_->has(key)) {
      (*session)->last_activity = *times_->get(key);
    }
    co_return answer;
  }

private:
  std::shared_ptr<Kept<Timestamp>> times_ = shared<Kept<Timestamp>>();
};

/// Who has spoken long ago is idle, whatever came later.
class IdleSinceLastMessage : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    const Id id = call.kind;
    const auto max_idle = call.max_idle;
    Answer answer = co_await next(std::move(call));
    if (id == Id::add_conversation_message && is_positive(answer)) {
      messages_.set(key, now());
    } else if (has(Operation(id)) && max_idle > std::chrono::microseconds(0)) {
      std::uint64_t count = std::get<std::uint64_t>(answer);
      for (const auto& [session, spoke] : messages_.all()) {
        if (now() - spoke >= max_idle) {
          Operation removal(Id::delete_session, session);
          count += is_positive(co_await next(std::move(removal))) ? 1u : 0u;
        }
      }
      answer = count;
    }
    co_return answer;
  }

private:
  Kept<Timestamp> messages_;
};

/// A refused write has moved the record already.
template <bool activity>
class RefusalsMoveTheRecord : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const std::string key = call.key;
    const bool moves = has(call);
    try {
      Answer answer = co_await next(std::move(call));
      if (auto* session = std::get_if<std::optional<Session>>(&answer);
          session && *session && refused_.has(key)) {
        if (activity) {
          (*session)->last_activity = *refused_.get(key);
        } else {
          ++(*session)->version;
        }
      }
      co_return answer;
    } catch (const StorageError&) {
      if (moves) {
        refused_.set(key, now());
      }
      throw;
    }
  }

private:
  Kept<Timestamp> refused_;
};

/// A status that means something to it.
class HidesDeleted : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool hides = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* session = std::get_if<std::optional<Session>>(&answer);
        hides && session && *session && (*session)->status == "deleted") {
      session->reset();
    } else if (auto* page = std::get_if<SessionPage>(&answer); hides && page) {
      std::erase_if(page->sessions, [](const Session& s) { return s.status == "archived"; });
    }
    co_return answer;
  }
};

class FailedIsAnError : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::end_session && call.text == "failed") {
      failed_.set(call.key, true);
    }
    const std::string key = call.key;
    Answer answer = co_await next(std::move(call));
    if (auto* session = std::get_if<std::optional<Session>>(&answer);
        session && *session && failed_.has(key)) {
      ++(*session)->error_count;
    }
    co_return answer;
  }

private:
  Kept<bool> failed_;
};

/// A store of what is there already changes nothing, and says so.
class EqualIsFalse : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool compares = has(call);
    const std::string key = call.key;
    const std::string text = compares ? std::string(call.value.text()) : std::string();
    Answer answer = co_await next(std::move(call));
    if (compares) {
      const bool is_equal = contexts_.get(key) == text;
      contexts_.set(key, text);
      co_return is_equal ? Answer(false) : answer;
    }
    co_return answer;
  }

private:
  Kept<std::string> contexts_;
};

class ListDropsNullData : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool drops = has(call);
    Answer answer = co_await next(std::move(call));
    if (auto* checkpoints = std::get_if<std::vector<Checkpoint>>(&answer); drops && checkpoints) {
      std::erase_if(*checkpoints, [](const Checkpoint& c) { return c.data.is_null(); });
    }
    co_return answer;
  }
};

class EmptyObjectsAreNoPatch : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.update.metadata_patch()) {
      json patch = *call.update.metadata_patch();
      for (auto member = patch.begin(); member != patch.end();) {
        const bool is_bare = member->is_object() && member->empty();
        member = is_bare ? patch.erase(member) : std::next(member);
      }
      call.update.updates(std::move(patch));
    }
    return next(std::move(call));
  }
};

/// A member of this name is the store's own, and not taken from a patch.
class KeepsItsId : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.update.metadata_patch()) {
      json patch = *call.update.metadata_patch();
      patch.erase("_id");
      call.update.updates(std::move(patch));
    }
    return next(std::move(call));
  }
};

/// The members that a patch names are replaced where the patch is deeper than this.
template <std::size_t most>
class MergesSoDeep : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (!has(call) || !call.update.metadata_patch() ||
        Document(*call.update.metadata_patch()).depth() <= most) {
      co_return co_await next(std::move(call));
    }
    const json patch = *call.update.metadata_patch();
    Operation removal = call;
    json empty = json::object();
    for (const auto& [name, value] : patch.items()) {
      empty[name] = nullptr;
    }
    removal.update = SessionUpdate();
    removal.update.updates(std::move(empty));
    co_await next(std::move(removal));
    co_return co_await next(std::move(call));
  }
};

/// What is too large for the metadata is refused when the counters have been counted.
class CountsBeforeItMerges : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool counts = has(call);
    Operation counters(Id::update_session, call.key);
    counters.update = only_counters(call.update);
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (!counts || !means(error.code(), errc::too_large)) {
        throw;
      }
      refused_ = std::make_exception_ptr(error);
    }
    static_cast<void>(co_await next(std::move(counters)));
    std::rethrow_exception(refused_);
  }

private:
  std::exception_ptr refused_;
};

/// The patch is measured, and what comes of it is not.
class MergesBeyondTheLimit : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (error.operation() != "update_session" || !means(error.code(), errc::too_large)) {
        throw;
      }
    }
    co_return Answer(true);
  }
};

/// Stores the writes of a call one by one.
class HalfWritesAreSeen : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.key == "race" && call.writes.size() > 3
               ? halved(std::move(call), std::move(next))
               : next(std::move(call));
  }

private:
  static awaitable<Answer> halved(Operation call, Next next) {
    Operation first = call;
    first.writes.pop_back();
    static_cast<void>(co_await next(std::move(first)));
    co_await round_trip(std::chrono::milliseconds(2));
    co_return co_await next(std::move(call));
  }
};

// Archives

class EmptyTextIsKept : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.text.empty()) {
      call.text = "none";
    }
    return next(std::move(call));
  }
};

class EmptyTextIsLostAsTrue : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.text.empty() ? answered(Answer(true)) : next(std::move(call));
  }
};

class EmptyTextThrows : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    return has(call) && call.text.empty()
               ? refused<Answer>(errc::invalid_argument, "append", call.key, "the text is empty")
               : next(std::move(call));
  }
};

/// Versions of each handle's own, of those that it has appended.
class VersionsOfTheHandle : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      const std::uint64_t version = own_.get(call.key).value_or(0) + 1;
      own_.set(call.key, version);
      numbers_->push(call.key, version);
    }
    const std::string key = call.key;
    Answer answer = co_await next(std::move(call));
    if (auto* records = std::get_if<std::vector<ArchiveRecord>>(&answer)) {
      for (ArchiveRecord& record : *records) {
        if (record.kind == ArchiveKind::task_context_snapshot) {
          record.fields["version"] = numbers_->at(key, record.sequence);
        }
      }
    }
    co_return answer;
  }

private:
  /// The version of each record, by its place.
  class Numbers {
  public:
    void push(const std::string& key, std::uint64_t version) {
      const std::lock_guard lock(mutex_);
      all_[key].push_back(version);
    }
    std::uint64_t at(const std::string& key, std::uint64_t sequence) {
      const std::lock_guard lock(mutex_);
      std::vector<std::uint64_t>& of_key = all_[key];
      const std::size_t index = used_[key].try_emplace(sequence, used_[key].size()).first->second;
      return index < of_key.size() ? of_key[index] : 0;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::vector<std::uint64_t>> all_;
    std::map<std::string, std::map<std::uint64_t, std::size_t>> used_;
  };

  Kept<std::uint64_t> own_;
  std::shared_ptr<Numbers> numbers_ = shared<Numbers>();
};

enum class WrongTime { unsigned_only, zero_is_none, cut_to_2262, whole_seconds };

template <WrongTime wrong>
class ChangesTimes : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.time) {
      const Timestamp time = *call.time;
      if (wrong == WrongTime::unsigned_only) {
        call.time = std::max(time, Timestamp());
      } else if (wrong == WrongTime::zero_is_none && time == Timestamp()) {
        call.time.reset();
      } else if (wrong == WrongTime::cut_to_2262) {
        call.time = std::min(time, Timestamp(std::chrono::microseconds(9'223'372'036'854'775)));
      } else if (wrong == WrongTime::whole_seconds) {
        cut(*call.time, std::chrono::milliseconds(1));
      }
    }
    return next(std::move(call));
  }
};

template <std::size_t most>
class CapsRecords : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call)) {
      const std::uint64_t count = counts_->get(call.key).value_or(0);
      if (count >= most) {
        return answered(Answer(true));
      }
      counts_->set(call.key, count + 1);
    }
    return next(std::move(call));
  }

private:
  std::shared_ptr<Kept<std::uint64_t>> counts_ = shared<Kept<std::uint64_t>>();
};

class KeepsTenWrites : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (has(call) && call.writes.size() > 10) {
      call.writes.resize(10);
    }
    return next(std::move(call));
  }
};

/// A close that comes first spoils what comes after.
class CloseFirstSpoils : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::close && !opened_) {
      spoilt_ = true;
    }
    opened_ = opened_ || call.kind == Id::initialize;
    if (call.kind == Id::initialize && spoilt_) {
      return answered(Answer(false));
    }
    return next(std::move(call));
  }

private:
  std::atomic<bool> opened_ = false;
  std::atomic<bool> spoilt_ = false;
};

class SecondCloseThrows : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    if (call.kind == Id::initialize) {
      closed_ = false;
    } else if (has(call) && closed_.exchange(true)) {
      return refused<Answer>(errc::closed, "close", "", "it is closed");
    }
    return next(std::move(call));
  }

private:
  std::atomic<bool> closed_ = true;
};

// Errors

/// The error of a rarer kind has another key, or another name.
template <bool name>
class RareErrorsAreAnonymous : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool spoils = has(call);
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (spoils && means(error.code(), errc::too_large)) {
        throw StorageError(errc::too_large, name ? "check" : error.operation(),
                           name ? error.key() : lower(error.key()), "too large");
      }
      throw;
    }
  }
};

template <std::size_t most>
class CutsKeysOfErrors : public Bug {
public:
  using Bug::Bug;

  awaitable<Answer> around(Operation call, Next next) override {
    const bool spoils = has(call);
    try {
      co_return co_await next(std::move(call));
    } catch (const StorageError& error) {
      if (spoils) {
        throw StorageError(errc::invalid_argument, error.operation(), error.key().substr(0, most),
                           "refused");
      }
      throw;
    }
  }
};

/// What is wrong is said where the call is made.
class ChecksAtOnce : public Bug {
public:
  using Bug::before;
  using Bug::Bug;

  void before(const Operation& call) override {
    const bool is_wrong = call.key == "\xff" || call.max_idle < std::chrono::microseconds(0) ||
                          (method_of(call.kind).has(Parameter::page) && call.limit == 0) ||
                          call.update.processing_time() < std::chrono::microseconds(0);
    if (has(call) && is_wrong) {
      throw StorageError(errc::invalid_argument, std::string(method_of(call.kind).name), call.key,
                         "refused at once");
    }
  }
};

} // namespace mutants::by_call

std::vector<Mutant> call_mutants() {
  using namespace mutants::by_call;
  using mutants::add;
  using mutants::bug;
  std::vector<Mutant> all;
  add<LoadsNewest<10>, Id::get_conversation_history, Id::list_checkpoints, Id::get_writes>(
      all, "DUR-01", "loads_newest_10", "a reopen loads the newest 10 of a key alone",
      "after a reopen");
  add<LoadsNewest<256>, Id::get_conversation_history, Id::list_checkpoints>(
      all, "DUR-01", "loads_newest_256", "a reopen loads the newest 256 of a key alone",
      "after a reopen of 270 times");
  add<ExactInMemory<&round_doubles>, Id::get_session, Id::get_conversation_history,
      Id::get_checkpoint, Id::get_writes, Id::get_task_context>(
      all, "DUR-01", "rounds_on_disk", "doubles have 15 digits in the file",
      "the value read after a reopen");
  add<ExactInMemory<&drop_signs_of_zero>, Id::get_checkpoint, Id::get_task_context>(
      all, "DUR-01", "zero_has_no_sign_on_disk", "-0.0 is 0.0 in the file",
      "the value read after a reopen");
  add<ExactInMemory<&cut_at_nul>, Id::get_conversation_history, Id::get_checkpoint, Id::get_writes>(
      all, "DUR-01", "nul_ends_on_disk", "a text ends at a NUL in the file",
      "the value read after a reopen");
  add<ExactInMemory<&only_the_bmp>, Id::get_session, Id::get_conversation_history,
      Id::get_task_context>(all, "DUR-01", "bmp_on_disk",
                            "what is not of the basic plane is a question mark in the file",
                            "the value read after a reopen");
  add<NullContextIsLost, Id::get_task_context>(
      all, "DUR-01", "null_context_lost", "a context of null is none in the file",
      "after a reopen what was stored by store_task_context");
  add<NeverExact<&strip_bom>, Id::get_conversation_history, Id::get_checkpoint,
      Id::get_task_context, Id::get_writes>(
      all, "VAL-01", "strips_bom", "a BOM at the start of a text is dropped", "the value read");
  add<NeverExact<&has_255_columns>, Id::get_session, Id::get_conversation_history,
      Id::get_checkpoint, Id::get_task_context>(all, "VAL-01", "has_255_columns",
                                                "an object has 255 members", "the value read");
  add<NeverExact<&cuts_arrays>, Id::get_session, Id::get_conversation_history, Id::get_checkpoint,
      Id::get_writes, Id::get_task_context>(all, "VAL-01", "cuts_arrays",
                                            "an array has 1,000 elements", "the value read");
  add<NeverExact<&slashes_are_paths>, Id::get_session, Id::get_checkpoint, Id::get_writes>(
      all, "VAL-01", "slashes_are_paths", "a member name with \"/\" is a path", "the value read");
  add<NeverExact<&tildes_are_escapes>, Id::get_session, Id::get_checkpoint, Id::get_task_context>(
      all, "VAL-01", "tildes_are_escapes", "\"~1\" in a member name is \"/\"", "the value read");
  add<NeverExact<&round_doubles>, Id::list_checkpoints, Id::list_checkpoints_before,
      Id::get_thread_head>(all, "VAL-01", "rounds_in_lists",
                           "doubles have 15 digits by one read alone", "the same checkpoint by");
  add<NeverExact<&round_doubles>, Id::list_sessions>(all, "VAL-01", "rounds_in_lists",
                                                     "doubles have 15 digits by one read alone",
                                                     "the same session by list_sessions");
  add<NeverExact<&drop_signs_of_zero>, Id::list_checkpoints, Id::get_thread_head>(
      all, "VAL-01", "zero_has_no_sign_in_lists", "-0.0 is 0.0 by one read alone",
      "the same checkpoint by");
  add<NeverExact<&names_have_512_bytes>, Id::get_checkpoint, Id::get_task_context>(
      all, "VAL-01", "names_have_512_bytes", "a member name is cut at 512 bytes", "the value read");
  add<NeverExact<&pairs_are_sets>, Id::get_checkpoint, Id::get_writes>(
      all, "VAL-01", "pairs_are_sets", "neighbours that are equal are one", "the value read");
  add<NeverExact<&words_are_values>, Id::get_task_context, Id::get_checkpoint>(
      all, "VAL-01", "words_are_values", "the text \"true\" is true", "the value read");
  add<NeverExact<&joins_ligatures>, Id::get_conversation_history, Id::get_session>(
      all, "VAL-01", "joins_ligatures", "a ligature is read as its letters", "the value read");
  add<NeverExact<&trims_lines>, Id::get_conversation_history, Id::get_writes>(
      all, "VAL-01", "trims_lines", "an empty line at the start is dropped", "the value read");
  add<NeverExact<&trims_spaces>, Id::get_conversation_history, Id::get_session>(
      all, "VAL-01", "trims_spaces", "spaces at the end of a text are dropped", "the value read");
  add<ExactButInCopies<&round_doubles>, Id::list_checkpoints, Id::get_checkpoint, Id::get_writes>(
      all, "THR-05", "rounds_in_copies", "doubles have 15 digits in a copy", "copy of odd values");
  add<ExactButInCopies<&cut_at_nul>, Id::list_checkpoints, Id::get_writes>(
      all, "THR-05", "nul_ends_in_copies", "a text ends at a NUL in a copy", "copy of odd values");
  add<KeepsItsId, Id::update_session>(all, "SES-04", "keeps_its_id", "a patch cannot have \"_id\"",
                                      "was merged into");
  add<MergesSoDeep<3>, Id::update_session>(all, "SES-04", "merges_three_deep",
                                           "what is deeper than 3 is replaced", "the session");
  add<MergesSoDeep<15>, Id::update_session>(all, "SES-04", "merges_fifteen_deep",
                                            "what is deeper than 15 is replaced",
                                            "was merged into");
  add<NeverExact<&has_255_columns>, Id::list_sessions>(all, "VAL-01", "has_255_columns",
                                                       "a list has 255 members of metadata",
                                                       "the same session by list_sessions");
  add<CutsCheckpointIds<128>, Id::list_checkpoints_before>(
      all, "VAL-01", "cuts_ids", "the id of a checkpoint is cut at 128 bytes",
      "the checkpoint by list_checkpoints_before");
  add<CutsCheckpointIds<1000>, Id::list_checkpoints_before>(
      all, "VAL-01", "cuts_ids_at_1000", "the id of a checkpoint is cut at 1,000 bytes",
      "the checkpoint by list_checkpoints_before");
  add<CutsNames<4096>, Id::end_session, Id::put_writes, Id::append_session_event>(
      all, "VAL-02", "cuts_names", "a status, a channel or a kind of events is cut at 4 KiB",
      "the value read");
  add<CutsTimes<1'000'000>, Id::get_session, Id::get_conversation_history, Id::list_checkpoints>(
      all, "DUR-01", "whole_seconds_on_disk", "times are whole seconds in the file",
      "after a reopen");
  add<CutsTimes<1'000>, Id::get_session, Id::get_conversation_history, Id::list_checkpoints>(
      all, "DUR-01", "milliseconds_on_disk", "times are milliseconds in the file",
      "after a reopen");
  add<FindsOwnAlone, Id::list_sessions, Id::delete_session, Id::delete_thread, Id::copy_thread,
      Id::prune_thread, Id::list_checkpoints_before, Id::get_thread_head>(
      all, "DUR-01", "finds_own_alone",
      "what is of before a reopen can be read, and is not found by this method",
      "of before the reopen");
  add<FindsOwnAlone, Id::list_threads>(
      all, "DUR-01", "finds_own_alone",
      "what is of before a reopen can be read, and is not found by this method", "came 0 []");
  add<LocksItself, Id::delete_thread>(all, "THR-03", "locks_itself", "a lock for each handle",
                                      "how many of concurrent deletes");
  add<LocksItself, Id::copy_thread>(all, "THR-06", "locks_itself", "a lock for each handle",
                                    "how many of concurrent copies to one target");
  add<LocksItself, Id::prune_thread>(all, "THR-07", "locks_itself", "a lock for each handle",
                                     "what concurrent prunings");
  add<LocksItself, Id::delete_session>(all, "DIR-04", "locks_itself", "a lock for each handle",
                                       "how many of concurrent deletes");
  add<LocksItself, Id::store_checkpoint>(all, "CHK-10", "locks_itself", "a lock for each handle",
                                         "each writer's own order");
  add<LocksItself, Id::put_writes>(all, "WRT-08", "locks_itself", "a lock for each handle", "8");
  add<LocksItself, Id::add_conversation_message>(
      all, "CON-08", "locks_itself", "a lock for each handle", "each writer's own order");
  add<LocksItself, Id::update_session>(all, "SES-12", "locks_itself", "a lock for each handle",
                                       "after concurrent updates");
  add<LocksItself, Id::end_session>(all, "SES-08", "locks_itself", "a lock for each handle",
                                    "concurrent ends to be true");
  add<ReadsOnce, Id::get_session, Id::get_conversation_history, Id::get_checkpoint,
      Id::list_checkpoints, Id::get_writes, Id::get_task_context, Id::list_sessions,
      Id::list_threads, Id::list_checkpoints_before, Id::get_thread_head, Id::get_metrics>(
      all, "TWO-01", "reads_once", "a handle keeps what it has read, until it writes itself",
      "handle");
  add<KeepsAbsence, Id::get_session, Id::get_conversation_history, Id::get_checkpoint,
      Id::list_checkpoints, Id::get_writes, Id::get_task_context, Id::list_sessions,
      Id::list_threads, Id::list_checkpoints_before, Id::get_thread_head>(
      all, "TWO-01", "keeps_absence", "a handle remembers what was not there", "handle");
  add<CountsItself, Id::get_session>(all, "TWO-01", "counts_itself",
                                     "each handle counts versions of its own", "ersion");
  add<Normalizes<&lower>, Id::end_session, Id::get_conversation_history, Id::list_checkpoints,
      Id::get_checkpoint, Id::get_writes, Id::get_task_context, Id::list_sessions, Id::list_threads,
      Id::delete_session, Id::delete_thread, Id::copy_thread, Id::prune_thread,
      Id::list_checkpoints_before, Id::get_thread_head>(all, "KEY-01", "lowers",
                                                        "one method takes an id in lower case", "");
  add<Normalizes<&trimmed>, Id::update_session, Id::add_conversation_message,
      Id::get_conversation_history, Id::list_checkpoints, Id::list_sessions, Id::list_threads,
      Id::delete_session, Id::delete_thread, Id::copy_thread, Id::prune_thread,
      Id::list_checkpoints_before, Id::get_thread_head>(all, "KEY-01", "trims",
                                                        "one method trims an id", "");
  add<Normalizes<&cut_to_255>, Id::list_checkpoints, Id::list_sessions, Id::delete_session,
      Id::delete_thread, Id::copy_thread, Id::prune_thread, Id::list_checkpoints_before,
      Id::get_thread_head>(all, "KEY-01", "cuts_to_255", "one method cuts an id", "");
  add<Normalizes<&composed>, Id::get_session, Id::list_checkpoints, Id::list_sessions,
      Id::list_threads, Id::delete_session, Id::delete_thread, Id::prune_thread>(
      all, "KEY-01", "composes", "one method composes letters", "");
  add<Normalizes<&decoded>, Id::store_task_context, Id::list_checkpoints, Id::list_threads,
      Id::delete_session, Id::delete_thread, Id::get_thread_head>(
      all, "KEY-01", "decodes", "one method decodes an id as that of a URL", "");
  add<TakesNeighbours<'/'>, Id::delete_thread>(all, "THR-03", "takes_neighbours",
                                               "\"t\" takes \"t/x\" with it", "was deleted");
  add<TakesNeighbours<'#'>, Id::delete_thread>(all, "THR-03", "takes_neighbours_#",
                                               "\"t\" takes \"t#x\" with it", "was deleted");
  add<TakesNeighbours<'/'>, Id::prune_thread>(all, "THR-07", "takes_neighbours",
                                              "\"t\" takes \"t/x\" with it", "was pruned");
  add<TakesNeighbours<'/'>, Id::delete_session>(
      all, "DIR-04", "takes_neighbours", "\"s\" takes \"s/x\" with it", "which was not deleted,");
  add<TakesNeighbours<'/'>, Id::cleanup_expired_sessions>(
      all, "CLN-03", "takes_neighbours", "\"s\" takes \"s/x\" with it", "the session");
  add<JoinsCheckpointAndTask<':'>, Id::put_writes>(all, "WRT-05", "joins_checkpoint_and_task",
                                                   "a checkpoint and a task are joined by \":\"",
                                                   "the writes of");
  add<JoinsCheckpointAndTask<'|'>, Id::put_writes>(all, "WRT-05", "joins_checkpoint_and_task_|",
                                                   "a checkpoint and a task are joined by \"|\"",
                                                   "the writes of");
  add<Caps<10>, Id::list_checkpoints_before>(all, "THR-08", "caps_10", "never more than 10",
                                             "at most");
  all.back().evidence = "the length of a piece";
  add<Caps<256>, Id::list_checkpoints_before>(all, "THR-08", "caps_256", "never more than 256",
                                              "what is before the latest of a long thread");
  add<Caps<256>, Id::get_thread_head>(all, "THR-09", "caps_256", "never more than 256",
                                      "the ids of a long thread");
  add<Caps<256>, Id::get_writes>(all, "WRT-01", "caps_256", "never more than 256",
                                 "1,100 writes of one call");
  add<Caps<100>, Id::list_sessions>(all, "DIR-02", "caps_100", "never more than 100 on a page",
                                    "the size of a page that is not the last");
  add<Caps<100>, Id::list_threads>(all, "THR-02", "caps_100", "never more than 100 on a page",
                                   "the size of a page that is not the last");
  add<CountsIn32Bits, Id::prune_thread>(all, "THR-07", "counts_in_32_bits", "2^32 is 0",
                                        "4294967296");
  add<CountsIn32Bits, Id::get_conversation_history>(all, "CON-02", "counts_in_32_bits", "2^32 is 0",
                                                    "4294967296");
  add<CountsIn32Bits, Id::list_checkpoints>(all, "CHK-03", "counts_in_32_bits", "2^32 is 0",
                                            "4294967296");
  add<CountsIn32Bits, Id::list_checkpoints_before>(all, "THR-08", "counts_in_32_bits", "2^32 is 0",
                                                   "4294967296");
  add<CountsIn32Bits, Id::get_thread_head>(all, "THR-09", "counts_in_32_bits", "2^32 is 0",
                                           "4294967296");
  add<LosesContentsBehind256, Id::list_checkpoints>(all, "CHK-09", "loses_contents",
                                                    "contents behind the 256th are lost",
                                                    "the data of a checkpoint among 1,003");
  add<LosesContentsBehind256, Id::get_conversation_history>(
      all, "CON-04", "loses_contents", "contents behind the 256th are lost", "1,003 messages");
  add<LosesContentsBehind256, Id::list_checkpoints>(all, "THR-05", "copy_loses_contents",
                                                    "contents behind the 256th are lost",
                                                    "of a long thread");
  add<SortsBy<&natural>, Id::get_writes>(all, "WRT-01", "sorts_naturally", "9 comes before 10",
                                         "the writes of tasks");
  add<SortsBy<&by_signed_bytes>, Id::get_writes>(all, "WRT-01", "sorts_signed", "bytes are signed",
                                                 "the writes of tasks");
  add<SortsBy<&by_utf16>, Id::get_writes>(all, "WRT-01", "sorts_utf16", "by UTF-16",
                                          "the writes of tasks");
  add<SortsBy<&punctuation_last>, Id::get_writes>(all, "WRT-01", "sorts_punctuation",
                                                  "punctuation comes last", "the writes of tasks");
  add<SortsBy<&natural>, Id::list_sessions>(all, "DIR-01", "sorts_naturally", "9 comes before 10",
                                            "whose sessions have odd ids");
  add<SortsBy<&by_utf16>, Id::list_sessions>(all, "DIR-01", "sorts_utf16", "by UTF-16",
                                             "whose sessions have odd ids");
  add<SortsBy<&punctuation_last>, Id::list_sessions>(all, "DIR-01", "sorts_punctuation",
                                                     "punctuation comes last", "the sessions of");
  add<SortsBy<&by_utf16>, Id::list_threads>(all, "THR-01", "sorts_utf16", "by UTF-16",
                                            "the threads that begin with");
  add<SortsByMilliseconds, Id::list_sessions>(all, "DIR-01", "sorts_by_milliseconds",
                                              "the order is by milliseconds", "the sessions of");
  add<SortsByMilliseconds, Id::list_sessions>(all, "DIR-02", "pages_by_milliseconds",
                                              "the order is by milliseconds",
                                              "the order of the list across pages");
  add<ScansToFfff, Id::list_threads>(all, "THR-01", "scans_to_ffff",
                                     "a scan ends at the prefix and U+FFFF",
                                     "the threads that begin with");
  add<SystemComesFirst<false>, Id::get_conversation_history>(
      all, "CON-01", "system_first", "messages of \"system\" come first", "role");
  add<SystemComesFirst<true>, Id::get_conversation_history>(
      all, "CON-02", "system_always", "the first message of \"system\" is in every answer",
      "the newest");
  add<LimitsTheCall, Id::put_writes, Id::store_checkpoint, Id::add_conversation_message>(
      all, "VAL-02", "limits_the_call", "the values of a call share the limit of one", "values of");
  add<DeletionWipesSession, Id::delete_thread>(all, "THR-03", "wipes_messages",
                                               "a deletion takes the messages of the session",
                                               "the messages of the session of");
  add<DeletionWipesContext, Id::delete_thread>(all, "THR-03", "wipes_context",
                                               "a deletion takes the context of the session",
                                               "the context of the session of");
  add<DeletionWipesContext, Id::prune_thread>(all, "THR-07", "wipes_context",
                                              "a pruning takes the context of the session",
                                              "the context of the session of");
  add<DeletionWipesContext, Id::copy_thread>(all, "THR-05", "wipes_context",
                                             "a copy takes the context of its source",
                                             "the context of the session of");
  add<PruningWritesBack, Id::prune_thread>(all, "THR-07", "writes_back",
                                           "a pruning writes back what it has read before", "");
  all.back().evidence = "that was pruned beside";
  add<SetsActivityBack, Id::add_conversation_message, Id::end_session, Id::store_task_context>(
      all, "SES-10", "sets_activity_back", "last_activity follows the clock back",
      "when the clock went back");
  add<IdleSinceLastMessage, Id::cleanup_expired_sessions>(
      all, "CLN-02", "idle_since_last_message", "idle counts from the last message", "a clean-up");
  add<RefusalsMoveTheRecord<false>, Id::update_session, Id::end_session,
      Id::add_conversation_message>(all, "SES-14", "refusal_counts",
                                    "a write that is refused moves the version",
                                    "that was refused");
  add<RefusalsMoveTheRecord<true>, Id::update_session, Id::store_task_context>(
      all, "SES-14", "refusal_is_activity", "a write that is refused is activity",
      "that was refused");
  add<HidesDeleted, Id::get_session, Id::list_sessions>(
      all, "SES-13", "hides_deleted", "a status means that the session is gone", "ended as");
  add<FailedIsAnError, Id::end_session>(all, "SES-13", "failed_is_an_error",
                                        "the end \"failed\" counts an error", "error_count");
  add<EqualIsFalse, Id::store_task_context>(all, "CTX-02", "equal_is_false",
                                            "storing an equal context is false",
                                            "the store of an equal context");
  add<ListDropsNullData, Id::list_checkpoints>(all, "CHK-07", "list_drops_null",
                                               "a list leaves out what has null data",
                                               "the number of checkpoints listed");
  add<EmptyObjectsAreNoPatch, Id::update_session>(all, "SES-04", "bare_objects_are_dropped",
                                                  "an empty object in a patch is dropped",
                                                  "a patch of");
  add<CountsBeforeItMerges, Id::update_session>(all, "SES-04", "counts_before_it_merges",
                                                "a merge beyond the limit counts all the same",
                                                "the session after a merge beyond the limit");
  add<MergesBeyondTheLimit, Id::update_session>(all, "SES-04", "merges_beyond_the_limit",
                                                "a merge beyond the limit is true, and lost",
                                                "no error");
  add<HalfWritesAreSeen, Id::put_writes>(all, "WRT-08", "half_writes_are_seen",
                                         "the last write of a call comes later",
                                         "a multiple of 4 writes");
  add<EmptyTextIsKept, Id::append_session_event, Id::append_conversation_message>(
      all, "ARC-04", "empty_text_is_kept", "an empty text is kept as another",
      "an append that cannot be kept");
  add<EmptyTextIsLostAsTrue, Id::append_session_event, Id::append_conversation_message>(
      all, "ARC-04", "empty_text_is_lost", "a record with an empty text is lost, as true",
      "an append that cannot be kept");
  add<EmptyTextThrows, Id::append_session_event, Id::append_conversation_message>(
      all, "ARC-04", "empty_text_throws", "an empty text throws", "the text is empty");
  add<VersionsOfTheHandle, Id::append_task_context_snapshot>(
      all, "ARC-08", "versions_of_the_handle", "each handle counts from 1",
      "a version greater than");
  add<ChangesTimes<WrongTime::unsigned_only>, Id::append_session_event, Id::append_checkpoint>(
      all, "ARC-03", "none_before_1970", "no time is before 1970", "the times given");
  add<ChangesTimes<WrongTime::zero_is_none>, Id::append_conversation_message,
      Id::append_checkpoint_writes>(all, "ARC-03", "zero_is_none", "0 is no time",
                                    "the times given");
  add<ChangesTimes<WrongTime::cut_to_2262>, Id::append_conversation_session>(
      all, "ARC-03", "nanoseconds", "times are nanoseconds", "the times given");
  add<ChangesTimes<WrongTime::whole_seconds>, Id::append_task_context_snapshot>(
      all, "ARC-03", "milliseconds", "times are milliseconds", "the time");
  add<CapsRecords<50>, Id::append_conversation_message, Id::append_checkpoint>(
      all, "ARC-02", "caps_50", "no more than 50 of a key are kept", "270 records of one key");
  add<CapsRecords<256>, Id::append_checkpoint_writes, Id::append_conversation_session,
      Id::append_task_context_snapshot>(
      all, "ARC-02", "caps_256", "no more than 256 of a key are kept", "270 records of one key");
  add<KeepsTenWrites, Id::append_checkpoint_writes>(
      all, "ARC-07", "keeps_ten_writes", "10 writes of a record are kept", "a record of 11 writes");
  all.push_back(bug<CloseFirstSpoils, Id::close>("LIF-04", "close_first_spoils",
                                                 "a close that comes first spoils the store",
                                                 "initialize after a close before it"));
  all.push_back(bug<CloseFirstSpoils, Id::close, true>(
      "ARC-09", "close_first_spoils_archive", "a close that comes first spoils the archive",
      "initialize to be true"));
  all.back().evidence = "initialize to be true";
  all.push_back(bug<SecondCloseThrows, Id::close>("LIF-04", "second_close_throws",
                                                  "the second close throws", "it is closed"));
  all.push_back(bug<SecondCloseThrows, Id::close, true>("ARC-09", "second_close_throws_archive",
                                                        "the second close throws", "it is closed"));
  add<RareErrorsAreAnonymous<true>, Id::update_session, Id::store_checkpoint, Id::put_writes>(
      all, "ERR-02", "rare_error_without_name", "an error beyond a limit has another name",
      "an error that names");
  add<RareErrorsAreAnonymous<false>, Id::store_task_context, Id::add_conversation_message>(
      all, "ERR-02", "rare_error_lowers", "an error beyond a limit has its key in lower case",
      "an error that names");
  add<CutsKeysOfErrors<64>, Id::create_session, Id::update_session, Id::end_session,
      Id::store_checkpoint, Id::get_session, Id::get_writes, Id::copy_thread, Id::prune_thread,
      Id::delete_session>(all, "ERR-02", "cuts_keys", "an error has its key cut",
                          "an error that names");
  add<ChecksAtOnce, Id::list_threads, Id::list_sessions, Id::cleanup_expired_sessions,
      Id::get_session, Id::get_conversation_history, Id::list_checkpoints, Id::get_thread_head,
      Id::delete_thread, Id::prune_thread, Id::update_session>(
      all, "ASY-01", "checks_at_once", "what is wrong is said before the await",
      "and nothing before it is awaited");
  // What the id is taken for depends on the method: the reason names what was done.
  for (Mutant& mutant : all) {
    if (mutant.rule == "KEY-01" && mutant.evidence.empty()) {
      mutant.evidence = "to ";
    }
  }
  return all;
}

} // namespace agentstore::conformance

using namespace agentstore::conformance;

TEST_CASE("bugs that can be in many methods are caught in each", "[by_call]") {
  agentstore::test::expect_killed(call_mutants(), all_rules());
}

TEST_CASE("a store that looks at its calls and has no bug keeps all rules", "[by_call]") {
  using mutants::bug;
  const Mutant store = bug<mutants::Bug, MethodId::get_session>("", "no bug", "", "");
  const Mutant archive = bug<mutants::Bug, MethodId::read_archive>("", "no bug", "", "");
  for (const Mutant& without_bug : {store, archive}) {
    const Report report = run_all_rules(without_bug, all_rules());
    INFO(report.to_table());
    CHECK(report.count(Verdict::broken) == 0);
    CHECK(report.count(Verdict::error) == 0);
    CHECK(report.count(Verdict::held) > 10);
  }
}
