#include "tests/gpu/driver_contract.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace amdgpu::gpu {
namespace {

using absl::StatusCode;

StatusCode CodeOf(const absl::Status& status) { return status.code(); }
template <typename T>
StatusCode CodeOf(const absl::StatusOr<T>& result) {
  return result.status().code();
}

absl::Span<const std::byte> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DriverContract);

void DriverContract::SetUp() {
  under_test_ = GetParam()(sink_);
  ASSERT_NE(under_test_, nullptr);
  const absl::StatusOr<DeviceAddress> slab = driver().Reserve(DriverUnderTest::kMemoryBytes, 0);
  ASSERT_TRUE(slab.ok()) << slab.status();
  slab_ = *slab;
}

void DriverContract::TearDown() {
  under_test_.reset();
  EXPECT_FALSE(sink_.late());
  // Every completion came once.
  std::map<Ticket, int> counts;
  for (const Completion& completion : sink_.completions()) ++counts[completion.ticket];
  for (const auto& [ticket, count] : counts) EXPECT_EQ(count, 1) << "ticket " << ticket;
}

const Module& DriverContract::module() {
  if (module_.handle == 0) {
    absl::StatusOr<Module> loaded = driver().Load(Bytes(under_test_->ContractKernels()), 0);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    if (loaded.ok()) module_ = *std::move(loaded);
  }
  return module_;
}

FunctionHandle DriverContract::function(const std::string& name) {
  for (const Function& function : module().functions) {
    if (function.info.name() == name) return function.handle;
  }
  ADD_FAILURE() << "no kernel " << name;
  return 0;
}

DeviceAddress DriverContract::Allocate(std::uint64_t bytes) {
  const DeviceAddress address = slab_ + allocated_;
  allocated_ += (bytes + 255) / 256 * 256;
  EXPECT_LE(allocated_, DriverUnderTest::kMemoryBytes);
  return address;
}

void DriverContract::Write(DeviceAddress destination, const void* source, std::uint64_t bytes,
                           StreamId stream) {
  const Ticket ticket = NextTicket();
  const absl::Status status = driver().CopyIn(stream, ticket, destination, source, bytes);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk);
}

void DriverContract::Read(void* destination, DeviceAddress source, std::uint64_t bytes,
                          StreamId stream) {
  const Ticket ticket = NextTicket();
  const absl::Status status = driver().CopyOut(stream, ticket, destination, source, bytes);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk);
}

std::uint32_t DriverContract::ReadWord(DeviceAddress source) {
  std::uint32_t value = 0;
  Read(&value, source, sizeof(value));
  return value;
}

void DriverContract::WriteWord(DeviceAddress destination, std::uint32_t value) {
  Write(destination, &value, sizeof(value));
}

Ticket DriverContract::LaunchPacked(StreamId stream, const std::string& name, Dim3 grid, Dim3 block,
                                    std::uint32_t shared_bytes, const std::string& args) {
  const Ticket ticket = NextTicket();
  const absl::Status status = driver().Launch(stream, ticket,
                                              {.function = function(name),
                                               .grid = grid,
                                               .block = block,
                                               .dynamic_shared_bytes = shared_bytes,
                                               .args = Bytes(args)});
  EXPECT_TRUE(status.ok()) << status;
  return ticket;
}

void DriverContract::Append(std::string& block, const void* value, std::size_t bytes,
                            std::size_t alignment) {
  block.resize((block.size() + alignment - 1) / alignment * alignment);
  block.append(static_cast<const char*>(value), bytes);
}

TEST_P(DriverContract, PropertiesAreFilledIn) {
  const Properties& properties = driver().properties();
  EXPECT_FALSE(properties.kind().empty());
  EXPECT_FALSE(properties.name().empty());
  EXPECT_FALSE(properties.arch().empty());
  EXPECT_GE(properties.compute_units(), 1u);
  EXPECT_TRUE(properties.warp_size() == 32 || properties.warp_size() == 64);
  EXPECT_GE(properties.max_threads_per_block(), 256u);
  EXPECT_EQ(properties.max_block_size(), 3);
  EXPECT_EQ(properties.max_grid_size(), 3);
  EXPECT_GE(properties.max_shared_bytes(), 16u * 1024);
  EXPECT_GE(properties.memory_bytes(), DriverUnderTest::kMemoryBytes);
}

// Memory.

TEST_P(DriverContract, ReleaseOfAnUnknownSlabIsAnError) {
  EXPECT_FALSE(driver().Release(0).ok());
  EXPECT_FALSE(driver().Release(slab() + 4096).ok());
  EXPECT_TRUE(driver().Release(slab()).ok());
  EXPECT_FALSE(driver().Release(slab()).ok());
}

TEST_P(DriverContract, ReserveOfNothingOrOfTooMuchIsAnError) {
  EXPECT_FALSE(driver().Reserve(0, 0).ok());
  EXPECT_FALSE(driver().Reserve(std::uint64_t{1} << 62, 0).ok());
}

TEST_P(DriverContract, CopiesOfEverySizeArriveWhole) {
  const std::uint64_t sizes[] = {0, 1, 2, 3, 7, 63, 64, 65, 4095, 4097, 1 << 20, (24 << 20) + 13};
  std::mt19937 random(1);
  for (const std::uint64_t size : sizes) {
    const DeviceAddress first = Allocate(size + 3) + 1;  // not aligned
    const DeviceAddress second = Allocate(size + 3) + 2;
    std::vector<unsigned char> sent(size);
    for (unsigned char& byte : sent) byte = static_cast<unsigned char>(random());
    Write(first, sent.data(), size);
    const Ticket copy = NextTicket();
    ASSERT_TRUE(driver().Copy(0, copy, second, first, size).ok());
    std::vector<unsigned char> received(size);
    Read(received.data(), second, size);
    EXPECT_TRUE(sink_.Completed(copy));
    EXPECT_TRUE(sent == received) << size << " bytes";
    FreeAll();
  }
}

TEST_P(DriverContract, CopiesMayOverlap) {
  const std::uint64_t size = 9 << 20;
  const DeviceAddress base = Allocate(size + 100);
  std::vector<unsigned char> expected(size + 100);
  std::iota(expected.begin(), expected.end(), 0);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] = static_cast<unsigned char>(i * 7 + i / 251);
  }
  Write(base, expected.data(), expected.size());
  std::memmove(expected.data() + 100, expected.data(), size);
  ASSERT_TRUE(driver().Copy(0, NextTicket(), base + 100, base, size).ok());
  std::memmove(expected.data(), expected.data() + 33, size);
  ASSERT_TRUE(driver().Copy(0, NextTicket(), base, base + 33, size).ok());
  ASSERT_TRUE(driver().Copy(0, NextTicket(), base, base, size).ok());
  std::vector<unsigned char> received(expected.size());
  Read(received.data(), base, received.size());
  EXPECT_TRUE(expected == received);
}

TEST_P(DriverContract, FillsRepeatTheirPattern) {
  const std::uint64_t pattern = 0x8877665544332211;
  for (const std::uint32_t width : {1u, 2u, 4u, 8u}) {
    for (const std::uint64_t count : {0u, 1u, 5u, 1000u, 1500001u}) {
      const std::uint64_t bytes = count * width;
      const DeviceAddress base = Allocate(bytes + 16);
      const std::vector<unsigned char> zero(bytes + 16, 0);
      Write(base, zero.data(), zero.size());
      ASSERT_TRUE(driver().Fill(0, NextTicket(), base + 8, pattern, width, bytes).ok());
      std::vector<unsigned char> expected(bytes + 16, 0);
      for (std::uint64_t i = 0; i < bytes; ++i) {
        expected[8 + i] = static_cast<unsigned char>(pattern >> (8 * (i % width)));
      }
      std::vector<unsigned char> received(bytes + 16);
      Read(received.data(), base, received.size());
      EXPECT_TRUE(expected == received) << count << " of " << width << " bytes";
      FreeAll();
    }
  }
}

TEST_P(DriverContract, BadFillsAreRefused) {
  EXPECT_EQ(CodeOf(driver().Fill(0, NextTicket(), slab(), 0, 3, 12)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(driver().Fill(0, NextTicket(), slab(), 0, 4, 6)), StatusCode::kInvalidArgument);
  EXPECT_TRUE(sink_.completions().empty());
}

// Streams and events.

TEST_P(DriverContract, UnknownStreamsAndEventsAreErrors) {
  EXPECT_EQ(CodeOf(driver().Marker(7, NextTicket())), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Synchronize(7)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().DestroyStream(7)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Record(7, 1)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Wait(0, 1)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Query(1)), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().DestroyEvent(1)), StatusCode::kNotFound);
  EXPECT_TRUE(driver().CreateStream(7).ok());
  EXPECT_EQ(CodeOf(driver().CreateStream(7)), StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(driver().CreateStream(0)), StatusCode::kAlreadyExists);
  EXPECT_TRUE(driver().DestroyStream(7).ok());
  EXPECT_TRUE(driver().CreateStream(7).ok());
  EXPECT_TRUE(sink_.completions().empty());
}

TEST_P(DriverContract, AStreamKeepsItsOrder) {
  constexpr std::uint32_t kCount = 500;
  const DeviceAddress log = Allocate(4 * (2 * kCount + 1));
  WriteWord(log, 0);
  std::vector<Ticket> tickets;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    tickets.push_back(Launch(0, "append", {1}, {1}, log, i));
    tickets.push_back(NextTicket());
    ASSERT_TRUE(driver().Marker(0, tickets.back()).ok());
  }
  ASSERT_TRUE(driver().Synchronize(0).ok());
  std::vector<std::uint32_t> written(kCount + 1);
  Read(written.data(), log, 4 * written.size());
  EXPECT_EQ(written[0], kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(written[1 + i], i);

  std::vector<Ticket> completed;
  std::uint64_t previous_ns = 0;
  for (const Completion& completion : sink_.completions()) {
    EXPECT_EQ(completion.status, StatusCode::kOk);
    EXPECT_LE(completion.started_ns, completion.ended_ns);
    EXPECT_LE(previous_ns, completion.ended_ns);
    previous_ns = completion.ended_ns;
    if (completion.ticket >= tickets.front() && completion.ticket <= tickets.back()) {
      completed.push_back(completion.ticket);
    }
  }
  EXPECT_EQ(completed, tickets);
}

TEST_P(DriverContract, StreamsRunConcurrently) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  WriteWord(flag, 0);
  WriteWord(done, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  const Ticket waiting = Launch(1, "spin_until", {1}, {1}, flag, done);
  // Other streams work while it runs, and one of them ends it.
  const DeviceAddress log = Allocate(4 * 101);
  WriteWord(log, 0);
  Ticket last = 0;
  for (std::uint32_t i = 0; i < 100; ++i) last = Launch(0, "append", {1}, {1}, log, i);
  sink_.WaitFor(last);
  EXPECT_FALSE(sink_.Completed(waiting));
  WriteWord(flag, 1);
  EXPECT_EQ(sink_.WaitFor(waiting).status, StatusCode::kOk);
  EXPECT_EQ(ReadWord(done), 1u);
}

TEST_P(DriverContract, EventsOrderStreams) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  const DeviceAddress copy = Allocate(4);
  WriteWord(flag, 0);
  WriteWord(done, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  ASSERT_TRUE(driver().CreateStream(2).ok());
  const Ticket first = Launch(1, "spin_until", {1}, {1}, flag, done);
  ASSERT_TRUE(driver().Record(1, 5).ok());
  ASSERT_TRUE(driver().Wait(2, 5).ok());
  const Ticket second = NextTicket();
  ASSERT_TRUE(driver().Copy(2, second, copy, done, 4).ok());
  const Ticket marker = NextTicket();
  ASSERT_TRUE(driver().Marker(2, marker).ok());
  EXPECT_EQ(*driver().Query(5), false);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(sink_.Completed(first));
  EXPECT_FALSE(sink_.Completed(second));
  EXPECT_FALSE(sink_.Completed(marker));
  WriteWord(flag, 1);
  sink_.WaitFor(marker);
  EXPECT_EQ(*driver().Query(5), true);
  EXPECT_EQ(ReadWord(copy), 1u);
  // An event that has happened holds nothing up; a destroyed one is unknown.
  EXPECT_TRUE(driver().Wait(2, 5).ok());
  EXPECT_TRUE(driver().DestroyEvent(5).ok());
  EXPECT_EQ(CodeOf(driver().Wait(2, 5)), StatusCode::kNotFound);
}

TEST_P(DriverContract, RecordingAgainReplacesAnEvent) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  WriteWord(flag, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  Launch(1, "spin_until", {1}, {1}, flag, done);
  ASSERT_TRUE(driver().Record(1, 5).ok());
  EXPECT_EQ(*driver().Query(5), false);
  ASSERT_TRUE(driver().Record(0, 5).ok());
  ASSERT_TRUE(driver().Synchronize(0).ok());
  EXPECT_EQ(*driver().Query(5), true);
  WriteWord(flag, 1);
}

TEST_P(DriverContract, DestroyingAStreamWaitsForItsWork) {
  const DeviceAddress flag = Allocate(4);
  const DeviceAddress done = Allocate(4);
  WriteWord(flag, 0);
  WriteWord(done, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  const Ticket ticket = Launch(1, "spin_until", {1}, {1}, flag, done);
  std::atomic<bool> destroyed = false;
  std::thread destroyer([&] {
    EXPECT_TRUE(driver().DestroyStream(1).ok());
    destroyed = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(destroyed);
  WriteWord(flag, 1);
  destroyer.join();
  EXPECT_TRUE(sink_.Completed(ticket));
}

TEST_P(DriverContract, ManyThreadsOnManyStreams) {
  constexpr int kThreads = 6;
  constexpr std::uint32_t kRounds = 200;
  std::vector<DeviceAddress> logs;
  for (int t = 0; t < kThreads; ++t) {
    logs.push_back(Allocate(4 * (kRounds + 1)));
    WriteWord(logs.back(), 0);
    ASSERT_TRUE(driver().CreateStream(10 + t).ok());
  }
  const FunctionHandle append = function("append");
  std::atomic<Ticket> tickets = 1000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const StreamId stream = 10 + t;
      const EventId event = 100 + t;
      for (std::uint32_t i = 0; i < kRounds; ++i) {
        const std::string args = Pack(logs[t], i);
        EXPECT_TRUE(driver()
                        .Launch(stream, ++tickets,
                                {.function = append,
                                 .grid = {1},
                                 .block = {1},
                                 .dynamic_shared_bytes = 0,
                                 .args = Bytes(args)})
                        .ok());
        if (i % 16 == 0) {
          EXPECT_TRUE(driver().Record(stream, event).ok());
          EXPECT_TRUE(driver().Wait(stream, event).ok());
        }
        // Wait for what a neighbour has recorded, if it has.
        if (i % 32 == 7) {
          (void)driver().Wait(stream, 100 + (t + 1) % kThreads);
        }
        if (i % 64 == 0) {
          EXPECT_TRUE(driver().Synchronize(stream).ok());
        }
      }
      EXPECT_TRUE(driver().DestroyStream(stream).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const DeviceAddress log : logs) {
    std::vector<std::uint32_t> written(kRounds + 1);
    Read(written.data(), log, 4 * written.size());
    EXPECT_EQ(written[0], kRounds);
    for (std::uint32_t i = 0; i < kRounds; ++i) ASSERT_EQ(written[1 + i], i);
  }
}

// Code objects.

TEST_P(DriverContract, LoadGivesSignatures) {
  ASSERT_NE(module().handle, 0u);
  for (const Function& function : module().functions) {
    if (function.info.name() != "add") continue;
    ASSERT_EQ(function.info.params_size(), 4);
    EXPECT_EQ(function.info.params(0).kind(), proto::PARAM_POINTER);
    EXPECT_EQ(function.info.params(0).dtype(), proto::DTYPE_F32);
    EXPECT_TRUE(function.info.params(0).read_only());
    EXPECT_FALSE(function.info.params(2).read_only());
    EXPECT_EQ(function.info.params(3).dtype(), proto::DTYPE_U32);
    EXPECT_EQ(function.info.params(3).offset(), 24u);
    return;
  }
  FAIL() << "no kernel add";
}

TEST_P(DriverContract, BytesThatAreNoCodeObjectAreRefused) {
  const std::string good = under_test_->ContractKernels();
  EXPECT_EQ(CodeOf(driver().Load({}, 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(driver().Load(Bytes("not a code object"), 0)), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(driver().Load(Bytes(std::string(10000, '\0')), 0)),
            StatusCode::kInvalidArgument);
  for (std::size_t length = 1; length < good.size(); length += 1 + length / 16) {
    const std::string truncated = good.substr(0, length);
    EXPECT_FALSE(driver().Load(Bytes(truncated), 0).ok()) << length << " bytes";
  }
}

TEST_P(DriverContract, DamagedCodeObjectsNeverHurtTheDriver) {
  const std::string good = under_test_->ContractKernels();
  const google::protobuf::LogSilencer silence;  // it reports names that are not UTF-8
  std::mt19937 random(7);
  int loaded = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = good;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < changes; ++i) {
      char& byte = damaged[random() % damaged.size()];
      byte = random() % 2 == 0 ? static_cast<char>(byte ^ (1 << (random() % 8)))
                               : static_cast<char>(random());
    }
    if (random() % 16 == 0) damaged.resize(random() % damaged.size());
    absl::StatusOr<Module> module = driver().Load(Bytes(damaged), 0);
    if (!module.ok()) continue;
    ++loaded;  // the damage was in code or data: nothing a loader could see
    EXPECT_TRUE(driver().Unload(module->handle).ok());
  }
  RecordProperty("loaded", loaded);
  EXPECT_TRUE(driver().Load(Bytes(good), 0).ok());
}

TEST_P(DriverContract, ModulesComeAndGo) {
  const std::string object = under_test_->ContractKernels();
  FunctionHandle previous = 0;
  for (int i = 0; i < 200; ++i) {
    absl::StatusOr<Module> module = driver().Load(Bytes(object), 0);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_GT(module->functions.front().handle, previous);
    previous = module->functions.front().handle;
    ASSERT_TRUE(driver().Unload(module->handle).ok());
    EXPECT_EQ(CodeOf(driver().Unload(module->handle)), StatusCode::kNotFound);
  }
  EXPECT_EQ(
      CodeOf(driver().Launch(
          0, NextTicket(),
          {.function = previous, .grid = {}, .block = {}, .dynamic_shared_bytes = 0, .args = {}})),
      StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().Load(Bytes(object), 123456)), StatusCode::kNotFound);
}

TEST_P(DriverContract, GlobalsCanBeFoundReadAndWritten) {
  const absl::StatusOr<Global> table = driver().FindGlobal(module().handle, "table");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->bytes, 16u);
  EXPECT_EQ(CodeOf(driver().FindGlobal(module().handle, "nothing")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(driver().FindGlobal(99999, "table")), StatusCode::kNotFound);
  const std::int32_t values[4] = {1, 2, 3, 4};
  Write(table->address, values, sizeof(values));
  const DeviceAddress out = Allocate(20);
  sink_.WaitFor(Launch(0, "read_globals", {1}, {1}, out));
  std::uint32_t read[5];
  Read(read, out, sizeof(read));
  EXPECT_THAT(read, testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST_P(DriverContract, VariantsShareGlobals) {
  const std::string object = under_test_->ContractKernels();
  absl::StatusOr<Module> variant = driver().Load(Bytes(object), module().handle);
  ASSERT_TRUE(variant.ok()) << variant.status();
  EXPECT_EQ(CodeOf(driver().Unload(module().handle)), StatusCode::kFailedPrecondition);
  EXPECT_EQ(driver().FindGlobal(variant->handle, "counter")->address,
            driver().FindGlobal(module().handle, "counter")->address);
  const auto bump = [&](const Module& in) {
    for (const Function& function : in.functions) {
      if (function.info.name() != "bump") continue;
      const Ticket ticket = NextTicket();
      EXPECT_TRUE(driver()
                      .Launch(0, ticket,
                              {.function = function.handle,
                               .grid = {2},
                               .block = {16},
                               .dynamic_shared_bytes = 0,
                               .args = {}})
                      .ok());
      sink_.WaitFor(ticket);
    }
  };
  bump(module());
  bump(*variant);
  bump(*variant);
  const absl::StatusOr<Global> counter = driver().FindGlobal(module().handle, "counter");
  EXPECT_EQ(ReadWord(counter->address), 3u * 32);
  EXPECT_TRUE(driver().Unload(variant->handle).ok());
  // A module of its own has its own.
  absl::StatusOr<Module> other = driver().Load(Bytes(object), 0);
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(ReadWord(driver().FindGlobal(other->handle, "counter")->address), 0u);
}

// Launches.

TEST_P(DriverContract, EveryThreadRunsOnce) {
  const std::pair<Dim3, Dim3> shapes[] = {
      {{1}, {1}},
      {{1000}, {1}},
      {{1}, {256}},
      {{7, 5, 3}, {2, 3, 4}},
      {{4097}, {33}},
      {{1, 300, 1}, {64}},
      {{1, 1, 50}, {1, 1, 64}},
      {{13, 1, 2}, {32, 8}},
  };
  for (const auto& [grid, block] : shapes) {
    const std::uint64_t threads = grid.Volume() * block.Volume();
    const DeviceAddress visits = Allocate(4 * threads);
    const DeviceAddress shape = Allocate(24);
    ASSERT_TRUE(driver().Fill(0, NextTicket(), visits, 0, 4, 4 * threads).ok());
    const Ticket ticket = Launch(0, "visit", grid, block, visits, shape);
    EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk);
    std::vector<std::uint32_t> counts(threads);
    Read(counts.data(), visits, 4 * threads);
    EXPECT_TRUE(std::all_of(counts.begin(), counts.end(), [](auto n) { return n == 1; }));
    std::uint32_t seen[6];
    Read(seen, shape, sizeof(seen));
    EXPECT_THAT(seen, testing::ElementsAre(grid.x, grid.y, grid.z, block.x, block.y, block.z));
    FreeAll();
  }
}

TEST_P(DriverContract, KernelsComputeOnBuffers) {
  constexpr std::uint32_t kCount = 1'000'003;
  const DeviceAddress a = Allocate(4 * kCount);
  const DeviceAddress b = Allocate(4 * kCount);
  const DeviceAddress out = Allocate(4 * kCount);
  std::vector<float> first(kCount);
  std::vector<float> second(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    first[i] = static_cast<float>(i) * 0.5f;
    second[i] = static_cast<float>(kCount - i);
  }
  Write(a, first.data(), 4 * kCount);
  Write(b, second.data(), 4 * kCount);
  const Ticket ticket = Launch(0, "add", {(kCount + 255) / 256}, {256}, a, b, out, kCount);
  const Completion completion = sink_.WaitFor(ticket);
  EXPECT_GT(completion.ended_ns, completion.started_ns);
  std::vector<float> sum(kCount);
  Read(sum.data(), out, 4 * kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(sum[i], first[i] + second[i]);
}

TEST_P(DriverContract, DynamicSharedMemoryIsThere) {
  const DeviceAddress out = Allocate(4 * 64 * 200);
  const Ticket ticket = LaunchPacked(0, "reverse", {200}, {64}, 64 * 4, Pack(out));
  sink_.WaitFor(ticket);
  std::vector<std::uint32_t> numbers(64 * 200);
  Read(numbers.data(), out, 4 * numbers.size());
  for (std::uint32_t i = 0; i < numbers.size(); ++i) {
    ASSERT_EQ(numbers[i], i / 64 * 1000 + 63 - i % 64);
  }
}

TEST_P(DriverContract, BadLaunchesAreRefused) {
  const DeviceAddress out = Allocate(4096);
  const std::string args = Pack(out, out);
  const FunctionHandle visit = function("visit");
  const auto launch = [&](FunctionHandle function, Dim3 grid, Dim3 block, std::uint32_t shared,
                          const std::string& with) {
    return CodeOf(driver().Launch(0, NextTicket(),
                                  {.function = function,
                                   .grid = grid,
                                   .block = block,
                                   .dynamic_shared_bytes = shared,
                                   .args = Bytes(with)}));
  };
  const std::uint32_t huge = 0xffffffff;
  EXPECT_EQ(launch(0, {1}, {1}, 0, args), StatusCode::kNotFound);
  EXPECT_EQ(launch(visit + 100000, {1}, {1}, 0, args), StatusCode::kNotFound);
  EXPECT_EQ(launch(visit, {0}, {1}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1, 0, 1}, {1}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1, 1, 0}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {4096}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {64, 64, 64}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {huge, huge, huge}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {huge, huge, huge}, {1}, 0, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 1 << 30, args), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 0, args.substr(1)), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 0, args + "x"), StatusCode::kInvalidArgument);
  EXPECT_EQ(launch(visit, {1}, {1}, 0, ""), StatusCode::kInvalidArgument);
  ASSERT_TRUE(driver().Synchronize(0).ok());
  EXPECT_TRUE(sink_.completions().empty());
}

TEST_P(DriverContract, WhatKernelsPrintComesBeforeTheirCompletion) {
  const Ticket one = Launch(0, "print", {1}, {32}, 42);
  sink_.WaitFor(one);
  EXPECT_EQ(sink_.printed(one), "block 0: 42\n");
  const Ticket many = Launch(0, "print", {20}, {1}, -7);
  sink_.WaitFor(many);
  const std::string text = sink_.printed(many);
  for (int block = 0; block < 20; ++block) {
    EXPECT_THAT(text, testing::HasSubstr("block " + std::to_string(block) + ": -7\n"));
  }
}

TEST_P(DriverContract, EndlessPrintingIsCut) {
  const Ticket ticket = Launch(0, "print", {500000}, {1}, 1);
  EXPECT_EQ(sink_.WaitFor(ticket).status, StatusCode::kOk);
  EXPECT_LT(sink_.printed(ticket).size(), std::size_t{4} << 20);
}

TEST_P(DriverContract, DestroyedWithWorkQueuedItAnswersAll) {
  const DeviceAddress log = Allocate(4 * 2001);
  WriteWord(log, 0);
  ASSERT_TRUE(driver().CreateStream(1).ok());
  std::vector<Ticket> tickets;
  for (std::uint32_t i = 0; i < 300; ++i) {
    tickets.push_back(Launch(i % 2, "append", {1}, {1}, log + 4096 * (i % 2), 0u));
    if (i % 50 == 49) {
      ASSERT_TRUE(driver().Record(1, 3).ok());
      ASSERT_TRUE(driver().Wait(0, 3).ok());
    }
  }
  under_test_.reset();
  for (const Ticket ticket : tickets) ASSERT_TRUE(sink_.Completed(ticket));
  for (const Completion& completion : sink_.completions()) {
    EXPECT_TRUE(completion.status == StatusCode::kOk ||
                completion.status == StatusCode::kCancelled);
  }
}

}  // namespace amdgpu::gpu
