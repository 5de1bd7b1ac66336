// Products of matrices by the vendor's library: from the device through the ring to the worker,
// behind its sandbox; and what that sandbox leaves of the machine's files.

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "c_src/kernel/library_code.h"
#include "tests/c_src/runtime/vendor_device_fixture.h"

namespace amdgpu::testing {
namespace {

using Ints = std::vector<std::int32_t>;

class BlasDeviceTest : public VendorDeviceTest {
 protected:
  absl::StatusOr<KernelRef> LoadGemm(const std::string& symbol = "gemm_f32") {
    const JobRef job = device_->LoadKernel(LibraryCode("blas"), {}, symbol, "matrix");
    if (absl::Status status = Await(job); !status.ok()) return status;
    return job->kernel();
  }
  BufferRef NewFloats(const std::vector<float>& numbers) {
    absl::StatusOr<BufferRef> buffer = device_->Allocate(proto::DTYPE_F32, numbers.size(), 0, 0);
    if (absl::IsUnavailable(buffer.status())) {
      const JobRef job = device_->AllocateSlow(proto::DTYPE_F32, numbers.size(), 0, 0);
      EXPECT_TRUE(Await(job).ok());
      buffer = job->buffer();
    }
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    EXPECT_TRUE(Upload(*buffer, 0,
                       std::string(reinterpret_cast<const char*>(numbers.data()),
                                   numbers.size() * sizeof(float)))
                    .ok());
    return *buffer;
  }
  std::vector<float> ReadFloats(const BufferRef& buffer) {
    const absl::StatusOr<std::string> bytes = Download(buffer, 0, buffer->bytes());
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    std::vector<float> numbers(buffer->elements());
    if (bytes.ok()) std::memcpy(numbers.data(), bytes->data(), bytes->size());
    return numbers;
  }
  // [[1, 2], [3, 4]] times b.
  absl::StatusOr<JobRef> LaunchSquare(const KernelRef& gemm, const BufferRef& a, const BufferRef& b,
                                      const BufferRef& c) {
    const std::int64_t two = 2;
    const std::int64_t none = 0;
    const std::vector<Argument> arguments = {a,
                                             b,
                                             c,
                                             two,
                                             two,
                                             two,
                                             two,
                                             two,
                                             two,
                                             std::int64_t{4},
                                             std::int64_t{4},
                                             std::int64_t{4},
                                             std::int64_t{1},
                                             1.0,
                                             0.0,
                                             none,
                                             none};
    return device_->Launch(gemm, {}, arguments);
  }
  absl::Status RunSquare(const KernelRef& gemm, const BufferRef& a, const BufferRef& b,
                         const BufferRef& c) {
    const absl::StatusOr<JobRef> job = LaunchSquare(gemm, a, b, c);
    return job.ok() ? Await(*job) : job.status();
  }
};

TEST_F(BlasDeviceTest, AProductIsALaunch) {
  for (const char* kind : {"hip", "cuda"}) {
    OpenVendor(kind);
    const absl::StatusOr<KernelRef> gemm = LoadGemm();
    ASSERT_TRUE(gemm.ok()) << gemm.status();
    EXPECT_EQ((*gemm)->info().library().name(), kind == std::string("hip") ? "rocBLAS" : "cuBLAS");
    const BufferRef a = NewFloats({1, 2, 3, 4});
    const BufferRef b = NewFloats({5, 6, 7, 8});
    const BufferRef c = NewFloats({0, 0, 0, 0});
    const absl::StatusOr<JobRef> job = LaunchSquare(*gemm, a, b, c);
    ASSERT_TRUE(job.ok()) << job.status();
    ASSERT_TRUE(Await(*job).ok()) << (*job)->status();
    EXPECT_GT((*job)->info().ended_ns, (*job)->info().started_ns);
    EXPECT_EQ(ReadFloats(c), (std::vector<float>{19, 22, 43, 50}));
  }
}

TEST_F(BlasDeviceTest, ItsArgumentsAreCheckedLikeAnyKernels) {
  const absl::StatusOr<KernelRef> gemm = LoadGemm();
  ASSERT_TRUE(gemm.ok()) << gemm.status();
  const BufferRef a = NewFloats({1, 2, 3, 4});
  const BufferRef ints = NewInts(4);
  const BufferRef freed = NewFloats({1, 2, 3, 4});
  ASSERT_TRUE(device_->Free(freed).ok());
  const auto position = [&](const BufferRef& x, const BufferRef& y, const BufferRef& z) {
    const absl::Status status = LaunchSquare(*gemm, x, y, z).status();
    const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
    return detail.has_value() && detail->has_launch() ? detail->launch().argument() : -2;
  };
  EXPECT_EQ(position(ints, a, a), 0);
  EXPECT_EQ(position(a, freed, a), 1);
  EXPECT_EQ(position(a, a, ints), 2);
}

TEST_F(BlasDeviceTest, AMissingLibraryIsAnError) {
  setenv("AMD_STANDIN_NO_BLAS", "1", 1);
  OpenVendor("hip");
  unsetenv("AMD_STANDIN_NO_BLAS");
  const absl::Status status = LoadGemm().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(status.message(), "libno_such_blas.so")) << status;
  EXPECT_TRUE(Run("empty", {}).ok());
}

TEST_F(BlasDeviceTest, WhatTheLibraryRefusesFailsAlone) {
  OpenVendor("cuda", "BlasGemm=3@1*1");
  const absl::StatusOr<KernelRef> gemm = LoadGemm();
  ASSERT_TRUE(gemm.ok()) << gemm.status();
  const BufferRef a = NewFloats({1, 2, 3, 4});
  const BufferRef c = NewFloats({0, 0, 0, 0});
  const absl::Status refused = RunSquare(*gemm, a, a, c);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(absl::StrContains(refused.message(), "cublasGemmEx")) << refused;
  EXPECT_TRUE(RunSquare(*gemm, a, a, c).ok());
  EXPECT_EQ(ReadFloats(c), (std::vector<float>{7, 10, 15, 22}));
}

// As rocBLAS does where it has no kernels for a device.
TEST_F(BlasDeviceTest, ALibraryThatAbortsTakesItsWorkerAndNoMore) {
  OpenVendor("hip", "BlasGemm=abort");
  const absl::StatusOr<KernelRef> gemm = LoadGemm();
  ASSERT_TRUE(gemm.ok()) << gemm.status();
  const BufferRef a = NewFloats({1, 2, 3, 4});
  const absl::Status status = RunSquare(*gemm, a, NewFloats({1, 2, 3, 4}), NewFloats({0, 0, 0, 0}));
  const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
  ASSERT_TRUE(detail.has_value() && detail->has_fault()) << status;
  EXPECT_EQ(detail->fault().signal_name(), "SIGABRT");
  AwaitExits();
  setenv("AMD_STANDIN_SCRIPT", "", 1);
  const absl::Status restarted = device_->Restart();
  ASSERT_TRUE(restarted.ok()) << restarted;
  // The function is there again, in the new worker.
  const BufferRef b = NewFloats({1, 2, 3, 4});
  const BufferRef c = NewFloats({0, 0, 0, 0});
  EXPECT_TRUE(RunSquare(*gemm, b, b, c).ok());
  EXPECT_EQ(ReadFloats(c), (std::vector<float>{7, 10, 15, 22}));
}

TEST_F(BlasDeviceTest, ALibraryThatDoesNotStartAgainIsNoReasonToHaveNoDevice) {
  const absl::StatusOr<KernelRef> gemm = LoadGemm();
  ASSERT_TRUE(gemm.ok()) << gemm.status();
  EXPECT_FALSE(Run("fail", {std::int64_t{700}}).ok());
  AwaitExits();
  setenv("AMD_STANDIN_SCRIPT", "BlasCreate=5", 1);
  const absl::Status restarted = device_->Restart();
  ASSERT_TRUE(restarted.ok()) << restarted;
  const BufferRef a = NewFloats({1, 2, 3, 4});
  EXPECT_EQ(RunSquare(*gemm, a, a, NewFloats({0, 0, 0, 0})).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(Run("empty", {}).ok());
}

class WorkerFilesTest : public VendorDeviceTest {
 protected:
  void SetUp() override {
    std::ofstream(file_) << "the user's own";
    setenv("AMD_STANDIN_FILE", file_.c_str(), 1);
  }
  void TearDown() override {
    VendorDeviceTest::TearDown();
    unsetenv("AMD_STANDIN_FILE");
    std::filesystem::remove_all(folder_);
  }
  Ints Try(const std::string& kind) {
    OpenVendor(kind);
    const BufferRef out = NewInts(6);
    const absl::Status status = Run("files", {out});
    EXPECT_TRUE(status.ok()) << status;
    return ReadInts(out);
  }
  static std::filesystem::path MakeFolder() {
    // Not in the temporary folder, which HIP needs.
    std::string name = "/var/tmp/amdgpu-files-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    return name;
  }

  const std::filesystem::path folder_ = MakeFolder();
  const std::filesystem::path file_ = folder_ / "file";
};

TEST_F(WorkerFilesTest, AVendorsRuntimeSeesTheSystemsFilesAndNoOthers) {
  constexpr long kCreateRuleset = 444;
  constexpr unsigned kAskVersion = 1;
  if (syscall(kCreateRuleset, nullptr, 0, kAskVersion) < 1) {
    GTEST_SKIP() << "this kernel has no Landlock";
  }
  for (const char* kind : {"hip", "cuda"}) {
    // Its own file read, written, a new one; the system's read, written; a device's node.
    EXPECT_EQ(Try(kind), (Ints{EACCES, EACCES, EACCES, 0, EACCES, 0})) << kind;
  }
}

TEST_F(WorkerFilesTest, UnlessItIsToldNotTo) {
  setenv("AMDGPU_LANDLOCK", "off", 1);
  const Ints errors = Try("cuda");
  unsetenv("AMDGPU_LANDLOCK");
  EXPECT_EQ(Ints(errors.begin(), errors.begin() + 4), (Ints{0, 0, 0, 0}));
}

}  // namespace
}  // namespace amdgpu::testing
