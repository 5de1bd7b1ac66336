#include "tests/gpu/driver_contract.h"

#include <map>
#include <utility>

namespace amdgpu::gpu {

using absl::StatusCode;
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

}  // namespace amdgpu::gpu
