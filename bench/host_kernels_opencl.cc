// OpenCL host code for the PoCL reference.

#include "bench/host_kernels_opencl.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <cstdio>
#include <cstdlib>

namespace amdgpu::bench {
namespace {

void check(cl_int status, const char* what) {
  if (status == CL_SUCCESS) return;
  std::fprintf(stderr, "OpenCL: %s failed with %d\n", what, status);
  std::exit(1);
}

}  // namespace

struct OpenClKernels::State {
  cl_device_id device = nullptr;
  cl_context context = nullptr;
  cl_command_queue queue = nullptr;
  cl_program program = nullptr;
  std::string version;
  std::map<std::string, cl_kernel> kernels;
  std::map<void*, cl_mem> buffers;
};

OpenClKernels::OpenClKernels(const std::string& source) : state_(std::make_unique<State>()) {
  cl_uint count = 0;
  if (clGetPlatformIDs(0, nullptr, &count) != CL_SUCCESS || count == 0) return;
  std::vector<cl_platform_id> platforms(count);
  check(clGetPlatformIDs(count, platforms.data(), nullptr), "clGetPlatformIDs");
  for (cl_platform_id platform : platforms) {
    char name[256] = {};
    char version[256] = {};
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof(name) - 1, name, nullptr);
    clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof(version) - 1, version, nullptr);
    if (std::string(name) != "Portable Computing Language") continue;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &state_->device, nullptr) == CL_SUCCESS) {
      state_->version = version;
      break;
    }
  }
  if (!state_->device) return;
  cl_int status;
  state_->context = clCreateContext(nullptr, 1, &state_->device, nullptr, nullptr, &status);
  check(status, "clCreateContext");
  state_->queue = clCreateCommandQueue(state_->context, state_->device, 0, &status);
  check(status, "clCreateCommandQueue");
  const char* text = source.c_str();
  state_->program = clCreateProgramWithSource(state_->context, 1, &text, nullptr, &status);
  check(status, "clCreateProgramWithSource");
  check(clBuildProgram(state_->program, 1, &state_->device, "-cl-std=CL1.2 -cl-mad-enable", nullptr,
                       nullptr),
        "clBuildProgram");
}

OpenClKernels::~OpenClKernels() {
  for (auto& [address, buffer] : state_->buffers) clReleaseMemObject(buffer);
  for (auto& [name, kernel] : state_->kernels) clReleaseKernel(kernel);
  if (state_->program) clReleaseProgram(state_->program);
  if (state_->queue) clReleaseCommandQueue(state_->queue);
  if (state_->context) clReleaseContext(state_->context);
}

bool OpenClKernels::valid() const { return state_->program != nullptr; }
const std::string& OpenClKernels::version() const { return state_->version; }

void OpenClKernels::run(const std::string& kernel, std::array<std::uint32_t, 3> grid,
                        std::array<std::uint32_t, 3> block,
                        const std::vector<OpenClArgument>& arguments) {
  cl_int status = CL_SUCCESS;
  cl_kernel& function = state_->kernels[kernel];
  if (!function) function = clCreateKernel(state_->program, kernel.c_str(), &status);
  check(status, "clCreateKernel");
  for (cl_uint i = 0; i < arguments.size(); ++i) {
    const OpenClArgument& argument = arguments[i];
    if (!argument.buffer) {
      check(clSetKernelArg(function, i, argument.bytes, argument.value.data()), "clSetKernelArg");
      continue;
    }
    cl_mem& buffer = state_->buffers[argument.buffer];
    if (!buffer) {
      buffer = clCreateBuffer(state_->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR,
                              argument.bytes, argument.buffer, &status);
      check(status, "clCreateBuffer");
    }
    check(clSetKernelArg(function, i, sizeof(cl_mem), &buffer), "clSetKernelArg");
  }
  std::size_t global[3];
  std::size_t local[3];
  for (int d = 0; d < 3; ++d) {
    local[d] = block[d];
    global[d] = static_cast<std::size_t>(grid[d]) * block[d];
  }
  check(clEnqueueNDRangeKernel(state_->queue, function, 3, nullptr, global, local, 0, nullptr,
                               nullptr),
        "clEnqueueNDRangeKernel");
  check(clFinish(state_->queue), "clFinish");
}

}  // namespace amdgpu::bench
