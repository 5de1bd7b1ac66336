// The vendor driver beyond the contract: every call of the vendor's that fails, faults, times, and
// how little it asks of the vendor.

#include "gpu/vendor/vendor_driver.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "c_src/base/clock.h"
#include "tests/gpu/recording_sink.h"
#include "tests/gpu/vendor/standin_library.h"

namespace amdgpu::vendor {
namespace {

using absl::StatusCode;
using gpu::Completion;
using gpu::DeviceAddress;
using gpu::Ticket;

class VendorDriverTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    free_bytes_ = library_.FreeBytes();
    Create();
  }
  void TearDown() override {
    driver_.reset();
    library_.Script("");
    library_.Recover();
    EXPECT_EQ(library_.FreeBytes(), free_bytes_) << "device memory was leaked";
  }

  void Create() {
    absl::StatusOr<std::unique_ptr<VendorDriver>> driver = TryCreate();
    ASSERT_TRUE(driver.ok()) << driver.status();
    driver_ = *std::move(driver);
    const absl::StatusOr<gpu::Module> module = Load();
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *module;
    const absl::StatusOr<DeviceAddress> slab = driver_->Reserve(1 << 20, 0);
    ASSERT_TRUE(slab.ok()) << slab.status();
    slab_ = *slab;
  }

  absl::StatusOr<std::unique_ptr<VendorDriver>> TryCreate() {
    return VendorDriver::Create(
        {.api = library_.api(), .index = 0, .staging = staging_, .staging_bytes = sizeof(staging_)},
        sink_);
  }
  absl::StatusOr<gpu::Module> Load() {
    const std::string code = library_.Kernels().SerializeAsString();
    return driver_->Load({reinterpret_cast<const std::byte*>(code.data()), code.size()}, 0);
  }

  gpu::FunctionHandle Function(const std::string& name) {
    for (const gpu::Function& function : module_.functions) {
      if (function.info.name() == name) return function.handle;
    }
    return 0;
  }

  absl::Status Launch(Ticket ticket, const std::string& name, const std::string& args = "",
                      gpu::StreamId stream = 0, bool watched = false) {
    return driver_->Launch(stream, ticket,
                           {.function = Function(name),
                            .grid = {1},
                            .block = {1},
                            .dynamic_shared_bytes = 0,
                            .args = {reinterpret_cast<const std::byte*>(args.data()), args.size()},
                            .watched = watched});
  }
  template <typename T>
  static std::string Pack(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  // Nothing is wrong with the driver.
  void ExpectItWorks() {
    const Ticket ticket = NextTicket();
    const absl::Status status = Launch(ticket, "empty");
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk);
  }
  Ticket NextTicket() { return ++ticket_; }

  alignas(4096) std::byte staging_[8192];
  StandInLibrary& library_ = StandIn(GetParam());
  gpu::RecordingSink sink_;
  std::unique_ptr<VendorDriver> driver_;
  gpu::Module module_;
  DeviceAddress slab_ = 0;
  Ticket ticket_ = 0;
  std::size_t free_bytes_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Hip, VendorDriverTest, testing::Values("hip"));
INSTANTIATE_TEST_SUITE_P(Cuda, VendorDriverTest, testing::Values("cuda"));

TEST_P(VendorDriverTest, TheStagingMemoryIsPinnedWhileTheDriverLives) {
  EXPECT_TRUE(library_.Registered(staging_, sizeof(staging_)));
  driver_.reset();
  EXPECT_FALSE(library_.Registered(staging_, 1));
}

TEST_P(VendorDriverTest, EveryCallThatCreatingNeedsMayFail) {
  struct Case {
    const char* call;
    StatusCode code;
  };
  std::vector<Case> cases = {
      {"Init", StatusCode::kNotFound},           {"DeviceGetCount", StatusCode::kNotFound},
      {"DeviceGet", StatusCode::kNotFound},      {"DeviceGetName", StatusCode::kNotFound},
      {"DeviceTotalMem", StatusCode::kNotFound}, {"StreamCreate", StatusCode::kNotFound}};
  if (library_.kind() == "cuda") {
    cases.push_back({"DevicePrimaryCtxRetain", StatusCode::kNotFound});
    cases.push_back({"CtxSetCurrent", StatusCode::kNotFound});
    cases.push_back({"DeviceGetAttribute", StatusCode::kInternal});  // no architecture
  } else {
    cases.push_back({"SetDevice", StatusCode::kNotFound});
    cases.push_back({"HipDeviceProperties", StatusCode::kInternal});
  }
  driver_.reset();
  for (const Case& c : cases) {
    library_.Script(std::string(c.call) + "=100");
    EXPECT_EQ(TryCreate().status().code(), c.code) << c.call;
    EXPECT_EQ(library_.Calls("StreamCreate"),
              library_.Calls("StreamDestroy") + (absl::string_view(c.call) == "StreamCreate"));
    EXPECT_FALSE(library_.Registered(staging_, 1)) << c.call;
  }
  library_.Script("");
  Create();
  ExpectItWorks();
}

TEST_P(VendorDriverTest, WhatIsMerelyNiceToKnowMayFail) {
  driver_.reset();
  library_.Script(
      "DeviceGetUuid=999;DeviceGetPCIBusId=1;DriverGetVersion=1;RuntimeGetVersion=1;"
      "MemHostRegister=801");
  Create();
  EXPECT_EQ(driver_->properties().uuid(), "");
  EXPECT_EQ(driver_->properties().pci_address(), "");
  ExpectItWorks();
}

// Each fails once with an error that leaves the device well: the caller is told, nothing is queued,
// and the driver works on.
TEST_P(VendorDriverTest, EveryCallThatWorkNeedsMayFail) {
  std::uint64_t word = 0;
  const std::map<std::string, std::function<absl::Status()>> operations = {
      {"MemAlloc", [&] { return driver_->Reserve(4096, 0).status(); }},
      {"MemcpyHtoDAsync", [&] { return driver_->CopyIn(0, 999, slab_, &word, 8); }},
      {"MemcpyDtoHAsync", [&] { return driver_->CopyOut(0, 999, &word, slab_, 8); }},
      {"MemcpyDtoDAsync", [&] { return driver_->Copy(0, 999, slab_, slab_ + 64, 8); }},
      {"MemsetD8Async", [&] { return driver_->Fill(0, 999, slab_, 1, 1, 8); }},
      {"MemsetD16Async", [&] { return driver_->Fill(0, 999, slab_, 1, 2, 8); }},
      {"MemsetD32Async", [&] { return driver_->Fill(0, 999, slab_, 1, 4, 8); }},
      {"LaunchKernel", [&] { return Launch(999, "empty"); }},
      {"ModuleLoadDataEx", [&] { return Load().status(); }},
      {"ModuleGetFunction", [&] { return Load().status(); }},
      {"ModuleGetGlobal", [&] { return driver_->FindGlobal(module_.handle, "counter").status(); }},
      {"OccupancyMaxActiveBlocks",
       [&] { return driver_->OccupancyOf(Function("empty"), 64, 0).status(); }},
      {"StreamCreate", [&] { return driver_->CreateStream(5); }},
      {"EventRecord", [&] { return driver_->Record(0, 77); }},
      {"StreamWaitEvent",
       [&] {
         EXPECT_TRUE(driver_->Record(0, 3).ok());
         return driver_->Wait(0, 3);
       }},
      {"StreamSynchronize", [&] { return driver_->Synchronize(0); }},
  };
  for (const auto& [call, operation] : operations) {
    // StreamWaitEvent is preceded by a Record of its own.
    library_.Script(call + "=2");
    const absl::Status status = operation();
    EXPECT_FALSE(status.ok()) << call;
    const bool refused = call == "ModuleGetFunction";  // the code object is at fault
    EXPECT_EQ(status.code(),
              refused ? StatusCode::kInvalidArgument : StatusCode::kResourceExhausted)
        << call << ": " << status;
    library_.Script("");
    ExpectItWorks();
    EXPECT_FALSE(sink_.Completed(999)) << call;
    EXPECT_FALSE(driver_->LastFault().has_value()) << call;
  }
  // Nothing of it is left behind: the module can go.
  EXPECT_TRUE(driver_->Unload(module_.handle).ok());
}

// The driver's own events may fail to be recorded; work is reported all the same.
TEST_P(VendorDriverTest, WorkIsReportedThoughEventsFailAWhile) {
  for (const char* script : {"EventRecord=2@2*1", "EventCreate=2@1*1", "EventElapsedTime=1"}) {
    library_.Script(script);
    Ticket last = 0;
    for (int i = 0; i < 10; ++i) {
      const Ticket ticket = NextTicket();
      if (Launch(ticket, "empty").ok()) last = ticket;
    }
    const Completion completion = sink_.WaitFor(last);
    EXPECT_LE(completion.started_ns, completion.ended_ns);
    library_.Script("");
    ASSERT_TRUE(driver_->Synchronize(0).ok());
  }
}

TEST_P(VendorDriverTest, AFaultIsToldOnceAndEndsEverything) {
  ASSERT_TRUE(driver_->CreateStream(1).ok());
  const Ticket fault = NextTicket();
  ASSERT_TRUE(Launch(fault, "fail", Pack(std::int32_t{700})).ok());
  const Completion completion = sink_.WaitFor(fault);
  EXPECT_EQ(completion.status, StatusCode::kAborted);
  const std::optional<gpu::Fault> last = driver_->LastFault();
  ASSERT_TRUE(last.has_value());
  EXPECT_TRUE(last->sticky);
  EXPECT_EQ(last->ticket, fault);
  EXPECT_TRUE(absl::StrContains(absl::AsciiStrToLower(last->message), "illegal")) << last->message;
  EXPECT_EQ(sink_.faults().size(), 1u);

  EXPECT_EQ(Launch(NextTicket(), "empty").code(), StatusCode::kAborted);
  EXPECT_EQ(driver_->Reserve(4096, 0).status().code(), StatusCode::kAborted);
  EXPECT_EQ(Load().status().code(), StatusCode::kAborted);
  EXPECT_EQ(driver_->Fill(1, NextTicket(), slab_, 0, 4, 64).code(), StatusCode::kAborted);
  // A marker stands in for what was refused: it still completes.
  const Ticket marker = NextTicket();
  ASSERT_TRUE(driver_->Marker(1, marker).ok());
  EXPECT_EQ(sink_.WaitFor(marker).status, StatusCode::kAborted);
  EXPECT_EQ(sink_.faults().size(), 1u);
}

TEST_P(VendorDriverTest, AnErrorOfTheVendorsThatIsNoFaultFailsTheWorkAlone) {
  library_.Script("EventQuery=1@1*1");
  const Ticket ticket = NextTicket();
  ASSERT_TRUE(Launch(ticket, "empty").ok());
  EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kInvalidArgument);
  library_.Script("");
  ExpectItWorks();
  ASSERT_TRUE(driver_->LastFault().has_value());
  EXPECT_FALSE(driver_->LastFault()->sticky);
}

TEST_P(VendorDriverTest, TimesAreTheDevices) {
  const std::uint64_t before = NowNs();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 5; ++i) {
    tickets.push_back(NextTicket());
    ASSERT_TRUE(Launch(tickets.back(), "spin", Pack(std::uint64_t{4000})).ok());
  }
  std::uint64_t last_end = before;
  for (const Ticket ticket : tickets) {
    const Completion completion = sink_.WaitFor(ticket);
    EXPECT_GE(completion.started_ns, last_end);
    const std::uint64_t took = completion.ended_ns - completion.started_ns;
    EXPECT_GE(took, 3'900'000u);
    EXPECT_LE(took, 200'000'000u);
    last_end = completion.ended_ns;
  }
  EXPECT_LE(last_end, NowNs());
}

TEST_P(VendorDriverTest, APipelineOfShortLaunchesNeedsFewEvents) {
  // The first ones teach how long it takes.
  for (int i = 0; i < 20; ++i) ExpectItWorks();
  library_.Script("");
  constexpr int kLaunches = 3000;
  Ticket last = 0;
  for (int i = 0; i < kLaunches; ++i) {
    last = NextTicket();
    ASSERT_TRUE(Launch(last, "empty").ok());
  }
  sink_.WaitFor(last);
  EXPECT_EQ(library_.Calls("LaunchKernel"), kLaunches);
#ifndef AMDGPU_SANITIZED  // with one no launch is short: tens of microseconds each
  EXPECT_LT(library_.Calls("EventRecord"), kLaunches);
#endif
  RecordProperty("events", static_cast<int>(library_.Calls("EventRecord")));
  Ticket previous = 0;
  for (const Completion& completion : sink_.completions()) {
    EXPECT_GT(completion.ticket, previous);
    previous = completion.ticket;
  }
}

// Each call of the vendor's takes from half to a whole microsecond, and its lock from the others.
TEST_P(VendorDriverTest, AnAwaitedLaunchNeedsFewCalls) {
  ExpectItWorks();
  library_.Script("");
  constexpr int kLaunches = 200;
  for (int i = 0; i < kLaunches; ++i) {
    const Ticket ticket = NextTicket();
    ASSERT_TRUE(Launch(ticket, "empty").ok());
    sink_.WaitFor(ticket);
  }
  constexpr int kFew = 20;  // once a second the clock begins anew
  EXPECT_LE(library_.Calls("EventRecord"), 2 * kLaunches + kFew);
  EXPECT_LE(library_.Calls("EventElapsedTime"), 2 * kLaunches + kFew);
  EXPECT_LE(library_.Calls("EventCreate"), kFew);
  EXPECT_EQ(library_.Calls("StreamSynchronize"), 0u);
}

TEST_P(VendorDriverTest, AnIdleDriverAsksNothing) {
  ExpectItWorks();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  library_.Script("");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(library_.Calls("EventQuery"), 0u);
  EXPECT_EQ(library_.Calls("EventRecord"), 0u);
}

TEST_P(VendorDriverTest, ALongKernelIsSleptThrough) {
  const Ticket ticket = NextTicket();
  ASSERT_TRUE(Launch(ticket, "spin", Pack(std::uint64_t{200'000})).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  library_.Script("");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(library_.Calls("EventQuery"), 0u) << "it polls";
  sink_.WaitFor(ticket);
}

TEST_P(VendorDriverTest, AModuleInUseStays) {
  const Ticket ticket = NextTicket();
  ASSERT_TRUE(Launch(ticket, "spin", Pack(std::uint64_t{50'000})).ok());
  EXPECT_EQ(driver_->Unload(module_.handle).code(), StatusCode::kFailedPrecondition);
  sink_.WaitFor(ticket);
  ASSERT_TRUE(driver_->Synchronize(0).ok());
  EXPECT_TRUE(driver_->Unload(module_.handle).ok());
}

TEST_P(VendorDriverTest, CodeForAnotherDeviceIsRefused) {
  proto::VendorCodeObject code = library_.Kernels();
  for (const char* target : {"gfx1100", "gfx90a:xnack+", "sm_80", "sm_100", "host", ""}) {
    code.set_target(target);
    const std::string bytes = code.SerializeAsString();
    const absl::StatusOr<gpu::Module> module =
        driver_->Load({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, 0);
    EXPECT_EQ(module.status().code(), StatusCode::kInvalidArgument) << target;
  }
}

// NVIDIA's devices have more shared memory than a kernel may use without asking for it.
TEST_P(VendorDriverTest, AllOfTheSharedMemoryCanBeUsed) {
  const std::uint32_t most = driver_->properties().max_shared_bytes();
  EXPECT_EQ(most, 64u * 1024);
  const absl::StatusOr<gpu::Occupancy> occupancy =
      driver_->OccupancyOf(Function("empty"), 64, most);
  ASSERT_TRUE(occupancy.ok()) << occupancy.status();
  EXPECT_EQ(occupancy->blocks_per_unit, 1u);
  driver_.reset();
  Create();  // another function, for which nobody has asked
  for (const std::uint32_t shared : {most, most / 2}) {
    const Ticket ticket = NextTicket();
    const absl::Status launched = driver_->Launch(0, ticket,
                                                  {.function = Function("empty"),
                                                   .grid = {1},
                                                   .block = {1},
                                                   .dynamic_shared_bytes = shared,
                                                   .args = {}});
    ASSERT_TRUE(launched.ok()) << launched;
    EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk) << shared;
  }
}

TEST_P(VendorDriverTest, CodeThatTheVendorRefusesIsSaidToBeMadeByTooNewAToolkit) {
  library_.Script("ModuleLoadDataEx=200");
  const absl::Status status = Load().status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  const bool cuda = library_.kind() == "cuda";
  EXPECT_EQ(absl::StrContains(status.message(), "code of CUDA 12.4 and older"), cuda) << status;
  EXPECT_EQ(absl::StrContains(status.message(), "AMDGPU_NVRTC_LIBRARY"), cuda) << status;
}

TEST_P(VendorDriverTest, CopiesOutsideOfDeviceMemoryNeverReachTheDevice) {
  char memory[64] = {};
  library_.Script("");
  EXPECT_EQ(driver_->CopyIn(0, 1, 4096, memory, 64).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(driver_->CopyOut(0, 1, memory, slab_ + (1 << 20) - 63, 64).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(driver_->Fill(0, 1, ~std::uint64_t{7}, 0, 4, 64).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(library_.Calls("MemcpyHtoDAsync") + library_.Calls("MemcpyDtoHAsync") +
                library_.Calls("MemsetD32Async"),
            0u);
}

using VendorDriverDeathTest = VendorDriverTest;
INSTANTIATE_TEST_SUITE_P(Hip, VendorDriverDeathTest, testing::Values("hip"));

TEST_P(VendorDriverDeathTest, ACallMayAbortTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        library_.Script("LaunchKernel=abort");
        Launch(1, "empty").IgnoreError();
      },
      "LaunchKernel aborts, as it was told");
}

}  // namespace
}  // namespace amdgpu::vendor
