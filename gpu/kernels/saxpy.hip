// y = a x + y. ELEMENT and ITEMS as in map.hip.
#include "common.h"
#include "items.h"

typedef Element<ELEMENT> E;

extern "C" __global__ void saxpy(E::Compute a, const ELEMENT* x, ELEMENT* y, index_t first, index_t n) {
  ELEMENT from[ITEMS], to[ITEMS];
  load_items(from, x, first, n);
  load_items(to, y, first, n);
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) y[i] = E::store(a * E::load(from[k]) + E::load(to[k]));
  }
}
