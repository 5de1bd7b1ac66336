// What is looked for beside librocblas before it is used.

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gpu/vendor/blas.h"
#include "tests/gpu/vendor/standin_library.h"

namespace amdgpu::vendor {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

// rocBLAS's kernels are files beside it; without one for the device it would abort the process.
TEST(RocblasFilesTest, ALibraryWithoutKernelsForTheDeviceIsRefused) {
  namespace fs = std::filesystem;
  StandIn("hip");
  const fs::path folder = fs::path(::testing::TempDir()) / "rocblas_files";
  fs::remove_all(folder);
  fs::create_directories(folder / "rocblas" / "library");
  const fs::path library = folder / "librocblas.so.4";
  fs::copy_file(std::string(AMDGPU_STANDIN_FOLDER) + "/libamdgpu_standin_rocblas.so", library);
  const auto open = [&] {
    return OpenRocblas(library.string(), "gfx90a:sramecc+:xnack-").status();
  };
  EXPECT_TRUE(open().ok()) << "a layout that is not known says nothing: " << open();
  std::ofstream(folder / "rocblas" / "library" / "TensileLibrary_gfx1030.co") << "x";
  EXPECT_EQ(open().code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(open().message()), HasSubstr("has no kernels for gfx90a"));
  std::ofstream(folder / "rocblas" / "library" / "TensileLibrary_lazy_gfx90a.dat") << "x";
  EXPECT_TRUE(open().ok()) << open();
  fs::remove_all(folder);
}

}  // namespace
}  // namespace amdgpu::vendor
