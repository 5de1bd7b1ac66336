#include "gpu/compiler_process/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"

namespace amdgpu::compiler_process {
namespace {

constexpr std::uint64_t kStackBytes = 64ull << 20;  // clang recurses over what it parses
constexpr std::uint64_t kMaxFileBytes = 256ull << 20;
constexpr std::uint64_t kMaxDescriptors = 64;

absl::Status SetLimit(__rlimit_resource resource, std::uint64_t soft, std::uint64_t hard,
                      const char* name) {
  rlimit now;
  if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY) {
    hard = std::min<std::uint64_t>(hard, now.rlim_max);
    soft = std::min(soft, hard);
  }
  const rlimit limit = {soft, hard};
  if (setrlimit(resource, &limit) != 0) return ErrnoError(errno, absl::StrCat("limiting ", name));
  return absl::OkStatus();
}

// Bytes of address space this process has.
[[maybe_unused]] absl::StatusOr<std::uint64_t> AddressSpace() {
  FILE* file = fopen("/proc/self/statm", "re");
  if (file == nullptr) return ErrnoError(errno, "opening /proc/self/statm");
  unsigned long long pages = 0;
  const int fields = fscanf(file, "%llu", &pages);
  fclose(file);
  if (fields != 1) return absl::InternalError("/proc/self/statm has no size");
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

absl::Status LimitAddressSpace(std::uint64_t extra) {
#ifdef AMDGPU_SANITIZED
  static_cast<void>(extra);  // a sanitizer's shadow memory takes terabytes
  return absl::OkStatus();
#else
  auto size = AddressSpace();
  if (!size.ok()) return size.status();
  return SetLimit(RLIMIT_AS, *size + extra, *size + extra, "memory");
#endif
}

// Computing, memory, threads of this process, and its own descriptors.
constexpr int kAllowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(close),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrusage),
    SCMP_SYS(times),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getrlimit),
#ifdef AMDGPU_SANITIZED
    SCMP_SYS(pipe2),  // how the sanitizers probe memory
#endif
};

// What libraries try and can live without.
struct Denied {
  int call;
  int error;
};
constexpr Denied kDenied[] = {
    {SCMP_SYS(open), EACCES},       {SCMP_SYS(openat), EACCES},   {SCMP_SYS(stat), EACCES},
    {SCMP_SYS(lstat), EACCES},      {SCMP_SYS(fstat), EACCES},    {SCMP_SYS(newfstatat), EACCES},
    {SCMP_SYS(statx), EACCES},      {SCMP_SYS(access), EACCES},   {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(faccessat2), EACCES}, {SCMP_SYS(readlink), EACCES}, {SCMP_SYS(readlinkat), EACCES},
    {SCMP_SYS(getcwd), EACCES},     {SCMP_SYS(uname), EACCES},    {SCMP_SYS(lseek), ESPIPE},
    {SCMP_SYS(ioctl), ENOTTY},      {SCMP_SYS(prctl), EPERM},     {SCMP_SYS(prlimit64), EPERM},
    {SCMP_SYS(sysinfo), EPERM},     {SCMP_SYS(clone3), ENOSYS},
};

// Files, which confinement has left few of.
constexpr int kFileCalls[] = {
    SCMP_SYS(open),      SCMP_SYS(openat),     SCMP_SYS(stat),       SCMP_SYS(lstat),
    SCMP_SYS(fstat),     SCMP_SYS(newfstatat), SCMP_SYS(statx),      SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),   SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),    SCMP_SYS(lseek),      SCMP_SYS(pread64),    SCMP_SYS(pwrite64),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate),  SCMP_SYS(getdents64), SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),   SCMP_SYS(rmdir),      SCMP_SYS(unlink),     SCMP_SYS(unlinkat),
    SCMP_SYS(rename),    SCMP_SYS(renameat),   SCMP_SYS(renameat2),  SCMP_SYS(fcntl),
    SCMP_SYS(umask),     SCMP_SYS(chmod),      SCMP_SYS(fchmod),     SCMP_SYS(fchmodat),
    SCMP_SYS(flock),     SCMP_SYS(utimensat),  SCMP_SYS(dup),
};

absl::Status AddFileRules(scmp_filter_ctx context) {
  int failed = 0;
  for (int call : kFileCalls) failed |= seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 0);
  // Looking at limits, but no raising of them.
  failed |=
      seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0, 0));
  // glibc does without when it hears that there is no such call.
  failed |= seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  failed |= seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
  if (failed != 0) return absl::InternalError("a rule of the system call filter was refused");
  return absl::OkStatus();
}

absl::Status AddRules(scmp_filter_ctx context, Files files) {
  int failed = 0;
  for (int call : kAllowed) failed |= seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 0);
  for (const Denied& denied : kDenied) {
    if (files == Files::kPrivate) break;
    failed |= seccomp_rule_add(context, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(denied.error)),
                               denied.call, 0);
  }
  // Memory, but no code.
  for (int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    failed |= seccomp_rule_add(context, SCMP_ACT_ALLOW, call, 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  }
  // Threads, but no processes.
  failed |= seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  if (failed != 0) return absl::InternalError("a rule of the system call filter was refused");
  return files == Files::kPrivate ? AddFileRules(context) : absl::OkStatus();
}

}  // namespace

absl::Status ApplyLimits(const Limits& limits) {
  const auto seconds = static_cast<std::uint64_t>((limits.time.count() + 999) / 1000);
  absl::Status status = SetLimit(RLIMIT_CPU, seconds, seconds + 1, "CPU time");
  status.Update(LimitAddressSpace(limits.memory_bytes));
  status.Update(SetLimit(RLIMIT_STACK, kStackBytes, kStackBytes, "the stack"));
  status.Update(SetLimit(RLIMIT_CORE, 0, 0, "core dumps"));
  const bool files = limits.files == Files::kPrivate;
  const std::uint64_t file_bytes = files ? kMaxFileBytes : 0;
  const std::uint64_t descriptors = files ? kMaxDescriptors : 0;
  status.Update(SetLimit(RLIMIT_FSIZE, file_bytes, file_bytes, "file sizes"));
  status.Update(SetLimit(RLIMIT_NOFILE, descriptors, descriptors, "descriptors"));
  itimerval timer = {};
  timer.it_value.tv_sec = limits.time.count() / 1000;
  timer.it_value.tv_usec = limits.time.count() % 1000 * 1000;
  if (setitimer(ITIMER_REAL, &timer, nullptr) != 0) {
    status.Update(ErrnoError(errno, "setting the time limit"));
  }
  return status;
}

absl::StatusOr<SyscallFilter> SyscallFilter::Build(Files files) {
  scmp_filter_ctx context =
      seccomp_init(files == Files::kNone ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
  if (context == nullptr) return absl::ResourceExhaustedError("no memory for a filter");
  SyscallFilter filter(context);
  if (absl::Status status = AddRules(context, files); !status.ok()) return status;
  return filter;
}

SyscallFilter::~SyscallFilter() {
  if (context_ != nullptr) seccomp_release(context_);
}

absl::Status SyscallFilter::Load() const {
  if (const int error = seccomp_load(context_); error != 0) {
    return ErrnoError(-error, "loading the system call filter");
  }
  return absl::OkStatus();
}

}  // namespace amdgpu::compiler_process
