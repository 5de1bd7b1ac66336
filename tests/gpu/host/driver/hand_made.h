// Code objects without the compiler: objects that were compiled from C++ at build time (objects/),
// wrapped as the compiler would.

#ifndef AMDGPU_TESTS_GPU_HOST_DRIVER_HAND_MADE_H_
#define AMDGPU_TESTS_GPU_HOST_DRIVER_HAND_MADE_H_

#include <string>
#include <vector>

#include "proto/code_object.pb.h"

namespace amdgpu::host {

// The bytes of objects/<name>.cc, compiled.
std::string ReadObject(const std::string& name);

// objects/<name>.cc with kernels that take one pointer to any buffer.
proto::HostCodeObject PointerKernels(const std::string& name,
                                     const std::vector<std::string>& kernels);

// objects/contract_kernels.cc with its signatures.
proto::HostCodeObject ContractKernels();

}  // namespace amdgpu::host

#endif  // AMDGPU_TESTS_GPU_HOST_DRIVER_HAND_MADE_H_
