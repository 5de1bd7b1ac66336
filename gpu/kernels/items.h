// The elements of a thread, where threads cover [first, n): ITEMS of them, a block's threads apart,
// so that neighbouring threads are at neighbouring elements. 1 on a CPU, more on a GPU.

#ifndef ITEMS
#define ITEMS 1
#endif

// The index of the k-th.
__device__ inline index_t item(index_t first, int k) {
  return first + ((index_t)blockIdx.x * ITEMS + k) * blockDim.x + threadIdx.x;
}

// Reads all of them, before the first result is written: the compiler cannot know that a result is
// no later element, and a GPU's memory is busy only while every thread waits for several elements.
__device__ inline void load_items(ELEMENT (&x)[ITEMS], const ELEMENT* in, index_t first,
                                  index_t n) {
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) x[k] = in[i];
  }
}
