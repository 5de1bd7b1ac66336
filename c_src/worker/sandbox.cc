#include "c_src/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "c_src/runtime/protocol.h"
#include "c_src/worker/seccomp_filter.h"

namespace amdgpu::worker {
namespace {

// Keeps malloc from opening files later: it counts the cores when its arenas are contended, unless
// told how many there may be, and asks for the overcommit policy before it gives memory back.
void KeepMallocFromFiles() {
  constexpr int kArenas = 8;
  constexpr int kNeverTrim = -1;
  mallopt(M_ARENA_MAX, kArenas);
  mallopt(M_TRIM_THRESHOLD, kNeverTrim);
}

// Waiting, memory, signals to ourselves, and ending.
constexpr int kAllowed[] = {
    SCMP_SYS(futex),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(sched_yield),
    SCMP_SYS(getcpu),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(munmap),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(read),
    SCMP_SYS(pread64),  // of what was opened before: the sampler's files
    SCMP_SYS(recvfrom),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(membarrier),
    SCMP_SYS(getrandom),
};

#ifdef AMDGPU_SANITIZED
constexpr int kAllowedToSanitizers[] = {
    SCMP_SYS(clone),      SCMP_SYS(clone3),       SCMP_SYS(close),    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(stat),         SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64), SCMP_SYS(rt_sigaction), SCMP_SYS(lseek),    SCMP_SYS(prctl),
    SCMP_SYS(getrlimit),  SCMP_SYS(prlimit64),    SCMP_SYS(getuid),   SCMP_SYS(pipe2),
    SCMP_SYS(write),      SCMP_SYS(uname),        SCMP_SYS(sysinfo),  SCMP_SYS(getppid),
    SCMP_SYS(ioctl),
};
#endif

constexpr std::uint64_t kMaxFds = 64;

absl::Status LoadFilter() {
  Filter filter(SCMP_ACT_TRAP);
  for (const int call : kAllowed) filter.Rule(SCMP_ACT_ALLOW, call);
  for (const int call : {SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(sendto)}) {
    filter.Rule(SCMP_ACT_ALLOW, call, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0));
    filter.Rule(SCMP_ACT_ALLOW, call, SCMP_A0(SCMP_CMP_EQ, protocol::kControlFd, 0));
  }
  // Memory is writable or executable, never both.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    constexpr int kMask = PROT_WRITE | PROT_EXEC;
    filter.Rule(SCMP_ACT_ALLOW, call, SCMP_A2(SCMP_CMP_MASKED_EQ, kMask, 0));
    filter.Rule(SCMP_ACT_ALLOW, call, SCMP_A2(SCMP_CMP_MASKED_EQ, kMask, PROT_WRITE));
    filter.Rule(SCMP_ACT_ALLOW, call, SCMP_A2(SCMP_CMP_MASKED_EQ, kMask, PROT_EXEC));
  }
#ifdef AMDGPU_SANITIZED
  for (const int call : kAllowedToSanitizers) filter.Rule(SCMP_ACT_ALLOW, call);
  // Symbols and memory maps, for their reports.
  filter.Rule(SCMP_ACT_ALLOW, SCMP_SYS(openat),
              SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
#else
  // The C library asks for no more than to be told no.
  filter.Rule(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
#endif
  return filter.Load();
}

absl::Status Limit(int resource, std::uint64_t value, const char* name) {
  const rlimit limit{value, value};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) {
    return ErrnoError(errno, absl::StrCat("setting ", name));
  }
  return absl::OkStatus();
}

absl::Status SetLimits() {
  absl::Status status = Limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  if (status.ok()) status = Limit(RLIMIT_NOFILE, kMaxFds, "RLIMIT_NOFILE");
#ifndef AMDGPU_SANITIZED
  if (status.ok()) status = Limit(RLIMIT_NPROC, 0, "RLIMIT_NPROC");
#endif
  // Unless standard error is a file: its messages are worth more than this second lock.
  struct stat error_output;
  const bool logs_to_file =
      fstat(STDERR_FILENO, &error_output) == 0 && S_ISREG(error_output.st_mode);
  if (status.ok() && !logs_to_file) status = Limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE");
  return status;
}

}  // namespace

absl::Status EnterHostSandbox() {
  KeepMallocFromFiles();
  if (absl::Status status = SetLimits(); !status.ok()) return status;
  return LoadFilter();
}

}  // namespace amdgpu::worker
