// Models as ONNX files, written and read without a library.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "engine/model/model.h"

namespace quench {

// What quench writes: IR version 8, opset 17, float32, values [events, width] with a symbolic first dimension, the
// facts in metadata_props "quench.*". Layers that ONNX lacks (LogEnergy, ConditionalAffine, StickBreaking,
// SoftmaxSplit, Threshold, a Softmax over several groups, Spread, Coupling, ActNorm, Asinh, NormalDensity) are
// model-local functions of the domain "quench", so that any runtime can run the file. Equal models give equal bytes.
// Fails on a model that could not be read back: a weight that is not finite, facts out of range.
std::string onnx_bytes(const Model&);

// What quench reads: its own files, exactly (read_onnx(onnx_bytes(m)) == m where the model's name is a C identifier),
// and feed-forward networks of other tools at opsets 7 to 25: Gemm, MatMul + Add, BatchNormalization (inference), Relu,
// LeakyRelu, Sigmoid, Tanh, Exp, Softplus, Clip, Concat, Slice, Split, Softmax and LayerNormalization along the width,
// Gather of every column once, Add and Mul of two values of one width; Identity, Dropout, Flatten, Reshape where they
// change nothing; Constant, Transpose of weights and integer arithmetic on shapes. Anything else is refused with one
// sentence. `path` names the file in messages, and its folder may hold external data. Inputs are of the kind their
// metadata say, else `features`. Functions of the domain "quench" are known by name.
Model read_onnx(const std::string& bytes, const std::string& path);

void save_model(const Model&, const std::string& path);  // temporary name, then renamed
Model load_model(const std::string& path);

// Adopts a network from elsewhere. latent "normal" or "uniform": its `features` inputs become noise of that
// distribution; empty: they stay features.
Model import_onnx(const std::string& path, const std::string& latent = "");

}  // namespace quench
