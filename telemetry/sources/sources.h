// Which sources a worker has for its device.

#ifndef AMDGPU_TELEMETRY_SOURCES_SOURCES_H_
#define AMDGPU_TELEMETRY_SOURCES_SOURCES_H_

#include "proto/worker.pb.h"
#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Opens them: before the sandbox.
Probes MakeProbes(const proto::DeviceProperties& device);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_SOURCES_H_
