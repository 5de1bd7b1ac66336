// What the worker remembers of the commands it has taken and not yet completed.

#ifndef AMDGPU_C_SRC_WORKER_IN_FLIGHT_H_
#define AMDGPU_C_SRC_WORKER_IN_FLIGHT_H_

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
  // Of launches.
  gpu::FunctionHandle function = 0;
  gpu::Dim3 grid;
  gpu::Dim3 block;
  std::uint32_t dynamic_shared_bytes = 0;
};

// By the slot in the ticket. An entry is written before its command is given to the driver and read
// when the driver completes it; the driver's own queue orders the two.
class InFlightTable {
 public:
  InFlight& operator[](gpu::Ticket ticket) { return entries_[ticket & protocol::kTicketSlotMask]; }

 private:
  std::unique_ptr<InFlight[]> entries_ = std::make_unique<InFlight[]>(protocol::kMaxInFlight);
};

}  // namespace amdgpu::worker

#endif  // AMDGPU_C_SRC_WORKER_IN_FLIGHT_H_
