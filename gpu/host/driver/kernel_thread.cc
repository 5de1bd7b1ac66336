#include "gpu/host/driver/kernel_thread.h"

#include <signal.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "absl/memory/memory.h"
#include "c_src/base/error.h"
#include "gpu/host/abi.h"
#include "gpu/host/driver/page.h"

namespace amdgpu::host {
namespace {

constexpr std::size_t kGuardBytes = std::size_t{64} << 20;
constexpr std::size_t kStackBytes = std::size_t{64} << 20;
constexpr std::size_t kSignalStackBytes = 64 * 1024;

// The memory of a thread, from low to high: guard, stack, guard page, dynamic shared memory, guard
// page, exchange buffer, guard page, signal stack.
constexpr std::size_t kStackOffset = kGuardBytes;
constexpr std::size_t kSharedOffset = kStackOffset + kStackBytes + kPageBytes;
constexpr std::size_t kExchangeOffset = kSharedOffset + kMaxSharedBytes + kPageBytes;
constexpr std::size_t kSignalStackOffset =
    kExchangeOffset + RoundUp(kExchangeBytes, kPageBytes) + kPageBytes;
constexpr std::size_t kThreadBytes = kSignalStackOffset + kSignalStackBytes;

constinit thread_local const KernelThreadResources* volatile current_resources = nullptr;

}  // namespace

absl::StatusOr<std::unique_ptr<KernelThread>> KernelThread::Start(const std::string& name,
                                                                  std::function<void()> body) {
  std::unique_ptr<KernelThread> thread = absl::WrapUnique(new KernelThread(std::move(body)));
  if (absl::Status status = thread->MapMemory(); !status.ok()) return status;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  int error = pthread_attr_setstack(&attributes, thread->memory_ + kStackOffset, kStackBytes);
  if (error == 0) error = pthread_create(&thread->thread_, &attributes, &Entry, thread.get());
  pthread_attr_destroy(&attributes);
  if (error != 0) return ErrnoError(error, "starting a thread for kernels");
  thread->started_ = true;
  pthread_setname_np(thread->thread_, name.substr(0, 15).c_str());
  return thread;
}

KernelThread::~KernelThread() {
  if (started_) pthread_join(thread_, nullptr);
  if (memory_ != nullptr) munmap(memory_, kThreadBytes);
}

const KernelThreadResources* KernelThread::Current() { return current_resources; }

absl::Status KernelThread::MapMemory() {
  void* memory =
      mmap(nullptr, kThreadBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return ErrnoError(errno, "memory for a thread of kernels");
  memory_ = static_cast<std::byte*>(memory);
  const std::pair<std::size_t, std::size_t> accessible[] = {
      {kStackOffset, kStackBytes},
      {kSharedOffset, kMaxSharedBytes},
      {kExchangeOffset, RoundUp(kExchangeBytes, kPageBytes)},
      {kSignalStackOffset, kSignalStackBytes},
  };
  for (const auto& [offset, bytes] : accessible) {
    if (mprotect(memory_ + offset, bytes, PROT_READ | PROT_WRITE) != 0) {
      return ErrnoError(errno, "memory for a thread of kernels");
    }
  }
  resources_.guard_begin = reinterpret_cast<std::uint64_t>(memory_);
  resources_.guard_end = resources_.guard_begin + kGuardBytes;
  resources_.dynamic_shared = memory_ + kSharedOffset;
  resources_.exchange = memory_ + kExchangeOffset;
  return absl::OkStatus();
}

void* KernelThread::Entry(void* self) {
  static_cast<KernelThread*>(self)->Main();
  return nullptr;
}

void KernelThread::Main() {
  // A handler for a stack overflow needs another stack. The one before is put back at the end, for
  // a sanitizer that set one.
  stack_t signal_stack = {};
  signal_stack.ss_sp = memory_ + kSignalStackOffset;
  signal_stack.ss_size = kSignalStackBytes;
  stack_t previous = {};
  sigaltstack(&signal_stack, &previous);
  current_resources = &resources_;
  body_();
  current_resources = nullptr;
  sigaltstack(&previous, nullptr);
}

}  // namespace amdgpu::host
