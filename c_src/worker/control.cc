#include "c_src/worker/control.h"

#include <string>

#include "absl/types/span.h"

namespace amdgpu::worker {
namespace {

absl::Status Reserve(const proto::Reserve& request, gpu::Driver& driver,
                     proto::ReserveReply* reply) {
  absl::StatusOr<gpu::DeviceAddress> address =
      driver.Reserve(request.bytes(), request.arena_offset());
  if (!address.ok()) return address.status();
  reply->set_device_address(*address);
  return absl::OkStatus();
}

absl::Status Load(const proto::Load& request, gpu::Driver& driver, proto::LoadReply* reply) {
  const std::string& code = request.code_object();
  absl::StatusOr<gpu::Module> module = driver.Load(
      {reinterpret_cast<const std::byte*>(code.data()), code.size()}, request.variant_of());
  if (!module.ok()) return module.status();
  reply->set_module(module->handle);
  for (const gpu::Function& function : module->functions) {
    proto::LoadedKernel* kernel = reply->add_kernels();
    kernel->set_function(function.handle);
    *kernel->mutable_info() = function.info;
    const absl::StatusOr<gpu::FunctionInfo> needs = driver.Describe(function.handle);
    if (!needs.ok()) continue;
    kernel->mutable_needs()->set_registers(needs->registers);
    kernel->mutable_needs()->set_static_shared_bytes(needs->static_shared_bytes);
    kernel->mutable_needs()->set_local_bytes(needs->local_bytes);
    kernel->mutable_needs()->set_max_threads_per_block(needs->max_threads_per_block);
  }
  return absl::OkStatus();
}

absl::Status FindGlobal(const proto::FindGlobal& request, gpu::Driver& driver,
                        proto::FindGlobalReply* reply) {
  absl::StatusOr<gpu::Global> global = driver.FindGlobal(request.module(), request.name());
  if (!global.ok()) return global.status();
  reply->set_device_address(global->address);
  reply->set_bytes(global->bytes);
  return absl::OkStatus();
}

absl::Status AskOccupancy(const proto::AskOccupancy& request, gpu::Driver& driver,
                          proto::Occupancy* reply) {
  const absl::StatusOr<gpu::Occupancy> occupancy = driver.OccupancyOf(
      request.function(), request.block_threads(), request.dynamic_shared_bytes());
  if (!occupancy.ok()) return occupancy.status();
  reply->set_blocks_per_unit(occupancy->blocks_per_unit);
  reply->set_ratio(occupancy->ratio);
  reply->set_suggested_block_threads(occupancy->suggested_block_threads);
  reply->set_best_ratio(occupancy->best_ratio);
  return absl::OkStatus();
}

}  // namespace

void SetError(const absl::Status& status, proto::WorkerReply* reply) {
  reply->set_code(static_cast<std::int32_t>(status.code()));
  reply->set_message(std::string(status.message()));
}

proto::WorkerReply Serve(const proto::WorkerRequest& request, gpu::Driver& driver,
                         Executor& executor) {
  proto::WorkerReply reply;
  reply.set_id(request.id());
  absl::Status status;
  switch (request.kind_case()) {
    case proto::WorkerRequest::kReserve:
      status = Reserve(request.reserve(), driver, reply.mutable_reserve());
      break;
    case proto::WorkerRequest::kRelease:
      status = driver.Release(request.release().device_address());
      break;
    case proto::WorkerRequest::kLoad:
      status = Load(request.load(), driver, reply.mutable_load());
      break;
    case proto::WorkerRequest::kUnload:
      status = driver.Unload(request.unload().module());
      break;
    case proto::WorkerRequest::kCreateStream:
      status = absl::OkStatus();  // made by its first command
      break;
    case proto::WorkerRequest::kDestroyStream:
      status = executor.DestroyStream(request.destroy_stream().stream());
      break;
    case proto::WorkerRequest::kFindGlobal:
      status = FindGlobal(request.find_global(), driver, reply.mutable_find_global());
      break;
    case proto::WorkerRequest::kAskOccupancy:
      status = AskOccupancy(request.ask_occupancy(), driver, reply.mutable_occupancy());
      break;
    case proto::WorkerRequest::kHello:
    case proto::WorkerRequest::KIND_NOT_SET:
      status = absl::UnimplementedError("an unknown request");
      break;
  }
  if (!status.ok()) SetError(status, &reply);
  return reply;
}

}  // namespace amdgpu::worker
