// What is told about a worker's end: to the launch that caused it, and to everybody else.

#ifndef AMDGPU_C_SRC_RUNTIME_FAULT_REPORT_H_
#define AMDGPU_C_SRC_RUNTIME_FAULT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "c_src/runtime/protocol.h"

namespace amdgpu {

// A copy of the segment's FaultRecord.
struct FaultSnapshot {
  protocol::FaultKind kind = protocol::FaultKind::kNone;
  int signal = 0;
  std::uint64_t address = 0;
  std::uint64_t ticket = 0;
  std::string message;
};

// Nothing, if the worker died without a word.
std::optional<FaultSnapshot> ReadFault(const protocol::FaultRecord& record);

// The buffer nearest to a faulting address.
struct NearBuffer {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::int64_t offset = 0;  // of the fault from the buffer's first byte
};

// The error of the launch that ended the worker: ErrorDetail.fault or .timeout. `kernel` may be
// empty; `timeout_ns` is the launch's.
absl::Status FaultError(const FaultSnapshot& fault, const std::string& kernel,
                        std::uint64_t timeout_ns, const std::optional<NearBuffer>& near);

// The error of whatever else was under way: ErrorDetail.device_lost. `reason` is a clause that
// says what ended the worker; `kernel` is a launch's, else empty.
absl::Status DeviceLostError(const std::string& device, const std::string& reason,
                             const std::string& kernel = "");

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_FAULT_REPORT_H_
