#include "tests/gpu/vendor/standin_library.h"

#include <dlfcn.h>
#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "gpu/vendor/tables.h"

namespace amdgpu::vendor {
namespace {

struct Parameter {
  const char* type;
  proto::ParamKind kind;
  proto::DType dtype;
  std::uint32_t bytes;
  bool read_only = false;
};

constexpr Parameter kWords = {"unsigned*", proto::PARAM_POINTER, proto::DTYPE_U32, 8};
constexpr Parameter kFloatsIn = {"const float*", proto::PARAM_POINTER, proto::DTYPE_F32, 8, true};
constexpr Parameter kFloats = {"float*", proto::PARAM_POINTER, proto::DTYPE_F32, 8};
constexpr Parameter kInts = {"int*", proto::PARAM_POINTER, proto::DTYPE_I32, 8};
constexpr Parameter kWord = {"unsigned", proto::PARAM_SCALAR, proto::DTYPE_U32, 4};
constexpr Parameter kInt = {"int", proto::PARAM_SCALAR, proto::DTYPE_I32, 4};
constexpr Parameter kLong = {"unsigned long", proto::PARAM_SCALAR, proto::DTYPE_U64, 8};

void AddKernel(proto::VendorCodeObject& code, const std::string& name,
               const std::vector<Parameter>& parameters) {
  proto::KernelInfo& kernel = *code.add_kernels();
  kernel.set_name(name);
  kernel.set_symbol(name);
  std::uint32_t offset = 0;
  for (const Parameter& parameter : parameters) {
    proto::Param& param = *kernel.add_params();
    offset = (offset + parameter.bytes - 1) / parameter.bytes * parameter.bytes;
    param.set_type(parameter.type);
    param.set_kind(parameter.kind);
    param.set_dtype(parameter.dtype);
    param.set_read_only(parameter.read_only);
    param.set_offset(offset);
    param.set_size(parameter.bytes);
    param.set_alignment(parameter.bytes);
    param.set_lanes(1);
    offset += parameter.bytes;
  }
  kernel.set_args_size(offset);
}

// An ELF header with nothing behind it that a loader would look for.
std::string Image() {
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + "stand-in";
}

}  // namespace

StandInLibrary::StandInLibrary(const std::string& flavour)
    : flavour_(flavour),
      path_(std::string(AMDGPU_STANDIN_FOLDER) + "/libamdgpu_standin_" + flavour + ".so") {
  absl::StatusOr<std::shared_ptr<const VendorApi>> api = LoadVendorApi(kind(), {path_});
  EXPECT_TRUE(api.ok()) << api.status();
  if (api.ok()) api_ = *std::move(api);
  void* const library = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(library, nullptr);
  script_ = reinterpret_cast<decltype(script_)>(dlsym(library, "standin_script"));
  recover_ = reinterpret_cast<decltype(recover_)>(dlsym(library, "standin_recover"));
  calls_ = reinterpret_cast<decltype(calls_)>(dlsym(library, "standin_calls"));
  registered_ = reinterpret_cast<decltype(registered_)>(dlsym(library, "standin_registered"));
  free_bytes_ = reinterpret_cast<decltype(free_bytes_)>(dlsym(library, "standin_free_bytes"));
}

proto::VendorCodeObject StandInKernels(const std::string& kind) {
  proto::VendorCodeObject code;
  code.set_target(kind == "cuda" ? "sm_90" : "gfx90a");
  code.set_image(Image());
  AddKernel(code, "empty", {});
  AddKernel(code, "add", {kFloatsIn, kFloatsIn, kFloats, kWord});
  AddKernel(code, "visit", {kWords, kWords});
  AddKernel(code, "spin_until", {kWords, kWords});
  AddKernel(code, "append", {kWords, kWord});
  AddKernel(code, "bump", {});
  AddKernel(code, "read_globals", {kWords});
  AddKernel(code, "reverse", {kWords});
  AddKernel(code, "print", {kInt});
  AddKernel(code, "add_one", {kInts, kInt});
  AddKernel(code, "spin", {kLong});
  AddKernel(code, "hang", {});
  AddKernel(code, "fail", {kInt});
  AddKernel(code, "abort_process", {});
  AddKernel(code, "forbidden", {kInts});
  AddKernel(code, "files", {kInts});
  for (const auto& [name, bytes] : {std::pair{"counter", 4u}, std::pair{"table", 16u}}) {
    proto::GlobalInfo& global = *code.add_globals();
    global.set_name(name);
    global.set_symbol(name);
    global.set_size(bytes);
  }
  return code;
}

StandInLibrary& StandIn(const std::string& flavour) {
  static auto& libraries = *new std::map<std::string, std::unique_ptr<StandInLibrary>>;
  std::unique_ptr<StandInLibrary>& library = libraries[flavour];
  if (library == nullptr) library = std::make_unique<StandInLibrary>(flavour);
  library->Script("");
  return *library;
}

}  // namespace amdgpu::vendor
