#include "gpu/host/compiler/compiler.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "c_src/base/clock.h"
#include "clang/Basic/Version.h"
#include "gpu/host/abi.h"
#include "gpu/host/compiler/backend.h"
#include "gpu/host/compiler/diagnostics.h"
#include "gpu/host/compiler/frontend.h"
#include "gpu/host/compiler/options.h"
#include "gpu/host/compiler/target.h"
#include "gpu/host/cpu_features.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/ErrorHandling.h"
#include "proto/code_object.pb.h"

namespace amdgpu::hostcc {
namespace {

// Uses a bit of everything that a kernel is likely to use.
constexpr char kWarmUpSource[] = R"(
extern "C" __global__ void warm_up(const float* in, float* out, int n) {
  __shared__ float tile[256];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  tile[threadIdx.x] = i < n ? in[i] : 0.0f;
  __syncthreads();
  for (int d = blockDim.x / 2; d > 0; d /= 2) {
    if (threadIdx.x < d) tile[threadIdx.x] += expf(tile[threadIdx.x + d]);
    __syncthreads();
  }
  if (threadIdx.x == 0) atomicAdd(out, tile[0]);
}
)";

bool HasError(const proto::CompileReply& reply) {
  return std::any_of(reply.diagnostics().begin(), reply.diagnostics().end(),
                     [](const proto::Diagnostic& diagnostic) {
                       return diagnostic.severity() >= proto::Diagnostic::ERROR;
                     });
}

proto::HostCodeObject CodeObject(const proto::CompileRequest& request, const Target& target,
                                 SourceFacts facts, std::string object) {
  proto::HostCodeObject code;
  code.set_abi_version(host::kAbiVersion);
  code.set_target_cpu(target.cpu);
  for (const std::string& feature : target.features) {
    const std::string name = feature.substr(1);
    // Another machine asks for it by name: one that it cannot look for would keep it from any.
    if (feature[0] == '+' && host::IsKnownCpuFeature(name)) code.add_target_features(name);
  }
  code.set_object(std::move(object));
  for (proto::KernelInfo& kernel : facts.kernels) *code.add_kernels() = std::move(kernel);
  for (proto::GlobalInfo& global : facts.globals) *code.add_globals() = std::move(global);
  code.set_block_x(request.block_x());
  code.set_block_y(request.block_y());
  code.set_block_z(request.block_z());
  return code;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Compiler>> Compiler::Create() {
  InitializeBackend();
  auto target = DetectTarget();
  if (!target.ok()) return target.status();
  auto frontend = Frontend::Create(*target);
  if (!frontend.ok()) return frontend.status();
  return std::unique_ptr<Compiler>(
      new Compiler(std::make_unique<const Target>(*std::move(target)), *std::move(frontend)));
}

Compiler::Compiler(std::unique_ptr<const Target> target, std::unique_ptr<const Frontend> frontend)
    : target_(std::move(target)), frontend_(std::move(frontend)) {}

Compiler::~Compiler() = default;

void Compiler::Describe(proto::CompilerHello* hello) const {
  hello->set_version(Version());
  hello->set_target_cpu(target_->cpu);
}

void Compiler::OnOutOfMemory(void (*exit)()) const {
  static void (*on_out_of_memory)() = nullptr;
  on_out_of_memory = exit;
  llvm::install_bad_alloc_error_handler([](void*, const char*, bool) { on_out_of_memory(); });
}

proto::CompileReply Compiler::Compile(const proto::CompileRequest& request) const {
  const std::uint64_t started = NowNs();
  proto::CompileReply reply;
  if (absl::Status status = CheckRequest(request); !status.ok()) {
    reply.set_outcome(proto::CompileReply::REFUSED);
    reply.set_message(ToUtf8(status.message()));
    return reply;
  }
  SourceFacts facts;
  if (request.signature_only()) {
    if (frontend_->RunSignatures(request, &facts, &reply)) {
      reply.set_code_object(
          CodeObject(request, *target_, std::move(facts), /*object=*/"").SerializeAsString());
    } else {
      reply.set_outcome(proto::CompileReply::SOURCE_ERROR);
    }
    reply.set_duration_ns(NowNs() - started);
    return reply;
  }
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module = frontend_->Run(request, context, &facts, &reply);
  absl::StatusOr<std::string> object = std::string();
  if (module != nullptr) {
    object = GenerateObject(*module, request, *target_, &facts, &reply);
  }
  if (!object.ok()) {
    reply.set_outcome(proto::CompileReply::CRASHED);
    reply.set_message(ToUtf8(absl::StrCat("internal error: ", object.status().message())));
  } else if (object->empty()) {
    if (!HasError(reply)) AddError(&reply, "the source was not compiled");
    reply.set_outcome(proto::CompileReply::SOURCE_ERROR);
  } else {
    reply.set_code_object(
        CodeObject(request, *target_, std::move(facts), *std::move(object)).SerializeAsString());
    if (request.output_bytes() > 0 && reply.code_object().size() > request.output_bytes()) {
      reply.set_outcome(proto::CompileReply::OUTPUT_TOO_LARGE);
      reply.set_message(absl::StrCat("the code object has ", reply.code_object().size(),
                                     " bytes; the limit is ", request.output_bytes()));
      reply.clear_code_object();
    }
  }
  reply.set_duration_ns(NowNs() - started);
  return reply;
}

absl::Status Compiler::WarmUp() const {
  proto::CompileRequest request;
  request.set_source(kWarmUpSource);
  request.set_optimization(3);
  const proto::CompileReply reply = Compile(request);
  if (reply.outcome() == proto::CompileReply::OK) return absl::OkStatus();
  std::string message = "the compiler cannot compile a plain kernel";
  for (const proto::Diagnostic& diagnostic : reply.diagnostics()) {
    absl::StrAppend(&message, "\n", FormatDiagnostic(diagnostic));
  }
  return absl::InternalError(message);
}

std::string Compiler::Version() { return absl::StrCat("clang ", CLANG_VERSION_STRING); }

}  // namespace amdgpu::hostcc
