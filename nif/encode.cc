#include "nif/encode.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "c_src/base/error.h"
#include "nif/atoms.h"

namespace amdgpu::nif {
namespace {

ERL_NIF_TERM EncodeUint(ErlNifEnv* env, std::uint64_t value) {
  return enif_make_uint64(env, value);
}

ERL_NIF_TERM EncodePid(ErlNifEnv* env, const OpenDevice* device, OwnerId owner) {
  const auto pid = device == nullptr ? std::nullopt : device->PidOf(owner);
  return pid ? enif_make_pid(env, &*pid) : atoms.nil;
}

ERL_NIF_TERM EncodeCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return atoms.ok;
    case absl::StatusCode::kCancelled:
      return atoms.cancelled;
    case absl::StatusCode::kInvalidArgument:
      return atoms.invalid_argument;
    case absl::StatusCode::kDeadlineExceeded:
      return atoms.deadline_exceeded;
    case absl::StatusCode::kNotFound:
      return atoms.not_found;
    case absl::StatusCode::kAlreadyExists:
      return atoms.already_exists;
    case absl::StatusCode::kPermissionDenied:
      return atoms.permission_denied;
    case absl::StatusCode::kResourceExhausted:
      return atoms.resource_exhausted;
    case absl::StatusCode::kFailedPrecondition:
      return atoms.failed_precondition;
    case absl::StatusCode::kAborted:
      return atoms.aborted;
    case absl::StatusCode::kOutOfRange:
      return atoms.out_of_range;
    case absl::StatusCode::kUnimplemented:
      return atoms.unimplemented;
    case absl::StatusCode::kInternal:
      return atoms.internal;
    case absl::StatusCode::kUnavailable:
      return atoms.unavailable;
    case absl::StatusCode::kDataLoss:
      return atoms.data_loss;
    case absl::StatusCode::kUnauthenticated:
      return atoms.unauthenticated;
    default:
      return atoms.unknown;
  }
}

ERL_NIF_TERM EncodeOutcome(proto::CompileReply::Outcome outcome) {
  switch (outcome) {
    case proto::CompileReply::OK:
      return atoms.ok;
    case proto::CompileReply::SOURCE_ERROR:
      return atoms.source_error;
    case proto::CompileReply::CRASHED:
      return atoms.crashed;
    case proto::CompileReply::TIMED_OUT:
      return atoms.timed_out;
    case proto::CompileReply::OUT_OF_MEMORY:
      return atoms.out_of_memory;
    case proto::CompileReply::OUTPUT_TOO_LARGE:
      return atoms.output_too_large;
    case proto::CompileReply::REFUSED:
      return atoms.refused;
    default:
      return atoms.unknown;
  }
}

ERL_NIF_TERM EncodeSeverity(proto::Diagnostic::Severity severity) {
  switch (severity) {
    case proto::Diagnostic::NOTE:
      return atoms.note;
    case proto::Diagnostic::WARNING:
      return atoms.warning;
    case proto::Diagnostic::FATAL:
      return atoms.fatal;
    default:
      return atoms.error;
  }
}

ERL_NIF_TERM EncodeOutOfMemory(ErlNifEnv* env, const proto::OutOfMemoryDetail& detail,
                               const OpenDevice* device) {
  const ERL_NIF_TERM holders = EncodeList(env, detail.holders(), [&](const proto::Holder& holder) {
    return enif_make_tuple3(env, EncodePid(env, device, holder.owner()),
                            EncodeUint(env, holder.bytes()), EncodeUint(env, holder.buffers()));
  });
  return EncodeMap(env, {{atoms.asked, EncodeUint(env, detail.asked())},
                         {atoms.free, EncodeUint(env, detail.free())},
                         {atoms.largest_free, EncodeUint(env, detail.largest_free())},
                         {atoms.limit, EncodeUint(env, detail.limit())},
                         {atoms.limited_by, EncodeString(env, detail.limited_by())},
                         {atoms.holders, holders}});
}

ERL_NIF_TERM EncodeFault(ErlNifEnv* env, const proto::KernelFaultDetail& detail) {
  ERL_NIF_TERM buffer = atoms.nil;
  if (detail.buffer_bytes() != 0) {
    buffer = enif_make_tuple3(env, EncodeUint(env, detail.buffer_address()),
                              EncodeUint(env, detail.buffer_bytes()),
                              enif_make_int64(env, detail.buffer_offset()));
  }
  return EncodeMap(env, {{atoms.kernel, EncodeString(env, detail.kernel())},
                         {atoms.signal, enif_make_int(env, detail.signal())},
                         {atoms.signal_name, EncodeString(env, detail.signal_name())},
                         {atoms.address, EncodeUint(env, detail.address())},
                         {atoms.buffer, buffer},
                         {atoms.message, EncodeString(env, detail.message())}});
}

ERL_NIF_TERM EncodeLaunchError(ErlNifEnv* env, const proto::LaunchErrorDetail& detail) {
  return enif_make_tuple6(env, atoms.launch, EncodeString(env, detail.kernel()),
                          detail.argument() < 0 ? atoms.nil : enif_make_int(env, detail.argument()),
                          EncodeString(env, detail.name()), EncodeString(env, detail.expected()),
                          EncodeString(env, detail.got()));
}

ERL_NIF_TERM EncodeDetail(ErlNifEnv* env, const proto::ErrorDetail& detail,
                          const OpenDevice* device) {
  switch (detail.kind_case()) {
    case proto::ErrorDetail::kCompile:
      return enif_make_tuple3(
          env, atoms.compile, EncodeOutcome(detail.compile().outcome()),
          EncodeList(env, detail.compile().diagnostics(), [&](const proto::Diagnostic& diagnostic) {
            return EncodeDiagnostic(env, diagnostic);
          }));
    case proto::ErrorDetail::kLaunch:
      return EncodeLaunchError(env, detail.launch());
    case proto::ErrorDetail::kOutOfMemory:
      return enif_make_tuple2(env, atoms.out_of_memory,
                              EncodeOutOfMemory(env, detail.out_of_memory(), device));
    case proto::ErrorDetail::kFault:
      return enif_make_tuple2(env, atoms.fault, EncodeFault(env, detail.fault()));
    case proto::ErrorDetail::kTimeout:
      return enif_make_tuple3(env, atoms.timeout, EncodeString(env, detail.timeout().what()),
                              EncodeUint(env, detail.timeout().after_ns()));
    case proto::ErrorDetail::kDeviceLost:
      return enif_make_tuple4(env, atoms.device_lost,
                              EncodeString(env, detail.device_lost().device()),
                              EncodeString(env, detail.device_lost().reason()),
                              EncodeString(env, detail.device_lost().kernel()));
    default:
      return atoms.nil;
  }
}

ERL_NIF_TERM EncodeParamKind(proto::ParamKind kind) {
  switch (kind) {
    case proto::PARAM_POINTER:
      return atoms.pointer;
    case proto::PARAM_AGGREGATE:
      return atoms.aggregate;
    case proto::PARAM_OPAQUE:
      return atoms.opaque;
    default:
      return atoms.scalar;
  }
}

ERL_NIF_TERM EncodeParam(ErlNifEnv* env, const proto::Param& param) {
  return EncodeMap(env, {{atoms.name, EncodeString(env, param.name())},
                         {atoms.type, EncodeString(env, param.type())},
                         {atoms.kind, EncodeParamKind(param.kind())},
                         {atoms.dtype, EncodeDType(param.dtype())},
                         {atoms.read_only, MakeBool(param.read_only())},
                         {atoms.size, EncodeUint(env, param.size())},
                         {atoms.lanes, EncodeUint(env, param.lanes() == 0 ? 1 : param.lanes())}});
}

ERL_NIF_TERM EncodeExtent(ErlNifEnv* env, const google::protobuf::RepeatedField<uint32_t>& xyz) {
  if (xyz.size() != 3) return atoms.nil;
  return enif_make_tuple3(env, EncodeUint(env, xyz[0]), EncodeUint(env, xyz[1]),
                          EncodeUint(env, xyz[2]));
}

}  // namespace

ERL_NIF_TERM EncodeString(ErlNifEnv* env, absl::string_view text) {
  ERL_NIF_TERM term;
  unsigned char* const data = enif_make_new_binary(env, text.size(), &term);
  if (!text.empty()) std::memcpy(data, text.data(), text.size());
  return term;
}

ERL_NIF_TERM EncodeMap(ErlNifEnv* env,
                       std::initializer_list<std::pair<ERL_NIF_TERM, ERL_NIF_TERM>> entries) {
  std::vector<ERL_NIF_TERM> keys;
  std::vector<ERL_NIF_TERM> values;
  for (const auto& [key, value] : entries) {
    keys.push_back(key);
    values.push_back(value);
  }
  ERL_NIF_TERM map = enif_make_new_map(env);
  enif_make_map_from_arrays(env, keys.data(), values.data(), keys.size(), &map);
  return map;
}

ERL_NIF_TERM EncodeOk(ErlNifEnv* env, ERL_NIF_TERM value) {
  return enif_make_tuple2(env, atoms.ok, value);
}

ERL_NIF_TERM EncodeDType(proto::DType type) {
  switch (type) {
    case proto::DTYPE_I8:
      return atoms.i8;
    case proto::DTYPE_U8:
      return atoms.u8;
    case proto::DTYPE_I16:
      return atoms.i16;
    case proto::DTYPE_U16:
      return atoms.u16;
    case proto::DTYPE_I32:
      return atoms.i32;
    case proto::DTYPE_U32:
      return atoms.u32;
    case proto::DTYPE_I64:
      return atoms.i64;
    case proto::DTYPE_U64:
      return atoms.u64;
    case proto::DTYPE_F16:
      return atoms.f16;
    case proto::DTYPE_BF16:
      return atoms.bf16;
    case proto::DTYPE_F32:
      return atoms.f32;
    case proto::DTYPE_F64:
      return atoms.f64;
    case proto::DTYPE_BOOL:
      return atoms.bool_;
    default:
      return atoms.nil;
  }
}

ERL_NIF_TERM EncodeDim3(ErlNifEnv* env, const gpu::Dim3& dim) {
  return enif_make_tuple3(env, EncodeUint(env, dim.x), EncodeUint(env, dim.y),
                          EncodeUint(env, dim.z));
}

ERL_NIF_TERM EncodeDiagnostic(ErlNifEnv* env, const proto::Diagnostic& diagnostic) {
  return enif_make_tuple6(
      env, EncodeSeverity(diagnostic.severity()), EncodeString(env, diagnostic.file()),
      EncodeUint(env, diagnostic.line()), EncodeUint(env, diagnostic.column()),
      EncodeString(env, diagnostic.message()), EncodeString(env, diagnostic.source_line()));
}

ERL_NIF_TERM EncodeOrigin(CodeOrigin origin) {
  switch (origin) {
    case CodeOrigin::kMemory:
      return atoms.memory;
    case CodeOrigin::kDisk:
      return atoms.disk;
    case CodeOrigin::kCompiled:
      return atoms.compiled;
    case CodeOrigin::kBundle:
      return atoms.bundle;
  }
  return atoms.nil;
}

ERL_NIF_TERM EncodeStatus(ErlNifEnv* env, const absl::Status& status, const OpenDevice* device) {
  const std::optional<proto::ErrorDetail> detail = GetErrorDetail(status);
  return enif_make_tuple3(env, EncodeCode(status.code()), EncodeString(env, status.message()),
                          detail ? EncodeDetail(env, *detail, device) : atoms.nil);
}

ERL_NIF_TERM EncodeError(ErlNifEnv* env, const absl::Status& status, const OpenDevice* device) {
  if (absl::IsUnavailable(status)) return atoms.unavailable;
  return enif_make_tuple2(env, atoms.error, EncodeStatus(env, status, device));
}

ERL_NIF_TERM EncodeResult(ErlNifEnv* env, const absl::Status& status, const OpenDevice* device) {
  return status.ok() ? atoms.ok : EncodeError(env, status, device);
}

ERL_NIF_TERM EncodeBadTerm(ErlNifEnv* env, const Kernel& kernel, const BadTerm& bad) {
  const ERL_NIF_TERM detail = enif_make_tuple6(
      env, atoms.launch, EncodeString(env, kernel.info().name()),
      bad.argument < 0 ? atoms.nil : enif_make_int(env, bad.argument), EncodeString(env, bad.name),
      EncodeString(env, bad.expected), enif_make_tuple2(env, atoms.term, bad.got));
  return enif_make_tuple2(
      env, atoms.error,
      enif_make_tuple3(env, atoms.invalid_argument, EncodeString(env, ""), detail));
}

ERL_NIF_TERM EncodeProperties(ErlNifEnv* env, const gpu::Properties& properties) {
  const gpu::Properties& p = properties;
  const ERL_NIF_TERM matrix =
      EncodeList(env, p.matrix_instructions(),
                 [&](const std::string& family) { return EncodeString(env, family); });
  return EncodeMap(env, {{atoms.kind, EncodeString(env, p.kind())},
                         {atoms.index, EncodeUint(env, p.index())},
                         {atoms.name, EncodeString(env, p.name())},
                         {atoms.arch, EncodeString(env, p.arch())},
                         {atoms.compute_units, EncodeUint(env, p.compute_units())},
                         {atoms.warp_size, EncodeUint(env, p.warp_size())},
                         {atoms.max_threads_per_block, EncodeUint(env, p.max_threads_per_block())},
                         {atoms.max_block, EncodeExtent(env, p.max_block())},
                         {atoms.max_grid, EncodeExtent(env, p.max_grid())},
                         {atoms.max_grid_threads, EncodeUint(env, p.max_grid_threads())},
                         {atoms.max_shared_bytes, EncodeUint(env, p.max_shared_bytes())},
                         {atoms.memory_bytes, EncodeUint(env, p.memory_bytes())},
                         {atoms.host_visible, MakeBool(p.host_visible())},
                         {atoms.clock_khz, EncodeUint(env, p.clock_khz())},
                         {atoms.memory_clock_khz, EncodeUint(env, p.memory_clock_khz())},
                         {atoms.pci_address, EncodeString(env, p.pci_address())},
                         {atoms.uuid, EncodeString(env, p.uuid())},
                         {atoms.driver_version, EncodeString(env, p.driver_version())},
                         {atoms.runtime_version, EncodeString(env, p.runtime_version())},
                         {atoms.threads_per_unit, EncodeUint(env, p.threads_per_unit())},
                         {atoms.registers_per_unit, EncodeUint(env, p.registers_per_unit())},
                         {atoms.shared_bytes_per_unit, EncodeUint(env, p.shared_bytes_per_unit())},
                         {atoms.registers_per_block, EncodeUint(env, p.registers_per_block())},
                         {atoms.memory_bus_bits, EncodeUint(env, p.memory_bus_bits())},
                         {atoms.l2_bytes, EncodeUint(env, p.l2_bytes())},
                         {atoms.ecc, MakeBool(p.ecc())},
                         {atoms.integrated, MakeBool(p.integrated())},
                         {atoms.matrix_instructions, matrix}});
}

ERL_NIF_TERM EncodeProbe(ErlNifEnv* env, const proto::ProbeReply& reply) {
  const ERL_NIF_TERM devices = EncodeList(
      env, reply.devices(),
      [&](const gpu::Properties& properties) { return EncodeProperties(env, properties); });
  const ERL_NIF_TERM nodes = EncodeList(env, reply.nodes(), [&](const proto::DeviceNode& node) {
    return EncodeMap(env, {{atoms.path, EncodeString(env, node.path())},
                           {atoms.usable, MakeBool(node.usable())},
                           {atoms.group, EncodeString(env, node.group())},
                           {atoms.error, EncodeString(env, node.error())}});
  });
  return EncodeMap(env, {{atoms.kind, EncodeString(env, reply.kind())},
                         {atoms.library, EncodeString(env, reply.library())},
                         {atoms.library_version, EncodeString(env, reply.library_version())},
                         {atoms.devices, devices},
                         {atoms.problem, EncodeString(env, reply.problem())},
                         {atoms.nodes, nodes}});
}

ERL_NIF_TERM EncodeOccupancy(ErlNifEnv* env, const proto::Occupancy& occupancy) {
  return EncodeMap(
      env, {{atoms.blocks_per_unit, EncodeUint(env, occupancy.blocks_per_unit())},
            {atoms.ratio, enif_make_double(env, occupancy.ratio())},
            {atoms.suggested_block_threads, EncodeUint(env, occupancy.suggested_block_threads())},
            {atoms.best_ratio, enif_make_double(env, occupancy.best_ratio())}});
}

ERL_NIF_TERM EncodeKernelInfo(ErlNifEnv* env, const Kernel& kernel) {
  const gpu::KernelInfo& info = kernel.info();
  ERL_NIF_TERM library = atoms.nil;
  if (info.has_library()) {
    library = EncodeMap(env, {{atoms.name, EncodeString(env, info.library().name())},
                              {atoms.version, EncodeString(env, info.library().version())},
                              {atoms.path, EncodeString(env, info.library().path())}});
  }
  const proto::KernelNeeds& needs = kernel.needs();
  const ERL_NIF_TERM params = EncodeList(
      env, info.params(), [&](const proto::Param& param) { return EncodeParam(env, param); });
  const ERL_NIF_TERM warnings = EncodeList(
      env, kernel.code()->warnings,
      [&](const proto::Diagnostic& diagnostic) { return EncodeDiagnostic(env, diagnostic); });
  const ERL_NIF_TERM shapes =
      EncodeList(env, kernel.specialised_shapes(),
                 [&](const gpu::Dim3& shape) { return EncodeDim3(env, shape); });
  return EncodeMap(
      env, {{atoms.name, EncodeString(env, info.name())},
            {atoms.symbol, EncodeString(env, info.symbol())},
            {atoms.core, EncodeString(env, kernel.core_class())},
            {atoms.params, params},
            {atoms.static_shared_bytes,
             EncodeUint(env, std::max(info.static_shared_bytes(), needs.static_shared_bytes()))},
            {atoms.registers, EncodeUint(env, needs.registers())},
            {atoms.local_bytes, EncodeUint(env, needs.local_bytes())},
            {atoms.uses_dynamic_shared, MakeBool(info.uses_dynamic_shared())},
            {atoms.max_threads_per_block, EncodeUint(env, needs.max_threads_per_block())},
            {atoms.key, EncodeString(env, kernel.code()->key)},
            {atoms.code_bytes, EncodeUint(env, kernel.code()->bytes.size())},
            {atoms.warnings, warnings},
            {atoms.library, library},
            {atoms.specialised_shapes, shapes}});
}

ERL_NIF_TERM EncodeMemory(ErlNifEnv* env, const MemoryReport& report, const OpenDevice& device) {
  const ERL_NIF_TERM owners = EncodeList(env, report.owners, [&](const OwnerUse& use) {
    return enif_make_tuple3(env, EncodePid(env, &device, use.owner), EncodeUint(env, use.bytes),
                            EncodeUint(env, use.buffers));
  });
  return EncodeMap(env,
                   {{atoms.reserved, EncodeUint(env, report.reserved)},
                    {atoms.used, EncodeUint(env, report.used)},
                    {atoms.requested, EncodeUint(env, report.requested)},
                    {atoms.peak, EncodeUint(env, report.peak)},
                    {atoms.largest_free, EncodeUint(env, report.largest_free)},
                    {atoms.limit, EncodeUint(env, report.limit)},
                    {atoms.fragmentation_ratio, enif_make_double(env, report.fragmentation_ratio)},
                    {atoms.pool_count, EncodeUint(env, report.pool_count)},
                    {atoms.allocations, EncodeUint(env, report.allocations)},
                    {atoms.frees, EncodeUint(env, report.frees)},
                    {atoms.owners, owners}});
}

ERL_NIF_TERM EncodeStats(ErlNifEnv* env, const DeviceStats& stats) {
  return EncodeMap(env, {{atoms.launches, EncodeUint(env, stats.launches)},
                         {atoms.in_flight, EncodeUint(env, stats.in_flight)},
                         {atoms.restarts, EncodeUint(env, stats.restarts)},
                         {atoms.specialised_launches, EncodeUint(env, stats.specialised_launches)},
                         {atoms.worker_pid, enif_make_int(env, stats.worker_pid)}});
}

}  // namespace amdgpu::nif
