// The driver's parts that need no device: architectures, images, times, tables.

#include <elf.h>
#include <gmock/gmock.h>

#include <cstring>
#include <random>

#include "gpu/vendor/arch.h"
#include "gpu/vendor/device_clock.h"
#include "gpu/vendor/errors.h"
#include "gpu/vendor/image.h"
#include "gpu/vendor/kernel.h"
#include "gpu/vendor/probe.h"
#include "gpu/vendor/tables.h"
#include "tests/gpu/vendor/standin_library.h"

namespace amdgpu::vendor {
namespace {

TEST(Arch, CodeRunsWhereTheVendorsSayItDoes) {
  // target, device, runs
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"gfx90a", "gfx90a:sramecc+:xnack-", true},
      {"gfx90a:xnack-", "gfx90a:sramecc+:xnack-", true},
      {"gfx90a:xnack+", "gfx90a:sramecc+:xnack-", false},
      {"gfx90a", "gfx908", false},
      {"gfx1100", "gfx1100", true},
      {"gfx1100", "gfx1101", false},
      {"sm_80", "sm_86", true},
      {"sm_86", "sm_80", false},
      {"sm_80", "sm_90", false},
      {"sm_90a", "sm_90", true},
      {"sm_100a", "sm_103", false},
      {"compute_80", "sm_90", true},
      {"compute_90", "sm_80", false},
      {"compute_90a", "sm_100", false},
      {"sm_120", "sm_121", true},
      {"gfx90a", "sm_90", false},
      {"sm_90", "gfx90a", false},
      {"", "sm_90", false},
      {"sm_", "sm_90", false},
      {"sm_ninety", "sm_90", false},
  };
  for (const auto& [target, arch, runs] : cases) {
    EXPECT_EQ(RunsOn(target, arch), runs) << target << " on " << arch;
  }
}

TEST(Arch, MatrixCoresAreKnown) {
  EXPECT_THAT(MatrixInstructions("gfx90a:sramecc+:xnack-"),
              testing::ElementsAre("mfma", "mfma_f64"));
  EXPECT_THAT(MatrixInstructions("gfx1030"), testing::IsEmpty());
  EXPECT_THAT(MatrixInstructions("gfx1100"), testing::ElementsAre("wmma"));
  EXPECT_THAT(MatrixInstructions("sm_90"), testing::Contains("wgmma"));
  EXPECT_THAT(MatrixInstructions("sm_86"), testing::Not(testing::Contains("wgmma")));
  EXPECT_THAT(MatrixInstructions("sm_61"), testing::IsEmpty());
  EXPECT_THAT(MatrixInstructions("x86_64-v4"), testing::IsEmpty());
}

TEST(Image, HeadersThatPointOutsideAreRefused) {
  EXPECT_FALSE(CheckImage("").ok());
  EXPECT_FALSE(CheckImage("\177ELF").ok());
  EXPECT_FALSE(CheckImage("hello").ok());
  EXPECT_TRUE(CheckImage("//\n.version 7.8\n.target sm_90\n").ok());
  EXPECT_FALSE(CheckImage(std::string("//\n.version 7.8\n.target sm_90\n\0x", 32)).ok());

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_shoff = sizeof(header);
  header.e_shnum = 1;
  header.e_shentsize = sizeof(Elf64_Shdr);
  Elf64_Shdr section = {};
  section.sh_type = SHT_PROGBITS;
  section.sh_offset = sizeof(header);
  section.sh_size = sizeof(section);
  const auto image = [&] {
    return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) +
           std::string(reinterpret_cast<const char*>(&section), sizeof(section));
  };
  EXPECT_TRUE(CheckImage(image()).ok());
  section.sh_size = ~std::uint64_t{0};
  EXPECT_FALSE(CheckImage(image()).ok());
  section.sh_size = 1;
  section.sh_offset = ~std::uint64_t{0};
  EXPECT_FALSE(CheckImage(image()).ok());
  section.sh_offset = 0;
  header.e_shoff = ~std::uint64_t{0} - 8;
  EXPECT_FALSE(CheckImage(image()).ok());
  header.e_shoff = sizeof(header);
  header.e_shnum = 2;
  EXPECT_FALSE(CheckImage(image()).ok());
}

// By the vendors' own words: "leaves the process in an inconsistent state", "must be terminated".
TEST(Errors, ThoseThatEndAllWorkAreSticky) {
  for (const Result result : {46, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719,
                              721, 810, 999, 1052, 1053}) {
    EXPECT_TRUE(IsSticky(result)) << result;
  }
  for (const Result result :
       {0, 1, 2, 9, 98, 100, 101, 200, 209, 218, 222, 300, 500, 600, 701, 712, 720, 801, 911}) {
    EXPECT_FALSE(IsSticky(result)) << result;
  }
}

TEST(Estimates, RiseAtOnceAndFallSlowly) {
  Estimate estimate;
  EXPECT_EQ(estimate.For(100), 0u);
  estimate.Learn(100, 5'000);
  EXPECT_EQ(estimate.For(100), 5'000u);
  EXPECT_GE(estimate.For(1000), 50'000u) << "more threads take longer";
  estimate.Learn(100, 80'000);
  EXPECT_EQ(estimate.For(100), 80'000u);
  estimate.Learn(100, 5'000);
  EXPECT_GT(estimate.For(100), 60'000u);
  for (int i = 0; i < 100; ++i) estimate.Learn(100, 5'000);
  EXPECT_LT(estimate.For(100), 6'000u);
}

// A device whose clock is what the test says it is; an event is a number.
struct FakeClock {
  double ns[64] = {};
  int created = 0;
};
FakeClock fake;

std::shared_ptr<VendorApi> FakeApi() {
  auto api = std::make_shared<VendorApi>();
  api->Init = [](unsigned) { return kSuccess; };
  api->DeviceGetCount = [](int* count) {
    *count = 1;
    return kSuccess;
  };
  api->DeviceGet = [](int* device, int) {
    *device = 0;
    return kSuccess;
  };
  api->SetDevice = [](int) { return kSuccess; };
  api->EventCreate = [](Event* event, unsigned) {
    *event = reinterpret_cast<Event>(static_cast<std::uintptr_t>(++fake.created));
    return kSuccess;
  };
  api->EventDestroy = [](Event) { return kSuccess; };
  api->EventElapsedTime = [](float* milliseconds, Event start, Event end) {
    const auto index = [](Event event) { return reinterpret_cast<std::uintptr_t>(event); };
    *milliseconds = static_cast<float>((fake.ns[index(end)] - fake.ns[index(start)]) * 1e-6);
    return kSuccess;
  };
  return api;
}

TEST(Clock, FollowsTheDevicesClockThroughDriftAndLateLooks) {
  fake = {};
  const auto context = DeviceContext::Open(FakeApi(), 0);
  ASSERT_TRUE(context.ok());
  EventPool events(**context, 0);
  DeviceClock clock(**context, events);
  std::mt19937 random(3);
  // Ours began at another time, and the device's runs 40 ppm fast.
  const std::uint64_t start = 7'000'000'000'000;
  double worst_late = 0;
  for (std::uint64_t t = 1; t < 20'000; ++t) {
    const std::uint64_t truth = start + t * 1'000'000;  // an event each millisecond
    const std::uint64_t late = t % 50 == 0 ? 300'000 : 800 + random() % 4000;
    Event event = nullptr;
    ASSERT_EQ(events.Take(&event), kSuccess);
    fake.ns[reinterpret_cast<std::uintptr_t>(event)] =
        static_cast<double>(t) * 1'000'000 * (1 + 40e-6);
    const std::uint64_t when = clock.When(event, truth + late);
    EXPECT_LE(when, truth + late) << "not later than it was seen";
    if (t > 100) {
      const double error = static_cast<double>(when) - static_cast<double>(truth);
      EXPECT_GT(error, -5'000.0);
      worst_late = std::max(worst_late, error);
    }
    clock.Retire(event, truth + late);
  }
  EXPECT_LT(worst_late, 15'000.0);
  EXPECT_LE(fake.created, 3) << "events are used again";
}

TEST(Tables, ALibraryThatIsNotThereOrNotOneIsAnError) {
  EXPECT_EQ(LoadVendorApi("hip", {"libthere-is-none.so.9"}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(LoadVendorApi("hip", {"libno.so.9", "/nowhere/libno.so.8"}).status().message(),
            "there is no libno.so.9, /nowhere/libno.so.8");
  // One that is there and does not open matters more than those that are not.
  const absl::Status broken = LoadVendorApi("hip", {"libno.so.9", "/proc/self/status"}).status();
  EXPECT_EQ(broken.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(broken.message()), testing::StartsWith("/proc/self/status: "));
  const absl::Status not_one = LoadVendorApi("cuda", {"libm.so.6"}).status();
  EXPECT_EQ(not_one.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(not_one.message()), testing::HasSubstr("cuInit"));
  EXPECT_EQ(LoadVendorApi("opencl", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(LibraryNames("host").empty());
}

TEST(Probe, SaysWhatThereIsAndWhatIsWrong) {
  StandInLibrary& library = StandIn("hip");
  const proto::ProbeReply found = Probe("hip", {library.path()});
  EXPECT_EQ(found.library(), library.path());
  EXPECT_EQ(found.library_version(), "6.2.41133");
  ASSERT_EQ(found.devices_size(), 1);
  EXPECT_EQ(found.devices(0).pci_address(), "0000:c1:00.0");
  EXPECT_EQ(found.problem(), "");
  EXPECT_FALSE(found.nodes().empty());

  library.Script("Init=100");
  const proto::ProbeReply none = Probe("hip", {library.path()});
  EXPECT_EQ(none.devices_size(), 0);
  EXPECT_THAT(none.problem(), testing::HasSubstr("hipErrorStandIn"));
  library.Script("");

  const proto::ProbeReply missing = Probe("cuda", {"libthere-is-none.so"});
  EXPECT_EQ(missing.library(), "");
  EXPECT_THAT(missing.problem(), testing::HasSubstr("libthere-is-none.so"));
}

}  // namespace
}  // namespace amdgpu::vendor
