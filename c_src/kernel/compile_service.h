// Source text in, code object out: memory cache, disk cache, then a child of the compiler process.
//
// One service serves every device of a BEAM. Two requests for the same content at the same time
// compile once.

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
  std::string bytes;  // for "host": a serialized proto::HostCodeObject
  std::vector<proto::Diagnostic> warnings;
};
using CodeObjectRef = std::shared_ptr<const CodeObject>;

enum class CodeOrigin { kMemory, kDisk, kCompiled };

struct CompileResult {
  absl::StatusOr<CodeObjectRef> code;  // an error carries ErrorDetail.compile, .timeout
  CodeOrigin origin = CodeOrigin::kCompiled;
  std::uint64_t duration_ns = 0;  // from the request to the result
};

struct CompileServiceOptions {
  std::string compiler_path;  // the amdgpu_compiler executable
  std::string
      cache_dir;  // empty: $AMDGPU_CACHE_DIR, else $XDG_CACHE_HOME/amdgpu, else ~/.cache/amdgpu
  std::uint64_t disk_limit_bytes = std::uint64_t{512} << 20;
  std::uint64_t memory_limit_bytes = std::uint64_t{64} << 20;
  bool use_disk = true;
};

struct CompileServiceStats {
  std::uint64_t memory_hits = 0;
  std::uint64_t disk_hits = 0;
  std::uint64_t compiled = 0;
  std::uint64_t failed = 0;
  std::uint64_t joined = 0;       // requests that waited for another's compile
  std::uint64_t crashes = 0;      // children that died
  std::uint64_t disk_errors = 0;  // entries that could not be read or written (disk full, corrupt)
  std::uint64_t disk_bytes = 0;
};

// Thread-safe. The destructor cancels what is under way and ends the compiler process.
class CompileService {
 public:
  // Identifies a request that is under way.
  using RequestId = std::uint64_t;
  // Called exactly once, from a thread of the service (never from inside Compile).
  using Callback = std::function<void(CompileResult)>;

  // Starts no process yet. Fails only for options that cannot work (no such compiler executable).
  static absl::StatusOr<std::unique_ptr<CompileService>> Create(CompileServiceOptions options);
  virtual ~CompileService() = default;

  // Starts the compiler process so that the first compile finds it warm. Returns at once.
  virtual void Warm() = 0;

  // The memory cache alone: never blocks, a few microseconds. Null when it is not there.
  virtual CodeObjectRef Lookup(const proto::CompileRequest& request) = 0;

  virtual RequestId Compile(proto::CompileRequest request, Callback callback) = 0;

  // The callback gets kCancelled, unless it already ran or runs now. The child is killed if nobody
  // else waits for it.
  virtual bool Cancel(RequestId id) = 0;

  virtual CompileServiceStats stats() const = 0;
  // Where the disk cache is; empty when there is none.
  virtual std::string cache_dir() const = 0;
  // Drops the memory cache; with `disk`, also the entries on disk.
  virtual void Clear(bool disk) = 0;
};

// The content hash of everything in `request` that can change the result, the compiler's build and
// target CPU included. Limits (timeout, memory) do not count.
std::string ContentKey(const proto::CompileRequest& request, const std::string& target_cpu);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_COMPILE_SERVICE_H_
