// Reductions: of a whole array in two steps, of each row, or along any axis.
//
//   ELEMENT    the type of the elements
//   RESULT     the type of the result; for arg-reductions the index's
//   OPERATION  REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_ARGMAX or REDUCE_ARGMIN
// Blocks have THREADS threads, a power of two. A NaN wins over every number; of equal elements the first one
// counts.
#include "common.h"

#define REDUCE_SUM 0
#define REDUCE_MAX 1
#define REDUCE_MIN 2
#define REDUCE_ARGMAX 3
#define REDUCE_ARGMIN 4

#ifndef THREADS
#define THREADS 256
#endif

#if OPERATION == REDUCE_SUM
typedef Element<ELEMENT>::Sum value_t;
#else
typedef Element<ELEMENT>::Compute value_t;
#endif
#define INDEXED (OPERATION == REDUCE_ARGMAX || OPERATION == REDUCE_ARGMIN)

// True if `x` replaces `y`: it is better, and if it is as good, it comes first. One comparison says that x is better or
// that one of the two is a NaN.
#if OPERATION == REDUCE_MAX || OPERATION == REDUCE_ARGMAX
__device__ inline bool better(value_t x, value_t y) { return !(x <= y) && !is_nan(y); }
#elif OPERATION == REDUCE_MIN || OPERATION == REDUCE_ARGMIN
__device__ inline bool better(value_t x, value_t y) { return !(x >= y) && !is_nan(y); }
#endif

__device__ inline value_t combine(value_t x, value_t y) {
#if OPERATION == REDUCE_SUM
  return x + y;
#else
  return better(y, x) ? y : x;
#endif
}

#if INDEXED
// Adds element `y`, the `j`-th, to what was found. -1: nothing yet.
__device__ inline void combine_indexed(value_t& x, index_t& i, value_t y, index_t j) {
  if (j < 0) return;
  const bool wins = better(y, x);
  const bool first = !better(x, y) && j < i;
  if (i < 0 || wins || first) {
    x = y;
    i = j;
  }
}
#endif

// The block's result in thread 0.
#if INDEXED
__device__ inline void reduce_block(value_t* values, index_t* indices, value_t& value, index_t& index) {
  const unsigned t = threadIdx.x;
  values[t] = value;
  indices[t] = index;
  __syncthreads();
  for (unsigned half = THREADS / 2; half > 0; half >>= 1) {
    if (t < half) combine_indexed(values[t], indices[t], values[t + half], indices[t + half]);
    __syncthreads();
  }
  value = values[0];
  index = indices[0];
}
#else
__device__ inline value_t reduce_block(value_t* values, value_t value) {
  const unsigned t = threadIdx.x;
  values[t] = value;
  __syncthreads();
  for (unsigned half = THREADS / 2; half > 0; half >>= 1) {
    if (t < half) values[t] = combine(values[t], values[t + half]);
    __syncthreads();
  }
  return values[0];
}
#endif

#if OPERATION == REDUCE_SUM
// What `start` begins with: nothing.
__device__ inline value_t start_value(const ELEMENT*, index_t, index_t) { return (value_t)0; }
#else
// The first element of the thread's own, or of all for a thread that has none.
__device__ inline value_t start_value(const ELEMENT* in, index_t i, index_t n) {
  return (value_t)Element<ELEMENT>::load(in[i < n ? i : 0]);
}
#endif

// Each block reduces its share of in[0, n), n > 0, into partial[blockIdx.x].
extern "C" __global__ void reduce_partial(const ELEMENT* in, value_t* partial, index_t* partial_index,
                                          index_t n) {
  __shared__ value_t values[THREADS];
  const index_t begin = (index_t)blockIdx.x * THREADS + threadIdx.x;
  const index_t step = (index_t)gridDim.x * THREADS;
  value_t value = start_value(in, begin, n);
#if INDEXED
  __shared__ index_t indices[THREADS];
  // In which round it was found: half as wide as an index.
  unsigned round = 0, found = 0;
  for (index_t i = begin; i < n; i += step, ++round) {
    const value_t next = (value_t)Element<ELEMENT>::load(in[i]);
    const bool wins = better(next, value);
    value = wins ? next : value;
    found = wins ? round : found;
  }
  index_t index = begin < n ? begin + found * step : -1;
  reduce_block(values, indices, value, index);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = value;
    partial_index[blockIdx.x] = index;
  }
#else
  for (index_t i = begin; i < n; i += step) {
    value = combine(value, (value_t)Element<ELEMENT>::load(in[i]));
  }
  value = reduce_block(values, value);
  if (threadIdx.x == 0) partial[blockIdx.x] = value;
#endif
}

// One block reduces partial[0, count), count > 0, into out[0].
extern "C" __global__ void reduce_final(const value_t* partial, const index_t* partial_index, RESULT* out,
                                        int count) {
  __shared__ value_t values[THREADS];
  const int t = threadIdx.x;
#if INDEXED
  __shared__ index_t indices[THREADS];
  value_t value = partial[0];
  index_t index = -1;
  for (int i = t; i < count; i += THREADS) combine_indexed(value, index, partial[i], partial_index[i]);
  reduce_block(values, indices, value, index);
  if (t == 0) out[0] = index;
#else
#if OPERATION == REDUCE_SUM
  value_t value = 0;
#else
  value_t value = partial[t < count ? t : 0];
#endif
  for (int i = t; i < count; i += THREADS) value = combine(value, partial[i]);
  value = reduce_block(values, value);
  if (t == 0) out[0] = Element<RESULT>::store(value);
#endif
}

// A block for each row of `columns` > 0 elements. All threads go through whole strides alike; what is left of the
// row is a stride of its own.
extern "C" __global__ void reduce_rows(const ELEMENT* in, RESULT* out, index_t columns) {
  __shared__ value_t values[THREADS];
  const ELEMENT* row = in + blockIdx.x * columns;
  const index_t t = threadIdx.x;
  value_t value = start_value(row, t, columns);
  index_t first = 0;
#if INDEXED
  __shared__ index_t indices[THREADS];
  index_t index = t < columns ? t : -1;
  for (; first + THREADS <= columns; first += THREADS) {
    const value_t next = (value_t)Element<ELEMENT>::load(row[first + t]);
    const bool wins = better(next, value);
    value = wins ? next : value;
    index = wins ? first + t : index;
  }
  if (first + t < columns) {
    const value_t next = (value_t)Element<ELEMENT>::load(row[first + t]);
    const bool wins = better(next, value);
    value = wins ? next : value;
    index = wins ? first + t : index;
  }
  reduce_block(values, indices, value, index);
  if (t == 0) out[blockIdx.x] = index;
#else
  for (; first + THREADS <= columns; first += THREADS) {
    value = combine(value, (value_t)Element<ELEMENT>::load(row[first + t]));
  }
  if (first + t < columns) value = combine(value, (value_t)Element<ELEMENT>::load(row[first + t]));
  value = reduce_block(values, value);
  if (t == 0) out[blockIdx.x] = Element<RESULT>::store(value);
#endif
}

// One thread's part of the two below: elements `inner` apart, axis > 0 of them.
__device__ inline void reduce_column(const ELEMENT* column, RESULT* out, index_t axis, index_t inner) {
#if OPERATION == REDUCE_SUM
  value_t value = 0;
  for (index_t k = 0; k < axis; ++k) value += (value_t)Element<ELEMENT>::load(column[k * inner]);
  *out = Element<RESULT>::store(value);
#else
  value_t value = (value_t)Element<ELEMENT>::load(column[0]);
  index_t index = 0;
  for (index_t k = 1; k < axis; ++k) {
    const value_t next = (value_t)Element<ELEMENT>::load(column[k * inner]);
    const bool wins = better(next, value);
    value = wins ? next : value;
    index = wins ? k : index;
  }
#if INDEXED
  *out = index;
#else
  *out = Element<RESULT>::store(value);
#endif
#endif
}

// in is [gridDim.y][axis][inner]: neighbouring threads go down neighbouring columns.
extern "C" __global__ void reduce_columns(const ELEMENT* in, RESULT* out, index_t axis, index_t inner) {
  const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < inner) {
    reduce_column(in + blockIdx.y * axis * inner + i, out + blockIdx.y * inner + i, axis, inner);
  }
}

// The same for any [outer][axis][inner], where rows are short or many; elements of out from `first` on.
extern "C" __global__ void reduce_axis(const ELEMENT* in, RESULT* out, index_t first, index_t outer,
                                       index_t axis, index_t inner) {
  const index_t i = first + (index_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < outer * inner) {
    reduce_column(in + i / inner * axis * inner + i % inner, out + i, axis, inner);
  }
}
