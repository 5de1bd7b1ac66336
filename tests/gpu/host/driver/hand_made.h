// Code objects without the compiler: objects that were compiled from C++ at build time, wrapped as
// the compiler would.

#ifndef AMDGPU_TESTS_GPU_HOST_DRIVER_HAND_MADE_H_
#define AMDGPU_TESTS_GPU_HOST_DRIVER_HAND_MADE_H_

#include <string>

#include "proto/code_object.pb.h"

namespace amdgpu::host {

// The bytes of an object of this folder: "contract_kernels".
std::string ReadObject(const std::string& name);

// contract_kernels.cc with its signatures.
proto::HostCodeObject ContractKernels();

}  // namespace amdgpu::host

#endif  // AMDGPU_TESTS_GPU_HOST_DRIVER_HAND_MADE_H_
