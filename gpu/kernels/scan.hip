// Prefix sums of in[0, n), in tiles of THREADS * ITEMS elements: scan_tiles scans each tile and leaves its sum;
// the sums are scanned in turn; add_offsets adds to each tile what comes before it.
//
//   ELEMENT, RESULT  types of the elements and of the sums
//   EXCLUSIVE        1: the sum before each element; 0: with it
#include "common.h"

#ifndef THREADS
#define THREADS 256
#endif
#ifndef ITEMS
#define ITEMS 8
#endif
#ifndef EXCLUSIVE
#define EXCLUSIVE 0
#endif

typedef Element<ELEMENT>::Sum sum_t;

extern "C" __global__ void scan_tiles(const ELEMENT* in, RESULT* out, sum_t* tile_sums, index_t n) {
  __shared__ sum_t sums[THREADS];
  const int t = threadIdx.x;
  const index_t begin = ((index_t)blockIdx.x * THREADS + t) * ITEMS;
  // Each thread adds up elements that are next to each other.
  sum_t mine = 0;
  for (int k = 0; k < ITEMS; ++k) {
    if (begin + k < n) mine += (sum_t)Element<ELEMENT>::load(in[begin + k]);
  }
  sums[t] = mine;
  __syncthreads();
  for (int distance = 1; distance < THREADS; distance *= 2) {
    const sum_t before = t >= distance ? sums[t - distance] : (sum_t)0;
    __syncthreads();
    sums[t] += before;
    __syncthreads();
  }
  if (t == THREADS - 1) tile_sums[blockIdx.x] = sums[t];
  sum_t running = t > 0 ? sums[t - 1] : (sum_t)0;
  for (int k = 0; k < ITEMS; ++k) {
    if (begin + k < n) {
      const sum_t x = (sum_t)Element<ELEMENT>::load(in[begin + k]);
      out[begin + k] = Element<RESULT>::store(EXCLUSIVE ? running : running + x);
      running += x;
    }
  }
}

// offsets: the exclusive scan of the tiles' sums.
extern "C" __global__ void add_offsets(RESULT* out, const sum_t* offsets, index_t n) {
  const index_t tile = (index_t)blockIdx.x * THREADS * ITEMS;
  const sum_t offset = offsets[blockIdx.x];
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = tile + k * THREADS + threadIdx.x;
    if (i < n) out[i] = Element<RESULT>::store((sum_t)Element<RESULT>::load(out[i]) + offset);
  }
}
