// SPDX-License-Identifier: Apache-2.0
#ifndef AGENTSTORE_DETAIL_REDIS_ROUTER_HPP
#define AGENTSTORE_DETAIL_REDIS_ROUTER_HPP

// The way of a backend's requests to the nodes that serve their keys. One server is a cluster of
// one node that serves all slots and redirects nobody.

#include <agentstore/backends/redis_options.hpp>
#include <agentstore/detail/redis/client.hpp>
#include <agentstore/detail/redis/counts.hpp>
#include <agentstore/detail/redis/info.hpp>
#include <agentstore/detail/redis/layout.hpp>
#include <agentstore/detail/redis/map_query.hpp>

#include <boost/asio/post.hpp>

#include <map>

namespace agentstore::detail::redis {

/// Requires: everything is called on the strand, but for the constructor and `strand`.
///
/// Invariant: a member that a client or a connection calls does not call it back before returning.
class Router final : public Part::Owner,
                     public MapQuery::Asker,
                     public std::enable_shared_from_this<Router> {
public:
  Router(boost::asio::any_io_executor executor, const RedisOptions& options,
         std::shared_ptr<const Keys> keys, std::optional<Failure> fault, Terms terms)
      : strand_(boost::asio::make_strand(executor)), options_(options), keys_(std::move(keys)),
        fault_(std::move(fault)), terms_(std::move(terms)) {}

  boost::asio::any_io_executor strand() const { return strand_; }

  /// Finds out whether the server is a node of a cluster. Makes the layout, or checks that the
  /// existing layout is known here.
  void open(PendingPtr request) {
    if (fault_) {
      return request->fail(*fault_);
    }
    ++entering_;
    boost::asio::co_spawn(strand_, enter(shared_from_this()),
                          [self = shared_from_this(), request](const std::exception_ptr& error) {
                            --self->entering_;
                            const bool is_cancelled = request->is_done();
                            self->is_closed_ = self->is_closed_ && (error || is_cancelled);
                            if (self->is_closed_ && self->entering_ == 0) {
                              self->drop_clients();
                            }
                            request->finish(error ? Response(to_failure(error)) : Response());
                          });
  }

  /// Sends each command to the node that serves its slot.
  void submit(PendingPtr request) {
    if (may_begin(request)) {
      route(std::move(request));
    }
  }

  /// The same, but the first command goes to each node that serves slots. Its replies come before
  /// the others.
  void submit_with_all(PendingPtr request) {
    if (!may_begin(request)) {
      return;
    }
    std::vector<Command>& commands = request->request.commands;
    std::vector<Address> nodes = map_.masters();
    const std::vector<Command> copies(nodes.size() - 1, commands.front());
    commands.insert(commands.begin(), copies.begin(), copies.end());
    for (std::size_t i = nodes.size(); i < commands.size(); ++i) {
      nodes.push_back(map_.owner(commands[i].slot()));
    }
    divide(std::move(request), nodes);
  }

  /// Takes no more requests. Ends when all that were taken have ended.
  void close(PendingPtr request) {
    is_closed_ = true;
    closing_.push_back(std::move(request));
    close_if_done();
  }

  /// The caller of a request cancels it.
  void cancel(const PendingPtr& request) {
    if (request->is_done() || request->is_cancelled) {
      return;
    }
    request->is_cancelled = true;
    if (request->parts.empty()) {
      return request->fail(Failure::cancellation());
    }
    for (const std::weak_ptr<Part>& each : std::vector<std::weak_ptr<Part>>(request->parts)) {
      if (const PartPtr part = each.lock()) {
        client_of(part->lane)->cancel(part);
      }
    }
  }

private:
  /// Parts that are being put together.
  using Parts = std::map<Lane, PartPtr>;

  /// How often a command is sent on to another node. If slots move on and on, the router has to end
  /// it.
  static constexpr unsigned max_hops = 8;

  // Dividing

  bool may_begin(const PendingPtr& request) const {
    if (is_closed_) {
      request->fail(Failure(errc::closed, "the backend is not open"));
    } else if (request->request.is_too_large()) {
      request->fail(Failure(errc::too_large, "the values are above what the server takes"));
    }
    return !request->is_done();
  }

  void route(PendingPtr request) {
    std::vector<Address> nodes;
    for (const Command& each : request->request.commands) {
      nodes.push_back(map_.owner(each.slot()));
    }
    divide(std::move(request), nodes);
  }

  /// \param nodes the node of each command.
  void divide(PendingPtr request, const std::vector<Address>& nodes) {
    const auto acquired_at = deadline_after(PendingRequest::Clock::now(), options_.acquire_timeout);
    request->give_up_at = deadline_after(acquired_at, options_.operation_timeout);
    request->expect_replies();
    Parts parts;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      add(parts, request, nodes[i], 0, std::move(request->request.commands[i]), i);
    }
    send(parts);
  }

  void add(Parts& parts, const PendingPtr& whole, const Address& node, unsigned hops,
           Command command, std::size_t place) {
    const Lane lane(node, options_.wait_replicas != 0 && command.writes());
    PartPtr& part = parts[lane];
    if (!part) {
      part = make_part(whole, lane, hops);
    }
    part->add(std::move(command), place);
  }

  PartPtr make_part(const PendingPtr& whole, const Lane& lane, unsigned hops) {
    auto part = std::make_shared<Part>(shared_from_this(), whole, lane, hops);
    whole->parts.push_back(part);
    ++under_way_;
    return part;
  }

  void send(const Parts& parts) {
    for (const auto& [lane, part] : parts) {
      if (!part->is_done()) { // else it was cancelled meanwhile
        client_of(lane)->submit(part);
      }
    }
  }

  const std::shared_ptr<Client>& client_of(const Lane& lane) {
    std::shared_ptr<Client>& client = clients_[lane];
    if (!client) {
      const std::size_t replicas = lane.confirms ? options_.wait_replicas : 0;
      client = std::make_shared<Client>(strand_, options_.acquire_timeout,
                                        terms_.at(lane.node, replicas));
    }
    return client;
  }

  // Part::Owner

  void on_answer(Part& part, Response response) override {
    if (response.replies.size() == part.places.size()) {
      take_replies(part, response);
    } else {
      take_failure(part, *response.failure);
    }
    end_part();
  }

  void on_abandoned() override {
    const auto closing = std::exchange(closing_, {});
    end_part();
  }

  /// A node that redirects a command has not run it.
  void take_replies(Part& part, Response& response) {
    Parts onward;
    bool is_map_old = false;
    for (std::size_t i = 0; i < part.places.size(); ++i) {
      const auto redirect = Redirect::in(response.replies[i].root(), part.lane.node);
      if (!redirect || part.hops == max_hops) {
        part.whole->take(part.places[i], std::move(response.replies[i]));
        continue;
      }
      if (!redirect->is_ask) {
        map_.move(redirect->slot, redirect->to);
        is_map_old = true;
      }
      if (!may_go_on(part)) {
        part.whole->miss(Failure::cancellation());
        continue;
      }
      Command& command = part.request.commands[i];
      command.asks_importer = redirect->is_ask;
      add(onward, part.whole, redirect->to, part.hops + 1, std::move(command), part.places[i]);
    }
    if (!onward.empty()) {
      boost::asio::post(
          strand_, [self = shared_from_this(), parts = std::move(onward)] { self->send(parts); });
    }
    if (is_map_old) {
      boost::asio::post(strand_, [self = shared_from_this()] { self->query_map(Address()); });
    }
  }

  /// A part that was not sent may go to another node, if one has taken over.
  void take_failure(Part& part, Failure failure) {
    if (!map_.is_cluster() || failure.is_cancellation) {
      return miss(part, failure);
    }
    const bool is_last_word = part.is_sent() || part.has_waited || !may_go_on(part);
    std::optional<MapQuery::Waiting> waiting;
    if (is_last_word) {
      Failure named = failure;
      named.reason = part.lane.node.text() + ": " + failure.reason;
      miss(part, named);
    } else {
      const PartPtr next = make_part(part.whole, part.lane, part.hops + 1);
      next->has_waited = true;
      next->request = std::move(part.request);
      next->places = part.places;
      waiting.emplace(next, std::move(failure));
    }
    if (!part.has_waited) {
      boost::asio::post(strand_, [self = shared_from_this(), suspect = part.lane.node,
                                  waiting = std::move(waiting)]() mutable {
        self->query_map(suspect, std::move(waiting));
      });
    }
  }

  static void miss(const Part& part, const Failure& failure) {
    for (std::size_t i = 0; i < part.places.size(); ++i) {
      part.whole->miss(failure);
    }
  }

  static bool may_go_on(const Part& part) {
    return !part.whole->is_cancelled && part.hops < max_hops &&
           PendingRequest::Clock::now() < part.give_up_at;
  }

  void end_part() {
    --under_way_;
    if (under_way_ == 0 && !closing_.empty()) {
      boost::asio::post(strand_, [self = shared_from_this()] { self->close_if_done(); });
    }
  }

  void close_if_done() {
    if (under_way_ != 0 || closing_.empty()) {
      return;
    }
    drop_clients();
    for (const PendingPtr& each : std::exchange(closing_, {})) {
      each->finish(Response());
    }
  }

  void drop_clients() {
    for (const auto& [lane, client] : std::exchange(clients_, {})) {
      client->close();
    }
  }

  // The map

  /// Asks the cluster which node serves which slot, unless the cluster is being asked already.
  /// \param suspect a node that is not likely to answer.
  void query_map(const Address& suspect, std::optional<MapQuery::Waiting> waiting = {}) {
    std::shared_ptr<MapQuery> query = query_.lock();
    const bool is_new = query == nullptr;
    if (is_new) {
      std::vector<Address> first = map_.masters();
      std::vector<Address> then = map_.replicas();
      std::erase(first, suspect);
      then.push_back(suspect);
      then.emplace_back(); // the URI's name may lead to another node today
      // The waiting parts have this time left, because they have only used the time for a
      // connection.
      const auto give_up_at =
          deadline_after(PendingRequest::Clock::now(), options_.operation_timeout);
      query = std::make_shared<MapQuery>(shared_from_this(), std::move(first), std::move(then),
                                         give_up_at);
      query_ = query;
    }
    if (waiting) {
      query->waiting.push_back(std::move(*waiting));
    }
    if (is_new) {
      query->ask_next();
    }
  }

  // MapQuery::Asker

  void ask_node(const Address& node, PendingPtr question) override {
    client_of(Lane(node, false))->submit(std::move(question));
  }

  void on_answer(std::shared_ptr<MapQuery> query, Address node, Response answer) override {
    auto map = query->is_answered ? std::nullopt : MapQuery::map_in(answer, node);
    const bool is_last = query->count_answer();
    if (query->is_answered || (!map && !is_last)) {
      return;
    }
    query->is_answered = map.has_value();
    boost::asio::post(strand_, [self = shared_from_this(), query, map = std::move(map)] {
      if (map) {
        self->use(*map);
      }
      if (map || !query->ask_next()) {
        self->query_.reset();
        self->go_on(std::exchange(query->waiting, {}));
      }
    });
  }

  void use(const SlotMap& map) {
    map_ = map;
    std::erase_if(clients_, [this](const auto& entry) {
      return !map_.has(entry.first.node) && entry.second->is_idle();
    });
  }

  /// Sends the waiting parts to the nodes that serve them now. Fails a part that no other node
  /// serves.
  void go_on(const std::vector<MapQuery::Waiting>& waiting) {
    for (const auto& [part, failure] : waiting) {
      if (part->is_done()) {
        continue; // it was cancelled meanwhile
      }
      std::vector<Command>& commands = part->request.commands;
      const bool has_moved =
          std::none_of(commands.begin(), commands.end(), [&](const Command& each) {
            return map_.owner(each.slot()) == part->lane.node;
          });
      if (!has_moved) {
        part->fail(failure);
        continue;
      }
      Parts onward;
      for (std::size_t i = 0; i < commands.size(); ++i) {
        const Address& node = map_.owner(commands[i].slot());
        add(onward, part->whole, node, part->hops, std::move(commands[i]), part->places[i]);
      }
      part->drop();
      end_part();
      send(onward);
    }
  }

  // Opening

  /// Throws Failure or Corrupted.
  static awaitable<void> enter(std::shared_ptr<Router> self) {
    auto connection = co_await connect(self->strand_, self->terms_);
    Request about(ask_info());
    const Response info = co_await ask(connection, &Connection::send, std::move(about));
    require_success(info);
    if (info_value(info.only().bytes(), "redis_mode") == "cluster") {
      auto question = ask_slots();
      const Response answer = co_await ask(connection, &Connection::send, std::move(question));
      require_success(answer);
      self->map_ = SlotMap::of_cluster(answer.only(), self->terms_.address());
      connection->close("each node has a connection of its own");
    } else {
      self->map_ = SlotMap();
      self->client_of(Lane(self->map_.owner(0), false))->adopt(connection);
    }
    auto layout = make_layout(*self->keys_);
    const Response made = co_await ask(self, &Router::route, std::move(layout));
    require_success(made);
    check_layout(made.only(), *self->keys_);
    if (made.only().size() > 2) {
      // As long as a bucket has nothing, it is counted in no time. Where this fails, the first
      // get_metrics does it.
      Request counts;
      for (std::size_t bucket = 0; bucket < self->keys_->buckets(); ++bucket) {
        counts.add(count_anew(*self->keys_, bucket));
      }
      static_cast<void>(co_await ask(self, &Router::route, std::move(counts)));
    }
  }

  static void require_success(const Response& response) {
    if (response.failure) {
      throw Failure(*response.failure);
    }
  }

  const boost::asio::any_io_executor strand_;
  const RedisOptions options_;
  const std::shared_ptr<const Keys> keys_;
  const std::optional<Failure> fault_;
  const Terms terms_;

  SlotMap map_;
  std::map<Lane, std::shared_ptr<Client>> clients_;
  std::weak_ptr<MapQuery> query_;
  /// How many callers of `open` are about to enter.
  unsigned entering_ = 0;
  /// How many parts have not ended.
  std::size_t under_way_ = 0;
  /// Callers of `close` that wait for its end.
  std::vector<PendingPtr> closing_;
  bool is_closed_ = true;
};

} // namespace agentstore::detail::redis

#endif
