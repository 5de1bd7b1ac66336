// Counts how many elements of in[0, n) fall into each of `bins` bins of equal width between `low` and `high`.
// The last bin includes `high`; what lies outside, and NaN, is not counted. The counts are added to `out`.
//
//   ELEMENT  the type of the elements
//   BYTES    1: ELEMENT is unsigned char and the bin is the value, of 256 bins (histogram alone)
// histogram keeps a block's counts in shared memory (bins <= SHARED_BINS); histogram_large does without. Blocks have THREADS threads.
#include "common.h"

#define SHARED_BINS 4096
#define THREADS 256
#ifndef BYTES
#define BYTES 0
#endif

typedef Element<ELEMENT> E;

// The bin of `x`, or -1. `scale` is bins / (high - low).
__device__ inline int bin_of(ELEMENT element, double low, double high, double scale, int bins) {
  const double x = (double)E::load(element);
  if (!(x >= low && x <= high)) return -1;
  const int bin = (int)((x - low) * scale);
  return bin < bins ? bin : bins - 1;
}

extern "C" __global__ void histogram(const ELEMENT* in, unsigned* out, double low, double high, double scale,
                                     int bins, index_t n) {
  // All threads go through the bins alike, whether there are so many or not.
  __shared__ unsigned counts[BYTES ? 256 : SHARED_BINS];
  for (int bin = 0; bin < bins; bin += THREADS) counts[bin + threadIdx.x] = 0;
  __syncthreads();
  const index_t step = (index_t)gridDim.x * THREADS;
  const index_t begin = (index_t)blockIdx.x * THREADS + threadIdx.x;
#if BYTES
  // Eight at a time, and what is left one by one.
  const unsigned long long* words = (const unsigned long long*)in;
  const index_t whole = n / 8;
  for (index_t i = begin; i < whole; i += step) {
    const unsigned long long word = words[i];
#pragma unroll
    for (int k = 0; k < 64; k += 8) atomicAdd(&counts[word >> k & 255], 1u);
  }
  for (index_t i = whole * 8 + begin; i < n; i += step) atomicAdd(&counts[in[i]], 1u);
#else
  for (index_t i = begin; i < n; i += step) {
    const int bin = bin_of(in[i], low, high, scale, bins);
    if (bin >= 0) atomicAdd(&counts[bin], 1u);
  }
#endif
  __syncthreads();
  for (int first = 0; first < bins; first += THREADS) {
    const int bin = first + threadIdx.x;
    if (bin < bins && counts[bin] != 0) atomicAdd(&out[bin], counts[bin]);
  }
}

extern "C" __global__ void histogram_large(const ELEMENT* in, unsigned* out, double low, double high,
                                           double scale, int bins, index_t n) {
  const index_t step = (index_t)gridDim.x * THREADS;
  for (index_t i = (index_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += step) {
    const int bin = bin_of(in[i], low, high, scale, bins);
    if (bin >= 0) atomicAdd(&out[bin], 1u);
  }
}
