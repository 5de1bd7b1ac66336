#include "tests/gpu/host/kernels/kernel_runner.h"

#include <sys/mman.h>
#include <unistd.h>

#include "c_src/base/build_id.h"
#include "gpu/host/compiler/compiler.h"

namespace amdgpu::host {
namespace {

const hostcc::Compiler& TheCompiler() {
  static const hostcc::Compiler* const compiler = [] {
    absl::StatusOr<std::unique_ptr<hostcc::Compiler>> created = hostcc::Compiler::Create();
    EXPECT_TRUE(created.ok()) << created.status();
    return created->release();
  }();
  return *compiler;
}

}  // namespace

std::string CompileHip(const std::string& source, const std::vector<std::string>& names,
                       gpu::Dim3 block) {
  proto::CompileRequest request;
  request.set_build_id(std::string(BuildId()));
  request.set_source(source);
  for (const std::string& name : names) request.add_names(name);
  request.set_target("host");
  request.set_optimization(3);
  request.set_block_x(block.x);
  request.set_block_y(block.y);
  request.set_block_z(block.z);
  request.set_output_bytes(std::uint64_t{64} << 20);
  const proto::CompileReply reply = TheCompiler().Compile(request);
  EXPECT_EQ(reply.outcome(), proto::CompileReply::OK) << reply.message();
  for (const proto::Diagnostic& diagnostic : reply.diagnostics()) {
    if (reply.outcome() == proto::CompileReply::OK) break;
    ADD_FAILURE() << diagnostic.file() << ":" << diagnostic.line() << ": " << diagnostic.message()
                  << "\n  " << diagnostic.source_line();
  }
  return reply.code_object();
}

KernelTest::KernelTest() : arena_fd_(memfd_create("test arena", MFD_CLOEXEC)) {
  EXPECT_EQ(ftruncate(arena_fd_, kMemoryBytes), 0);
  driver_ = *HostDriver::Create({.arena_fd = arena_fd_, .arena_bytes = kMemoryBytes, .threads = 0},
                                sink_);
  memory_ = *driver_->Reserve(kMemoryBytes, 0);
}

KernelTest::~KernelTest() {
  driver_.reset();
  close(arena_fd_);
}

void KernelTest::Load(const std::string& source, const std::vector<std::string>& names,
                      gpu::Dim3 block) {
  if (module_.handle != 0) {
    EXPECT_TRUE(driver_->Unload(module_.handle).ok());
    module_ = {};
  }
  const std::string object = CompileHip(source, names, block);
  absl::StatusOr<gpu::Module> module =
      driver_->Load({reinterpret_cast<const std::byte*>(object.data()), object.size()}, 0);
  ASSERT_TRUE(module.ok()) << module.status();
  module_ = *std::move(module);
}

gpu::Ticket KernelTest::RunPacked(const std::string& name, const Shape& shape,
                                  const std::string& args) {
  const gpu::Ticket ticket = ++ticket_;
  for (const gpu::Function& function : module_.functions) {
    if (function.info.name() != name) continue;
    const absl::Status status =
        driver_->Launch(0, ticket,
                        {.function = function.handle,
                         .grid = shape.grid,
                         .block = shape.block,
                         .dynamic_shared_bytes = shape.shared_bytes,
                         .args = {reinterpret_cast<const std::byte*>(args.data()), args.size()}});
    EXPECT_TRUE(status.ok()) << status;
    if (status.ok()) sink_.WaitFor(ticket);
    return ticket;
  }
  ADD_FAILURE() << "no kernel " << name;
  return ticket;
}

std::string KernelTest::ToString(const gpu::Dim3& shape) {
  return std::to_string(shape.x) + "x" + std::to_string(shape.y) + "x" + std::to_string(shape.z);
}

void KernelTest::Append(std::string& block, const void* value, std::size_t bytes,
                        std::size_t alignment) {
  block.resize((block.size() + alignment - 1) / alignment * alignment);
  block.append(static_cast<const char*>(value), bytes);
}

}  // namespace amdgpu::host
