// Drawing of the progress bar; ASCII only, since a terminal's character set is unknown.
// SPDX-License-Identifier: MIT
#include "engine/core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "engine/core/table.h"

namespace quench {
namespace {

constexpr int bar_cells = 20;
constexpr std::chrono::milliseconds pause(100);

bool is_terminal() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::strcmp(kind, "dumb") != 0);
}

int terminal_columns() {
  struct winsize size = {};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(const std::string& label, const std::string& unit, std::int64_t first, std::int64_t done,
                          std::int64_t total, double seconds, const std::string& note, int columns) {
  const double part = total > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0) : 0;
  const std::size_t full = static_cast<std::size_t>(part * bar_cells);
  std::string line = label + " [" + std::string(full, '#') + std::string(bar_cells - full, '.') + "] ";
  const std::string percent = std::to_string(static_cast<int>(part * 100));
  line += std::string(3 - percent.size(), ' ') + percent + " %  " + grouped(done) + "/" + grouped(total) + " " + unit;
  if (done > first && seconds > 0) {
    const double rate = static_cast<double>(done - first) / seconds;
    line += "  " + rounded(rate, 3) + " " + unit + "/s";
    if (done < total) line += "  " + duration_text(static_cast<double>(total - done) / rate) + " left";
  }
  if (!note.empty()) line += "  " + note;
  const std::size_t room = static_cast<std::size_t>(std::max(columns - 1, 1));  // a full line would wrap
  return line.substr(0, room);
}

Progress::Progress(std::string label, std::int64_t total, std::string unit, std::int64_t done)
    : label_(std::move(label)), unit_(std::move(unit)), total_(total), first_(done), start_(Clock::now()),
      drawn_(start_ - pause), visible_(is_terminal()) {}

Progress::~Progress() {
  if (line_open_) std::fputs("\r\033[K", stderr);
}

void Progress::update(std::int64_t done, const std::string& note) {
  if (!visible_) return;
  const Clock::time_point now = Clock::now();
  if (now - drawn_ < pause && done < total_) return;
  drawn_ = now;
  line_open_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string line = progress_line(label_, unit_, first_, done, total_, seconds, note, terminal_columns());
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
}

}  // namespace quench
