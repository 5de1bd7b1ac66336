// The stand-in's device memory: mappings of this process with a page that cannot be touched at
// either end.

#include <sys/mman.h>

#include <map>
#include <mutex>

#include "tests/support/standin/standin.h"

namespace standin {
namespace {

constexpr std::size_t kPage = 4096;

struct Memory {
  std::mutex mutex;
  std::map<Address, std::size_t> allocations;
  std::map<Address, std::size_t> variables;
  std::map<Address, std::size_t> registered;
  std::size_t used = 0;
};

Memory& Global() {
  static Memory& memory = *new Memory;
  return memory;
}

std::size_t RoundUp(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

bool Within(const std::map<Address, std::size_t>& ranges, Address address, std::size_t bytes) {
  const auto after = ranges.upper_bound(address);
  if (after == ranges.begin()) return false;
  const auto& [begin, size] = *std::prev(after);
  return bytes <= size && address - begin <= size - bytes;
}

}  // namespace

Result MemAlloc(Address* address, std::size_t bytes) {
  if (bytes == 0) return kInvalidValue;
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  if (bytes > kMemoryBytes - memory.used) return kOutOfMemory;
  void* const space = mmap(nullptr, RoundUp(bytes) + 2 * kPage, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED) return kOutOfMemory;
  *address = reinterpret_cast<Address>(space) + kPage;
  mprotect(reinterpret_cast<void*>(*address), RoundUp(bytes), PROT_READ | PROT_WRITE);
  memory.allocations.emplace(*address, bytes);
  memory.used += bytes;
  return kSuccess;
}

Result MemFree(Address address) {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  const auto found = memory.allocations.find(address);
  if (found == memory.allocations.end()) return kInvalidValue;
  munmap(reinterpret_cast<void*>(address - kPage), RoundUp(found->second) + 2 * kPage);
  memory.used -= found->second;
  memory.allocations.erase(found);
  return kSuccess;
}

std::size_t FreeBytes() {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  return kMemoryBytes - memory.used;
}

bool IsDeviceMemory(Address address, std::size_t bytes) {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  return Within(memory.allocations, address, bytes) || Within(memory.variables, address, bytes);
}

void AddVariable(Address address, std::size_t bytes) {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  memory.variables.emplace(address, bytes);
}

void RemoveVariable(Address address) {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  memory.variables.erase(address);
}

Result HostRegister(void* host, std::size_t bytes) {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  const bool fresh = memory.registered.emplace(reinterpret_cast<Address>(host), bytes).second;
  return fresh ? kSuccess : 712;
}

Result HostUnregister(void* host) {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  return memory.registered.erase(reinterpret_cast<Address>(host)) == 1 ? kSuccess : 713;
}

bool IsRegistered(const void* host, std::size_t bytes) {
  Memory& memory = Global();
  const std::lock_guard lock(memory.mutex);
  return Within(memory.registered, reinterpret_cast<Address>(host), bytes);
}

}  // namespace standin
