// The compilers behind the service: the host's, and a vendor's for each family of GPU, started when
// it is first asked for.

#ifndef AMDGPU_C_SRC_KERNEL_COMPILER_SET_H_
#define AMDGPU_C_SRC_KERNEL_COMPILER_SET_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "c_src/base/mutex.h"
#include "c_src/kernel/compiler_client.h"
#include "proto/compile.pb.h"

namespace amdgpu {

// Whose compiler makes code for a target.
enum class Family { kHost, kAmd, kNvidia };

// kInvalidArgument for a target that nobody compiles for.
absl::StatusOr<Family> FamilyOf(absl::string_view target);

struct CompilerSetOptions {
  CompilerClientOptions host;
  std::string vendor_path;  // the amdgpu_vendorcc executable; empty: only for the host
};

// Thread-safe.
class CompilerSet {
 public:
  using JobId = CompilerClient::JobId;
  using Callback = CompilerClient::Callback;
  using VersionCallback = CompilerClient::VersionCallback;

  // `wake_fd`: of the host's client. Throws std::system_error when no thread can be had.
  CompilerSet(CompilerSetOptions options, UniqueFd wake_fd);
  // Ends the compilers. Callbacks that have not run never do.
  ~CompilerSet();

  // Starts the host's compiler.
  void Warm() { host_.Warm(); }

  // As CompilerClient's. For a GPU two compiles run, the vendor's and the host's of the
  // declarations alone; the reply's code object has the signatures of both.
  void Start(JobId id, std::shared_ptr<const proto::CompileRequest> request, Callback callback);
  void Abort(JobId id);

  // The version of the compiler for `target`: at once if it is known, else from a thread of it
  // when it has started. Of the host's compiler: empty when it is not known yet, without waiting.
  void AskVersion(const std::string& target, VersionCallback callback);

  // What the compiler for `target` has said of its version; empty before.
  std::string KnownVersion(const std::string& target) const;

  std::uint64_t crashes() const;

 private:
  // Two compiles for one GPU.
  struct Pair {
    std::shared_ptr<const proto::CompileRequest> request;
    Callback callback;
    std::optional<absl::StatusOr<proto::CompileReply>> code;
    std::optional<absl::StatusOr<proto::CompileReply>> declarations;
  };

  absl::StatusOr<CompilerClient*> ClientFor(Family family);
  void StartPair(JobId id, std::shared_ptr<const proto::CompileRequest> request,
                 CompilerClient& vendor, Callback callback);
  // One half of a pair has come; the second leads to the callback.
  void OnHalf(JobId id, bool is_code, absl::StatusOr<proto::CompileReply> reply);

  const CompilerSetOptions options_;
  mutable Mutex mutex_;
  absl::flat_hash_map<JobId, Pair> pairs_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<CompilerClient> amd_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<CompilerClient> nvidia_ ABSL_GUARDED_BY(mutex_);
  CompilerClient host_;
};

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_COMPILER_SET_H_
