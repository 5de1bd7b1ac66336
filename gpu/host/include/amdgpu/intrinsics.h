// The intrinsics that the compiler's passes replace (gpu/host/abi.h says what each means). Not for
// kernels: the other headers are written in terms of them.
#ifndef AMDGPU_HD_INTRINSICS_H_
#define AMDGPU_HD_INTRINSICS_H_

extern "C" {
__device__ __attribute__((const)) unsigned __hd_tid(int dim);
__device__ __attribute__((const)) unsigned __hd_bid(int dim);
__device__ __attribute__((const)) unsigned __hd_bdim(int dim);
__device__ __attribute__((const)) unsigned __hd_gdim(int dim);
__device__ __attribute__((const)) unsigned __hd_flat();
__device__ __attribute__((const)) void* __hd_xchg();
__device__ __attribute__((convergent)) void __hd_barrier();
__device__ __attribute__((convergent)) void __hd_wbarrier();
}

#endif  // AMDGPU_HD_INTRINSICS_H_
