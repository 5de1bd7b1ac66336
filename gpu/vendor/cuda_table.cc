// libcuda, the driver API of CUDA 12 and 13: the functions under the names that each version gives
// them. (What the headers of CUDA call cuMemAlloc is cuMemAlloc_v2 in the library.)

#include "absl/strings/str_cat.h"
#include "gpu/vendor/library.h"
#include "gpu/vendor/tables.h"

namespace amdgpu::vendor {
namespace {

// CUdevice_attribute.
constexpr int kComputeCapabilityMajor = 75;
constexpr int kComputeCapabilityMinor = 76;
constexpr DeviceAttributes kAttributes = {
    .max_threads_per_block = 1,
    .max_block_x = 2,
    .max_block_y = 3,
    .max_block_z = 4,
    .max_grid_x = 5,
    .max_grid_y = 6,
    .max_grid_z = 7,
    .shared_per_block = 8,
    .shared_per_block_optin = 97,
    .shared_per_multiprocessor = 81,
    .registers_per_block = 12,
    .registers_per_multiprocessor = 82,
    .threads_per_multiprocessor = 39,
    .multiprocessors = 16,
    .warp_size = 10,
    .clock_khz = 13,
    .memory_clock_khz = 36,
    .memory_bus_bits = 37,
    .l2_bytes = 38,
    .ecc = 32,
    .integrated = 18,
};

std::string ErrorText(const VendorApi& api, Result result) {
  const char* name = nullptr;
  const char* text = nullptr;
  api.CudaErrorName(result, &name);
  api.CudaErrorString(result, &text);
  return absl::StrCat(name != nullptr ? name : absl::StrCat("error ", result), ": ",
                      text != nullptr ? text : "unknown error");
}

std::string Arch(const VendorApi& api, int device) {
  int major = 0;
  int minor = 0;
  if (api.DeviceGetAttribute(&major, kComputeCapabilityMajor, device) != 0 ||
      api.DeviceGetAttribute(&minor, kComputeCapabilityMinor, device) != 0) {
    return "";
  }
  return absl::StrCat("sm_", major, minor);
}

// 12040 is 12.4.
std::string VersionText(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const VendorApi>> LoadCuda(
    const std::vector<std::string>& libraries) {
  absl::StatusOr<Library> library = Library::Open(libraries);
  if (!library.ok()) return library.status();
  auto api = std::make_shared<VendorApi>();
  api->kind = "cuda";
  api->library = library->path();
  library->Require(&api->Init, {"cuInit"});
  library->Require(&api->DriverGetVersion, {"cuDriverGetVersion"});
  library->Require(&api->DeviceGetCount, {"cuDeviceGetCount"});
  library->Require(&api->DeviceGet, {"cuDeviceGet"});
  library->Require(&api->DeviceGetName, {"cuDeviceGetName"});
  library->Require(&api->DeviceGetPCIBusId, {"cuDeviceGetPCIBusId"});
  library->Optional(&api->DeviceGetUuid, {"cuDeviceGetUuid_v2", "cuDeviceGetUuid"});
  library->Require(&api->DeviceTotalMem, {"cuDeviceTotalMem_v2"});
  library->Require(&api->DeviceGetAttribute, {"cuDeviceGetAttribute"});
  library->Require(&api->DevicePrimaryCtxSetFlags,
                   {"cuDevicePrimaryCtxSetFlags_v2", "cuDevicePrimaryCtxSetFlags"});
  library->Require(&api->DevicePrimaryCtxRetain, {"cuDevicePrimaryCtxRetain"});
  library->Require(&api->DevicePrimaryCtxRelease,
                   {"cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRelease"});
  library->Require(&api->CtxSetCurrent, {"cuCtxSetCurrent"});
  library->Require(&api->MemAlloc, {"cuMemAlloc_v2"});
  library->Require(&api->MemFree, {"cuMemFree_v2"});
  library->Require(&api->MemGetInfo, {"cuMemGetInfo_v2"});
  library->Require(&api->MemHostRegister, {"cuMemHostRegister_v2"});
  library->Require(&api->MemHostUnregister, {"cuMemHostUnregister"});
  library->Require(&api->MemcpyHtoDAsync, {"cuMemcpyHtoDAsync_v2"});
  library->Require(&api->MemcpyDtoHAsync, {"cuMemcpyDtoHAsync_v2"});
  library->Require(&api->MemcpyDtoDAsync, {"cuMemcpyDtoDAsync_v2"});
  library->Require(&api->MemsetD8Async, {"cuMemsetD8Async"});
  library->Require(&api->MemsetD16Async, {"cuMemsetD16Async"});
  library->Require(&api->MemsetD32Async, {"cuMemsetD32Async"});
  library->Require(&api->ModuleLoadDataEx, {"cuModuleLoadDataEx"});
  library->Require(&api->ModuleUnload, {"cuModuleUnload"});
  library->Require(&api->ModuleGetFunction, {"cuModuleGetFunction"});
  library->Require(&api->ModuleGetGlobal, {"cuModuleGetGlobal_v2"});
  library->Optional(&api->FuncLoad, {"cuFuncLoad"});  // from 12.4
  library->Require(&api->FuncGetAttribute, {"cuFuncGetAttribute"});
  library->Require(&api->FuncSetAttribute, {"cuFuncSetAttribute"});
  library->Require(&api->OccupancyMaxActiveBlocks, {"cuOccupancyMaxActiveBlocksPerMultiprocessor"});
  library->Require(&api->LaunchKernel, {"cuLaunchKernel"});
  library->Require(&api->StreamCreate, {"cuStreamCreate"});
  library->Require(&api->StreamDestroy, {"cuStreamDestroy_v2"});
  library->Require(&api->StreamSynchronize, {"cuStreamSynchronize"});
  library->Require(&api->StreamWaitEvent, {"cuStreamWaitEvent"});
  library->Require(&api->EventCreate, {"cuEventCreate"});
  library->Require(&api->EventDestroy, {"cuEventDestroy_v2"});
  library->Require(&api->EventRecord, {"cuEventRecord"});
  library->Require(&api->EventQuery, {"cuEventQuery"});
  library->Require(&api->EventSynchronize, {"cuEventSynchronize"});
  library->Require(&api->EventElapsedTime, {"cuEventElapsedTime_v2", "cuEventElapsedTime"});
  library->Require(&api->CudaErrorName, {"cuGetErrorName"});
  library->Require(&api->CudaErrorString, {"cuGetErrorString"});
  if (absl::Status status = library->Complete(); !status.ok()) return status;
  api->ErrorText = ErrorText;
  api->Arch = Arch;
  api->VersionText = VersionText;
  api->attribute = kAttributes;
  return api;
}

}  // namespace amdgpu::vendor
