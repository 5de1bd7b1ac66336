#include "gpu/host/driver/module.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gpu/host/cpu_features.h"
#include "gpu/host/driver/kernel_thread.h"

namespace amdgpu::host {
namespace {

// As on GPUs.
constexpr std::uint32_t kMaxArgsBytes = 4096;

template <typename... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("bad code object: ", parts...));
}

// The signature is consistent: callers build argument blocks from it.
absl::Status CheckSignature(const gpu::KernelInfo& info) {
  if (info.args_size() > kMaxArgsBytes) {
    return Bad("kernel ", info.name(), " takes ", info.args_size(),
               " bytes of arguments, more than ", kMaxArgsBytes);
  }
  for (const proto::Param& param : info.params()) {
    const std::uint64_t end = std::uint64_t{param.offset()} + param.size();
    if (param.size() == 0 || end > info.args_size() || !std::has_single_bit(param.alignment()) ||
        param.alignment() > kBufferAlignment || param.offset() % param.alignment() != 0) {
      return Bad("a parameter of kernel ", info.name(), " is misplaced");
    }
  }
  if (info.static_shared_bytes() > kMaxSharedBytes) {
    return Bad("kernel ", info.name(), " has ", info.static_shared_bytes(),
               " bytes of shared memory, more than ", kMaxSharedBytes);
  }
  return absl::OkStatus();
}

}  // namespace

void Kernel::Learn(double measured_thread_ns) {
  const float old = thread_ns.load(std::memory_order_relaxed);
  const float measured = std::max(static_cast<float>(measured_thread_ns), 1e-6f);
  thread_ns.store(measured >= old ? measured : old + (measured - old) / 8,
                  std::memory_order_relaxed);
}

absl::StatusOr<std::unique_ptr<HostModule>> HostModule::Load(
    absl::Span<const std::byte> code_object, const HostModule* base, const RuntimeTable& runtime,
    CodeSpace& space) {
  proto::HostCodeObject parsed;
  if (code_object.size() > INT32_MAX ||
      !parsed.ParseFromArray(code_object.data(), static_cast<int>(code_object.size()))) {
    return Bad("not a serialized one");
  }
  if (parsed.abi_version() != kAbiVersion) {
    return Bad("compiled for version ", parsed.abi_version(), " of the interface, this is version ",
               kAbiVersion);
  }

  const std::string missing =
      MissingCpuFeatures({parsed.target_features().begin(), parsed.target_features().end()});
  if (!missing.empty()) {
    return Bad("compiled for ", parsed.target_cpu(), ", this processor lacks ", missing);
  }

  SymbolMap shared;
  if (base != nullptr) {
    for (const auto& [name, variable] : base->variables_) {
      shared.emplace(variable.symbol, variable.place);
    }
  }
  const std::string& bytes = parsed.object();
  absl::StatusOr<LoadedObject> object = LoadedObject::Load(
      {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, runtime, shared, space);
  if (!object.ok()) return object.status();

  std::unique_ptr<HostModule> module = absl::WrapUnique(new HostModule(*std::move(object), base));
  if (parsed.block_x() != 0 || parsed.block_y() != 0 || parsed.block_z() != 0) {
    module->block_shape_ = {parsed.block_x(), parsed.block_y(), parsed.block_z()};
  }
  if (absl::Status status = module->AddVariables(parsed); !status.ok()) return status;
  if (absl::Status status = module->AddKernels(parsed); !status.ok()) return status;
  return module;
}

absl::Status HostModule::AddKernels(const proto::HostCodeObject& code_object) {
  for (const gpu::KernelInfo& info : code_object.kernels()) {
    if (absl::Status status = CheckSignature(info); !status.ok()) return status;
    const LoadedSymbol* entry = object_.Find(absl::StrCat(kBlockFunctionPrefix, info.symbol()));
    if (entry == nullptr || !entry->executable) {
      return Bad("no code for kernel ", info.name());
    }
    auto kernel = std::make_unique<Kernel>();
    kernel->info = info;
    kernel->run = reinterpret_cast<BlockFunction>(entry->address);
    kernels_.push_back(std::move(kernel));
  }
  return absl::OkStatus();
}

absl::Status HostModule::AddVariables(const proto::HostCodeObject& code_object) {
  for (const proto::GlobalInfo& info : code_object.globals()) {
    Variable variable{.symbol = info.symbol(), .place = {}};
    const LoadedSymbol* own = object_.Find(info.symbol());
    if (base_ != nullptr) {
      const auto shared = base_->variables_.find(info.name());
      if (shared != base_->variables_.end()) {
        variable.place = shared->second.place;  // its own copy, if it kept one, is not used
      } else if (own != nullptr) {
        return Bad("variable ", info.name(), " is not in the module it is shared with");
      } else {
        continue;
      }
    } else if (own != nullptr) {
      variable.place = *own;
    } else {
      continue;  // the compiler has found no use for it
    }
    if (variable.place.executable || info.size() != variable.place.bytes) {
      return Bad("variable ", info.name(), " is said to have ", info.size(), " bytes and has ",
                 variable.place.bytes);
    }
    variables_.insert_or_assign(info.name(), std::move(variable));
  }
  return absl::OkStatus();
}

absl::StatusOr<gpu::Global> HostModule::FindGlobal(absl::string_view name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end()) {
    return absl::NotFoundError(
        absl::StrCat("the module has no __device__ or __constant__ variable ", name));
  }
  return gpu::Global{.address = found->second.place.address, .bytes = found->second.place.bytes};
}

bool HostModule::ContainsGlobal(gpu::DeviceAddress address, std::uint64_t bytes,
                                bool for_writing) const {
  for (const auto& [name, variable] : variables_) {
    const LoadedSymbol& place = variable.place;
    if (address < place.address || (for_writing && !place.writable)) continue;
    const std::uint64_t offset = address - place.address;
    if (offset <= place.bytes && bytes <= place.bytes - offset) return true;
  }
  return false;
}

}  // namespace amdgpu::host
