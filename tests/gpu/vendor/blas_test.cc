// Products of matrices by the vendor's library, called like kernels: against the definition, and
// whatever the library or the caller does wrong.

#include "gpu/vendor/blas.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <vector>

#include "gpu/vendor/vendor_driver.h"
#include "tests/gpu/recording_sink.h"
#include "tests/gpu/vendor/standin_library.h"

namespace amdgpu::vendor {
namespace {

using absl::StatusCode;
using gpu::DeviceAddress;
using testing::HasSubstr;

constexpr std::uint64_t kSlab = 1 << 20;

// A number in the type's format, and back.
std::string Encode(proto::DType type, double number) {
  const auto bytes = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  const auto narrow = static_cast<float>(number);
  std::uint32_t bits;
  std::memcpy(&bits, &narrow, sizeof(bits));
  switch (type) {
    case proto::DTYPE_F64:
      return bytes(number);
    case proto::DTYPE_F16:
      return bytes(static_cast<_Float16>(number));
    case proto::DTYPE_BF16:
      return bytes(static_cast<std::uint16_t>(bits >> 16));  // exact for what is used here
    default:
      return bytes(narrow);
  }
}

double Decode(proto::DType type, const char* bytes) {
  const auto number = [bytes]<typename T>(T value) {
    std::memcpy(&value, bytes, sizeof(value));
    return static_cast<double>(value);
  };
  if (type == proto::DTYPE_F64) return number(double{});
  if (type == proto::DTYPE_F32) return number(float{});
  if (type == proto::DTYPE_F16) return number(_Float16{});
  std::uint16_t high;
  std::memcpy(&high, bytes, sizeof(high));
  const std::uint32_t wide = std::uint32_t{high} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

class BlasTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { Create({Path()}); }
  void TearDown() override {
    driver_.reset();
    EXPECT_EQ(library_.Calls("BlasCreate"), library_.Calls("BlasDestroy")) << "handles were leaked";
    library_.Script("");
    library_.Recover();
  }

  bool cuda() const { return library_.kind() == "cuda"; }
  std::string Path() const {
    return std::string(AMDGPU_STANDIN_FOLDER) + "/libamdgpu_standin_" +
           (cuda() ? "cublas" : "rocblas") + ".so";
  }
  void Create(std::vector<std::string> libraries) {
    driver_.reset();
    absl::StatusOr<std::unique_ptr<VendorDriver>> driver = VendorDriver::Create(
        {.api = library_.api(), .blas_libraries = std::move(libraries)}, sink_);
    ASSERT_TRUE(driver.ok()) << driver.status();
    driver_ = *std::move(driver);
    const absl::StatusOr<DeviceAddress> slab = driver_->Reserve(kSlab, 0);
    ASSERT_TRUE(slab.ok()) << slab.status();
    slab_ = *slab;
  }
  absl::Status Load() {
    const absl::StatusOr<gpu::Module> module = LoadCode("blas");
    if (module.ok()) module_ = *module;
    return module.status();
  }
  absl::StatusOr<gpu::Module> LoadCode(const std::string& library) {
    proto::VendorCodeObject code;
    code.set_library(library);
    const std::string bytes = code.SerializeAsString();
    return driver_->Load({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, 0);
  }

  absl::Status Call(const std::string& symbol, const GemmArguments& arguments,
                    gpu::StreamId stream = 0) {
    gpu::FunctionHandle handle = 0;
    for (const gpu::Function& function : module_.functions) {
      if (function.info.symbol() == symbol) handle = function.handle;
    }
    return driver_->Launch(
        stream, ++ticket_,
        {.function = handle,
         .grid = {1},
         .block = {1},
         .args = {reinterpret_cast<const std::byte*>(&arguments), sizeof(arguments)}});
  }
  StatusCode CallAndWait(const std::string& symbol, const GemmArguments& arguments) {
    const absl::Status status = Call(symbol, arguments);
    return status.ok() ? sink_.WaitFor(ticket_).status : status.code();
  }
  // 2 x 2 times 2 x 2, of f32, at the slab's beginning.
  GemmArguments Small() const {
    GemmArguments g;
    g.a = slab_;
    g.b = slab_ + 1024;
    g.c = slab_ + 2048;
    g.m = g.n = g.k = 2;
    g.line_a = g.line_b = g.line_c = 2;
    return g;
  }

  void Put(DeviceAddress address, const std::string& bytes) {
    ASSERT_TRUE(driver_->CopyIn(0, ++ticket_, address, bytes.data(), bytes.size()).ok());
    sink_.WaitFor(ticket_);
  }
  std::string Get(DeviceAddress address, std::size_t bytes) {
    std::string read(bytes, 0);
    EXPECT_TRUE(driver_->CopyOut(0, ++ticket_, read.data(), address, bytes).ok());
    sink_.WaitFor(ticket_);
    return read;
  }

  // One product, against its definition.
  void Check(const std::string& symbol, proto::DType type, bool transpose_a, bool transpose_b,
             std::uint32_t batch);

  StandInLibrary& library_ = StandIn(GetParam());
  gpu::RecordingSink sink_;
  std::unique_ptr<VendorDriver> driver_;
  gpu::Module module_;
  DeviceAddress slab_ = 0;
  gpu::Ticket ticket_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Hip, BlasTest, ::testing::Values("hip"));
INSTANTIATE_TEST_SUITE_P(Cuda, BlasTest, ::testing::Values("cuda"));

void BlasTest::Check(const std::string& symbol, proto::DType type, bool transpose_a,
                     bool transpose_b, std::uint32_t batch) {
  SCOPED_TRACE(symbol + (transpose_a ? " A'" : " A") + (transpose_b ? " B'" : " B") + " x " +
               std::to_string(batch));
  constexpr std::uint32_t m = 3, n = 5, k = 4;
  const std::size_t size = Encode(type, 0).size();
  // Small numbers that every type has exactly; lines are longer than rows.
  const auto a = [](std::size_t i, std::size_t r, std::size_t c) {
    return static_cast<double>((i * 5 + r * 3 + c * 7) % 9) - 4;
  };
  const auto b = [](std::size_t i, std::size_t r, std::size_t c) {
    return static_cast<double>((i * 2 + r * 5 + c) % 7) - 3;
  };
  const auto c = [](std::size_t i, std::size_t r, std::size_t column) {
    return static_cast<double>((i + r + column * 2) % 5) - 2;
  };
  GemmArguments g;
  g.m = m, g.n = n, g.k = k, g.batch = batch;
  g.line_a = 6, g.line_b = 7, g.line_c = 8;
  g.stride_a = 40, g.stride_b = 50, g.stride_c = 60;
  g.transpose_a = transpose_a, g.transpose_b = transpose_b;
  g.alpha = 0.5, g.beta = -2;
  g.a = slab_, g.b = slab_ + 65536, g.c = slab_ + 131072;
  std::string bytes_a(batch * g.stride_a * size, 0), bytes_b(batch * g.stride_b * size, 0),
      bytes_c(batch * g.stride_c * size, 0);
  const auto put = [&](std::string& bytes, std::size_t at, double number) {
    bytes.replace(at * size, size, Encode(type, number));
  };
  for (std::uint32_t i = 0; i < batch; ++i) {
    for (std::uint32_t r = 0; r < m; ++r) {
      for (std::uint32_t l = 0; l < k; ++l) {
        put(bytes_a, i * g.stride_a + (transpose_a ? l * g.line_a + r : r * g.line_a + l),
            a(i, r, l));
      }
      for (std::uint32_t l = 0; l < n; ++l) put(bytes_c, i * 60 + r * g.line_c + l, c(i, r, l));
    }
    for (std::uint32_t r = 0; r < k; ++r) {
      for (std::uint32_t l = 0; l < n; ++l) {
        put(bytes_b, i * g.stride_b + (transpose_b ? l * g.line_b + r : r * g.line_b + l),
            b(i, r, l));
      }
    }
  }
  Put(g.a, bytes_a);
  Put(g.b, bytes_b);
  Put(g.c, bytes_c);
  ASSERT_EQ(CallAndWait(symbol, g), StatusCode::kOk);
  const std::string result = Get(g.c, bytes_c.size());
  for (std::uint32_t i = 0; i < batch; ++i) {
    for (std::uint32_t r = 0; r < m; ++r) {
      for (std::uint32_t l = 0; l < n; ++l) {
        double sum = 0;
        for (std::uint32_t x = 0; x < k; ++x) sum += a(i, r, x) * b(i, x, l);
        const double expected = 0.5 * sum - 2 * c(i, r, l);
        ASSERT_EQ(Decode(type, result.data() + (i * 60 + r * g.line_c + l) * size), expected)
            << i << ", " << r << ", " << l;
      }
    }
  }
  // What is between the lines is as it was.
  EXPECT_EQ(result.substr((g.line_c - 1) * size, size), std::string(size, 0));
}

TEST_P(BlasTest, ProductsAreRight) {
  ASSERT_TRUE(Load().ok());
  for (const auto& [symbol, type] :
       {std::pair{"gemm_f32", proto::DTYPE_F32}, std::pair{"gemm_f64", proto::DTYPE_F64},
        std::pair{"gemm_f16", proto::DTYPE_F16}, std::pair{"gemm_bf16", proto::DTYPE_BF16}}) {
    for (int flags = 0; flags < 4; ++flags) {
      Check(symbol, type, flags & 1, flags & 2, 1);
      Check(symbol, type, flags & 1, flags & 2, 3);
    }
  }
}

TEST_P(BlasTest, ItSaysWhatItIs) {
  ASSERT_TRUE(Load().ok());
  ASSERT_EQ(module_.functions.size(), 4u);
  const gpu::KernelInfo& info = module_.functions[0].info;
  EXPECT_EQ(info.name(), cuda() ? "cublasGemmEx" : "rocblas_gemm_ex");
  EXPECT_EQ(info.library().name(), cuda() ? "cuBLAS" : "rocBLAS");
  EXPECT_EQ(info.library().version(), cuda() ? "12.4.5" : "4.2.0.stand-in");
  EXPECT_EQ(info.library().path(), Path());
  EXPECT_FALSE(driver_->OccupancyOf(module_.functions[0].handle, 64, 0).ok());
  EXPECT_EQ(driver_->FindGlobal(module_.handle, "x").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(LoadCode("fft").status().code(), StatusCode::kNotFound);
}

TEST_P(BlasTest, NothingIsOpenedUntilItIsAskedFor) {
  EXPECT_EQ(library_.Calls("BlasCreate"), 0u);
  ASSERT_TRUE(Load().ok());
  ASSERT_TRUE(driver_->Unload(module_.handle).ok());
  ASSERT_TRUE(Load().ok());
  EXPECT_EQ(library_.Calls("BlasCreate"), 1u) << "it was opened twice";
}

TEST_P(BlasTest, AMissingLibraryIsAnErrorWithEveryReason) {
  Create({"libno_such_blas.so.9", library_.path()});
  const absl::Status status = Load();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("libno_such_blas.so.9"));
  // One that is not what its name says.
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(cuda() ? "cublasCreate_v2" : "rocblas_create"));
}

TEST_P(BlasTest, ALibraryThatDoesNotStartIsAnErrorAndMayStartLater) {
  library_.Script("BlasCreate=1@1*1");
  const absl::Status status = Load();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not work here"));
  EXPECT_TRUE(Load().ok());
  library_.Script("");
}

TEST_P(BlasTest, CallsAreInOrderWithTheStreamsOtherWork) {
  ASSERT_TRUE(Load().ok());
  const GemmArguments g = Small();
  Put(g.a, Encode(proto::DTYPE_F32, 1) + Encode(proto::DTYPE_F32, 0) + Encode(proto::DTYPE_F32, 0) +
               Encode(proto::DTYPE_F32, 1));
  // fill B, multiply by one, copy C behind it, many times over and with other numbers.
  for (const std::uint32_t number : {0x40000000u, 0x40400000u, 0x40800000u}) {
    ASSERT_TRUE(driver_->Fill(0, ++ticket_, g.b, number, 4, 16).ok());
    ASSERT_TRUE(Call("gemm_f32", g).ok());
    const std::string result = Get(g.c, 16);
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(std::memcmp(result.data() + 4 * i, &number, 4), 0);
    }
  }
}

TEST_P(BlasTest, EveryStreamHasAHandleOfItsOwn) {
  ASSERT_TRUE(Load().ok());
  ASSERT_TRUE(driver_->CreateStream(1).ok());
  ASSERT_TRUE(driver_->CreateStream(2).ok());
  library_.Script("");
  for (const gpu::StreamId stream : {1u, 2u, 1u, 2u}) {
    ASSERT_TRUE(Call("gemm_f32", Small(), stream).ok());
    sink_.WaitFor(ticket_);
  }
  EXPECT_EQ(library_.Calls("BlasCreate"), 2u);
  ASSERT_TRUE(driver_->DestroyStream(1).ok());
  EXPECT_EQ(library_.Calls("BlasDestroy"), 1u);
}

TEST_P(BlasTest, WhatMakesNoSenseNeverReachesTheLibrary) {
  ASSERT_TRUE(Load().ok());
  library_.Script("");
  const std::vector<std::function<void(GemmArguments&)>> mistakes = {
      [](GemmArguments& g) { g.m = 0; },
      [](GemmArguments& g) { g.k = 0; },
      [](GemmArguments& g) { g.batch = 0; },
      [](GemmArguments& g) { g.n = 0x80000000u; },
      [](GemmArguments& g) { g.line_a = 1; },
      [](GemmArguments& g) { g.line_b = 0; },
      [](GemmArguments& g) { g.line_c = 0xffffffffu; },
      [](GemmArguments& g) { g.batch = 2, g.stride_c = 1; },
      [](GemmArguments& g) { g.batch = 2, g.stride_a = ~std::uint64_t{0}; },
      [](GemmArguments& g) {
        g.batch = 0x7fffffff, g.stride_a = g.stride_b = g.stride_c = 1 << 20;
      },
      // Out of device memory, in one way or another.
      [](GemmArguments& g) { g.a = 4096; },
      [](GemmArguments& g) { g.b = 0; },
      [this](GemmArguments& g) { g.c = slab_ + kSlab - 15; },
      [this](GemmArguments& g) { g.a = slab_ + kSlab - 16, g.line_a = 3; },
      [](GemmArguments& g) { g.m = g.line_a = 1 << 20, g.transpose_a = 1; },
  };
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    GemmArguments g = Small();
    mistakes[i](g);
    EXPECT_EQ(Call("gemm_f32", g).code(), StatusCode::kInvalidArgument) << i;
  }
  EXPECT_EQ(library_.Calls("BlasGemm"), 0u);
  EXPECT_EQ(CallAndWait("gemm_f32", Small()), StatusCode::kOk);
}

// Extents that are small again as bytes of 64 bits.
TEST_P(BlasTest, SizesThatOverflowAreRefused) {
  ASSERT_TRUE(Load().ok());
  library_.Script("");
  GemmArguments g = Small();
  g.m = (1u << 30) + 2;
  g.n = g.k = 3;
  g.line_a = g.line_c = (1u << 31) - 2;
  g.line_b = 3;
  ASSERT_EQ((std::uint64_t{g.m} - 1) * g.line_a + g.k, (std::uint64_t{1} << 61) + 1);
  EXPECT_EQ(Call("gemm_f64", g).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(library_.Calls("BlasGemm"), 0u);
}

TEST_P(BlasTest, AnErrorOfTheLibraryIsTheCallsAlone) {
  ASSERT_TRUE(Load().ok());
  struct Case {
    const char* script;
    StatusCode code;
  };
  const std::vector<Case> cases =
      cuda() ? std::vector<Case>{{"BlasGemm=3@1*1", StatusCode::kResourceExhausted},
                                 {"BlasGemm=15@1*1", StatusCode::kUnimplemented},
                                 {"BlasGemm=14@1*1", StatusCode::kInternal}}
             : std::vector<Case>{{"BlasGemm=5@1*1", StatusCode::kResourceExhausted},
                                 {"BlasGemm=2@1*1", StatusCode::kUnimplemented},
                                 {"BlasGemm=6@1*1", StatusCode::kInternal}};
  for (const Case& c : cases) {
    library_.Script(c.script);
    const absl::Status status = Call("gemm_f32", Small());
    EXPECT_EQ(status.code(), c.code) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(cuda() ? "cublasGemmEx" : "rocblas_gemm_ex"));
    EXPECT_EQ(CallAndWait("gemm_f32", Small()), StatusCode::kOk);
    EXPECT_FALSE(driver_->LastFault().has_value());
  }
  // Its first call in a stream finds no memory for a handle.
  ASSERT_TRUE(driver_->CreateStream(1).ok());
  library_.Script(cuda() ? "BlasCreate=3@1*1" : "BlasCreate=5@1*1");
  EXPECT_EQ(Call("gemm_f32", Small(), 1).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(Call("gemm_f32", Small(), 1).ok());
  sink_.WaitFor(ticket_);
  // Those that were told to fail made none.
  ASSERT_TRUE(driver_->DestroyStream(1).ok());
  library_.Script("");
  driver_.reset();
  library_.Script("");
}

TEST_P(BlasTest, AFaultInTheLibrarysKernelIsAFaultLikeAny) {
  ASSERT_TRUE(Load().ok());
  GemmArguments g = Small();
  // Two slabs beside each other would hide it; the variable is outside of both.
  ASSERT_TRUE(driver_->Release(slab_).ok());
  EXPECT_EQ(Call("gemm_f32", g).code(), StatusCode::kInvalidArgument);
  const absl::StatusOr<DeviceAddress> slab = driver_->Reserve(kSlab, 0);
  ASSERT_TRUE(slab.ok());
  slab_ = *slab;
  // The runtime says, from inside the library's call, that the device failed.
  library_.Script("BlasGemm=13@1*1;MemGetInfo=700");
  EXPECT_EQ(CallAndWait("gemm_f32", Small()), StatusCode::kAborted);
  EXPECT_TRUE(driver_->LastFault().has_value() && driver_->LastFault()->sticky);
  EXPECT_EQ(Call("gemm_f32", Small()).code(), StatusCode::kAborted);
  library_.Script("");
  driver_.reset();
  library_.Script("");
}

}  // namespace
}  // namespace amdgpu::vendor
