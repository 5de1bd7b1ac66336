// What devices of a vendor a machine has, and if none, why.

#ifndef AMDGPU_GPU_VENDOR_PROBE_H_
#define AMDGPU_GPU_VENDOR_PROBE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "proto/worker.pb.h"

namespace amdgpu::vendor {

// Loads the vendor's library, asks it for its devices, and looks at the files that its runtime
// opens. Whatever goes wrong is in the reply. For a process of its own: the library may take its
// time, or the process down.
proto::ProbeReply Probe(absl::string_view kind, const std::vector<std::string>& libraries);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_PROBE_H_
