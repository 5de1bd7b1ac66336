// Unit: what the device headers compute, run by the real driver and compared with the machine's
// libm and with plain C++.

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gpu/host/driver/host_driver.h"
#include "gtest/gtest.h"
#include "tests/gpu/host/compiler/in_process.h"

namespace amdgpu::hostcc {
namespace {

class Sink : public gpu::CompletionSink {
 public:
  void OnStart(gpu::Ticket, std::uint64_t) override {}
  void OnComplete(const gpu::Completion& completion) override {
    EXPECT_EQ(completion.status, absl::StatusCode::kOk);
  }
  void OnPrint(gpu::Ticket, absl::string_view text) override {
    printed.append(text.data(), text.size());
  }

  std::string printed;
};

constexpr std::uint64_t kArenaBytes = 16 << 20;

class Execution : public testing::Test {
 protected:
  void SetUp() override {
    arena_fd_ = memfd_create("test arena", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(arena_fd_, kArenaBytes), 0);
    auto driver = host::HostDriver::Create(
        {.arena_fd = arena_fd_, .arena_bytes = kArenaBytes, .threads = 2}, sink_);
    ASSERT_TRUE(driver.ok()) << driver.status();
    driver_ = *std::move(driver);
    auto memory = driver_->Reserve(kArenaBytes, 0);
    ASSERT_TRUE(memory.ok()) << memory.status();
    memory_ = *memory;
  }
  void TearDown() override {
    driver_.reset();
    close(arena_fd_);
  }

  // Runs kernel `k` of `source` on one buffer that holds `data`, in place.
  template <class T>
  void Run(const std::string& source, std::vector<T>& data, gpu::Dim3 grid, gpu::Dim3 block,
           bool specialised) {
    proto::CompileRequest request = RequestFor(source);
    if (specialised) {
      request.set_block_x(block.x);
      request.set_block_y(block.y);
      request.set_block_z(block.z);
    }
    const proto::CompileReply reply = Compile(request);
    ASSERT_EQ(reply.outcome(), proto::CompileReply::OK) << Text(reply);
    const std::string& code = reply.code_object();
    auto module = driver_->Load(
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(code.data()), code.size()), 0);
    ASSERT_TRUE(module.ok()) << module.status();
    void* memory = reinterpret_cast<void*>(memory_);
    memcpy(memory, data.data(), data.size() * sizeof(T));
    gpu::LaunchParams launch;
    launch.function = module->functions.at(0).handle;
    launch.grid = grid;
    launch.block = block;
    launch.args =
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&memory_), sizeof(memory_));
    ASSERT_TRUE(driver_->Launch(0, ++ticket_, launch).ok());
    ASSERT_TRUE(driver_->Synchronize(0).ok());
    memcpy(data.data(), memory, data.size() * sizeof(T));
    EXPECT_TRUE(driver_->Unload(module->handle).ok());
  }

  Sink sink_;

 private:
  int arena_fd_ = -1;
  std::unique_ptr<host::HostDriver> driver_;
  gpu::DeviceAddress memory_ = 0;
  gpu::Ticket ticket_ = 0;
};

class WarpExecution : public Execution, public testing::WithParamInterface<bool> {};

TEST_P(WarpExecution, VotesAndShuffles) {
  // 80 threads: two warps and a half. Seven words each.
  std::vector<unsigned> got(80 * 7);
  Run(R"(extern "C" __global__ void k(unsigned* out) {
        unsigned t = threadIdx.x;
        unsigned* mine = out + 7 * t;
        mine[0] = (unsigned)__ballot(t % 3 == 0);
        mine[1] = (unsigned)__ballot(t % 5 == 0);
        mine[2] = __shfl_xor(t * 10, 1);
        mine[3] = __shfl_down(t, 3, 16);
        mine[4] = __syncthreads_count(t % 7 == 0);
        mine[5] = __any(t == 40) | __all(t < 64) << 1;
        mine[6] = (unsigned)__ballot(1);
      })",
      got, {1, 1, 1}, {80, 1, 1}, GetParam());
  for (unsigned t = 0; t < 80; ++t) {
    const unsigned base = t / 32 * 32;
    const unsigned lanes = base == 64 ? 16 : 32;
    unsigned threes = 0, fives = 0;
    for (unsigned lane = 0; lane < lanes; ++lane) {
      threes |= ((base + lane) % 3 == 0 ? 1u : 0u) << lane;
      fives |= ((base + lane) % 5 == 0 ? 1u : 0u) << lane;
    }
    const unsigned* mine = &got[7 * t];
    EXPECT_EQ(mine[0], threes) << t;
    EXPECT_EQ(mine[1], fives) << t;
    EXPECT_EQ(mine[2], (t ^ 1) * 10) << t;
    EXPECT_EQ(mine[3], t % 16 + 3 < 16 ? t + 3 : t) << t;
    EXPECT_EQ(mine[4], 12u) << t;
    EXPECT_EQ(mine[5], (base == 32 ? 1u : 0u) | (base < 64 ? 2u : 0u)) << t;
    EXPECT_EQ(mine[6], lanes == 32 ? ~0u : 0xffffu) << t;
  }
}

TEST_P(WarpExecution, AVoteOfADivergentBranchCountsItsLanesOnly) {
  std::vector<unsigned> got(64);
  Run(R"(extern "C" __global__ void k(unsigned* out) {
        unsigned t = threadIdx.x;
        if (t % 2) out[t] = (unsigned)__ballot(1);
        else out[t] = (unsigned)__ballot(t % 4 == 0);
      })",
      got, {1, 1, 1}, {64, 1, 1}, GetParam());
  for (unsigned t = 0; t < 64; ++t) EXPECT_EQ(got[t], t % 2 ? 0xaaaaaaaau : 0x11111111u) << t;
}

INSTANTIATE_TEST_SUITE_P(Shapes, WarpExecution, testing::Bool());

TEST_F(Execution, SpecialFunctions) {
  const double points[] = {0.015625, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1.25, 1.5, 1.9, 2.5, 7.0};
  std::vector<double> values(std::size(points) * 8);
  for (std::size_t i = 0; i < std::size(points); ++i) values[i * 8] = points[i];
  Run(R"(extern "C" __global__ void k(double* v) {
        double* mine = v + 8 * threadIdx.x;
        double x = mine[0];
        mine[1] = sinpi(x);
        mine[2] = cospi(x);
        mine[3] = erf(erfinv(x < 1 ? x : 0.3));
        mine[4] = erfc(erfcinv(x < 2 ? x : 1.7));
        mine[5] = erfcx(x);
        mine[6] = normcdf(normcdfinv(x < 1 ? x : 0.4));
        mine[7] = cyl_bessel_i0(x);
      })",
      values, {1, 1, 1}, {std::size(points), 1, 1}, false);
  for (std::size_t i = 0; i < std::size(points); ++i) {
    const double x = points[i];
    const double* got = &values[i * 8];
    EXPECT_NEAR(got[1], std::sin(M_PI * std::fmod(x, 2)), 1e-14) << x;
    EXPECT_NEAR(got[2], std::cos(M_PI * std::fmod(x, 2)), 1e-14) << x;
    EXPECT_NEAR(got[3], x < 1 ? x : 0.3, 1e-14) << x;
    EXPECT_NEAR(got[4], x < 2 ? x : 1.7, 1e-14) << x;
    EXPECT_NEAR(got[5] / (std::exp(x * x) * std::erfc(x)), 1, 1e-12) << x;
    EXPECT_NEAR(got[6], x < 1 ? x : 0.4, 1e-14) << x;
    EXPECT_NEAR(got[7] / std::cyl_bessel_i(0.0, x), 1, 1e-13) << x;
  }
}

TEST_F(Execution, AtomicsThatLoop) {
  std::vector<unsigned> got(8, 0);
  reinterpret_cast<float&>(got[2]) = 1e9f;
  reinterpret_cast<float&>(got[3]) = -1e9f;
  Run(R"(extern "C" __global__ void k(unsigned* u) {
        unsigned t = blockIdx.x * blockDim.x + threadIdx.x;
        atomicInc(u, 99u);
        atomicDec(u + 1, 99u);
        atomicMin((float*)u + 2, (float)t - 500);
        atomicMax((float*)u + 3, (float)t);
        atomicAdd((float*)u + 4, 1.0f);
        atomicMax((int*)u + 5, (int)t);
      })",
      got, {10, 1, 1}, {100, 1, 1}, false);
  EXPECT_EQ(got[0], 0u);  // 1000 steps of a counter of 100
  EXPECT_EQ(got[1], 0u);
  EXPECT_EQ(reinterpret_cast<float&>(got[2]), -500.0f);
  EXPECT_EQ(reinterpret_cast<float&>(got[3]), 999.0f);
  EXPECT_EQ(reinterpret_cast<float&>(got[4]), 1000.0f);
  EXPECT_EQ(got[5], 999u);
}

TEST_F(Execution, HalfAndBfloat16Round) {
  std::vector<float> values = {1.0f / 3, 2049.0f, 65504.0f, 1e-7f, 3.14159f, 0, 0, 0};
  std::vector<float> got = values;
  got.resize(24);
  Run(R"(extern "C" __global__ void k(float* f) {
        unsigned t = threadIdx.x;
        float x = f[t];
        f[8 + t] = __half2float(__float2half(x));
        f[16 + t] = __bfloat162float(__float2bfloat16(x));
      })",
      got, {1, 1, 1}, {8, 1, 1}, false);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(got[8 + i], static_cast<float>(static_cast<_Float16>(values[i]))) << values[i];
    EXPECT_NEAR(got[16 + i], values[i], std::abs(values[i]) / 256) << values[i];
  }
}

TEST_F(Execution, Printf) {
  std::vector<int> data = {42};
  Run("extern \"C\" __global__ void k(int* x) { printf(\"%d %.1f %s\\n\", x[0], 1.5f, \"yes\"); }",
      data, {1, 1, 1}, {1, 1, 1}, false);
  EXPECT_EQ(sink_.printed, "42 1.5 yes\n");
}

}  // namespace
}  // namespace amdgpu::hostcc
