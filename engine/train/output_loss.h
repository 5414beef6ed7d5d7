// What a student's outputs are compared with its teacher's by: squares, and the divergence of softmaxes.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/model/model.h"

namespace quench {

// The columns are numbers, then the logits of softmaxes, then features.
struct OutputLoss {
  int numbers = 0;  // compared by half the sum of squares
  std::vector<int>
      softmaxes;           // logits of each: T^2 KL(softmax(teacher / T) || softmax(student / T)), Hinton et al. 2015
  double temperature = 1;  // T: T^2 keeps the slopes as large as at 1
  double feature_weight = 0;  // of the mean square difference of features, over the teacher's own mean square
};

// Of a deployed teacher's core. Its softmax heads (SoftmaxSplit) are compared by divergence at a temperature above 0;
// at 0, and where there are none, all outputs are numbers.
OutputLoss output_loss(const Model& deployed, double temperature, double feature_weight);

// student and teacher: [events, numbers + logits + features]. Twice the loss of an event over its outputs, mean over
// the events: the mean square difference where there are numbers alone. gradient: of the loss, mean over the events,
// with respect to the student, features in proportion.
double output_difference(const OutputLoss&, const Tensor& student, const Tensor& teacher, Tensor& gradient);

}  // namespace quench
