#include "nif/compiler.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "c_src/base/mutex.h"

namespace amdgpu::nif {
namespace {

struct Holder {
  Mutex mutex;
  std::shared_ptr<CompileService> service ABSL_GUARDED_BY(mutex);
};

// Leaked: the VM may halt while a thread of the service runs.
Holder& TheHolder() {
  static Holder* const holder = new Holder;
  return *holder;
}

// The previous service is dropped by the caller, outside the lock.
std::shared_ptr<CompileService> Exchange(std::shared_ptr<CompileService> service) {
  Holder& holder = TheHolder();
  MutexLock lock(&holder.mutex);
  return std::exchange(holder.service, std::move(service));
}

}  // namespace

absl::Status StartCompiler(const CompileServiceOptions& options) {
  absl::StatusOr<std::unique_ptr<CompileService>> service = CompileService::Create(options);
  if (!service.ok()) return service.status();
  (*service)->Warm();
  Exchange(*std::move(service));
  return absl::OkStatus();
}

void StopCompiler() { Exchange(nullptr); }

std::shared_ptr<CompileService> Compiler() {
  Holder& holder = TheHolder();
  MutexLock lock(&holder.mutex);
  return holder.service;
}

}  // namespace amdgpu::nif
