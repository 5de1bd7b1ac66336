// The LLVM passes of the host device: they turn HIP kernels, compiled by clang as device code for
// x86-64, into block functions (gpu/host/abi.h) that run all threads of a block.
//
// What the passes expect of the module they are given (the frontend and the device headers see to
// it):
//   - A kernel is a defined function with calling convention `spir_kernel`. Its IR parameters are
//   its
//     source parameters, one to one; aggregates are passed `byval`.
//   - A shared variable is a global variable in section `kSharedSection`. clang refuses a section
//     attribute on a local variable, so the frontend adds it to the AST: on every VarDecl with a
//     CUDASharedAttr (template instantiations too), addAttr(SectionAttr::CreateImplicit(context,
//     kSharedSection)) before code generation. A defined one is static shared memory; a declared
//     one (extern T v[]) is the launch's dynamic shared memory.
//   - Coordinates and barriers are calls of the `__hd_*` intrinsics that abi.h lists. They are
//   replaced
//     wherever they are reached from a kernel by inlining; a function that keeps one after that (it
//     is recursive, or called through a pointer) is an error, reported as a
//     DiagnosticInfoUnsupported.
//   - __device__ and __constant__ variables are `externally_initialized`, as clang makes them.
// What they leave: one external function `__hdk_<kernel>` per kernel, no kernel body, no intrinsic
// and no shared variable. Calls of libmvec's vector functions (_ZGVeN16v_expf, ...) may appear.

#ifndef AMDGPU_GPU_HOST_COMPILER_PASSES_PASSES_H_
#define AMDGPU_GPU_HOST_COMPILER_PASSES_PASSES_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace llvm {
class PassBuilder;
}

namespace amdgpu::hostcc {

// Section that marks a global variable as shared memory of a block.
inline constexpr char kSharedSection[] = ".hd.shared";

// What the passes found out about one kernel; the frontend writes it into the code object.
struct KernelFacts {
  std::string symbol;                     // the kernel's (mangled) symbol, without the block prefix
  std::uint32_t static_shared_bytes = 0;  // sum of its static shared variables, with alignment
  bool uses_dynamic_shared = false;
  bool uses_warp_operations = false;  // shuffles, votes, __syncwarp, or lockstep through volatile
  bool uses_block_barriers = false;
};

struct HostPassOptions {
  // Threads of a block in x, y, z, known at compile time; 0 in all three: code for any shape.
  // A block function compiled for a shape must be called with that shape only.
  std::array<std::uint32_t, 3> block_shape = {0, 0, 0};

  // Widest vector the code may use, in bits: 512 where the target CPU has AVX-512, else 256 or 128.
  std::uint32_t vector_bits = 512;

  // Calls of math functions may become calls of libmvec (at most 4 ulp of error).
  bool vector_math = true;

  // If set: one entry per kernel is appended while the pipeline runs, in the module's order. Must
  // outlive it.
  std::vector<KernelFacts>* facts = nullptr;
};

// Adds the passes to `builder` at the extension points of LLVM's default pipeline (O1 to O3). Call
// before the pipeline is built. A builder is good for one module. Switches loop strength reduction
// off for the whole process, which halves the time of code generation; not thread-safe.
void registerHostDevicePasses(llvm::PassBuilder& builder, const HostPassOptions& options);

}  // namespace amdgpu::hostcc

#endif  // AMDGPU_GPU_HOST_COMPILER_PASSES_PASSES_H_
