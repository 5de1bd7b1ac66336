#include "gpu/vendor/loaded_module.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gpu/vendor/arch.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/image.h"

namespace amdgpu::vendor {
namespace {

// More than any kernel's arguments.
constexpr std::uint32_t kMaxArgsBytes = 64 * 1024;
// What printf needs: in code for NVIDIA a function, which fills a buffer that is written out when
// the CPU next waits for the device; in code for AMD an argument, by which a thread of the
// runtime's is asked to print meanwhile.
constexpr absl::string_view kCudaPrintf = "vprintf";
constexpr absl::string_view kHipPrintf = "hidden_hostcall_buffer";

std::uint32_t Attribute(const VendorApi& api, Function function, FunctionAttribute attribute) {
  int value = 0;
  if (api.FuncGetAttribute(&value, static_cast<int>(attribute), function) != kSuccess) return 0;
  return static_cast<std::uint32_t>(std::max(value, 0));
}

// Why the vendor does not load code that is for this architecture. Of NVIDIA's the usual reason is
// that the toolkit is newer than the driver, which the vendor's words leave to be guessed.
absl::Status LoadFailure(const VendorApi& api, Result result) {
  absl::Status status = ToStatus(api, result, "loading the module");
  int version = 0;
  if (absl::string_view(api.kind) != "cuda" || !absl::IsInvalidArgument(status) ||
      api.DriverGetVersion(&version) != kSuccess) {
    return status;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      std::string(status.message()), "; this driver takes code of CUDA ", api.VersionText(version),
      " and older: of a newer NVRTC's, update the driver or name an older one in "
      "AMDGPU_NVRTC_LIBRARY"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadedModule>> LoadedModule::Load(
    const DeviceContext& context, const std::string& arch, const proto::VendorCodeObject& code) {
  if (!RunsOn(code.target(), arch)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the code object is for ", code.target(), ", the device is ", arch));
  }
  if (absl::Status status = CheckImage(code.image()); !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("bad code object: ", std::string(status.message())));
  }
  const VendorApi& api = context.api();
  Module module = nullptr;
  Result result = context.MakeCurrent();
  // PTX ends with the zero behind the string.
  if (result == kSuccess) {
    result = api.ModuleLoadDataEx(&module, code.image().c_str(), 0, nullptr, nullptr);
  }
  if (result != kSuccess) return LoadFailure(api, result);
  auto loaded = absl::WrapUnique(new LoadedModule(context, module));
  loaded->prints_ =
      absl::StrContains(code.image(), kCudaPrintf) || absl::StrContains(code.image(), kHipPrintf);
  for (const gpu::KernelInfo& info : code.kernels()) {
    if (absl::Status status = loaded->AddKernel(info); !status.ok()) return status;
  }
  for (const proto::GlobalInfo& global : code.globals()) {
    loaded->symbols_[global.name()] = global.symbol().empty() ? global.name() : global.symbol();
  }
  return loaded;
}

std::unique_ptr<LoadedModule> LoadedModule::OfLibrary(const DeviceContext& context, Blas& blas) {
  auto loaded = absl::WrapUnique(new LoadedModule(context, nullptr));
  for (gpu::KernelInfo& info : BlasKernels(blas)) {
    auto kernel = std::make_unique<Kernel>();
    kernel->info = std::move(info);
    kernel->blas = &blas;
    kernel->in_flight = &loaded->in_flight_;
    loaded->kernels_.push_back(std::move(kernel));
  }
  return loaded;
}

LoadedModule::~LoadedModule() {
  if (module_ == nullptr) return;
  context_.MakeCurrent();
  context_.api().ModuleUnload(module_);
}

absl::Status LoadedModule::AddKernel(const gpu::KernelInfo& info) {
  const VendorApi& api = context_.api();
  if (info.args_size() > kMaxArgsBytes) {
    return absl::InvalidArgumentError(absl::StrCat("bad code object: kernel ", info.name(), " has ",
                                                   info.args_size(), " bytes of arguments"));
  }
  auto kernel = std::make_unique<Kernel>();
  const std::string& symbol = info.symbol().empty() ? info.name() : info.symbol();
  Result result = api.ModuleGetFunction(&kernel->function, module_, symbol.c_str());
  if (result == kSuccess && api.FuncLoad != nullptr) result = api.FuncLoad(kernel->function);
  if (result != kSuccess) {
    return absl::InvalidArgumentError(absl::StrCat("bad code object: no code for kernel ",
                                                   info.name(), " (", symbol,
                                                   "): ", api.ErrorText(api, result)));
  }
  kernel->info = info;
  kernel->max_threads = Attribute(api, kernel->function, FunctionAttribute::kMaxThreadsPerBlock);
  kernel->static_shared = Attribute(api, kernel->function, FunctionAttribute::kSharedBytes);
  kernel->registers = Attribute(api, kernel->function, FunctionAttribute::kRegisters);
  kernel->local_bytes = Attribute(api, kernel->function, FunctionAttribute::kLocalBytes);
  kernel->dynamic_shared_allowed =
      Attribute(api, kernel->function, FunctionAttribute::kMaxDynamicSharedBytes);
  kernel->prints = prints_;
  kernel->in_flight = &in_flight_;
  kernels_.push_back(std::move(kernel));
  return absl::OkStatus();
}

absl::StatusOr<gpu::Global> LoadedModule::FindGlobal(const std::string& name) {
  if (module_ == nullptr) return absl::NotFoundError("a library's functions have no variables");
  const VendorApi& api = context_.api();
  const auto found = symbols_.find(name);
  const std::string& symbol = found == symbols_.end() ? name : found->second;
  Address address = 0;
  std::size_t bytes = 0;
  Result result = context_.MakeCurrent();
  if (result == kSuccess) result = api.ModuleGetGlobal(&address, &bytes, module_, symbol.c_str());
  if (result != kSuccess) {
    return ToStatus(api, result, absl::StrCat("looking for the variable ", name));
  }
  const gpu::Global global = {address, bytes};
  MutexLock lock(&mutex_);
  const bool known = std::any_of(given_out_.begin(), given_out_.end(), [&](const gpu::Global& old) {
    return old.address == global.address;
  });
  if (!known) given_out_.push_back(global);
  return global;
}

bool LoadedModule::ContainsGlobal(gpu::DeviceAddress address, std::uint64_t bytes) const {
  MutexLock lock(&mutex_);
  return std::any_of(given_out_.begin(), given_out_.end(), [&](const gpu::Global& global) {
    return address >= global.address && bytes <= global.bytes &&
           address - global.address <= global.bytes - bytes;
  });
}

}  // namespace amdgpu::vendor
