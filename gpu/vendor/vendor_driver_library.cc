// Functions of the vendor's library for dense algebra, called as kernels are launched.

#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/vendor_driver.h"

namespace amdgpu::vendor {
namespace {

std::uint64_t ElementBytes(proto::DType type) {
  return type == proto::DTYPE_F64 ? 8 : type == proto::DTYPE_F32 ? 4 : 2;
}

}  // namespace

absl::StatusOr<gpu::Module> VendorDriver::LoadLibrary(const std::string& library) {
  if (library != "blas") {
    return absl::NotFoundError(absl::StrCat("no library is known as \"", library, "\""));
  }
  if (const Result result = context_->MakeCurrent(); result != kSuccess) {
    return ToStatus(context_->api(), result, "opening a library");
  }
  Blas* blas = nullptr;
  {
    MutexLock lock(&mutex_);
    blas = blas_.get();
  }
  if (blas == nullptr) {
    const absl::StatusOr<StreamRef> stream = FindStream(0);
    if (!stream.ok()) return stream.status();
    absl::StatusOr<std::unique_ptr<Blas>> opened = OpenBlas(
        properties_.kind(), properties_.arch(), blas_libraries_, (*stream)->lane->stream());
    if (!opened.ok()) return opened.status();
    MutexLock lock(&mutex_);
    if (blas_ == nullptr) blas_ = *std::move(opened);
    blas = blas_.get();
  }
  return Add(LoadedModule::OfLibrary(*context_, *blas));
}

absl::Status VendorDriver::CallLibrary(StreamEntry& entry, Operation operation,
                                       const gpu::LaunchParams& launch) {
  const Kernel& kernel = *operation.kernel;
  GemmArguments arguments;  // CheckLaunch has seen their size
  std::memcpy(&arguments, launch.args.data(), sizeof(arguments));
  const proto::DType type = GemmType(kernel.info);
  absl::Status status = CheckGemm(arguments);
  if (status.ok()) {
    const GemmExtents extents = ExtentsOf(arguments);
    const std::uint64_t bytes = ElementBytes(type);
    status = CheckRange(arguments.a, extents.a * bytes);
    if (status.ok()) status = CheckRange(arguments.b, extents.b * bytes);
    if (status.ok()) status = CheckRange(arguments.c, extents.c * bytes);
  }
  if (!status.ok()) return status;

  operation.threads =
      std::uint64_t{arguments.batch} * arguments.m * arguments.n / 64 * arguments.k + 1;
  operation.expected_ns = operation.kernel->estimate.For(operation.threads);
  if (faults_.sticky()) return faults_.status();
  if (entry.blas == nullptr) {
    if (const Result result = context_->MakeCurrent(); result != kSuccess) {
      return ToStatus(context_->api(), result, "calling a library");
    }
    const absl::StatusOr<Blas::Handle> handle = kernel.blas->MakeHandle(entry.lane->stream());
    if (!handle.ok()) return handle.status();
    entry.blas = *handle;
  }
  absl::Status failure;
  const auto enqueue = [&]() -> Result {
    failure = kernel.blas->Gemm(entry.blas, type, arguments);
    if (failure.ok()) return kSuccess;
    // The caller is told the code; the library's words are for whoever looks into it.
    std::fprintf(stderr, "amdgpu: %s\n", std::string(failure.message()).c_str());
    // The library has numbers of its own: whether the device failed is asked of the runtime.
    std::size_t free = 0;
    std::size_t total = 0;
    const Result result = context_->api().MemGetInfo(&free, &total);
    return IsSticky(result) ? result : kInvalidValue;
  };
  status = entry.lane->Submit(operation, enqueue, "calling a library");
  return status.ok() || absl::IsAborted(status) || failure.ok() ? status : failure;
}

}  // namespace amdgpu::vendor
