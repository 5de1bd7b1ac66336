// Filling a VendorApi: which library, and what its functions are called in it.

#ifndef AMDGPU_GPU_VENDOR_TABLES_H_
#define AMDGPU_GPU_VENDOR_TABLES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gpu/vendor/vendor_api.h"

namespace amdgpu::vendor {

// Where the loader is asked for the runtime of `kind` ("hip" or "cuda"), newest first.
std::vector<std::string> LibraryNames(absl::string_view kind);

// The table of `kind`, from the first of `libraries` that opens; LibraryNames(kind) but in tests.
// Calls nothing in the library but its initialisers. kNotFound: no such library, or no such kind;
// kFailedPrecondition: one that lacks functions.
absl::StatusOr<std::shared_ptr<const VendorApi>> LoadVendorApi(
    absl::string_view kind, const std::vector<std::string>& libraries);

// The two of them.
absl::StatusOr<std::shared_ptr<const VendorApi>> LoadHip(const std::vector<std::string>& libraries);
absl::StatusOr<std::shared_ptr<const VendorApi>> LoadCuda(
    const std::vector<std::string>& libraries);

}  // namespace amdgpu::vendor

#endif  // AMDGPU_GPU_VENDOR_TABLES_H_
