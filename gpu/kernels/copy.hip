// Copies and fills, of elements of any type. ELEMENT and ITEMS as in map.hip.
#include "common.h"
#include "items.h"

extern "C" __global__ void copy(const ELEMENT* in, ELEMENT* out, index_t first, index_t n) {
  ELEMENT x[ITEMS];
  load_items(x, in, first, n);
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) out[i] = x[k];
  }
}

extern "C" __global__ void fill(ELEMENT* out, Element<ELEMENT>::Compute value, index_t first, index_t n) {
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) out[i] = Element<ELEMENT>::store(value);
  }
}
