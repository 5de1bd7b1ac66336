#include "telemetry/sources/sources.h"

#include <string>

#include "telemetry/sources/amdgpu_sysfs.h"
#include "telemetry/sources/amdsmi.h"
#include "telemetry/sources/host.h"
#include "telemetry/sources/nvml.h"
#include "telemetry/sources/rocm_smi.h"

namespace amdgpu::telemetry {

Probes MakeProbes(const proto::DeviceProperties& device) {
  Probes probes;
  const std::string& address = device.pci_address();
  if (device.kind() == "host") {
    AddHostProbes("", &probes);
  } else if (device.kind() == "hip") {
    // The files themselves, where we see them; the libraries read no others.
    if (!AddAmdgpuProbes("/sys", address, &probes) &&
        !AddAmdSmiProbes(
            {"libamd_smi.so", "libamd_smi.so.26", "libamd_smi.so.25", "libamd_smi.so.24"}, address,
            &probes)) {
      AddRocmSmiProbes({"librocm_smi64.so", "librocm_smi64.so.7", "librocm_smi64.so.6",
                        "librocm_smi64.so.5", "librocm_smi64.so.1"},
                       address, &probes);
    }
  } else if (device.kind() == "cuda") {
    // Where containers, WSL and NixOS have it, too.
    AddNvmlProbes(
        {"libnvidia-ml.so.1", "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
         "/usr/lib/wsl/lib/libnvidia-ml.so.1", "/run/opengl-driver/lib/libnvidia-ml.so.1"},
        address, &probes);
  }
  return probes;
}

}  // namespace amdgpu::telemetry
