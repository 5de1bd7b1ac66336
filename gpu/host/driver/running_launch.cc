#include "gpu/host/driver/running_launch.h"

namespace amdgpu::host {
namespace {

// A signal handler reads it on the thread that wrote it, so that order within the thread suffices.
constinit thread_local RunningLaunch* volatile current_launch = nullptr;

}  // namespace

const RunningLaunch* CurrentLaunch() { return current_launch; }

RunningLaunch* MutableCurrentLaunch() { return current_launch; }

void SetCurrentLaunch(RunningLaunch* launch) { current_launch = launch; }

}  // namespace amdgpu::host
