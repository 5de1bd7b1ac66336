// out[i] = EXPRESSION of x = in[i], and of y = another buffer's element or a number.
//
//   ELEMENT     the type of the elements
//   EXPRESSION  in x and y, of the type that ELEMENT is computed with (float for 16-bit floats)
//   ITEMS       elements of a thread (items.h)
// Threads cover [first, n): a launch is limited, an array is not.
#include "common.h"
#include "items.h"

typedef Element<ELEMENT> E;
typedef E::Compute compute_t;

__device__ inline compute_t expression(compute_t x, compute_t y) { return (compute_t)(EXPRESSION); }

extern "C" __global__ void map_unary(const ELEMENT* in, ELEMENT* out, index_t first, index_t n) {
  ELEMENT x[ITEMS];
  load_items(x, in, first, n);
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) out[i] = E::store(expression(E::load(x[k]), E::load(x[k])));
  }
}

extern "C" __global__ void map_binary(const ELEMENT* a, const ELEMENT* b, ELEMENT* out, index_t first,
                                      index_t n) {
  ELEMENT x[ITEMS], y[ITEMS];
  load_items(x, a, first, n);
  load_items(y, b, first, n);
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) out[i] = E::store(expression(E::load(x[k]), E::load(y[k])));
  }
}

extern "C" __global__ void map_scalar(const ELEMENT* in, compute_t y, ELEMENT* out, index_t first,
                                      index_t n) {
  ELEMENT x[ITEMS];
  load_items(x, in, first, n);
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) out[i] = E::store(expression(E::load(x[k]), y));
  }
}
