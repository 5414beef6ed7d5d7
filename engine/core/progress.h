// A progress bar on standard error, for people only: nothing is written when it is not a terminal.
// SPDX-License-Identifier: MIT
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace quench {

// One bar, used by one thread. At most ten updates a second; its line is removed when it is destroyed, so that messages
// (of an error, too) begin on a clean line.
class Progress {
 public:
  // `total` in units of `unit` ("steps", "events"); begin at `done` when work is resumed.
  Progress(std::string label, std::int64_t total, std::string unit, std::int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap when there is nothing to draw. `note` is shown at the end, e.g. "loss 0.42".
  void update(std::int64_t done, const std::string& note = {});

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_, unit_;
  std::int64_t total_, first_;
  Clock::time_point start_, drawn_;
  bool visible_, line_open_ = false;
};

// The line of a bar: "train [#####.....]  50 %  1 234/2 468 steps  85.2 steps/s  14 s left  note", cut to `columns`.
// `done - first` units took `seconds`.
std::string progress_line(const std::string& label, const std::string& unit, std::int64_t first, std::int64_t done,
                          std::int64_t total, double seconds, const std::string& note, int columns);

}  // namespace quench
