// The machine itself: cores, memory, load, clocks, temperatures, fans, power.

#ifndef AMDGPU_TELEMETRY_SOURCES_HOST_H_
#define AMDGPU_TELEMETRY_SOURCES_HOST_H_

#include <string>

#include "telemetry/source.h"

namespace amdgpu::telemetry {

// Adds the host's probes. `root` stands for "/": tests have a tree of their own.
void AddHostProbes(const std::string& root, Probes* probes);

}  // namespace amdgpu::telemetry

#endif  // AMDGPU_TELEMETRY_SOURCES_HOST_H_
