// threadIdx, blockIdx, blockDim, gridDim, dim3 and warpSize.
#ifndef AMDGPU_HD_COORDINATES_H_
#define AMDGPU_HD_COORDINATES_H_

struct dim3 {
  unsigned x, y, z;
  __host__ __device__ constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1)
      : x(x_), y(y_), z(z_) {}
};

// A variable without storage whose members x, y and z are calls of `intrinsic`.
#define __HD_COORDINATE(variable, intrinsic)                                               \
  struct __hd_##variable##_t {                                                             \
    __declspec(property(get = __get_x)) unsigned x;                                        \
    __declspec(property(get = __get_y)) unsigned y;                                        \
    __declspec(property(get = __get_z)) unsigned z;                                        \
    __device__ inline __attribute__((always_inline)) unsigned __get_x() const {            \
      return intrinsic(0);                                                                 \
    }                                                                                      \
    __device__ inline __attribute__((always_inline)) unsigned __get_y() const {            \
      return intrinsic(1);                                                                 \
    }                                                                                      \
    __device__ inline __attribute__((always_inline)) unsigned __get_z() const {            \
      return intrinsic(2);                                                                 \
    }                                                                                      \
    __device__ inline __attribute__((always_inline)) operator dim3() const {               \
      return dim3(intrinsic(0), intrinsic(1), intrinsic(2));                               \
    }                                                                                      \
    __device__ inline __attribute__((always_inline)) operator uint3() const;               \
  };                                                                                       \
  __device__ inline __attribute__((always_inline)) __hd_##variable##_t::operator uint3() const { \
    return uint3(intrinsic(0), intrinsic(1), intrinsic(2));                                \
  }                                                                                        \
  extern const __device__ __attribute__((weak)) __hd_##variable##_t variable;

__HD_COORDINATE(threadIdx, __hd_tid)
__HD_COORDINATE(blockIdx, __hd_bid)
__HD_COORDINATE(blockDim, __hd_bdim)
__HD_COORDINATE(gridDim, __hd_gdim)
#undef __HD_COORDINATE

constexpr int warpSize = 32;

#define hipThreadIdx_x (threadIdx.x)
#define hipThreadIdx_y (threadIdx.y)
#define hipThreadIdx_z (threadIdx.z)
#define hipBlockIdx_x (blockIdx.x)
#define hipBlockIdx_y (blockIdx.y)
#define hipBlockIdx_z (blockIdx.z)
#define hipBlockDim_x (blockDim.x)
#define hipBlockDim_y (blockDim.y)
#define hipBlockDim_z (blockDim.z)
#define hipGridDim_x (gridDim.x)
#define hipGridDim_y (gridDim.y)
#define hipGridDim_z (gridDim.z)

#endif  // AMDGPU_HD_COORDINATES_H_
