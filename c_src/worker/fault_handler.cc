#include "c_src/worker/fault_handler.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>

namespace amdgpu::worker {
namespace {

using protocol::FaultKind;
using protocol::FaultRecord;

constexpr int kFatalSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
constexpr std::size_t kAlternateStackBytes = 64 * 1024;

// Set once before any handler can run.
FaultRecord* g_record = nullptr;
CurrentLaunchHook g_hook = nullptr;

// A thread that runs out of stack faults near its stack pointer: just below it by a push or a call,
// or above it in a frame that was opened across the guard page.
bool NearStackPointer(std::uint64_t address, const ucontext_t& context) {
#if defined(__x86_64__)
  constexpr std::uint64_t kBelow = 64 * 1024;
  constexpr std::uint64_t kAbove = 1024 * 1024;
  const std::uint64_t stack_pointer =
      static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RSP]);
  return address + kBelow >= stack_pointer && address < stack_pointer + kAbove;
#else
  (void)address;
  (void)context;
  return false;
#endif
}

// For one thread: the first that faults.
const char* DescribeSystemCall(int number) {
  static char text[] = "the sandbox forbids system call number      ";
  char* digit = text + sizeof(text) - 2;
  for (; number > 0 && *digit == ' '; number /= 10) {
    *digit-- = static_cast<char>('0' + number % 10);
  }
  return text;
}

void Handle(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  LaunchIdentity launch;
  const bool in_kernel = g_hook != nullptr && g_hook(&launch);
  if (!in_kernel) launch = {};
  FaultKind kind = FaultKind::kSignal;
  const char* message = launch.message;
  std::uint64_t address = 0;
  // The address means something only if the processor raised the signal.
  if (info->si_code > 0 && signal != SIGSYS) {
    address = reinterpret_cast<std::uint64_t>(info->si_addr);
  }
  if (signal == SIGABRT) {
    kind = message[0] != '\0' ? FaultKind::kAssert : FaultKind::kAbort;
  } else if (signal == SIGSEGV && address != 0 &&
             NearStackPointer(address, *static_cast<ucontext_t*>(context))) {
    kind = FaultKind::kStackOverflow;
    message = "stack overflow";
  } else if (signal == SIGSYS) {
    message = DescribeSystemCall(info->si_syscall);
  }
  RecordFault(*g_record, kind, signal, address, launch, message);
  // SA_RESETHAND has restored the default action: the signal, raised again and unblocked by our
  // return, ends the process.
  syscall(SYS_tgkill, getpid(), static_cast<pid_t>(syscall(SYS_gettid)), signal);
  errno = saved_errno;
}

}  // namespace

void RecordFault(FaultRecord& record, FaultKind kind, int signal, std::uint64_t address,
                 const LaunchIdentity& launch, const char* message) {
  std::uint32_t empty = 0;
  if (!record.state.compare_exchange_strong(empty, 1)) {
    // Another thread was first and is about to end the process; do not end it before it has
    // finished writing.
    while (record.state.load() == 1) {
    }
    return;
  }
  record.kind = kind;
  record.signal = signal;
  record.address = address;
  record.ticket = launch.ticket;
  record.function = launch.function;
  std::size_t length = 0;
  for (; length + 1 < sizeof(record.message) && message[length] != '\0'; ++length) {
    record.message[length] = message[length];
  }
  record.message[length] = '\0';
  record.state.store(2);
}

void InstallFaultHandler(FaultRecord* record, CurrentLaunchHook hook) {
  g_record = record;
  g_hook = hook;
  struct sigaction action{};
  action.sa_sigaction = Handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
  sigfillset(&action.sa_mask);
  for (const int signal : kFatalSignals) sigaction(signal, &action, nullptr);
}

AlternateStack::AlternateStack() : memory_(std::make_unique<char[]>(kAlternateStackBytes)) {
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kAlternateStackBytes;
  sigaltstack(&stack, nullptr);
}

AlternateStack::~AlternateStack() {
  stack_t stack{};
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, nullptr);
}

}  // namespace amdgpu::worker
