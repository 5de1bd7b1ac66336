// Copies and fills, of elements of any type. ELEMENT and ITEMS as in map.hip.
#include "common.h"

#ifndef ITEMS
#define ITEMS 1
#endif

extern "C" __global__ void copy(const ELEMENT* in, ELEMENT* out, index_t first, index_t n) {
  const index_t begin = first + (index_t)blockIdx.x * blockDim.x * ITEMS + threadIdx.x;
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = begin + k * (index_t)blockDim.x;
    if (i < n) out[i] = in[i];
  }
}

extern "C" __global__ void fill(ELEMENT* out, Element<ELEMENT>::Compute value, index_t first, index_t n) {
  const index_t begin = first + (index_t)blockIdx.x * blockDim.x * ITEMS + threadIdx.x;
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = begin + k * (index_t)blockDim.x;
    if (i < n) out[i] = Element<ELEMENT>::store(value);
  }
}
