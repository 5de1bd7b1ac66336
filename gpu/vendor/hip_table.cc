// libamdhip64, HIP 5.2 to 7.x: the functions under the names that each version gives them.

#include <string.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "gpu/vendor/library.h"
#include "gpu/vendor/tables.h"

namespace amdgpu::vendor {
namespace {

// hipDeviceAttribute_t. The numbers have been the same since HIP 5.0.
constexpr DeviceAttributes kAttributes = {
    .max_threads_per_block = 56,
    .max_block_x = 26,
    .max_block_y = 27,
    .max_block_z = 28,
    .max_grid_x = 29,
    .max_grid_y = 30,
    .max_grid_z = 31,
    .shared_per_block = 74,
    .shared_per_block_optin = -1,  // all of it is there without asking
    .shared_per_multiprocessor = 10002,
    .registers_per_block = 71,
    .registers_per_multiprocessor = 72,
    .threads_per_multiprocessor = 57,
    .multiprocessors = 63,
    .warp_size = 87,
    .clock_khz = 5,
    .memory_clock_khz = 60,
    .memory_bus_bits = 59,
    .l2_bytes = 19,
    .ecc = 0,
    .integrated = 16,
};

// Where gcnArchName, 256 bytes, is in the two layouts of hipDeviceProp_t, and more than either's
// size. hipGetDeviceProperties fills the first; from HIP 6.0 on headers rename it to
// hipGetDevicePropertiesR0600, which fills the second.
constexpr std::size_t kArchOffsetBefore6 = 396;
constexpr std::size_t kArchOffsetR0600 = 1160;
constexpr std::size_t kPropertiesBytes = 8192;
constexpr std::size_t kArchBytes = 256;

std::string ErrorText(const VendorApi& api, Result result) {
  const char* const name = api.HipErrorName(result);
  const char* const text = api.HipErrorString(result);
  return absl::StrCat(name != nullptr ? name : absl::StrCat("error ", result), ": ",
                      text != nullptr ? text : "unknown error");
}

std::string Arch(const VendorApi& api, int device) {
  std::vector<char> properties(kPropertiesBytes, 0);
  if (api.HipDeviceProperties(properties.data(), device) != 0) return "";
  const char* const name = properties.data() + api.hip_arch_name_offset;
  return std::string(name, strnlen(name, kArchBytes));
}

// HIP packs major, minor and patch: 60241133 is 6.2.41133; before 5.0 there was no patch.
std::string VersionText(int version) {
  return absl::StrCat(version / 10'000'000, ".", version / 100'000 % 100, ".", version % 100'000);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const VendorApi>> LoadHip(
    const std::vector<std::string>& libraries) {
  absl::StatusOr<Library> library = Library::Open(libraries);
  if (!library.ok()) return library.status();
  auto api = std::make_shared<VendorApi>();
  api->kind = "hip";
  api->library = library->path();
  library->Require(&api->Init, {"hipInit"});
  library->Require(&api->DriverGetVersion, {"hipDriverGetVersion"});
  library->Optional(&api->RuntimeGetVersion, {"hipRuntimeGetVersion"});
  library->Require(&api->DeviceGetCount, {"hipGetDeviceCount"});
  library->Require(&api->DeviceGet, {"hipDeviceGet"});
  library->Require(&api->DeviceGetName, {"hipDeviceGetName"});
  library->Require(&api->DeviceGetPCIBusId, {"hipDeviceGetPCIBusId"});
  library->Optional(&api->DeviceGetUuid, {"hipDeviceGetUuid"});
  library->Require(&api->DeviceTotalMem, {"hipDeviceTotalMem"});
  library->Require(&api->DeviceGetAttribute, {"hipDeviceGetAttribute"});
  library->Require(&api->SetDevice, {"hipSetDevice"});
  library->Require(&api->MemAlloc, {"hipMalloc"});
  library->Require(&api->MemFree, {"hipFree"});
  library->Require(&api->MemGetInfo, {"hipMemGetInfo"});
  library->Require(&api->MemHostRegister, {"hipHostRegister"});
  library->Require(&api->MemHostUnregister, {"hipHostUnregister"});
  library->Require(&api->MemcpyHtoDAsync, {"hipMemcpyHtoDAsync"});
  library->Require(&api->MemcpyDtoHAsync, {"hipMemcpyDtoHAsync"});
  library->Require(&api->MemcpyDtoDAsync, {"hipMemcpyDtoDAsync"});
  library->Require(&api->MemsetD8Async, {"hipMemsetD8Async"});
  library->Require(&api->MemsetD16Async, {"hipMemsetD16Async"});
  library->Require(&api->MemsetD32Async, {"hipMemsetD32Async"});
  library->Require(&api->ModuleLoadDataEx, {"hipModuleLoadDataEx"});
  library->Require(&api->ModuleUnload, {"hipModuleUnload"});
  library->Require(&api->ModuleGetFunction, {"hipModuleGetFunction"});
  library->Require(&api->ModuleGetGlobal, {"hipModuleGetGlobal"});
  library->Require(&api->FuncGetAttribute, {"hipFuncGetAttribute"});
  library->Require(&api->OccupancyMaxActiveBlocks,
                   {"hipModuleOccupancyMaxActiveBlocksPerMultiprocessor"});
  library->Require(&api->LaunchKernel, {"hipModuleLaunchKernel"});
  library->Require(&api->StreamCreate, {"hipStreamCreateWithFlags"});
  library->Require(&api->StreamDestroy, {"hipStreamDestroy"});
  library->Require(&api->StreamSynchronize, {"hipStreamSynchronize"});
  library->Require(&api->StreamWaitEvent, {"hipStreamWaitEvent"});
  library->Require(&api->EventCreate, {"hipEventCreateWithFlags"});
  library->Require(&api->EventDestroy, {"hipEventDestroy"});
  library->Require(&api->EventRecord, {"hipEventRecord"});
  library->Require(&api->EventQuery, {"hipEventQuery"});
  library->Require(&api->EventSynchronize, {"hipEventSynchronize"});
  library->Require(&api->EventElapsedTime, {"hipEventElapsedTime"});
  library->Require(&api->HipErrorName, {"hipGetErrorName"});
  library->Require(&api->HipErrorString, {"hipGetErrorString"});
  library->Optional(&api->HipDeviceProperties, {"hipGetDevicePropertiesR0600"});
  api->hip_arch_name_offset = kArchOffsetR0600;
  if (api->HipDeviceProperties == nullptr) {
    library->Require(&api->HipDeviceProperties, {"hipGetDeviceProperties"});
    api->hip_arch_name_offset = kArchOffsetBefore6;
  }
  if (absl::Status status = library->Complete(); !status.ok()) return status;
  api->ErrorText = ErrorText;
  api->Arch = Arch;
  api->VersionText = VersionText;
  api->attribute = kAttributes;
  api->launch_end = reinterpret_cast<void*>(3);
  return api;
}

}  // namespace amdgpu::vendor
