// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_TESTS_SUPPORT_RAW_REDIS_HPP
#define AGENTSTORE_TESTS_SUPPORT_RAW_REDIS_HPP

#include <hiredis/hiredis.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace agentstore::test {

/// A connection as any other program has it.
class RawRedis {
public:
  explicit RawRedis(const std::string& socket) : context_(::redisConnectUnix(socket.c_str())) {
    if (context_ == nullptr || context_->err != 0) {
      throw std::runtime_error("no connection to " + socket);
    }
  }

  /// The reply as lines of text, "(nil)" for none. Throws what the server says is wrong.
  std::string text(const std::vector<std::string>& words) {
    const std::vector<std::string> all = list(words);
    std::string lines;
    for (const std::string& each : all) {
      lines += (lines.empty() ? "" : "\n") + each;
    }
    return lines;
  }

  std::vector<std::string> list(const std::vector<std::string>& words) {
    std::vector<const char*> pointers;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      pointers.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(::redisCommandArgv(
        context_.get(), static_cast<int>(words.size()), pointers.data(), sizes.data())));
    if (!reply) {
      throw std::runtime_error(std::string("the connection is lost: ") + context_->errstr);
    }
    std::vector<std::string> all;
    add(*reply, all);
    return all;
  }

private:
  class Free {
  public:
    void operator()(redisContext* context) const { ::redisFree(context); }
    void operator()(redisReply* reply) const { ::freeReplyObject(reply); }
  };

  static void add(const redisReply& reply, std::vector<std::string>& all) {
    if (reply.type == REDIS_REPLY_ERROR) {
      throw std::runtime_error(reply.str);
    }
    if (reply.type == REDIS_REPLY_NIL) {
      all.emplace_back("(nil)");
    } else if (reply.type == REDIS_REPLY_INTEGER) {
      all.push_back(std::to_string(reply.integer));
    } else if (reply.type == REDIS_REPLY_ARRAY) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(reply.elements); ++i) {
        add(*reply.element[i], all);
      }
    } else {
      all.emplace_back(reply.str, static_cast<std::size_t>(reply.len));
    }
  }

  std::unique_ptr<redisContext, Free> context_;
};

} // namespace agentstore::test

#endif
