// softmax of each row of [rows][columns]: exp(x - max) / sum of the same. A block for each row, columns > 0.
//
//   ELEMENT      the type of the elements
//   LOGARITHMIC  1: its logarithm, x - max - log(sum)
#include "common.h"

#ifndef THREADS
#define THREADS 256
#endif
#ifndef LOGARITHMIC
#define LOGARITHMIC 0
#endif

typedef Element<ELEMENT> E;
typedef E::Compute real;

// The statement for each of the thread's elements i of a row. All threads go through whole strides alike; what is left of
// the row is a stride of its own.
#define FOR_EACH_OF_ROW(i, ...)                                \
  {                                                            \
    index_t first = 0;                                         \
    for (; first + THREADS <= columns; first += THREADS) {     \
      const index_t i = first + t;                             \
      __VA_ARGS__;                                             \
    }                                                          \
    if (first + t < columns) {                                 \
      const index_t i = first + t;                             \
      __VA_ARGS__;                                             \
    }                                                          \
  }

extern "C" __global__ void softmax(const ELEMENT* in, ELEMENT* out, index_t columns) {
  __shared__ real part[THREADS];
  const ELEMENT* row = in + blockIdx.x * columns;
  ELEMENT* result = out + blockIdx.x * columns;
  const int t = threadIdx.x;

  real top = E::load(row[t < columns ? t : 0]);
  FOR_EACH_OF_ROW(i, top = larger(top, E::load(row[i])))
  part[t] = top;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half >>= 1) {
    if (t < half) part[t] = larger(part[t], part[t + half]);
    __syncthreads();
  }
  top = part[0];
  __syncthreads();

  real sum = 0;
  FOR_EACH_OF_ROW(i, sum += f_exp(E::load(row[i]) - top))
  part[t] = sum;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half >>= 1) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }
  sum = part[0];

#if LOGARITHMIC
  const real shift = top + f_log(sum);
  FOR_EACH_OF_ROW(i, result[i] = E::store(E::load(row[i]) - shift))
#else
  const real scale = 1 / sum;
  FOR_EACH_OF_ROW(i, result[i] = E::store(f_exp(E::load(row[i]) - top) * scale))
#endif
}
