// What went wrong with a compile: as data for programs, as text for people.

#ifndef AMDGPU_C_SRC_KERNEL_COMPILE_ERROR_H_
#define AMDGPU_C_SRC_KERNEL_COMPILE_ERROR_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "google/protobuf/repeated_field.h"
#include "proto/compile.pb.h"

namespace amdgpu {

// Most errors that a message shows; the rest are counted.
inline constexpr int kMaxShownErrors = 20;

// The errors among `diagnostics` with their notes, as clang prints them: place, message, source
// line, caret. Nothing in it can control a terminal.
std::string FormatDiagnostics(
    const google::protobuf::RepeatedPtrField<proto::Diagnostic>& diagnostics);

// The error for a reply whose outcome is not OK. `request` had its defaults filled in.
absl::Status CompileError(const proto::CompileReply& reply, const proto::CompileRequest& request);

// The error for a compile that had not ended `timeout_ms` after its start.
absl::Status CompileTimeout(std::uint32_t timeout_ms);

}  // namespace amdgpu

#endif  // AMDGPU_C_SRC_KERNEL_COMPILE_ERROR_H_
