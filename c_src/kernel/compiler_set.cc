#include "c_src/kernel/compiler_set.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "c_src/kernel/signature_merge.h"
#include "proto/code_object.pb.h"

namespace amdgpu {
namespace {

using proto::CompileReply;
using proto::CompileRequest;
using proto::Diagnostic;
using Result = absl::StatusOr<CompileReply>;

CompileReply Refused(absl::string_view message) {
  CompileReply reply;
  reply.set_outcome(CompileReply::REFUSED);
  reply.set_message(std::string(message));
  return reply;
}

void AddWarning(absl::string_view message, CompileReply* reply) {
  Diagnostic& warning = *reply->add_diagnostics();
  warning.set_severity(Diagnostic::WARNING);
  warning.set_message(std::string(message));
}

std::shared_ptr<const CompileRequest> DeclarationsOf(const CompileRequest& request) {
  auto declarations = std::make_shared<CompileRequest>(request);
  declarations->set_target("host");
  declarations->set_signature_only(true);
  return declarations;
}

bool SaysThatANameIsWrong(const Result& declarations) {
  return declarations.ok() && declarations->outcome() == CompileReply::SOURCE_ERROR &&
         std::any_of(declarations->diagnostics().begin(), declarations->diagnostics().end(),
                     [](const Diagnostic& diagnostic) {
                       return absl::StartsWith(diagnostic.message(), "no kernel is named");
                     });
}

// The reply to a request for a GPU, from the vendor's compiler and what the host's says of the
// source's declarations.
Result Combine(Result code, const Result& declarations) {
  if (!code.ok()) return code;
  if (code->outcome() != CompileReply::OK) {
    // A wrong name is better explained by who knows the right ones.
    if (code->outcome() == CompileReply::SOURCE_ERROR && SaysThatANameIsWrong(declarations)) {
      return declarations;
    }
    return code;
  }
  proto::HostCodeObject declared;
  if (!declarations.ok() || declarations->outcome() != CompileReply::OK ||
      !declared.ParseFromString(declarations->code_object())) {
    AddWarning(
        "arguments are passed as they are given: the host's compiler cannot read the declarations "
        "of this source",
        &*code);
    return code;
  }
  proto::VendorCodeObject object;
  if (!object.ParseFromString(code->code_object())) {
    return absl::InternalError("the compiler sent no code object");
  }
  for (const std::string& difference : MergeSignatures(declared, &object)) {
    AddWarning(difference, &*code);
  }
  code->set_code_object(object.SerializeAsString());
  return code;
}

}  // namespace

absl::StatusOr<Family> FamilyOf(absl::string_view target) {
  if (target == "host" || target.empty()) return Family::kHost;
  if (absl::StartsWith(target, "gfx")) return Family::kAmd;
  if (absl::StartsWith(target, "sm_") || absl::StartsWith(target, "compute_")) {
    return Family::kNvidia;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no compiler for the target \"", absl::Utf8SafeCHexEscape(target.substr(0, 100)),
                   "\"; targets are host, gfx... (AMD), sm_... and compute_... (NVIDIA)"));
}

CompilerSet::CompilerSet(CompilerSetOptions options, UniqueFd wake_fd)
    : options_(std::move(options)), host_(options_.host, std::move(wake_fd)) {}

CompilerSet::~CompilerSet() {
  std::unique_ptr<CompilerClient> amd;
  std::unique_ptr<CompilerClient> nvidia;
  {
    MutexLock lock(&mutex_);
    pairs_.clear();
    amd = std::move(amd_);
    nvidia = std::move(nvidia_);
  }
  // Their threads end here, outside the lock which their callbacks take.
}

absl::StatusOr<CompilerClient*> CompilerSet::ClientFor(Family family) {
  if (family == Family::kHost) return &host_;
  if (options_.vendor_path.empty()) {
    return absl::FailedPreconditionError("this installation has no compiler for GPUs");
  }
  MutexLock lock(&mutex_);
  std::unique_ptr<CompilerClient>& client = family == Family::kAmd ? amd_ : nvidia_;
  if (client == nullptr) {
    CompilerClientOptions options = options_.host;
    options.path = options_.vendor_path;
    options.args = {family == Family::kAmd ? "hip" : "cuda"};
    absl::StatusOr<UniqueFd> wake_fd = CompilerClient::MakeWakeFd();
    if (!wake_fd.ok()) return wake_fd.status();
    try {
      client = std::make_unique<CompilerClient>(std::move(options), *std::move(wake_fd));
    } catch (const std::system_error& error) {
      return absl::ResourceExhaustedError(
          absl::StrCat("starting a thread for a compiler: ", error.what()));
    }
  }
  return client.get();
}

void CompilerSet::Start(JobId id, std::shared_ptr<const CompileRequest> request,
                        Callback callback) {
  const absl::StatusOr<Family> family = FamilyOf(request->target());
  const absl::StatusOr<CompilerClient*> client =
      family.ok() ? ClientFor(*family) : absl::StatusOr<CompilerClient*>(family.status());
  if (!client.ok()) {
    // From a thread of the host's client, as callbacks are.
    host_.Run([callback = std::move(callback), message = std::string(client.status().message())] {
      callback(Refused(message));
    });
  } else if (*family == Family::kHost) {
    host_.Start(id, std::move(request), std::move(callback));
  } else {
    StartPair(id, std::move(request), **client, std::move(callback));
  }
}

void CompilerSet::StartPair(JobId id, std::shared_ptr<const CompileRequest> request,
                            CompilerClient& vendor, Callback callback) {
  {
    MutexLock lock(&mutex_);
    pairs_.emplace(id, Pair{request, std::move(callback), std::nullopt, std::nullopt});
  }
  host_.Start(id, DeclarationsOf(*request),
              [this, id](Result reply) { OnHalf(id, /*is_code=*/false, std::move(reply)); });
  vendor.Start(id, std::move(request),
               [this, id](Result reply) { OnHalf(id, /*is_code=*/true, std::move(reply)); });
}

void CompilerSet::OnHalf(JobId id, bool is_code, Result reply) {
  std::optional<Pair> pair;
  {
    MutexLock lock(&mutex_);
    const auto found = pairs_.find(id);
    if (found == pairs_.end()) return;  // aborted
    (is_code ? found->second.code : found->second.declarations) = std::move(reply);
    if (!found->second.code.has_value() || !found->second.declarations.has_value()) return;
    pair = std::move(found->second);
    pairs_.erase(found);
  }
  pair->callback(Combine(*std::move(pair->code), *pair->declarations));
}

void CompilerSet::Abort(JobId id) {
  MutexLock lock(&mutex_);
  pairs_.erase(id);
  host_.Abort(id);
  for (const auto& client : {amd_.get(), nvidia_.get()}) {
    if (client != nullptr) client->Abort(id);
  }
}

void CompilerSet::AskVersion(const std::string& target, VersionCallback callback) {
  const absl::StatusOr<Family> family = FamilyOf(target);
  if (!family.ok() || *family == Family::kHost) {
    callback(host_.compiler_version());  // what no compiler is for is refused when it is started
    return;
  }
  const absl::StatusOr<CompilerClient*> client = ClientFor(*family);
  if (client.ok()) {
    (*client)->AskVersion(std::move(callback));
  } else {
    callback(client.status());
  }
}

std::string CompilerSet::KnownVersion(const std::string& target) const {
  const absl::StatusOr<Family> family = FamilyOf(target);
  if (!family.ok()) return "";
  if (*family == Family::kHost) return host_.compiler_version();
  MutexLock lock(&mutex_);
  const CompilerClient* client = *family == Family::kAmd ? amd_.get() : nvidia_.get();
  return client == nullptr ? "" : client->compiler_version();
}

std::uint64_t CompilerSet::crashes() const {
  MutexLock lock(&mutex_);
  std::uint64_t crashes = host_.crashes();
  for (const auto& client : {amd_.get(), nvidia_.get()}) {
    if (client != nullptr) crashes += client->crashes();
  }
  return crashes;
}

}  // namespace amdgpu
