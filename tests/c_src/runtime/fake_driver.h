// A driver for tests of client and worker: a few kernels written in C++, streams on a few threads.
//
// A code object is the text "fake". Small launches (one block) of an idle stream run inside of
// Launch, as a driver may.

#ifndef AMDGPU_TESTS_C_SRC_RUNTIME_FAKE_DRIVER_H_
#define AMDGPU_TESTS_C_SRC_RUNTIME_FAKE_DRIVER_H_

#include <cstddef>
#include <memory>

#include "c_src/worker/worker.h"
#include "gpu/driver.h"

namespace amdgpu::testing {

inline constexpr char kFakeCode[] = "fake";
// Loaded at the same time, variants included.
inline constexpr std::size_t kMostFakeModules = 200;

std::unique_ptr<gpu::Driver> MakeFakeDriver(const worker::DriverRequest& request,
                                            gpu::CompletionSink& sink);

// What the calling thread runs.
bool CurrentFakeLaunch(worker::LaunchIdentity* identity);

}  // namespace amdgpu::testing

#endif  // AMDGPU_TESTS_C_SRC_RUNTIME_FAKE_DRIVER_H_
