// The figures of telemetry in C++: the ring, what sampling and encoding take of a core, what they
// add to launches.
//
//   telemetry_bench [ring|idle|launches]

#include <cstring>

#include "bench/telemetry/benches.h"

int main(int argc, char** argv) {
  const char* const only = argc > 1 ? argv[1] : "";
  const auto wanted = [only](const char* name) {
    return *only == '\0' || std::strcmp(only, name) == 0;
  };
  if (wanted("ring")) amdgpu::telemetry::BenchRing();
  if (wanted("idle")) amdgpu::telemetry::BenchIdle();
  if (wanted("launches")) amdgpu::telemetry::BenchLaunches();
}
