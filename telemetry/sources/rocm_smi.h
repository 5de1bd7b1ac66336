// An AMD GPU through rocm_smi, loaded at run time, where sysfs does not show it to us.
//
// Debian's library (5.2.3) ends its process on files that real cards have (ECC counts with a "de:"
// line, "S:" clock lines, gpu_metrics 1.4 and newer). What is called here are the getters of one
// number each that read one simple file; nothing that parses, and nothing with a structure, whose
// layouts change between versions of the same name.

#ifndef AMDGPU_TELEMETRY_SOURCES_ROCM_SMI_H_
#define AMDGPU_TELEMETRY_SOURCES_ROCM_SMI_H_

#include <string>
#include <vector>

#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Adds the probes of the device with this PCI address ("0000:03:00.0"), or of the first one if it
// is empty. False if no library loads or it knows no such device.
bool AddRocmSmiProbes(const std::vector<std::string>& libraries, const std::string& pci_address,
                      Probes* probes);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_ROCM_SMI_H_
