#include "c_src/memory/node_table.h"

#include <sys/mman.h>

#include <cstddef>

namespace amdgpu {
namespace {

// 224 MiB of addresses. Where those are rationed (ulimit -v) less must do.
constexpr std::uint32_t kMostNodes = 1 << 22;
constexpr std::uint32_t kFewestNodes = 1 << 12;
constexpr std::size_t kBytesPerNode = sizeof(Node) + sizeof(Hold);

// Zeroes, without memory behind them until they are touched; null if there is no room.
void* ReserveAddresses(std::size_t bytes) {
  void* const address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return address == MAP_FAILED ? nullptr : address;
}

}  // namespace

NodeTable::NodeTable() {
  void* table = nullptr;
  std::uint32_t count = kMostNodes;
  while (count >= kFewestNodes && (table = ReserveAddresses(count * kBytesPerNode)) == nullptr) {
    count /= 2;
  }
  if (table == nullptr) return;  // a table without room
  capacity_ = count - 1;
  nodes_ = static_cast<Node*>(table);
  holds_ = reinterpret_cast<Hold*>(nodes_ + count);
}

NodeTable::~NodeTable() {
  if (nodes_ != nullptr) munmap(nodes_, (capacity_ + 1) * kBytesPerNode);
}

}  // namespace amdgpu
