#include "gpu/vendor/tables.h"

#include "absl/strings/str_cat.h"

namespace amdgpu::vendor {

std::vector<std::string> LibraryNames(absl::string_view kind) {
  if (kind == "cuda") {
    // Behind what the loader knows: where the driver is mounted into containers, of WSL, of NixOS.
    return {"libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1",
            "/run/opengl-driver/lib/libcuda.so.1", "libcuda.so"};
  }
  if (kind != "hip") return {};
  // The soname's number is the major version of ROCm; /opt/rocm is where AMD's packages put it
  // without telling the loader.
  std::vector<std::string> names;
  for (const char* version : {"7", "6", "5"}) {
    names.push_back(absl::StrCat("libamdhip64.so.", version));
    names.push_back(absl::StrCat("/opt/rocm/lib/libamdhip64.so.", version));
  }
  names.push_back("libamdhip64.so");
  return names;
}

absl::StatusOr<std::shared_ptr<const VendorApi>> LoadVendorApi(
    absl::string_view kind, const std::vector<std::string>& libraries) {
  if (kind == "hip") return LoadHip(libraries);
  if (kind == "cuda") return LoadCuda(libraries);
  return absl::NotFoundError(
      absl::StrCat("no vendor makes devices of kind \"", std::string(kind), "\""));
}

}  // namespace amdgpu::vendor
