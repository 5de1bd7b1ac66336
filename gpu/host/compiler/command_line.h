// The compiler as a tool for people: compiles one file and prints what clang has to say.

#ifndef AMDGPU_GPU_HOST_COMPILER_COMMAND_LINE_H_
#define AMDGPU_GPU_HOST_COMPILER_COMMAND_LINE_H_

namespace amdgpu::hostcc {

// Returns the exit code.
int RunCommandLine(int argc, char** argv);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_COMMAND_LINE_H_
