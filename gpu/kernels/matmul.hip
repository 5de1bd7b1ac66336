// C = alpha op(A) op(B) + beta C, of a batch of row-major matrices: op(A) is m x k, op(B) k x n.
//
//   ELEMENT                   the type of the elements
//   TRANSPOSE_A, TRANSPOSE_B  1: op transposes
//   BLOCK_M, BLOCK_N, BLOCK_K  a block computes BLOCK_M x BLOCK_N elements of C, BLOCK_K columns of A at a time
//   THREAD_M, THREAD_N        of which each thread computes THREAD_M x THREAD_N
//   MATRIX                    1: with matrix cores, where the target has them for this type (MATRIX_F16, MATRIX_BF16,
//                             MATRIX_F32 or MATRIX_F64 says which it is); else as without
// Blocks of BLOCK_N / THREAD_N x BLOCK_M / THREAD_M threads; blockIdx.z is the matrix.
#include "common.h"

typedef Element<ELEMENT> E;
typedef E::Compute real;

#define THREADS_X (BLOCK_N / THREAD_N)
#define THREADS_Y (BLOCK_M / THREAD_M)


#if MATRIX
#include "matrix_cores.h"
#endif

__device__ inline ELEMENT element_a(const ELEMENT* a, index_t line, int row, int i) {
  return TRANSPOSE_A ? a[i * line + row] : a[row * line + i];
}
__device__ inline ELEMENT element_b(const ELEMENT* b, index_t line, int i, int column) {
  return TRANSPOSE_B ? b[column * line + i] : b[i * line + column];
}
__device__ inline void put(ELEMENT* c, real sum, real alpha, real beta) {
  // C is not read if it does not count: it may hold anything.
  *c = E::store(beta == 0 ? alpha * sum : alpha * sum + beta * E::load(*c));
}

#ifndef MATRIX_CORES

// Where a block's tiles begin, and where the matrices end.
struct Corner {
  int row, column, first;
  int m, n, k;
};

// Neighbouring threads read neighbouring elements, whichever way the matrix lies. All threads go through the loops
// alike; only at the edges of the matrices (kEdge) some read nothing.
template <bool kEdge>
__device__ inline void load_tiles(real (*tile_a)[BLOCK_K + 1], real (*tile_b)[BLOCK_N], const ELEMENT* a,
                                  const ELEMENT* b, index_t line_a, index_t line_b, const Corner& at) {
  const int tx = threadIdx.x, ty = threadIdx.y;
#pragma unroll
  for (int y = 0; y < (TRANSPOSE_A ? BLOCK_K : BLOCK_M); y += THREADS_Y) {
#pragma unroll
    for (int x = 0; x < (TRANSPOSE_A ? BLOCK_M : BLOCK_K); x += THREADS_X) {
      const int r = TRANSPOSE_A ? x + tx : y + ty, i = TRANSPOSE_A ? y + ty : x + tx;
      const bool inside = !kEdge || (at.row + r < at.m && at.first + i < at.k);
      tile_a[r][i] = inside ? E::load(element_a(a, line_a, at.row + r, at.first + i)) : (real)0;
    }
  }
#pragma unroll
  for (int y = 0; y < (TRANSPOSE_B ? BLOCK_N : BLOCK_K); y += THREADS_Y) {
#pragma unroll
    for (int x = 0; x < (TRANSPOSE_B ? BLOCK_K : BLOCK_N); x += THREADS_X) {
      const int c = TRANSPOSE_B ? y + ty : x + tx, i = TRANSPOSE_B ? x + tx : y + ty;
      const bool inside = !kEdge || (at.column + c < at.n && at.first + i < at.k);
      tile_b[i][c] = inside ? E::load(element_b(b, line_b, at.first + i, at.column + c)) : (real)0;
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS_X * THREADS_Y)
    matmul(const ELEMENT* a, const ELEMENT* b, ELEMENT* c, int m, int n, int k, index_t line_a, index_t line_b,
           index_t line_c, index_t matrix_a, index_t matrix_b, index_t matrix_c, real alpha, real beta) {
  __shared__ real tile_a[BLOCK_M][BLOCK_K + 1];
  __shared__ real tile_b[BLOCK_K][BLOCK_N];
  const int tx = threadIdx.x, ty = threadIdx.y;
  const int row0 = blockIdx.y * BLOCK_M, column0 = blockIdx.x * BLOCK_N;
  a += blockIdx.z * matrix_a;
  b += blockIdx.z * matrix_b;
  c += blockIdx.z * matrix_c;
  real sums[THREAD_M][THREAD_N];
#pragma unroll
  for (int i = 0; i < THREAD_M; ++i) {
#pragma unroll
    for (int j = 0; j < THREAD_N; ++j) sums[i][j] = 0;
  }
  for (int first = 0; first < k; first += BLOCK_K) {
    const Corner at = {row0, column0, first, m, n, k};
    if (row0 + BLOCK_M <= m && column0 + BLOCK_N <= n && first + BLOCK_K <= k) {
      load_tiles<false>(tile_a, tile_b, a, b, line_a, line_b, at);
    } else {
      load_tiles<true>(tile_a, tile_b, a, b, line_a, line_b, at);
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < BLOCK_K; ++i) {
#pragma unroll
      for (int r = 0; r < THREAD_M; ++r) {
#pragma unroll
        for (int s = 0; s < THREAD_N; ++s) {
          sums[r][s] += tile_a[ty + r * THREADS_Y][i] * tile_b[i][tx + s * THREADS_X];
        }
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < THREAD_M; ++r) {
#pragma unroll
    for (int s = 0; s < THREAD_N; ++s) {
      const int row = row0 + ty + r * THREADS_Y, column = column0 + tx + s * THREADS_X;
      if (row < m && column < n) put(&c[row * line_c + column], sums[r][s], alpha, beta);
    }
  }
}

#else  // MATRIX_CORES

// Warps divide the block's part of C in WARPS_M x WARPS_N; each keeps its part in fragments.
#define WARPS (THREADS_X * THREADS_Y / MATRIX_LANES)
#define WARPS_M 2
#define WARPS_N (WARPS / WARPS_M)
#define FRAGMENTS_M (BLOCK_M / WARPS_M / MATRIX_M)
#define FRAGMENTS_N (BLOCK_N / WARPS_N / MATRIX_N)

extern "C" __global__ void __launch_bounds__(THREADS_X * THREADS_Y)
    matmul(const ELEMENT* a, const ELEMENT* b, ELEMENT* c, int m, int n, int k, index_t line_a, index_t line_b,
           index_t line_c, index_t matrix_a, index_t matrix_b, index_t matrix_c, real alpha, real beta) {
  // Both with k along the line, as the fragments want it; lines are padded against bank conflicts and stay
  // aligned for the widest load.
  __shared__ __attribute__((aligned(16))) ELEMENT tile_a[BLOCK_M][BLOCK_K + MATRIX_PAD];
  __shared__ __attribute__((aligned(16))) ELEMENT tile_b[BLOCK_N][BLOCK_K + MATRIX_PAD];
  const int tx = threadIdx.x, ty = threadIdx.y;
  const int thread = ty * THREADS_X + tx;
  const int warp = thread / MATRIX_LANES, lane = thread % MATRIX_LANES;
  const int warp_row = warp / WARPS_N * (BLOCK_M / WARPS_M);
  const int warp_column = warp % WARPS_N * (BLOCK_N / WARPS_N);
  const int row0 = blockIdx.y * BLOCK_M, column0 = blockIdx.x * BLOCK_N;
  const ELEMENT zero = E::store(0);
  a += blockIdx.z * matrix_a;
  b += blockIdx.z * matrix_b;
  c += blockIdx.z * matrix_c;
  sums_t sums[FRAGMENTS_M][FRAGMENTS_N];
#pragma unroll
  for (int i = 0; i < FRAGMENTS_M; ++i) {
#pragma unroll
    for (int j = 0; j < FRAGMENTS_N; ++j) clear(sums[i][j]);
  }
  for (int first = 0; first < k; first += BLOCK_K) {
    for (int e = thread; e < BLOCK_M * BLOCK_K; e += THREADS_X * THREADS_Y) {
      const int r = TRANSPOSE_A ? e % BLOCK_M : e / BLOCK_K, i = TRANSPOSE_A ? e / BLOCK_M : e % BLOCK_K;
      const bool inside = row0 + r < m && first + i < k;
      tile_a[r][i] = inside ? element_a(a, line_a, row0 + r, first + i) : zero;
    }
    for (int e = thread; e < BLOCK_N * BLOCK_K; e += THREADS_X * THREADS_Y) {
      const int col = TRANSPOSE_B ? e / BLOCK_K : e % BLOCK_N, i = TRANSPOSE_B ? e % BLOCK_K : e / BLOCK_N;
      const bool inside = column0 + col < n && first + i < k;
      tile_b[col][i] = inside ? element_b(b, line_b, first + i, column0 + col) : zero;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < BLOCK_K; i += MATRIX_K) {
      rows_t rows[FRAGMENTS_M];
      columns_t columns[FRAGMENTS_N];
#pragma unroll
      for (int r = 0; r < FRAGMENTS_M; ++r) load_rows(rows[r], &tile_a[warp_row + r * MATRIX_M][i], lane);
#pragma unroll
      for (int s = 0; s < FRAGMENTS_N; ++s) load_columns(columns[s], &tile_b[warp_column + s * MATRIX_N][i], lane);
#pragma unroll
      for (int r = 0; r < FRAGMENTS_M; ++r) {
#pragma unroll
        for (int s = 0; s < FRAGMENTS_N; ++s) multiply_add(sums[r][s], rows[r], columns[s]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < FRAGMENTS_M; ++r) {
#pragma unroll
    for (int s = 0; s < FRAGMENTS_N; ++s) {
#pragma unroll
      for (int i = 0; i < MATRIX_SUMS; ++i) {
        const int row = row0 + warp_row + r * MATRIX_M + row_of_sum(lane, i);
        const int column = column0 + warp_column + s * MATRIX_N + column_of_sum(lane, i);
        if (row < m && column < n) put(&c[row * line_c + column], sums[r][s][i], alpha, beta);
      }
    }
  }
}

#endif  // MATRIX_CORES
