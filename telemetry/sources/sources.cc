#include "telemetry/sources/sources.h"

#include "telemetry/sources/amdgpu_sysfs.h"
#include "telemetry/sources/host.h"

namespace amdgpu::telemetry {

Probes MakeProbes(const proto::DeviceProperties& device) {
  Probes probes;
  if (device.kind() == "host") AddHostProbes("", &probes);
  if (device.kind() == "hip") AddAmdgpuProbes("/sys", device.pci_address(), &probes);
  return probes;
}

}  // namespace amdgpu::telemetry
