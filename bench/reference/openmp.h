// The benchmark's jobs as parallel loops, the way an application for CPUs would write them.

#ifndef AMDGPU_BENCH_REFERENCE_OPENMP_H_
#define AMDGPU_BENCH_REFERENCE_OPENMP_H_

namespace amdgpu::bench::openmp {

void setThreads(int count);
void vadd(const float* a, const float* b, float* c, int n);
void saxpy(float a, const float* x, float* y, int n);
void stencil(const float* in, float* out, int width, int height);
float sum(const float* x, int n);
void matmul(const float* a, const float* b, float* c, int n);
void histogram(const unsigned char* in, unsigned* bins, int n);
void mandelbrot(unsigned* out, int width, int height, float x0, float y0, float step, int limit);
void black_scholes(const float* spot, const float* strike, const float* years, float* call,
                   float* put, int n);

}  // namespace amdgpu::bench::openmp

#endif  // AMDGPU_BENCH_REFERENCE_OPENMP_H_
