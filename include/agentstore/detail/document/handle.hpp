// SPDX-License-Identifier: Apache-2.0
// Included before the guard, because document.hpp itself includes this header.
#include <agentstore/document.hpp>

#ifndef AGENTSTORE_DETAIL_DOCUMENT_HANDLE_HPP
#define AGENTSTORE_DETAIL_DOCUMENT_HANDLE_HPP

// What a Document points to.
//
//   Document --+
//   Document --+--> Handle --------------+--> Kept: the form it was made from
//                     the other form,    |
//                     once it was asked  |
//   Document -----> Handle --------------+
//                     another one, made by fresh()
//
// A Handle counts its Documents, and a Kept its Handles. So the other form goes with the Documents
// that asked for it. A store with a Handle of its own keeps the first form alone.
//
// The first Handle lies in one block with its Kept, so that a value needs one allocation. Without
// Documents that Handle is nothing but memory, which goes when no Handle needs the form.

#include <agentstore/detail/document/lazy.hpp>
#include <agentstore/detail/document/survey.hpp>

#include <atomic>
#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace agentstore::detail::document {

/// A number of owners. A sole owner stays the only one, because nobody else is there to make a
/// copy.
class Owners {
public:
  void add() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  bool is_one() const noexcept { return count_.load(std::memory_order_acquire) == 1; }
  /// Whether the caller was the last owner. All that the other owners did has then happened before.
  bool drop() noexcept { return is_one() || count_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

private:
  std::atomic<std::uint32_t> count_ = 1;
};

/// How a validated text becomes a tree. A Document made from text carries the function, so that the
/// type needs no library.
using Parse = json (*)(std::string_view);

/// The form that a value was made from.
/// Invariant: it changes only when its last owner moves the tree out.
class Kept {
public:
  /// The text follows in memory.
  Kept(std::uint32_t size, std::size_t depth, Parse how) noexcept
      : size_(size), facts_(Facts(Document::Fault::none, depth, size).word()), parse_(how) {}
  explicit Kept(json tree) noexcept : tree_(std::move(tree)) {}

  Owners owners;

  bool is_text() const noexcept { return parse_ != nullptr; }
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), size_};
  }
  json parse() const { return parse_(text()); }
  Parse how_to_parse() const noexcept { return parse_; }
  json& tree() noexcept { return tree_; }

  Facts facts() noexcept {
    Facts facts(facts_.load(std::memory_order_relaxed)); // the word guards no other data
    if (!facts.are_known()) {
      facts = Survey().of(tree_);
      facts_.store(facts.word(), std::memory_order_relaxed);
    }
    return facts;
  }

private:
  std::uint32_t size_ = 0;
  std::atomic<std::uint64_t> facts_ = 0;
  Parse parse_ = nullptr;
  json tree_;
};

class Handle {
public:
  /// Takes over one ownership of `kept`.
  Handle(Kept& kept, bool is_first) noexcept : kept_(&kept), is_first_(is_first) {}

  Owners owners;
  Lazy<json> tree;
  Lazy<std::string> text;

  Kept& kept() const noexcept { return *kept_; }
  bool is_first() const noexcept { return is_first_; }

private:
  Kept* kept_;
  bool is_first_;
};

/// A value's first allocation.
class Block {
public:
  static Handle* of_tree(json tree) { return &(new Block(std::move(tree)))->handle_; }

  static constexpr std::size_t max_text = std::numeric_limits<std::uint32_t>::max();

  /// Requires: at most `max_text` bytes. `write(char*)` writes them.
  template <class Write>
  static Handle* of_text(std::size_t size, std::size_t depth, Parse parse, Write write) {
    void* const memory = ::operator new(sizeof(Block) + size);
    auto* const block = new (memory) Block(static_cast<std::uint32_t>(size), depth, parse);
    write(static_cast<char*>(memory) + sizeof(Block));
    return &block->handle_;
  }

  /// Frees the block of a Kept.
  static void destroy(Kept& kept) noexcept {
    static_assert(sizeof(Block) == sizeof(Handle) + sizeof(Kept)); // Kept's text follows the block
    auto* const block = reinterpret_cast<Block*>(reinterpret_cast<char*>(&kept) - sizeof(Handle));
    block->~Block();
    ::operator delete(static_cast<void*>(block));
  }

private:
  explicit Block(json tree) noexcept : handle_(kept_, true), kept_(std::move(tree)) {}
  Block(std::uint32_t size, std::size_t depth, Parse parse) noexcept
      : handle_(kept_, true), kept_(size, depth, parse) {}

  Handle handle_;
  Kept kept_;
};

/// A Document of this handle is gone.
inline void release(Handle& handle) noexcept {
  if (!handle.owners.drop()) {
    return;
  }
  Kept& kept = handle.kept();
  if (handle.is_first()) {
    handle.tree.clear();
    handle.text.clear();
  } else {
    delete &handle;
  }
  if (kept.owners.drop()) {
    Block::destroy(kept);
  }
}

/// Whether nobody else can see the form.
inline bool is_alone(const Handle& handle) noexcept {
  return handle.owners.is_one() && handle.kept().owners.is_one();
}

/// What every Document of the empty object points to: an address, at which there is no Handle.
inline Handle* empty_object_handle() noexcept {
  alignas(Handle) static constinit char mark = 0;
  return reinterpret_cast<Handle*>(&mark);
}

} // namespace agentstore::detail::document

#endif
