// An NVIDIA GPU through the driver's management library, NVML, loaded at run time.

#ifndef AMDGPU_TELEMETRY_SOURCES_NVML_H_
#define AMDGPU_TELEMETRY_SOURCES_NVML_H_

#include <string>
#include <vector>

#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Adds the probes of the device with this PCI address ("0000:03:00.0"), or of the first one if it
// is empty. False if no library loads or it knows no such device. Functions that a library does not
// have make their values absent.
bool AddNvmlProbes(const std::vector<std::string>& libraries, const std::string& pci_address,
                   Probes* probes);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_NVML_H_
