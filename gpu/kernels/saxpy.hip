// y = a x + y. ELEMENT and ITEMS as in map.hip.
#include "common.h"

#ifndef ITEMS
#define ITEMS 1
#endif

typedef Element<ELEMENT> E;

extern "C" __global__ void saxpy(E::Compute a, const ELEMENT* x, ELEMENT* y, index_t first, index_t n) {
  const index_t begin = first + (index_t)blockIdx.x * blockDim.x * ITEMS + threadIdx.x;
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = begin + k * (index_t)blockDim.x;
    if (i < n) y[i] = E::store(a * E::load(x[i]) + E::load(y[i]));
  }
}
