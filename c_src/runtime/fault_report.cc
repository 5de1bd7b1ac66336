#include "c_src/runtime/fault_report.h"

#include <string.h>

#include "absl/strings/str_cat.h"
#include "c_src/base/error.h"
#include "c_src/base/spawn.h"

namespace amdgpu {
namespace {

using protocol::FaultKind;

std::string Where(std::uint64_t address, const std::optional<NearBuffer>& near) {
  std::string text = absl::StrCat(" at address 0x", absl::Hex(address));
  if (!near.has_value()) return text;
  if (near->offset < 0) {
    return absl::StrCat(text, ", ", -near->offset, " bytes before a buffer of ", near->bytes);
  }
  const auto offset = static_cast<std::uint64_t>(near->offset);
  if (offset >= near->bytes) {
    return absl::StrCat(text, ", ", offset - near->bytes, " bytes past the end of a buffer of ",
                        near->bytes);
  }
  return absl::StrCat(text, ", ", offset, " bytes into a buffer of ", near->bytes);
}

}  // namespace

std::optional<FaultSnapshot> ReadFault(const protocol::FaultRecord& record) {
  if (record.state.load() != 2) return std::nullopt;
  FaultSnapshot fault;
  fault.kind = record.kind;
  fault.signal = record.signal;
  fault.address = record.address;
  fault.ticket = record.ticket;
  fault.message.assign(record.message, strnlen(record.message, sizeof(record.message)));
  return fault;
}

absl::Status FaultError(const FaultSnapshot& fault, const std::string& kernel,
                        std::uint64_t timeout_ns, const std::optional<NearBuffer>& near) {
  proto::ErrorDetail detail;
  const bool on_device = fault.kind == FaultKind::kDevice;
  const std::string what = !kernel.empty() ? absl::StrCat("kernel \"", kernel, "\"")
                           : on_device     ? "a launch, it is not known which,"
                                           : "the worker";
  if (fault.kind == FaultKind::kTimeout) {
    detail.mutable_timeout()->set_what(kernel.empty() ? "a kernel"
                                                      : absl::StrCat("kernel ", kernel));
    detail.mutable_timeout()->set_after_ns(timeout_ns);
    return MakeError(absl::StatusCode::kDeadlineExceeded,
                     absl::StrCat(what, " was ended: it ran for more than its ",
                                  static_cast<double>(timeout_ns) * 1e-6, " ms"),
                     detail);
  }
  proto::KernelFaultDetail& report = *detail.mutable_fault();
  report.set_kernel(kernel);
  report.set_signal(fault.signal);
  if (fault.signal != 0) report.set_signal_name(SignalName(fault.signal));
  report.set_address(fault.address);
  report.set_message(fault.message);
  if (near.has_value()) {
    report.set_buffer_address(near->address);
    report.set_buffer_bytes(near->bytes);
    report.set_buffer_offset(near->offset);
  }
  std::string message = absl::StrCat(what, " failed");
  if (fault.signal != 0) absl::StrAppend(&message, " with ", report.signal_name());
  const bool at_address = fault.kind == FaultKind::kSignal &&
                          (report.signal_name() == "SIGSEGV" || report.signal_name() == "SIGBUS");
  if (at_address) message += Where(fault.address, near);
  if (!fault.message.empty()) absl::StrAppend(&message, ": ", fault.message);
  return MakeError(absl::StatusCode::kAborted, message, detail);
}

absl::Status DeviceLostError(const std::string& device, const std::string& reason,
                             const std::string& kernel) {
  proto::ErrorDetail detail;
  detail.mutable_device_lost()->set_device(device);
  detail.mutable_device_lost()->set_reason(reason);
  detail.mutable_device_lost()->set_kernel(kernel);
  const std::string under = kernel.empty() ? "" : absl::StrCat(" under kernel \"", kernel, "\"");
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("device ", device, " was lost", under, ": ", reason), detail);
}

}  // namespace amdgpu
