// Kernels of the neuromorphic class. ELEMENT and ITEMS as in map.hip.
#include "common.h"
#include "items.h"

typedef Element<ELEMENT> E;
typedef E::Compute real;

// out = tanh(alpha x) + beta x exp(-x^2)
extern "C" __global__ void neuromorphic_activation(const ELEMENT* in, ELEMENT* out, real alpha, real beta,
                                                   index_t first, index_t n) {
  ELEMENT items[ITEMS];
  load_items(items, in, first, n);
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) {
      const real x = E::load(items[k]);
      // x exp(-x^2) is 0 long before x^2 overflows; at infinity it would be infinity times 0.
      const real bump = f_fabs(x) > 30 ? (real)0 : x * f_exp(-x * x);
      out[i] = E::store(f_tanh(alpha * x) + beta * bump);
    }
  }
}

// A step of momentum, and a learning rate for each parameter that shrinks with the size of its gradient:
//   momentum = decay * momentum + (1 - decay) * gradient
//   rates = learning_rate / (1 + |gradient|), norms = |gradient|
extern "C" __global__ void adaptive_learning_rate(const ELEMENT* gradients, ELEMENT* momentum, ELEMENT* rates,
                                                  ELEMENT* norms, real learning_rate, real decay,
                                                  index_t first, index_t n) {
  ELEMENT steps[ITEMS], before[ITEMS];
  load_items(steps, gradients, first, n);
  load_items(before, momentum, first, n);
#pragma unroll
  for (int k = 0; k < ITEMS; ++k) {
    const index_t i = item(first, k);
    if (i < n) {
      const real gradient = E::load(steps[k]);
      const real norm = f_fabs(gradient);
      momentum[i] = E::store(decay * E::load(before[k]) + (1 - decay) * gradient);
      rates[i] = E::store(learning_rate / (1 + norm));
      norms[i] = E::store(norm);
    }
  }
}
