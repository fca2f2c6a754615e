// SPDX-License-Identifier: Apache-2.0
// Replaces the allocating operators by ones that count. In a file of its own: inlined into what
// calls them, they look to g++ like mismatched pairs.

#include "bench/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> count = 0;
std::atomic<std::uint64_t> given_back = 0;

void* checked(void* memory) {
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  count.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory != nullptr) {
    given_back.fetch_add(1, std::memory_order_relaxed);
    std::free(memory);
  }
}

} // namespace

std::uint64_t bench::allocations() noexcept {
  return count;
}

std::uint64_t bench::live_allocations() noexcept {
  return count - given_back;
}

void* operator new(std::size_t size) {
  return checked(std::malloc(size));
}

// Asio's frames come this way.
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return checked(std::aligned_alloc(align, (size + align - 1) / align * align));
}

void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give_back(memory);
}
