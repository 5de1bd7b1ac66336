// The matrix instructions of the targets, as matmul.hip uses them: fragments of MATRIX_M rows and
// MATRIX_N columns, MATRIX_K deep, spread over the MATRIX_LANES lanes of a warp. Defines
// MATRIX_CORES if the target has them for this type of elements. Tiles hold k along the line.

#define MATRIX_LINE (BLOCK_K + MATRIX_PAD)

#if defined(__gfx908__) || defined(__gfx90a__) || defined(__gfx940__) || defined(__gfx941__) || \
    defined(__gfx942__) || defined(__gfx950__)
#define AMDGPU_MFMA 1
#elif defined(__gfx1100__) || defined(__gfx1101__) || defined(__gfx1102__) || \
    defined(__gfx1103__) || defined(__gfx1150__) || defined(__gfx1151__) ||   \
    defined(__gfx1152__) || defined(__gfx1153__)
#define AMDGPU_WMMA 1
#elif defined(__CUDA_ARCH__)
#if __CUDA_ARCH__ >= 800
#define AMDGPU_MMA_SYNC 1
#endif
#endif

#if AMDGPU_MFMA && \
    (MATRIX_F16 || MATRIX_F32 || ((MATRIX_BF16 || MATRIX_F64) && !defined(__gfx908__)))
// MFMA of CDNA: 16 x 16, a warp of 64. Lane l has row (or column) l % 16 and, of k, the l / 16-th
// part.
#define MATRIX_CORES 1
#define MATRIX_LANES 64
#define MATRIX_M 16
#define MATRIX_N 16
#define MATRIX_SUMS 4
#if MATRIX_F16 || MATRIX_BF16
#define MATRIX_K 16
#define MATRIX_PAD 8
#else
#define MATRIX_K 4
#define MATRIX_PAD 1
#endif
#if MATRIX_F16
typedef _Float16 rows_t __attribute__((ext_vector_type(4)));
#elif MATRIX_BF16
typedef short rows_t __attribute__((ext_vector_type(4)));
#else
typedef ELEMENT rows_t;
#endif
typedef rows_t columns_t;
typedef real sums_t __attribute__((ext_vector_type(4)));
__device__ inline void load_rows(rows_t& rows, const ELEMENT* tile, int lane) {
  rows = *(const rows_t*)(tile + lane % 16 * MATRIX_LINE + lane / 16 * (MATRIX_K / 4));
}
__device__ inline void load_columns(columns_t& columns, const ELEMENT* tile, int lane) {
  load_rows(columns, tile, lane);
}
__device__ inline void multiply_add(sums_t& sums, rows_t rows, columns_t columns) {
#if MATRIX_F16
  sums = __builtin_amdgcn_mfma_f32_16x16x16f16(rows, columns, sums, 0, 0, 0);
#elif MATRIX_BF16
  sums = __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(rows, columns, sums, 0, 0, 0);
#elif MATRIX_F32
  sums = __builtin_amdgcn_mfma_f32_16x16x4f32(rows, columns, sums, 0, 0, 0);
#else
  sums = __builtin_amdgcn_mfma_f64_16x16x4f64(rows, columns, sums, 0, 0, 0);
#endif
}
#if MATRIX_F64
__device__ inline int row_of_sum(int lane, int i) { return 4 * i + lane / 16; }
#else
__device__ inline int row_of_sum(int lane, int i) { return 4 * (lane / 16) + i; }
#endif
__device__ inline int column_of_sum(int lane, int) { return lane % 16; }
__device__ inline void clear(sums_t& sums) { sums = (sums_t)(real)0; }

#elif AMDGPU_WMMA && (MATRIX_F16 || MATRIX_BF16)
// WMMA of RDNA 3: 16 x 16 x 16, a warp of 32. Lane l has all 16 k of row (or column) l % 16, twice
// in the warp.
#define MATRIX_CORES 1
#define MATRIX_LANES 32
#define MATRIX_M 16
#define MATRIX_N 16
#define MATRIX_K 16
#define MATRIX_PAD 8
#define MATRIX_SUMS 8
#if MATRIX_F16
typedef _Float16 rows_t __attribute__((ext_vector_type(16)));
#else
typedef short rows_t __attribute__((ext_vector_type(16)));
#endif
typedef rows_t columns_t;
typedef float sums_t __attribute__((ext_vector_type(8)));
__device__ inline void load_rows(rows_t& rows, const ELEMENT* tile, int lane) {
  const ELEMENT* line = tile + lane % 16 * MATRIX_LINE;
#pragma unroll
  for (int i = 0; i < 16; ++i) {
#if MATRIX_F16
    rows[i] = line[i];
#else
    rows[i] = (short)line[i].bits;
#endif
  }
}
__device__ inline void load_columns(columns_t& columns, const ELEMENT* tile, int lane) {
  load_rows(columns, tile, lane);
}
__device__ inline void multiply_add(sums_t& sums, rows_t rows, columns_t columns) {
#if MATRIX_F16
  sums = __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(rows, columns, sums);
#else
  sums = __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(rows, columns, sums);
#endif
}
__device__ inline int row_of_sum(int lane, int i) { return 2 * i + lane / 16; }
__device__ inline int column_of_sum(int lane, int) { return lane % 16; }
__device__ inline void clear(sums_t& sums) { sums = (sums_t)0.0f; }

#elif AMDGPU_MMA_SYNC && (MATRIX_F16 || MATRIX_BF16)
// mma.sync of NVIDIA: 16 x 8 x 16, a warp of 32. Lane l = 4 g + t has rows g and g + 8 (or column
// g), and of k the pairs 2 t and 2 t + 8.
#define MATRIX_CORES 1
#define MATRIX_LANES 32
#define MATRIX_M 16
#define MATRIX_N 8
#define MATRIX_K 16
#define MATRIX_PAD 8
#define MATRIX_SUMS 4
struct rows_t {
  unsigned pair[4];
};
struct columns_t {
  unsigned pair[2];
};
struct sums_t {
  float value[4];
  __device__ float operator[](int i) const { return value[i]; }
};
__device__ inline unsigned pair_at(const ELEMENT* tile, int line, int k) {
  return *(const unsigned*)(tile + line * MATRIX_LINE + k);
}
__device__ inline void load_rows(rows_t& rows, const ELEMENT* tile, int lane) {
  const int g = lane / 4, t = lane % 4;
  rows.pair[0] = pair_at(tile, g, 2 * t);
  rows.pair[1] = pair_at(tile, g + 8, 2 * t);
  rows.pair[2] = pair_at(tile, g, 2 * t + 8);
  rows.pair[3] = pair_at(tile, g + 8, 2 * t + 8);
}
__device__ inline void load_columns(columns_t& columns, const ELEMENT* tile, int lane) {
  const int g = lane / 4, t = lane % 4;
  columns.pair[0] = pair_at(tile, g, 2 * t);
  columns.pair[1] = pair_at(tile, g, 2 * t + 8);
}
#if MATRIX_F16
#define AMDGPU_MMA "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
#else
#define AMDGPU_MMA "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
#endif
__device__ inline void multiply_add(sums_t& sums, rows_t rows, columns_t columns) {
  asm volatile(AMDGPU_MMA "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(sums.value[0]), "+f"(sums.value[1]), "+f"(sums.value[2]), "+f"(sums.value[3])
               : "r"(rows.pair[0]), "r"(rows.pair[1]), "r"(rows.pair[2]), "r"(rows.pair[3]),
                 "r"(columns.pair[0]), "r"(columns.pair[1]));
}
__device__ inline int row_of_sum(int lane, int i) { return lane / 4 + i / 2 * 8; }
__device__ inline int column_of_sum(int lane, int i) { return lane % 4 * 2 + i % 2; }
__device__ inline void clear(sums_t& sums) {
  for (int i = 0; i < 4; ++i) sums.value[i] = 0;
}
#endif
