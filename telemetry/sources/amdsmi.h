// An AMD GPU through amdsmi, rocm_smi's successor, loaded at run time, where sysfs does not show it
// to us.
//
// Called are the getters of one number each, whose prototypes are those of every version since 6.0,
// and the activity, whose structure is, too. Not that of power, which each version lays out anew.

#ifndef AMDGPU_TELEMETRY_SOURCES_AMDSMI_H_
#define AMDGPU_TELEMETRY_SOURCES_AMDSMI_H_

#include <string>
#include <vector>

#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Adds the probes of the device with this PCI address ("0000:03:00.0"), or of the first one if it
// is empty. False if no library loads or it knows no such device.
bool AddAmdSmiProbes(const std::vector<std::string>& libraries, const std::string& pci_address,
                     Probes* probes);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_AMDSMI_H_
