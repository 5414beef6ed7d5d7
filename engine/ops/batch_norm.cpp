// BatchNorm: statistics are sums over events in a fixed order, blocks of columns side by side.
// SPDX-License-Identifier: MIT
#include "engine/ops/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr int block = 64;         // columns that are summed side by side
constexpr int rows_in_part = 32;  // partial sums of so many events are added up: shorter chains round less

int useful_threads(const Tensor& x, int threads) { return x.size() < 32768 ? 1 : threads; }

// sums[j] = sum over events of term(event, column begin + j), 0 <= j < count <= block.
template <class Term>
void column_sums(int events, int begin, int count, float* sums, Term&& term) {
  std::fill_n(sums, count, 0.0f);
  for (int first = 0; first < events; first += rows_in_part) {
    float part[block] = {};
    const int last = std::min(events, first + rows_in_part);
    for (int i = first; i < last; ++i)
      for (int j = 0; j < count; ++j) part[j] += term(i, begin + j, j);
    for (int j = 0; j < count; ++j) sums[j] += part[j];
  }
}

void batch_statistics(const Tensor& x, int begin, int count, float epsilon, std::vector<Tensor>& saved) {
  const int events = x.rows(), width = x.columns();
  const float* data = x.data.data();
  float* mean = saved[0].data.data() + begin;
  float sums[block];
  column_sums(events, begin, count, sums, [&](int i, int column, int) { return data[i * width + column]; });
  for (int j = 0; j < count; ++j) mean[j] = sums[j] / static_cast<float>(events);
  column_sums(events, begin, count, sums, [&](int i, int column, int j) {
    const float d = data[i * width + column] - mean[j];
    return d * d;
  });
  for (int j = 0; j < count; ++j) {
    saved[1].data[static_cast<std::size_t>(begin + j)] =
        1.0f / std::sqrt(sums[j] / static_cast<float>(events) + epsilon);
    saved[2].data[static_cast<std::size_t>(begin + j)] = sums[j] / static_cast<float>(std::max(events - 1, 1));
  }
}

void running_statistics(const BatchNorm& op, int begin, int count, std::vector<Tensor>& saved) {
  for (std::size_t j = static_cast<std::size_t>(begin); j < static_cast<std::size_t>(begin + count); ++j) {
    saved[0].data[j] = op.mean.data[j];
    saved[1].data[j] = 1.0f / std::sqrt(op.variance.data[j] + op.epsilon);
    saved[2].data[j] = op.variance.data[j];
  }
}

// Calls body(first column, number of columns) for blocks of columns.
template <class Body>
void for_column_blocks(const Tensor& x, int threads, Body&& body) {
  const std::size_t width = static_cast<std::size_t>(x.columns());
  vector_for(useful_threads(x, threads), width, block,
             [&](std::size_t begin, std::size_t end) { body(static_cast<int>(begin), static_cast<int>(end - begin)); });
}

}  // namespace

void forward(const BatchNorm& op, const Tensor& x, bool training, Tensor& y, std::vector<Tensor>& saved, int threads) {
  const int events = x.rows(), width = x.columns();
  resize(y, events, width);
  saved.resize(3);
  for (Tensor& s : saved) resize(s, 1, width);
  for_column_blocks(x, threads, [&](int begin, int count) {
    if (training)
      batch_statistics(x, begin, count, op.epsilon, saved);
    else
      running_statistics(op, begin, count, saved);
    float scale[block], shift[block];  // y = scale x + shift
    for (int j = 0; j < count; ++j) {
      const std::size_t column = static_cast<std::size_t>(begin + j);
      scale[j] = op.gamma.data[column] * saved[1].data[column];
      shift[j] = op.beta.data[column] - saved[0].data[column] * scale[j];
    }
    for (int i = 0; i < events; ++i) {
      const float* from = x.data.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(width) + begin;
      float* to = y.data.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(width) + begin;
      for (int j = 0; j < count; ++j) to[j] = from[j] * scale[j] + shift[j];
    }
  });
}

void backward(const BatchNorm& op, const Tensor& x, bool training, const std::vector<Tensor>& saved, const Tensor& dy,
              Tensor* dx, BatchNorm* gradient, int threads) {
  const int events = x.rows(), width = x.columns();
  if (dx) resize(*dx, events, width);
  for_column_blocks(x, threads, [&](int begin, int count) {
    const float* mean = saved[0].data.data() + begin;
    const float* inverse = saved[1].data.data() + begin;
    const float* values = x.data.data();
    const float* slopes = dy.data.data();
    float sum[block], product[block];  // sum of dy, and of dy times the normalised value
    column_sums(events, begin, count, sum, [&](int i, int column, int) { return slopes[i * width + column]; });
    column_sums(events, begin, count, product, [&](int i, int column, int j) {
      return slopes[i * width + column] * ((values[i * width + column] - mean[j]) * inverse[j]);
    });
    if (gradient && training)
      for (int j = 0; j < count; ++j) {
        gradient->beta.data[static_cast<std::size_t>(begin + j)] += sum[j];
        gradient->gamma.data[static_cast<std::size_t>(begin + j)] += product[j];
      }
    if (!dx) return;
    float scale[block], offset[block], slope[block];  // dx = scale (dy - offset - slope (x - mean))
    for (int j = 0; j < count; ++j) {
      scale[j] = op.gamma.data[static_cast<std::size_t>(begin + j)] * inverse[j];
      offset[j] = training ? sum[j] / static_cast<float>(events) : 0.0f;
      slope[j] = training ? product[j] * inverse[j] / static_cast<float>(events) : 0.0f;
    }
    for (int i = 0; i < events; ++i) {
      const std::size_t row =
          static_cast<std::size_t>(i) * static_cast<std::size_t>(width) + static_cast<std::size_t>(begin);
      float* to = dx->data.data() + row;
      for (int j = 0; j < count; ++j)
        to[j] = scale[j] * (slopes[row + static_cast<std::size_t>(j)] - offset[j] -
                            slope[j] * (values[row + static_cast<std::size_t>(j)] - mean[j]));
    }
  });
  if (gradient && !training) add_gradient(x, saved, dy, *gradient);
}

void add_gradient(const Tensor& x, const std::vector<Tensor>& saved, const Tensor& dy, BatchNorm& gradient) {
  const std::size_t width = gradient.gamma.size();
  for (int i = 0; i < x.rows(); ++i) {
    const float* value = x.row(i);
    const float* slope = dy.row(i);
    for (std::size_t j = 0; j < width; ++j) {
      gradient.beta.data[j] += slope[j];
      gradient.gamma.data[j] += slope[j] * ((value[j] - saved[0].data[j]) * saved[1].data[j]);
    }
  }
}

void update_state(BatchNorm& op, const std::vector<Tensor>& saved) {
  for (std::size_t j = 0; j < op.mean.data.size(); ++j) {
    op.mean.data[j] = (1.0f - op.momentum) * op.mean.data[j] + op.momentum * saved[0].data[j];
    op.variance.data[j] = (1.0f - op.momentum) * op.variance.data[j] + op.momentum * saved[2].data[j];
  }
}

}  // namespace quench
