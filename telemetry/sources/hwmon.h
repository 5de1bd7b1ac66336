// Sensors as Linux shows them: temperatures, fans, voltages, power, clocks of hwmon folders.

#ifndef AMDGPU_TELEMETRY_SOURCES_HWMON_H_
#define AMDGPU_TELEMETRY_SOURCES_HWMON_H_

#include <string>
#include <vector>

#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Names in a folder, sorted; empty if it cannot be listed.
std::vector<std::string> ListFolder(const std::string& path);

struct Hwmon {
  std::string path;
  std::string name;  // "coretemp"; put before the labels of its sensors unless empty
};

// The hwmon folders below `path`, which is a device's or /sys/class/hwmon.
std::vector<Hwmon> FindHwmons(const std::string& path);

// Adds one probe for all sensors there are; one with absent temperatures if there are none.
// `status_file`: says "suspended" while the device sleeps and must not be asked; empty = always
// awake.
void AddHwmonProbe(const std::string& source, const std::vector<Hwmon>& hwmons, Group group,
                   const std::string& status_file, Probes* probes);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_HWMON_H_
