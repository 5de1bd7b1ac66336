// Bytes to and from a device whose memory cannot be seen from here.

#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/c_src/runtime/vendor_device_fixture.h"
#include "tests/gpu/vendor/standin_library.h"

namespace amdgpu::testing {
namespace {

using Ints = std::vector<std::int32_t>;

std::string RandomBytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, 0);
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t value = random();
    std::memcpy(bytes.data() + i, &value, 8);
  }
  for (std::size_t i = size / 8 * 8; i < size; ++i) bytes[i] = static_cast<char>(random());
  return bytes;
}

TEST_F(VendorDeviceTest, SaysWhatItIs) {
  const gpu::Properties& properties = device_->properties();
  EXPECT_EQ(properties.kind(), "hip");
  EXPECT_EQ(properties.name(), "Stand-in");
  EXPECT_EQ(properties.arch(), "gfx90a:sramecc+:xnack-");
  EXPECT_FALSE(properties.host_visible());
  EXPECT_EQ(properties.pci_address(), "0000:c1:00.0");
  EXPECT_EQ(properties.uuid(), "GPU-0123456789abcdef");
  EXPECT_EQ(properties.runtime_version(), "6.2.41133");
  EXPECT_EQ(properties.memory_bytes(), std::uint64_t{1} << 30);
  EXPECT_EQ(properties.matrix_instructions(0), "mfma");
}

TEST_F(VendorDeviceTest, BytesOfEverySizeComeBackAsTheyWent) {
  for (const std::uint64_t size :
       {0u, 1u, 63u, 4096u, 65536u, 65537u, 1u << 20, (1u << 20) + 1, (5u << 20) + 13, 40u << 20}) {
    const BufferRef buffer = NewInts((size + 7) / 4);
    const std::string sent = RandomBytes(size, 1);
    const std::uint64_t offset = buffer->bytes() - size;
    absl::Status status = Upload(buffer, offset, sent);
    ASSERT_TRUE(status.ok()) << status;
    const absl::StatusOr<std::string> received = Download(buffer, offset, size);
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_TRUE(*received == sent) << size << " bytes";
  }
}

TEST_F(VendorDeviceTest, RangesOutsideOfABufferAreErrors) {
  const BufferRef buffer = NewInts(100);
  EXPECT_EQ(Upload(buffer, 396, "12345678").code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(Download(buffer, 0, 401).status().code(), absl::StatusCode::kOutOfRange);
  ASSERT_TRUE(device_->Free(buffer).ok());
  EXPECT_EQ(Upload(buffer, 0, "1234").code(), absl::StatusCode::kFailedPrecondition);
  // What the host device does by looking at its memory is refused, not done to something else.
  const BufferRef other = NewInts(10);
  EXPECT_EQ(device_->View(other, 0, 40).status().code(), absl::StatusCode::kFailedPrecondition);
  const std::byte byte{};
  EXPECT_EQ(device_->Write(other, 0, {&byte, 1}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(VendorDeviceTest, KernelsFillsAndCopiesWorkOnWhatWasSent) {
  const BufferRef a = NewInts(1000);
  const BufferRef b = NewInts(1000);
  Fill(a, 41);
  ASSERT_TRUE(Run("add_one", {a, std::int64_t{1000}}).ok());
  const absl::StatusOr<JobRef> copy = device_->Copy(b, 0, a, 0, 4000, 0);
  ASSERT_TRUE(copy.ok()) << copy.status();
  ASSERT_TRUE(Await(*copy).ok());
  ASSERT_TRUE(Run("add_one", {b, std::int64_t{500}}).ok());
  Ints expected(1000, 42);
  EXPECT_EQ(ReadInts(a), expected);
  std::fill_n(expected.begin(), 500, 43);
  EXPECT_EQ(ReadInts(b), expected);
}

TEST_F(VendorDeviceTest, QueuedWritesKeepTheirStreamsOrder) {
  const BufferRef data = NewInts(16);
  for (int round = 0; round < 200; ++round) {
    const Ints values(16, round);
    const absl::StatusOr<JobRef> write =
        device_->WriteQueued(data, 0, {reinterpret_cast<const std::byte*>(values.data()), 64}, 0);
    if (absl::IsUnavailable(write.status())) {
      ASSERT_TRUE(Await(device_->WhenReady()).ok());
      --round;
      continue;
    }
    ASSERT_TRUE(write.ok()) << write.status();
    ASSERT_TRUE(Launch("add_one", {data, std::int64_t{16}}).ok());
  }
  ASSERT_TRUE(Await(*device_->Synchronize(0)).ok());
  EXPECT_EQ(ReadInts(data), Ints(16, 200));
}

TEST_F(VendorDeviceTest, BothDirectionsAtOnceFromManyThreads) {
  constexpr int kThreads = 4;
  std::vector<BufferRef> buffers;
  for (int i = 0; i < kThreads; ++i) buffers.push_back(NewInts(3 << 20));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, &buffers, i] {
      for (unsigned round = 0; round < 4; ++round) {
        const std::size_t size = round % 2 == 0 ? 12u << 20 : 50'000u;
        const std::string sent = RandomBytes(size, round * 10 + static_cast<unsigned>(i));
        const absl::Status status = Upload(buffers[i], 0, sent);
        ASSERT_TRUE(status.ok()) << status;
        const absl::StatusOr<std::string> received = Download(buffers[i], 0, size);
        ASSERT_TRUE(received.ok()) << received.status();
        EXPECT_TRUE(*received == sent);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(VendorDeviceTest, TransfersGoOnBesideAKernelOfAnotherBuffer) {
  const absl::StatusOr<JobRef> slow = Launch("spin", {std::uint64_t{400'000}});
  ASSERT_TRUE(slow.ok());
  const BufferRef buffer = NewInts(1 << 20);
  const std::string sent = RandomBytes(4 << 20, 3);
  ASSERT_TRUE(Upload(buffer, 0, sent).ok());
  EXPECT_TRUE(*Download(buffer, 0, sent.size()) == sent);
  EXPECT_FALSE((*slow)->done());
  ASSERT_TRUE(Await(*slow).ok());
}

TEST_F(VendorDeviceTest, VariablesAreWrittenAndRead) {
  const KernelRef kernel = Kernel("read_globals");
  const std::int32_t values[4] = {5, 6, 7, 8};
  const auto* bytes = reinterpret_cast<const std::byte*>(values);
  ASSERT_TRUE(Await(device_->WriteGlobal(kernel, "table", 0, {bytes, 16})).ok());
  const JobRef read = device_->ReadGlobal(kernel, "table", 4, 8);
  ASSERT_TRUE(Await(read).ok());
  ASSERT_EQ(read->view().bytes.size(), 8u);
  EXPECT_EQ(std::memcmp(read->view().bytes.data(), values + 1, 8), 0);
  EXPECT_EQ(Await(device_->ReadGlobal(kernel, "nothing", 0, 4)).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Await(device_->ReadGlobal(kernel, "table", 12, 8)).code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(VendorDeviceTest, WhatKernelsPrintArrives) {
  ASSERT_TRUE(Run("print", {std::int64_t{7}}).ok());
  for (int i = 0; i < 1000; ++i) {
    {
      const std::lock_guard lock(events_->mutex);
      if (events_->printed == "block 0: 7\n") return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const std::lock_guard lock(events_->mutex);
  FAIL() << "printed: " << events_->printed;
}

TEST_F(VendorDeviceTest, MemoryThatIsNotThereIsAnError) {
  OpenVendor("hip", "MemAlloc=2@2");
  const BufferRef first = NewInts(1000);
  const JobRef big = device_->AllocateSlow(proto::DTYPE_I32, std::uint64_t{64} << 20, 0, 0);
  EXPECT_EQ(Await(big).code(), absl::StatusCode::kResourceExhausted);
  // And leaves what there is usable.
  Fill(first, 3);
  EXPECT_EQ(ReadInts(first), Ints(1000, 3));
}

TEST_F(VendorDeviceTest, TwoDevicesAtOnce) {
  const DeviceRef hip = device_;
  const BufferRef on_hip = NewInts(100);
  Fill(on_hip, 1);
  device_ = nullptr;
  OpenVendor("cuda");
  EXPECT_EQ(device_->properties().arch(), "sm_90");
  const BufferRef on_cuda = NewInts(100);
  Fill(on_cuda, 2);
  EXPECT_EQ(ReadInts(on_cuda), Ints(100, 2));
  EXPECT_FALSE(hip->Copy(on_cuda, 0, on_hip, 0, 400, 0).ok());
  std::swap(device_, const_cast<DeviceRef&>(hip));
  EXPECT_EQ(ReadInts(on_hip), Ints(100, 1));
  hip->Close();
}

// By then, not some time later: as on the host device.
TEST_F(VendorDeviceTest, WhatAKernelPrintsIsThereWhenItHasEnded) {
  for (const auto& [kind, what] :
       {std::pair{"cuda", "vprintf"}, {"hip", "hidden_hostcall_buffer"}}) {
    OpenVendor(kind);
    // The driver looks for it in the code.
    proto::VendorCodeObject object = vendor::StandInKernels(kind);
    object.mutable_image()->append(what);
    const auto code =
        std::make_shared<CodeObject>(CodeObject{"printing", object.SerializeAsString(), {}});
    const JobRef load = device_->LoadKernel(code, {}, "print", "aura");
    ASSERT_TRUE(Await(load).ok()) << load->status();
    LaunchOptions options;
    options.grid = {100};
    for (int i = 0; i < 20; ++i) {
      {
        const std::lock_guard lock(events_->mutex);
        events_->printed.clear();
      }
      const absl::StatusOr<JobRef> job =
          device_->Launch(load->kernel(), options, {{std::int64_t{i}}});
      ASSERT_TRUE(job.ok() && Await(*job).ok());
      const std::lock_guard lock(events_->mutex);
      EXPECT_TRUE(absl::StrContains(events_->printed, absl::StrCat("block 0: ", i, "\n")));
      EXPECT_TRUE(absl::EndsWith(events_->printed, absl::StrCat("block 99: ", i, "\n"))) << i;
    }
  }
}

TEST_F(VendorDeviceTest, TheSandboxKeepsWhatVendorsNeed) {
  const BufferRef out = NewInts(5);
  const absl::Status status = Run("forbidden", {out});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ReadInts(out), (Ints{EPERM, EPERM, EPERM, EPERM, 0}));
}

}  // namespace
}  // namespace amdgpu::testing
