#include "bench/pool/traces.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace amdgpu::bench {
namespace {

using Slot = std::uint32_t;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;

std::uint64_t Rounded(std::uint64_t bytes) { return (bytes + 255) / 256 * 256; }

class TraceBuilder {
 public:
  Slot Allocate(std::uint64_t bytes) {
    Slot slot;
    if (free_slots_.empty()) {
      slot = static_cast<Slot>(sizes_.size());
      sizes_.push_back(0);
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
    sizes_[slot] = bytes;
    live_bytes_ += Rounded(bytes);
    trace_.peak_bytes = std::max(trace_.peak_bytes, live_bytes_);
    trace_.events.push_back({slot, bytes});
    ++trace_.pairs;
    return slot;
  }

  void Free(Slot slot) {
    live_bytes_ -= Rounded(sizes_[slot]);
    free_slots_.push_back(slot);
    trace_.events.push_back({slot, 0});
  }

  void Free(std::vector<Slot>& slots) {
    for (const Slot slot : slots) Free(slot);
    slots.clear();
  }

  Trace Finish(std::string name) {
    trace_.name = std::move(name);
    trace_.slots = sizes_.size();
    return std::move(trace_);
  }

 private:
  Trace trace_;
  std::vector<std::uint64_t> sizes_;
  std::vector<Slot> free_slots_;
  std::uint64_t live_bytes_ = 0;
};

struct Convolution {
  int inputs;  // channels
  int outputs;
  int kernel;
  int size;  // of the output, pixels a side
};

std::vector<Convolution> ResNet50Layers() {
  constexpr int kBlocks[] = {3, 4, 6, 3};
  constexpr int kWidths[] = {64, 128, 256, 512};
  std::vector<Convolution> layers = {{3, 64, 7, 112}};
  int channels = 64;
  for (int stage = 0; stage < 4; ++stage) {
    const int width = kWidths[stage];
    const int size = 56 >> stage;
    for (int block = 0; block < kBlocks[stage]; ++block) {
      const int before = block == 0 && stage > 0 ? size * 2 : size;
      layers.push_back({channels, width, 1, before});
      layers.push_back({width, width, 3, size});
      layers.push_back({width, width * 4, 1, size});
      if (block == 0) layers.push_back({channels, width * 4, 1, size});
      channels = width * 4;
    }
  }
  return layers;
}

// Scratch memory of a convolution, as vendor libraries ask for it.
std::uint64_t Workspace(const Convolution& layer, std::uint64_t scale) {
  const std::uint64_t mib = layer.kernel == 1 ? 1 : layer.kernel == 3 ? 24 : 64;
  return mib * scale * kMiB + layer.outputs * 4 * kKiB;
}

}  // namespace

Trace ResNet50(int batch, int steps) {
  constexpr std::uint64_t kFloat = 4;
  constexpr std::uint64_t kClasses = 1000;
  constexpr std::uint64_t kFeatures = 2048;
  const std::uint64_t images = batch;
  const std::vector<Convolution> layers = ResNet50Layers();
  TraceBuilder builder;

  // A convolution's weights, and its normalisation's scale, shift, mean and variance.
  std::vector<std::uint64_t> parameter_bytes;
  for (const Convolution& layer : layers) {
    parameter_bytes.push_back(kFloat * layer.inputs * layer.outputs * layer.kernel * layer.kernel);
    parameter_bytes.insert(parameter_bytes.end(), 4, kFloat * layer.outputs);
  }
  parameter_bytes.push_back(kFloat * kFeatures * kClasses);
  parameter_bytes.push_back(kFloat * kClasses);
  std::vector<Slot> parameters;
  std::vector<Slot> momenta;
  for (const std::uint64_t bytes : parameter_bytes) parameters.push_back(builder.Allocate(bytes));

  struct Saved {
    Slot output, normalised, mean, variance;
  };
  for (int step = 0; step < steps; ++step) {
    const Slot input = builder.Allocate(kFloat * images * 3 * 224 * 224);
    const Slot labels = builder.Allocate(8 * images);
    std::vector<Saved> saved;
    for (const Convolution& layer : layers) {
      const std::uint64_t bytes = kFloat * images * layer.outputs * layer.size * layer.size;
      const Slot workspace = builder.Allocate(Workspace(layer, 1));
      Saved now;
      now.output = builder.Allocate(bytes);
      builder.Free(workspace);
      now.mean = builder.Allocate(kFloat * layer.outputs);
      now.variance = builder.Allocate(kFloat * layer.outputs);
      now.normalised = builder.Allocate(bytes);
      saved.push_back(now);
    }
    const Slot pooled = builder.Allocate(kFloat * images * kFeatures);
    const Slot logits = builder.Allocate(kFloat * images * kClasses);
    const Slot softmax = builder.Allocate(kFloat * images * kClasses);
    const Slot loss = builder.Allocate(kFloat);

    std::vector<Slot> gradients;
    const Slot logits_gradient = builder.Allocate(kFloat * images * kClasses);
    builder.Free(softmax);
    gradients.push_back(builder.Allocate(kFloat * kFeatures * kClasses));
    gradients.push_back(builder.Allocate(kFloat * kClasses));
    const Slot pooled_gradient = builder.Allocate(kFloat * images * kFeatures);
    for (const Slot slot : {logits_gradient, logits, loss, pooled}) builder.Free(slot);
    Slot gradient = builder.Allocate(kFloat * images * kFeatures * 49);
    builder.Free(pooled_gradient);

    for (std::size_t i = layers.size(); i-- > 0;) {
      const Convolution& layer = layers[i];
      const std::uint64_t bytes = kFloat * images * layer.outputs * layer.size * layer.size;
      const Slot normalised_gradient = builder.Allocate(bytes);
      gradients.push_back(builder.Allocate(kFloat * layer.outputs));
      gradients.push_back(builder.Allocate(kFloat * layer.outputs));
      for (const Slot slot : {gradient, saved[i].normalised, saved[i].mean, saved[i].variance}) {
        builder.Free(slot);
      }
      const Slot workspace = builder.Allocate(Workspace(layer, 2));
      gradients.push_back(builder.Allocate(parameter_bytes[i * 5]));
      const std::uint64_t input_size = i == 0 ? 224 : layer.size;
      gradient = builder.Allocate(kFloat * images * layer.inputs * input_size * input_size);
      for (const Slot slot : {workspace, normalised_gradient, saved[i].output}) builder.Free(slot);
    }
    for (const Slot slot : {gradient, input, labels}) builder.Free(slot);

    if (momenta.empty()) {
      for (const std::uint64_t bytes : parameter_bytes) momenta.push_back(builder.Allocate(bytes));
    }
    for (const std::uint64_t bytes : parameter_bytes) builder.Free(builder.Allocate(bytes));
    builder.Free(gradients);
  }
  builder.Free(parameters);
  builder.Free(momenta);
  return builder.Finish("ResNet-50 training");
}

namespace {

class GptTrace {
 public:
  explicit GptTrace(const GptOptions& options) : options_(options), random_(2) {}

  Trace Run() {
    MakeParameters();
    for (int step = 0; step < options_.steps; ++step) Step();
    builder_.Free(parameters_);
    builder_.Free(optimiser_);
    return builder_.Finish(options_.recompute ? "GPT training, recompute" : "GPT training");
  }

 private:
  static constexpr std::uint64_t kHalf = 2;
  static constexpr std::uint64_t kFloat = 4;
  static constexpr std::uint64_t kVocabulary = 50257;
  static constexpr std::uint64_t kContext = 1024;
  static constexpr std::size_t kPerLayer = 12;  // parameters

  void MakeParameters() {
    const std::uint64_t d = options_.width;
    sizes_ = {kVocabulary * d, kContext * d};
    for (int layer = 0; layer < options_.layers; ++layer) {
      // Norm, query-key-value, projection, norm, two of the feed-forward part: weights and biases.
      for (const std::uint64_t size :
           {d, d, 3 * d * d, 3 * d, d * d, d, d, d, 4 * d * d, 4 * d, 4 * d * d, d}) {
        sizes_.push_back(size);
      }
    }
    sizes_.push_back(d);
    sizes_.push_back(d);
    for (const std::uint64_t size : sizes_) parameters_.push_back(builder_.Allocate(kHalf * size));
  }

  // A layer forward. Its activations go to `kept` if they are needed again, else they are freed.
  Slot Forward(std::vector<Slot>& kept, bool keep) {
    std::vector<Slot> activations;
    const auto make = [&](std::uint64_t bytes) { activations.push_back(builder_.Allocate(bytes)); };
    make(residual_);
    make(kFloat * tokens_);
    make(kFloat * tokens_);
    make(3 * residual_);  // query, key, value
    const Slot scores = builder_.Allocate(attention_);
    make(attention_);  // softmax
    builder_.Free(scores);
    make(attention_ / 2);  // dropout mask
    const Slot dropped = builder_.Allocate(attention_);
    make(residual_);
    builder_.Free(dropped);
    const Slot projected = builder_.Allocate(residual_);
    make(residual_);
    make(residual_ / 2);
    builder_.Free(projected);
    make(residual_);
    make(kFloat * tokens_);
    make(kFloat * tokens_);
    make(4 * residual_);  // feed-forward
    make(4 * residual_);
    const Slot contracted = builder_.Allocate(residual_);
    make(residual_ / 2);
    const Slot output = builder_.Allocate(residual_);
    builder_.Free(contracted);
    if (keep) {
      kept = std::move(activations);
    } else {
      builder_.Free(activations);
    }
    return output;
  }

  // A layer backward: gradients of its parameters into `gradients`; returns that of its input.
  Slot Backward(int layer, std::vector<Slot>& gradients) {
    const Slot expanded = builder_.Allocate(4 * residual_);
    const Slot activated = builder_.Allocate(4 * residual_);
    builder_.Free(expanded);
    for (std::size_t i = 0; i < kPerLayer; ++i) {
      gradients.push_back(builder_.Allocate(kHalf * sizes_[2 + layer * kPerLayer + i]));
    }
    const Slot normalised = builder_.Allocate(residual_);
    builder_.Free(activated);
    const Slot softmax = builder_.Allocate(attention_);
    const Slot scores = builder_.Allocate(attention_);
    builder_.Free(softmax);
    const Slot projections = builder_.Allocate(3 * residual_);
    builder_.Free(scores);
    const Slot input = builder_.Allocate(residual_);
    builder_.Free(projections);
    builder_.Free(normalised);
    return input;
  }

  void Step() {
    const std::uint64_t length = 8 * (16 + random_() % 113);
    tokens_ = options_.batch * length;
    residual_ = kHalf * tokens_ * options_.width;
    attention_ = kHalf * tokens_ * options_.heads * length;

    const Slot ids = builder_.Allocate(8 * tokens_);
    const Slot targets = builder_.Allocate(8 * tokens_);
    std::vector<Slot> residuals = {builder_.Allocate(residual_)};
    std::vector<std::vector<Slot>> kept(options_.layers);
    for (std::vector<Slot>& activations : kept) {
      residuals.push_back(Forward(activations, !options_.recompute));
    }
    const Slot normalised = builder_.Allocate(residual_);
    const Slot logits = builder_.Allocate(kHalf * tokens_ * kVocabulary);
    const Slot softmax = builder_.Allocate(kFloat * tokens_ * kVocabulary);
    const Slot loss = builder_.Allocate(kFloat);

    const Slot logits_gradient = builder_.Allocate(kHalf * tokens_ * kVocabulary);
    builder_.Free(softmax);
    std::vector<Slot> gradients = {builder_.Allocate(kHalf * sizes_[0])};
    Slot gradient = builder_.Allocate(residual_);
    for (const Slot slot : {logits_gradient, logits, normalised, loss}) builder_.Free(slot);
    for (int layer = options_.layers - 1; layer >= 0; --layer) {
      if (options_.recompute) builder_.Free(Forward(kept[layer], true));
      const Slot next = Backward(layer, gradients);
      builder_.Free(kept[layer]);
      builder_.Free(residuals[layer + 1]);
      builder_.Free(std::exchange(gradient, next));
    }
    builder_.Free(residuals[0]);
    gradients.push_back(builder_.Allocate(kHalf * sizes_[1]));
    for (const Slot slot : {gradient, ids, targets}) builder_.Free(slot);
    for (std::size_t i = sizes_.size() - 2; i < sizes_.size(); ++i) {
      gradients.push_back(builder_.Allocate(kHalf * sizes_[i]));
    }
    Optimise();
    builder_.Free(gradients);
  }

  // AdamW: two moments and a master copy, made at the first step.
  void Optimise() {
    if (optimiser_.empty()) {
      for (const std::uint64_t size : sizes_) {
        for (int i = 0; i < 3; ++i) optimiser_.push_back(builder_.Allocate(kFloat * size));
      }
    }
    for (const std::uint64_t size : sizes_) {
      const Slot numerator = builder_.Allocate(kFloat * size);
      const Slot denominator = builder_.Allocate(kFloat * size);
      builder_.Free(numerator);
      builder_.Free(denominator);
    }
  }

  const GptOptions options_;
  std::mt19937_64 random_;
  TraceBuilder builder_;
  std::vector<std::uint64_t> sizes_;  // of the parameters, in elements
  std::vector<Slot> parameters_;
  std::vector<Slot> optimiser_;
  // Of the step's sequence length: count, and bytes.
  std::uint64_t tokens_ = 0;
  std::uint64_t residual_ = 0;
  std::uint64_t attention_ = 0;
};

}  // namespace

Trace Gpt(const GptOptions& options) { return GptTrace(options).Run(); }

Trace Random(std::size_t live, std::size_t pairs) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponent(8, 26);
  const auto size = [&] { return static_cast<std::uint64_t>(std::exp2(exponent(random))); };
  TraceBuilder builder;
  std::vector<Slot> slots(live);
  for (Slot& slot : slots) slot = builder.Allocate(size());
  for (std::size_t i = 0; i < pairs; ++i) {
    Slot& slot = slots[random() % live];
    builder.Free(slot);
    slot = builder.Allocate(size());
  }
  builder.Free(slots);
  return builder.Finish("random 256 B - 64 MiB");
}

}  // namespace amdgpu::bench
