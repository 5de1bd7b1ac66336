// out[i] = EXPRESSION of x = in[i], and of y = another buffer's element or a number.
//
//   ELEMENT     the type of the elements
//   EXPRESSION  in x and y, of the type that ELEMENT is computed with (float for 16-bit floats)
//   ITEMS       elements of a thread, a block's threads apart: 1 on a CPU, more to keep a GPU's memory busy
// Threads cover [first, n): a launch is limited, an array is not.
#include "common.h"

#ifndef ITEMS
#define ITEMS 1
#endif

typedef Element<ELEMENT>::Compute compute_t;

__device__ inline compute_t expression(compute_t x, compute_t y) { return (compute_t)(EXPRESSION); }

extern "C" __global__ void map_unary(const ELEMENT* in, ELEMENT* out, index_t first, index_t n) {
  const index_t begin = first + (index_t)blockIdx.x * blockDim.x * ITEMS + threadIdx.x;
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = begin + k * (index_t)blockDim.x;
    if (i < n) {
      const compute_t x = Element<ELEMENT>::load(in[i]);
      out[i] = Element<ELEMENT>::store(expression(x, x));
    }
  }
}

extern "C" __global__ void map_binary(const ELEMENT* a, const ELEMENT* b, ELEMENT* out, index_t first,
                                      index_t n) {
  const index_t begin = first + (index_t)blockIdx.x * blockDim.x * ITEMS + threadIdx.x;
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = begin + k * (index_t)blockDim.x;
    if (i < n) {
      out[i] = Element<ELEMENT>::store(
          expression(Element<ELEMENT>::load(a[i]), Element<ELEMENT>::load(b[i])));
    }
  }
}

extern "C" __global__ void map_scalar(const ELEMENT* in, compute_t y, ELEMENT* out, index_t first,
                                      index_t n) {
  const index_t begin = first + (index_t)blockIdx.x * blockDim.x * ITEMS + threadIdx.x;
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = begin + k * (index_t)blockDim.x;
    if (i < n) out[i] = Element<ELEMENT>::store(expression(Element<ELEMENT>::load(in[i]), y));
  }
}
