// Source text in, code object out: memory cache, disk cache, then a child of the compiler process.
//
// One service serves every device of a BEAM. Two requests for the same content at the same time
// compile once, also those of several BEAMs that share a cache directory.

#ifndef AMDGPU_C_SRC_KERNEL_COMPILE_SERVICE_H_
#define AMDGPU_C_SRC_KERNEL_COMPILE_SERVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/compile.pb.h"

namespace amdgpu {

// The compiled bytes of one request. Immutable, shared by caches and devices.
struct CodeObject {
  std::string key;    // content hash of the request: 64 hexadecimal digits
  std::string bytes;  // a serialized proto::HostCodeObject (of "host") or VendorCodeObject
  std::vector<proto::Diagnostic> warnings;
};
using CodeObjectRef = std::shared_ptr<const CodeObject>;

// A device's kernel may also come from a bundle; the service has none.
enum class CodeOrigin { kMemory, kDisk, kCompiled, kBundle };

struct CompileResult {
  // Errors: kInvalidArgument: the source is wrong; kDeadlineExceeded; kResourceExhausted: memory,
  // output or descriptors; kFailedPrecondition: the compiler refuses (another build); kCancelled;
  // kInternal: the compiler crashed, twice. They carry ErrorDetail.compile or .timeout.
  absl::StatusOr<CodeObjectRef> code;
  CodeOrigin origin = CodeOrigin::kCompiled;
  std::uint64_t duration_ns = 0;  // from the request to the result
};

struct CompileServiceOptions {
  std::string compiler_path;               // the amdgpu_compiler executable
  std::vector<std::string> compiler_args;  // for it
  std::string vendor_compiler_path;        // amdgpu_vendorcc; empty: no code for GPUs
  // Empty: $AMDGPU_CACHE_DIR, else $XDG_CACHE_HOME/amdgpu, else ~/.cache/amdgpu.
  std::string cache_dir;
  std::uint64_t disk_limit_bytes = std::uint64_t{512} << 20;
  std::uint64_t memory_limit_bytes = std::uint64_t{64} << 20;
  bool use_disk = true;
  std::uint32_t max_parallel = 0;             // compiles at once; 0 = one per core
  std::uint32_t default_timeout_ms = 60'000;  // of a request that sets none
  std::uint32_t start_timeout_ms = 60'000;    // of the compiler process, until it is warm
  // How long after a request's timeout the compiler process is taken for stuck and ended.
  std::uint32_t grace_ms = 2'000;
};

struct CompileServiceStats {
  std::uint64_t memory_hits = 0;
  std::uint64_t disk_hits = 0;
  std::uint64_t compiled = 0;
  std::uint64_t failed = 0;
  std::uint64_t joined = 0;       // requests that waited for another's compile
  std::uint64_t crashes = 0;      // compiles and compiler processes that died
  std::uint64_t disk_errors = 0;  // entries that could not be read or written (disk full, corrupt)
  std::uint64_t disk_bytes = 0;
};

// Thread-safe. The destructor cancels what is under way and ends the compiler process.
class CompileService {
 public:
  // Identifies a request that is under way.
  using RequestId = std::uint64_t;
  // Called exactly once, from a thread of the service (never from inside Compile): one after the
  // other, so it must not wait for another compile.
  using Callback = std::function<void(CompileResult)>;

  // Starts no process yet. Fails only for options that cannot work (no such compiler executable)
  // and without threads or descriptors; without a usable cache directory it works from memory.
  static absl::StatusOr<std::unique_ptr<CompileService>> Create(
      const CompileServiceOptions& options);
  virtual ~CompileService() = default;

  // Starts the compiler process so that the first compile finds it warm. Returns at once.
  virtual void Warm() = 0;

  // The memory cache alone: never blocks, a few microseconds. Null when it is not there.
  virtual CodeObjectRef Lookup(const proto::CompileRequest& request) = 0;

  // Limits of a request that joins another's compile do not count: the first one's hold.
  virtual RequestId Compile(proto::CompileRequest request, Callback callback) = 0;

  // True: the callback gets kCancelled. False: it ran, or will run with its result. The child is
  // killed if nobody else waits for it.
  virtual bool Cancel(RequestId id) = 0;

  virtual CompileServiceStats stats() const = 0;
  // Where the disk cache is; empty when there is none.
  virtual std::string cache_dir() const = 0;
  // Why there is no disk cache: a directory of another user, a full disk. OK when there is one or
  // none was wanted.
  virtual absl::Status cache_status() const { return absl::OkStatus(); }
  // Drops the memory cache; with `disk`, also the entries on disk.
  virtual void Clear(bool disk) = 0;
};

// The content hash of everything in `request` that can change the result, the compiler's build
// included. Limits (timeout, memory) do not count. `maker`: what else the code depends on. For the
// target "host" that is which machine code this machine runs (HostTargetIdentity()), for a GPU the
// version of its vendor's library.
std::string ContentKey(const proto::CompileRequest& request, const std::string& maker);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_COMPILE_SERVICE_H_
