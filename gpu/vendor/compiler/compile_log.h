// The text that hipRTC (clang) and NVRTC write about a source, as diagnostics.

#ifndef AMDGPU_GPU_VENDOR_COMPILER_COMPILE_LOG_H_
#define AMDGPU_GPU_VENDOR_COMPILER_COMPILE_LOG_H_

#include "absl/strings/string_view.h"
#include "proto/compile.pb.h"

namespace amdgpu::vendorcc {

// The file that text behind the source is said to be in: what the compilers make of name
// expressions there is not shown. NVRTC has a file of its own for them.
inline constexpr char kNamesFile[] = "amdgpu-names";

// Appends what `log` says, in the log's order, to reply's diagnostics. Places in the caller's
// source (named FileNameOf(request)) get their line of the source; files of the machine, or of the
// compiler's, lose their folders. True: there was an error in a name expression, which was left
// out.
bool ParseCompileLog(absl::string_view log, const proto::CompileRequest& request,
                     proto::CompileReply* reply);

}  // namespace amdgpu::vendorcc

#endif  // AMDGPU_GPU_VENDOR_COMPILER_COMPILE_LOG_H_
