// OpenMP references. Built with clang -O3 -march=native -fopenmp, whatever the rest is built with.

#include "bench/reference/openmp.h"

#include <omp.h>

#include <algorithm>
#include <cmath>

namespace amdgpu::bench::openmp {

void setThreads(int count) {
  omp_set_num_threads(count);
  // Its threads would spin for 200 ms after each loop, on cores that the next contender needs.
  kmp_set_blocktime(0);
}

void vadd(const float* a, const float* b, float* c, int n) {
#pragma omp parallel for simd schedule(static)
  for (int i = 0; i < n; ++i) c[i] = a[i] + b[i];
}

void saxpy(float a, const float* x, float* y, int n) {
#pragma omp parallel for simd schedule(static)
  for (int i = 0; i < n; ++i) y[i] = a * x[i] + y[i];
}

void stencil(const float* in, float* out, int width, int height) {
#pragma omp parallel for schedule(static)
  for (int y = 1; y < height - 1; ++y) {
#pragma omp simd
    for (int x = 1; x < width - 1; ++x) {
      out[y * width + x] =
          0.2f * (in[y * width + x] + in[y * width + x - 1] + in[y * width + x + 1] +
                  in[(y - 1) * width + x] + in[(y + 1) * width + x]);
    }
  }
}

// Chunks in float, their sums in double, as a kernel's partial sums are added up.
float sum(const float* x, int n) {
  constexpr int kChunk = 65536;
  double total = 0;
#pragma omp parallel for schedule(static) reduction(+ : total)
  for (int begin = 0; begin < n; begin += kChunk) {
    const int end = std::min(begin + kChunk, n);
    float part = 0;
#pragma omp simd reduction(+ : part)
    for (int i = begin; i < end; ++i) part += x[i];
    total += part;
  }
  return static_cast<float>(total);
}

void matmul(const float* a, const float* b, float* c, int n) {
#pragma omp parallel for schedule(static)
  for (int row = 0; row < n; ++row) {
    float* out = c + static_cast<long>(row) * n;
    std::fill_n(out, n, 0.0f);
    for (int k = 0; k < n; ++k) {
      const float factor = a[static_cast<long>(row) * n + k];
      const float* in = b + static_cast<long>(k) * n;
#pragma omp simd
      for (int column = 0; column < n; ++column) out[column] += factor * in[column];
    }
  }
}

void histogram(const unsigned char* in, unsigned* bins, int n) {
#pragma omp parallel
  {
    // Four tables, so that equal neighbours do not wait for one counter.
    unsigned part[4][256] = {};
#pragma omp for schedule(static)
    for (int i = 0; i < n / 4; ++i) {
      for (int k = 0; k < 4; ++k) ++part[k][in[4 * i + k]];
    }
#pragma omp critical
    for (int bin = 0; bin < 256; ++bin) {
      bins[bin] += part[0][bin] + part[1][bin] + part[2][bin] + part[3][bin];
    }
  }
  for (int i = n / 4 * 4; i < n; ++i) ++bins[in[i]];
}

void mandelbrot(unsigned* out, int width, int height, float x0, float y0, float step, int limit) {
#pragma omp parallel for schedule(dynamic, 8)
  for (int py = 0; py < height; ++py) {
    for (int px = 0; px < width; ++px) {
      const float cx = x0 + px * step, cy = y0 + py * step;
      float x = 0, y = 0;
      int count = 0;
      while (count < limit && x * x + y * y < 4.0f) {
        const float next = x * x - y * y + cx;
        y = 2.0f * x * y + cy;
        x = next;
        ++count;
      }
      out[py * width + px] = count;
    }
  }
}

void black_scholes(const float* spot, const float* strike, const float* years, float* call,
                   float* put, int n) {
  const float rate = 0.02f, volatility = 0.30f;
#pragma omp parallel for simd schedule(static)
  for (int i = 0; i < n; ++i) {
    const float s = spot[i], x = strike[i], t = years[i], root = sqrtf(t);
    const float d1 =
        (logf(s / x) + (rate + 0.5f * volatility * volatility) * t) / (volatility * root);
    const float d2 = d1 - volatility * root;
    const float n1 = 0.5f * erfcf(-d1 * 0.70710678f), n2 = 0.5f * erfcf(-d2 * 0.70710678f);
    const float discount = expf(-rate * t);
    call[i] = s * n1 - x * discount * n2;
    put[i] = x * discount * (1.0f - n2) - s * (1.0f - n1);
  }
}

}  // namespace amdgpu::bench::openmp
