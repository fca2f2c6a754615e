// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_REPLY_HPP
#define AGENTSTORE_DETAIL_REDIS_REPLY_HPP

// The server's answers. The types are those that hiredis read. If a method does not find what it
// expects, the answer is Corrupted.

#include <agentstore/detail/redis/failure.hpp>

#include <cstdint>
#include <hiredis/hiredis.h>
#include <memory>

namespace agentstore::detail::redis {

/// One element of a reply. Refers to the Reply that it is a part of.
class Element {
public:
  explicit Element(const redisReply* reply) : reply_(reply) {}

  bool is_null() const { return reply_->type == REDIS_REPLY_NIL; }
  bool is_error() const { return reply_->type == REDIS_REPLY_ERROR; }
  bool is_array() const { return reply_->type == REDIS_REPLY_ARRAY; }

  std::string_view bytes() const {
    if (reply_->type != REDIS_REPLY_STRING && reply_->type != REDIS_REPLY_STATUS &&
        reply_->type != REDIS_REPLY_ERROR) {
      throw Corrupted("the server has no text where one is to be");
    }
    return {reply_->str, static_cast<std::size_t>(reply_->len)};
  }
  std::int64_t integer() const {
    if (reply_->type != REDIS_REPLY_INTEGER) {
      throw Corrupted("the server has no number where one is to be");
    }
    return reply_->integer;
  }
  std::size_t size() const {
    if (!is_array()) {
      throw Corrupted("the server has no list where one is to be");
    }
    return static_cast<std::size_t>(reply_->elements);
  }
  Element at(std::size_t index) const {
    if (index >= size()) {
      throw Corrupted("the server has a shorter list than is to be");
    }
    return Element(reply_->element[index]);
  }

private:
  const redisReply* reply_;
};

/// The reply to one command.
class Reply {
public:
  explicit Reply(void* reply) : reply_(static_cast<redisReply*>(reply)) {}

  Element root() const { return Element(reply_.get()); }

private:
  class Free {
  public:
    void operator()(redisReply* reply) const { ::freeReplyObject(reply); }
  };

  std::unique_ptr<redisReply, Free> reply_;
};

} // namespace agentstore::detail::redis

#endif
