#include "gpu/vendor/compiler/vendor_compiler.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "c_src/base/clock.h"
#include "c_src/base/utf8.h"
#include "gpu/compiler_process/request.h"
#include "gpu/vendor/arch.h"
#include "gpu/vendor/code_object/code_object.h"
#include "gpu/vendor/compiler/compile_log.h"
#include "proto/code_object.pb.h"

namespace amdgpu::vendorcc {
namespace {

using proto::CompileReply;
using proto::CompileRequest;

constexpr char kWarmUpSource[] = "extern \"C\" __global__ void warm_up(int* x) { x[0] = 1; }\n";
constexpr std::size_t kMaxLogBytes = std::size_t{16} << 20;

// A target's letters only: it becomes part of an option.
bool IsPlain(absl::string_view target) {
  return !target.empty() && target.size() <= 100 &&
         std::all_of(target.begin(), target.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == ':' || c == '+' || c == '-';
         });
}

bool IsPtx(absl::string_view target) { return absl::StartsWith(target, "compute_"); }

// "sm_90" for "sm_90a", "sm_90" and "compute_90".
std::string CudaProcessor(absl::string_view target) {
  const std::size_t digits = target.find('_') + 1;
  const std::size_t end = target.find_first_not_of("0123456789", digits);
  return absl::StrCat(
      "sm_", target.substr(
                 digits, end == absl::string_view::npos ? absl::string_view::npos : end - digits));
}

std::vector<std::string> Options(Vendor vendor, const CompileRequest& request) {
  const bool amd = vendor == Vendor::kAmd;
  std::vector<std::string> options = {
      absl::StrCat(amd ? "--offload-arch=" : "--gpu-architecture=", request.target()),
      absl::StrCat("-std=", compiler_process::StandardOf(request))};
  if (amd) {
    options.push_back(absl::StrCat("-O", std::clamp(request.optimization(), 1u, 3u)));
    options.push_back(request.strict_math() ? "-ffp-contract=off" : "-ffp-contract=fast");
  } else {
    options.push_back(request.strict_math() ? "--fmad=false" : "--fmad=true");
    // As clang has it for constexpr functions, which need no attribute in HIP.
    options.push_back("--device-as-default-execution-space");
  }
  return options;
}

bool HasError(const CompileReply& reply) {
  return std::any_of(reply.diagnostics().begin(), reply.diagnostics().end(),
                     [](const proto::Diagnostic& diagnostic) {
                       return diagnostic.severity() >= proto::Diagnostic::ERROR;
                     });
}

void AddError(absl::string_view message, CompileReply* reply) {
  proto::Diagnostic* diagnostic = reply->add_diagnostics();
  diagnostic->set_severity(proto::Diagnostic::ERROR);
  diagnostic->set_message(MakeValidUtf8(message));
}

CompileReply Refused(absl::string_view message) {
  CompileReply reply;
  reply.set_outcome(CompileReply::REFUSED);
  reply.set_message(MakeValidUtf8(message));
  return reply;
}

std::string KernelNames(const proto::VendorCodeObject& object) {
  return absl::StrJoin(object.kernels(), ", ",
                       [](std::string* out, const proto::KernelInfo& kernel) {
                         absl::StrAppend(out, kernel.symbol());
                       });
}

}  // namespace

// A program of the vendor's library.
class VendorCompiler::Program {
 public:
  Program(const RtcFunctions& functions, const DeviceHeaders& headers, const std::string& source)
      : functions_(functions) {
    result_ = functions.create(&program_, source.c_str(), "amdgpu-source", headers.count(),
                               headers.texts(), headers.names());
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (program_ != nullptr) functions_.destroy(&program_);
  }

  // 0 while all has gone well.
  int result() const { return result_; }

  void AddName(const std::string& expression) {
    if (result_ == 0) result_ = functions_.add_name(program_, expression.c_str());
  }
  void Compile(const std::vector<std::string>& options) {
    if (result_ != 0) return;
    std::vector<const char*> pointers;
    pointers.reserve(options.size());
    for (const std::string& option : options) pointers.push_back(option.c_str());
    result_ = functions_.compile(program_, static_cast<int>(pointers.size()), pointers.data());
  }
  std::string Log() const {
    std::string log = Bytes(functions_.log_size, functions_.log, kMaxLogBytes);
    log.resize(std::min(log.size(), log.find('\0')));  // some count the zero, some do not
    return log;
  }
  // Empty if there is none.
  std::string Code(bool ptx) const {
    return ptx ? Bytes(functions_.ptx_size, functions_.ptx, SIZE_MAX / 2)
               : Bytes(functions_.code_size, functions_.code, SIZE_MAX / 2);
  }
  std::string Symbol(const std::string& expression) const {
    const char* symbol = nullptr;
    const int result = functions_.lowered_name(program_, expression.c_str(), &symbol);
    return result == 0 && symbol != nullptr ? symbol : "";
  }

 private:
  template <typename Size, typename Get>
  std::string Bytes(Size size_of, Get get, std::size_t limit) const {
    std::size_t size = 0;
    if (program_ == nullptr || size_of(program_, &size) != 0 || size == 0 || size > limit) {
      return "";
    }
    std::string bytes(size + 1, '\0');  // one more than is said: for a zero that is not counted
    if (get(program_, bytes.data()) != 0) return "";
    bytes.resize(size);
    return bytes;
  }

  const RtcFunctions& functions_;
  RtcFunctions::Program program_ = nullptr;
  int result_ = 0;
};

absl::StatusOr<std::unique_ptr<VendorCompiler>> VendorCompiler::Create(Vendor vendor) {
  absl::StatusOr<RtcLibrary> library = OpenRtcLibrary(vendor);
  if (!library.ok()) return library.status();
  return std::make_unique<VendorCompiler>(*std::move(library));
}

VendorCompiler::VendorCompiler(RtcLibrary library)
    : library_(std::move(library)), headers_(library_) {}

void VendorCompiler::Describe(proto::CompilerHello* hello) const {
  hello->set_version(library_.version);
  hello->set_library(library_.path);
  for (const std::string& arch : library_.archs) hello->add_archs(arch);
}

absl::Status VendorCompiler::CheckTarget(const CompileRequest& request) const {
  const std::string& target = request.target();
  const bool amd = library_.vendor == Vendor::kAmd;
  const bool ours =
      amd ? absl::StartsWith(target, "gfx") : absl::StartsWith(target, "sm_") || IsPtx(target);
  if (!ours || !IsPlain(target)) {
    return absl::InvalidArgumentError(absl::StrCat("this compiler compiles for ",
                                                   amd ? "gfx..." : "sm_... and compute_...",
                                                   ", not \"", absl::CHexEscape(target), "\""));
  }
  const std::string processor =
      amd ? std::string(vendor::Processor(target)) : CudaProcessor(target);
  const auto& archs = library_.archs;
  if (!archs.empty() && std::find(archs.begin(), archs.end(), processor) == archs.end()) {
    return absl::InvalidArgumentError(absl::StrCat(library_.version, " does not know ", processor,
                                                   "; it knows ", absl::StrJoin(archs, ", ")));
  }
  return absl::OkStatus();
}

std::string VendorCompiler::SourceText(const CompileRequest& request) const {
  const std::string file = absl::CEscape(compiler_process::FileNameOf(request));
  std::string text = headers_.PreludeFor(request.source());
  absl::StrAppend(&text, "#line 1 \"defines\"\n", compiler_process::DefinesText(request),
                  "#line 1 \"", file, "\"\n", request.source());
  // The libraries put name expressions behind the source.
  absl::StrAppend(&text, "\n#line 1 \"", kNamesFile, "\"\n");
  return text;
}

std::string VendorCompiler::ErrorText(int result) const {
  const char* text = library_.functions.error_text(result);
  return absl::StrCat(library_.version, ": ", text == nullptr ? "error" : text, " (", result, ")");
}

CompileReply VendorCompiler::Compile(const CompileRequest& request) const {
  const std::uint64_t started = NowNs();
  absl::Status checked = compiler_process::CheckOptions(request);
  if (checked.ok()) checked = CheckTarget(request);
  if (!checked.ok()) return Refused(checked.message());

  CompileReply reply;
  Program program(library_.functions, headers_, SourceText(request));
  for (const std::string& name : request.names()) program.AddName(name);
  program.Compile(Options(library_.vendor, request));
  const std::string log = program.Log();
  const bool bad_name = ParseCompileLog(log, request, &reply);
  if (program.result() == 0) {
    TakeCode(program, request, &reply);
  } else {
    if (bad_name && !HasError(reply)) {
      AddError(absl::StrCat("not the name of a kernel of the source: one of '",
                            absl::StrJoin(request.names(), "', '"), "'"),
               &reply);
    }
    if (!HasError(reply)) {
      AddError(log.empty() ? ErrorText(program.result()) : log.substr(0, 4000), &reply);
    }
    reply.set_outcome(CompileReply::SOURCE_ERROR);
  }
  reply.set_duration_ns(NowNs() - started);
  return reply;
}

void VendorCompiler::TakeCode(const Program& program, const CompileRequest& request,
                              CompileReply* reply) const {
  const std::string code = program.Code(IsPtx(request.target()));
  absl::StatusOr<absl::string_view> image = code_object::Unbundled(code);
  absl::StatusOr<proto::VendorCodeObject> object =
      image.ok() ? code_object::ReadCodeObject(*image) : image.status();
  if (!object.ok()) {
    reply->set_outcome(CompileReply::CRASHED);
    reply->set_message(absl::StrCat(
        library_.version, " made a code object that cannot be read: ", object.status().message()));
    return;
  }
  if (request.names_size() > 0) {
    proto::VendorCodeObject named = *object;
    named.clear_kernels();
    for (const std::string& name : request.names()) {
      const std::string symbol = program.Symbol(name);
      const auto found =
          std::find_if(object->kernels().begin(), object->kernels().end(),
                       [&](const proto::KernelInfo& kernel) { return kernel.symbol() == symbol; });
      if (found == object->kernels().end()) {
        AddError(absl::StrCat("no kernel is named '", name,
                              "'; the code object has: ", KernelNames(*object)),
                 reply);
        continue;
      }
      proto::KernelInfo& kernel = *named.add_kernels();
      kernel = *found;
      kernel.set_name(name);
    }
    *object = std::move(named);
  } else if (object->kernels().empty()) {
    AddError("the source has no kernel (a __global__ function)", reply);
  }
  if (HasError(*reply)) {
    reply->set_outcome(CompileReply::SOURCE_ERROR);
    return;
  }
  object->set_target(request.target());
  object->set_image(std::string(*image));
  reply->set_code_object(object->SerializeAsString());
  if (request.output_bytes() > 0 && reply->code_object().size() > request.output_bytes()) {
    reply->set_outcome(CompileReply::OUTPUT_TOO_LARGE);
    reply->set_message(absl::StrCat("the code object has ", reply->code_object().size(),
                                    " bytes; the limit is ", request.output_bytes()));
    reply->clear_code_object();
  }
}

absl::Status VendorCompiler::Prepare() {
  CompileRequest request;
  request.set_source(kWarmUpSource);
  request.set_optimization(1);
  // The arch does not matter, but that it is known.
  const bool amd = library_.vendor == Vendor::kAmd;
  const auto& archs = library_.archs;
  for (const char* common : {"gfx90a", "gfx1100", "gfx906", "sm_90", "sm_80"}) {
    if (absl::StartsWith(common, "gfx") == amd &&
        std::find(archs.begin(), archs.end(), common) != archs.end()) {
      request.set_target(common);
      break;
    }
  }
  if (request.target().empty()) {
    request.set_target(archs.empty() ? (amd ? "gfx90a" : "sm_80") : archs.front());
  }
  // If it does not work, whoever asks for more will hear why.
  static_cast<void>(Compile(request));
  return absl::OkStatus();
}

}  // namespace amdgpu::vendorcc
