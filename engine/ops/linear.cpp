// Linear: three matrix products.
// SPDX-License-Identifier: MIT
#include "engine/ops/linear.h"

#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

// Adds the sums of columns first .. first + count - 1, events in increasing order.
void add_column_sums(const Tensor& x, int first, int count, Tensor& sum) {
  constexpr int block = 64;  // columns whose sums stay in registers
  const std::ptrdiff_t stride = x.columns();
  const int events = x.rows();
  const float* data = x.data.data() + first;
  float* to = sum.data.data() + first;
  vector_loop([=] {
    int j = 0;
    for (; j + block <= count; j += block) {
      float s[block];
      const float* row = data + j;
      for (int l = 0; l < block; ++l) s[l] = to[j + l];
      for (int i = 0; i < events; ++i, row += stride)
        for (int l = 0; l < block; ++l) s[l] += row[l];
      for (int l = 0; l < block; ++l) to[j + l] = s[l];
    }
    for (int i = 0; i < events; ++i)
      for (int k = j; k < count; ++k) to[k] += data[i * stride + k];
  });
}

}  // namespace

void forward(const Linear& op, const Tensor& x, Tensor& y, int threads, Finish finish) {
  const int outputs = op.weight.rows(), inputs = op.weight.columns();
  resize(y, x.rows(), outputs);
  const MatrixView weight = transposed(matrix(op.weight.data.data(), inputs));
  matmul(matrix(x.data.data(), inputs), weight, x.rows(), outputs, inputs, from_bias(op.bias.data.data()),
         y.data.data(), threads, Kernels::fastest, finish);
}

void backward(const Linear& op, const Tensor& x, const Tensor& dy, Tensor* dx, Linear* gradient, int threads) {
  const int outputs = op.weight.rows(), inputs = op.weight.columns(), events = x.rows();
  const MatrixView output_gradient = matrix(dy.data.data(), outputs);
  if (dx) {
    resize(*dx, events, inputs);
    matmul(output_gradient, matrix(op.weight.data.data(), inputs), events, inputs, outputs, from_zero(),
           dx->data.data(), threads);
  }
  if (gradient) {
    matmul(transposed(output_gradient), matrix(x.data.data(), inputs), outputs, inputs, events, from_sum(),
           gradient->weight.data.data(), threads);
    add_column_sums(dy, 0, outputs, gradient->bias);
  }
}

void add_gradient(const Tensor& x, const Tensor& dy, int first, int count, Linear& gradient) {
  const int outputs = gradient.weight.rows(), inputs = gradient.weight.columns();
  matmul(transposed(matrix(dy.data.data() + first, outputs)), matrix(x.data.data(), inputs), count, inputs, x.rows(),
         from_sum(), gradient.weight.row(first), 1);
  add_column_sums(dy, first, count, gradient.bias);
}

}  // namespace quench
