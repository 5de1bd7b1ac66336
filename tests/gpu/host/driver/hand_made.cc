#include "tests/gpu/host/driver/hand_made.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "gpu/host/abi.h"

namespace amdgpu::host {
namespace {

struct ParamSpec {
  const char* type;
  proto::ParamKind kind;
  proto::DType dtype;
  bool read_only = false;
};

constexpr ParamSpec kWords = {"unsigned int*", proto::PARAM_POINTER, proto::DTYPE_U32};
constexpr ParamSpec kWord = {"unsigned int", proto::PARAM_SCALAR, proto::DTYPE_U32};

void AddKernel(proto::HostCodeObject& object, const std::string& name,
               const std::vector<ParamSpec>& params) {
  proto::KernelInfo& kernel = *object.add_kernels();
  kernel.set_name(name);
  kernel.set_symbol(name);
  std::uint32_t offset = 0;
  for (const ParamSpec& spec : params) {
    proto::Param& param = *kernel.add_params();
    const std::uint32_t size = spec.kind == proto::PARAM_POINTER ? 8 : 4;
    offset = (offset + size - 1) / size * size;
    param.set_type(spec.type);
    param.set_kind(spec.kind);
    param.set_dtype(spec.dtype);
    param.set_read_only(spec.read_only);
    param.set_offset(offset);
    param.set_size(size);
    param.set_alignment(size);
    param.set_lanes(1);
    offset += size;
  }
  kernel.set_args_size(offset);
}

void AddGlobal(proto::HostCodeObject& object, const std::string& name, std::uint64_t size) {
  proto::GlobalInfo& global = *object.add_globals();
  global.set_name(name);
  global.set_symbol(name);
  global.set_size(size);
}

}  // namespace

std::string ReadObject(const std::string& name) {
  std::ifstream file(std::string(AMDGPU_TEST_OBJECTS) + "/" + name + ".o", std::ios::binary);
  EXPECT_TRUE(file) << "no object " << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

proto::HostCodeObject PointerKernels(const std::string& name,
                                     const std::vector<std::string>& kernels) {
  constexpr ParamSpec kAny = {"void*", proto::PARAM_POINTER, proto::DTYPE_NONE};
  proto::HostCodeObject object;
  object.set_abi_version(kAbiVersion);
  object.set_object(ReadObject(name));
  for (const std::string& kernel : kernels) AddKernel(object, kernel, {kAny});
  return object;
}

proto::HostCodeObject ContractKernels() {
  constexpr ParamSpec kInput = {"const float*", proto::PARAM_POINTER, proto::DTYPE_F32, true};
  constexpr ParamSpec kOutput = {"float*", proto::PARAM_POINTER, proto::DTYPE_F32};
  constexpr ParamSpec kInt = {"int", proto::PARAM_SCALAR, proto::DTYPE_I32};
  proto::HostCodeObject object;
  object.set_abi_version(kAbiVersion);
  object.set_object(ReadObject("contract_kernels"));
  AddKernel(object, "empty", {});
  AddKernel(object, "add", {kInput, kInput, kOutput, kWord});
  AddKernel(object, "visit", {kWords, kWords});
  AddKernel(object, "spin_until", {kWords, kWords});
  AddKernel(object, "append", {kWords, kWord});
  AddKernel(object, "bump", {});
  AddKernel(object, "read_globals", {kWords});
  AddKernel(object, "reverse", {kWords});
  AddKernel(object, "print", {kInt});
  AddGlobal(object, "counter", 4);
  AddGlobal(object, "table", 16);
  return object;
}

}  // namespace amdgpu::host
