// The sandbox of workers with a vendor's runtime in them: a list of what is forbidden.

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "c_src/worker/sandbox.h"
#include "c_src/worker/seccomp_filter.h"

namespace amdgpu::worker {
namespace {

constexpr int kForbidden[] = {
    // New programs and processes.
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    // Other processes.
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(kcmp),
    // Where and who we are.
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(chroot),
    SCMP_SYS(pivot_root),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(capset),
    // The machine.
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
};

}  // namespace

absl::Status EnterVendorSandbox() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return ErrnoError(errno, "setting RLIMIT_CORE");
  constexpr std::uint32_t kRefused = SCMP_ACT_ERRNO(EPERM);
  const auto self = static_cast<std::uint64_t>(getpid());
  Filter filter(SCMP_ACT_ALLOW);
  for (const int call : kForbidden) filter.Rule(kRefused, call);
  // Threads, but no processes. What clone3 asks for cannot be seen here: the C library is told that
  // there is none and takes clone.
  filter.Rule(kRefused, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
  filter.Rule(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  filter.Rule(kRefused, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
  for (const int call : {SCMP_SYS(kill), SCMP_SYS(tgkill)}) {
    filter.Rule(kRefused, call, SCMP_A0(SCMP_CMP_NE, self, 0));
  }
  filter.Rule(kRefused, SCMP_SYS(tkill));
  return filter.Load();
}

}  // namespace amdgpu::worker
