// An AMD GPU as Linux's driver shows it in sysfs.
//
// A device that sleeps is not woken: its power state is looked at first.

#ifndef AMDGPU_TELEMETRY_SOURCES_AMDGPU_SYSFS_H_
#define AMDGPU_TELEMETRY_SOURCES_AMDGPU_SYSFS_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Adds the probes of the device with this PCI address ("0000:03:00.0"), or of the first AMD GPU if
// it is empty. False if there is none. `root` stands for "/sys".
bool AddAmdgpuProbes(const std::string& root, const std::string& pci_address, Probes* probes);

// The clock that a pp_dpm_* file marks as the present one, in hertz: "1: 1000Mhz *". Nothing if it
// marks none.
std::optional<double> ParseActiveClock(absl::string_view text);
// Uncorrectable and correctable errors of a ras/*_err_count file: "ue: 0\nce: 3\n".
std::optional<std::pair<double, double>> ParseErrorCounts(absl::string_view text);
// Bytes received and sent in a second of a pcie_bw file: counts of packets and their largest size.
std::optional<std::pair<double, double>> ParsePcieBandwidth(absl::string_view text);
// "16.0 GT/s PCIe", in transfers a second.
std::optional<double> ParseLinkSpeed(absl::string_view text);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_AMDGPU_SYSFS_H_
