// The vendor's own calls: what there is to be had.

#include <sys/mman.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "bench/vendor/measure.h"
#include "gpu/vendor/blas.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/properties.h"
#include "proto/code_object.pb.h"

namespace amdgpu::bench {
namespace {

using vendor::Address;
using vendor::Blas;

class Raw {
 public:
  // As a program does that knows nothing of us: the vendor chooses how to wait, and on a machine
  // with cores to spare it spins.
  Raw(const Job& job, const vendor::VendorApi& api) : job_(job), api_(api) {
    Expect(api_.Init(0), "starting the vendor's runtime");
    Expect(api_.DeviceGet(&device_, 0), "finding the device");
    if (api_.SetDevice != nullptr) {
      Expect(api_.SetDevice(device_), "choosing the device");
    } else {
      vendor::Context context = nullptr;
      Expect(api_.DevicePrimaryCtxRetain(&context, device_), "making a context");
      Expect(api_.CtxSetCurrent(context), "choosing the context");
    }
    Expect(api_.StreamCreate(&stream_, vendor::kStreamNonBlocking), "making a stream");
  }
  ~Raw() {
    api_.StreamDestroy(stream_);
    if (api_.SetDevice == nullptr) api_.DevicePrimaryCtxRelease(device_);
  }

  int device() const { return device_; }

  void Launches(Values* values) {
    proto::VendorCodeObject object;
    object.ParseFromString(job_.code);
    vendor::Module module = nullptr;
    vendor::Function empty = nullptr;
    Expect(api_.ModuleLoadDataEx(&module, object.image().c_str(), 0, nullptr, nullptr), "loading");
    Expect(api_.ModuleGetFunction(&empty, module, "empty"), "finding the kernel");
    const auto launch = [&] {
      Expect(api_.LaunchKernel(empty, 1, 1, 1, 1, 1, 1, 0, stream_, nullptr, nullptr), "launching");
    };
    (*values)["launch.awaited us"] = Best([&] {
                                       for (int i = 0; i < kAwaited; ++i) {
                                         launch();
                                         Synchronize();
                                       }
                                     }) /
                                     kAwaited * 1e6;
    (*values)["launch.pipelined us"] = Best([&] {
                                         for (int i = 0; i < kPipelined; ++i) launch();
                                         Synchronize();
                                       }) /
                                       kPipelined * 1e6;
    api_.ModuleUnload(module);
  }

  void Copies(Values* values) {
    const Address from = Allocate(job_.copy_bytes);
    const Address to = Allocate(job_.copy_bytes);
    void* const pinned = mmap(nullptr, kPinnedBytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    Expect(api_.MemHostRegister(pinned, kPinnedBytes, vendor::kHostRegisterPortable), "pinning");
    const double gigabytes = static_cast<double>(job_.copy_bytes) * kCopies * 1e-9;
    const auto each = [&](absl::FunctionRef<void()> copy) {
      return gigabytes / Best([&] {
               for (int i = 0; i < kCopies; ++i) copy();
               Synchronize();
             });
    };
    // Read and written.
    (*values)["copy.within GB/s"] =
        2 * each([&] { api_.MemcpyDtoDAsync(to, from, job_.copy_bytes, stream_); });
    const auto pieces = [&](absl::FunctionRef<void(std::uint64_t, std::uint64_t)> piece) {
      for (std::uint64_t at = 0; at < job_.copy_bytes; at += kPinnedBytes) {
        piece(at, std::min(kPinnedBytes, job_.copy_bytes - at));
      }
    };
    (*values)["copy.in GB/s"] = each([&] {
      pieces([&](std::uint64_t at, std::uint64_t bytes) {
        api_.MemcpyHtoDAsync(to + at, pinned, bytes, stream_);
      });
    });
    (*values)["copy.out GB/s"] = each([&] {
      pieces([&](std::uint64_t at, std::uint64_t bytes) {
        api_.MemcpyDtoHAsync(pinned, from + at, bytes, stream_);
      });
    });
    api_.MemHostUnregister(pinned);
    munmap(pinned, kPinnedBytes);
    api_.MemFree(from);
    api_.MemFree(to);
  }

  // The library, called directly.
  void Products(Values* values, std::string* about) {
    const absl::StatusOr<std::unique_ptr<Blas>> blas =
        vendor::OpenBlas(job_.kind, api_.Arch(api_, device_), job_.blas, stream_);
    if (!blas.ok()) {
      absl::StrAppend(about, "; ", std::string(blas.status().message()));
      return;
    }
    const proto::Library& library = (*blas)->library();
    absl::StrAppend(about, "; ", library.name(), " ", library.version());
    const absl::StatusOr<Blas::Handle> handle = (*blas)->MakeHandle(stream_);
    Check(handle.status());
    const std::uint64_t elements = std::uint64_t{job_.side} * job_.side;
    vendor::GemmArguments gemm;
    gemm.m = gemm.n = gemm.k = gemm.line_a = gemm.line_b = gemm.line_c = job_.side;
    gemm.beta = 0;
    for (Address* matrix : {&gemm.a, &gemm.b, &gemm.c}) {
      *matrix = Allocate(elements * 8);
      // Numbers, in every type.
      Expect(api_.MemsetD32Async(*matrix, 0x3c003c00, elements * 2, stream_), "filling");
    }
    const double flops = 2.0 * static_cast<double>(elements) * job_.side * kProducts;
    for (const gpu::KernelInfo& kernel : vendor::BlasKernels(**blas)) {
      const double seconds = Best([&] {
        for (int i = 0; i < kProducts; ++i) {
          Check((*blas)->Gemm(*handle, vendor::GemmType(kernel), gemm));
        }
        Synchronize();
      });
      // "gemm_f32"
      (*values)[absl::StrCat("gemm.", kernel.symbol().substr(5), " TFLOP/s")] =
          flops / seconds * 1e-12;
    }
    (*blas)->DropHandle(*handle);
    for (const Address matrix : {gemm.a, gemm.b, gemm.c}) api_.MemFree(matrix);
  }

 private:
  void Expect(vendor::Result result, const char* doing) const {
    if (result != vendor::kSuccess) Check(vendor::ToStatus(api_, result, doing));
  }
  void Synchronize() const { Expect(api_.StreamSynchronize(stream_), "waiting"); }
  Address Allocate(std::uint64_t bytes) const {
    Address address = 0;
    Expect(api_.MemAlloc(&address, bytes), "allocating");
    return address;
  }

  const Job& job_;
  const vendor::VendorApi& api_;
  int device_ = 0;
  vendor::Stream stream_ = nullptr;
};

}  // namespace

Values MeasureRaw(const Job& job, const vendor::VendorApi& api, std::string* about) {
  Raw raw(job, api);
  const auto properties = vendor::DescribeDevice(api, 0, raw.device());
  Check(properties.status());
  *about = absl::StrCat(properties->name(), " (", properties->arch(), "), ", job.kind, " ",
                        properties->runtime_version(), ", driver ", properties->driver_version());
  Values values;
  raw.Launches(&values);
  raw.Copies(&values);
  raw.Products(&values, about);
  return values;
}

}  // namespace amdgpu::bench
