// Which devices the machine has, asked of a worker that opens none.

#ifndef AMDGPU_C_SRC_RUNTIME_PROBE_H_
#define AMDGPU_C_SRC_RUNTIME_PROBE_H_

#include <string>

#include "proto/worker.pb.h"

namespace amdgpu {

// Starts `worker_path` with --probe=`kind` ("host", "hip", "cuda") and waits for what it finds:
// some milliseconds, up to seconds where a vendor's runtime starts. A worker that dies over it, or
// does not answer in time, is a problem in the reply like any other.
proto::ProbeReply ProbeDevices(const std::string& worker_path, const std::string& kind);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_RUNTIME_PROBE_H_
