// What the worker remembers of the commands it has taken and not yet completed.

#ifndef AMDGPU_C_SRC_WORKER_IN_FLIGHT_H_
#define AMDGPU_C_SRC_WORKER_IN_FLIGHT_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "c_src/runtime/protocol.h"
#include "gpu/driver.h"

namespace amdgpu::worker {

struct InFlight {
  gpu::Ticket ticket = 0;
  std::uint64_t submitted_ns = 0;
  std::uint64_t timeout_ns = 0;
  gpu::StreamId stream = 0;
  protocol::CommandKind kind = protocol::CommandKind::kPad;
  // Not kOk: the driver refused the command, and a marker stands in for it.
  absl::StatusCode refused = absl::StatusCode::kOk;
  std::uint64_t owner = 0;
  std::uint64_t bytes = 0;  // of copies and fills; of launches as far as the caller knows
  // Of launches.
  gpu::FunctionHandle function = 0;
  gpu::Dim3 grid;
  gpu::Dim3 block;
  std::uint32_t dynamic_shared_bytes = 0;
  std::uint32_t kernel = 0;
  std::uint32_t label = 0;
  std::uint64_t flops = 0;
};

// By the slot in the ticket. An entry is written by whoever took it before its command is given to
// the driver, and read when the driver completes it.
class InFlightTable {
 public:
  // The entry for a new command; null if its slot is in use, which no client does.
  InFlight* Take(gpu::Ticket ticket) {
    Slot& slot = SlotOf(ticket);
    if (slot.taken.exchange(true, std::memory_order_acquire)) return nullptr;
    slot.entry = {};
    slot.entry.ticket = ticket;
    return &slot.entry;
  }

  // Of a command in flight.
  const InFlight& Get(gpu::Ticket ticket) { return SlotOf(ticket).entry; }

  // The command has ended: what was known of it, and the slot is free.
  InFlight Release(gpu::Ticket ticket) {
    Slot& slot = SlotOf(ticket);
    const InFlight entry = slot.entry;
    slot.taken.store(false, std::memory_order_release);
    return entry;
  }

 private:
  struct Slot {
    std::atomic<bool> taken{false};
    InFlight entry;
  };
  Slot& SlotOf(gpu::Ticket ticket) { return slots_[ticket & protocol::kTicketSlotMask]; }

  std::unique_ptr<Slot[]> slots_ = std::make_unique<Slot[]>(protocol::kMaxInFlight);
};

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_IN_FLIGHT_H_
