// One fork for each piece, and a pipe for the sentence of one that fails.
// SPDX-License-Identifier: MIT
#include "targets/command/processes.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <string>

#include "engine/core/error.h"

namespace quench {
namespace {

struct Child {
  std::size_t piece;
  int sentence;  // the pipe's end to read
};

// The pool's threads are not there in a child, which must therefore leave by _exit(): nothing of the parent's is torn
// down twice.
[[noreturn]] void be_child(std::size_t index, const std::function<void(std::size_t)>& piece, int to_parent) {
  int status = 0;
  try {
    piece(index);
  } catch (const std::exception& error) {
    status = 1;
    const std::string text = error.what();
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t now = write(to_parent, text.data() + sent, text.size() - sent);
      if (now > 0)
        sent += static_cast<std::size_t>(now);
      else if (errno != EINTR)
        break;
    }
  }
  std::fflush(nullptr);
  _exit(status);
}

std::string all_of(int pipe) {
  std::string text;
  char part[256];
  for (;;) {
    const ssize_t got = read(pipe, part, sizeof part);
    if (got > 0)
      text.append(part, static_cast<std::size_t>(got));
    else if (got == 0 || errno != EINTR)
      return text;
  }
}

Child started(std::size_t index, const std::function<void(std::size_t)>& piece, pid_t& id) {
  int ends[2];
  if (pipe(ends) != 0) fail("no pipe for a process: ", std::strerror(errno));
  std::fflush(nullptr);  // what is not written yet would be written by both
  id = fork();
  if (id == 0) {
    close(ends[0]);
    be_child(index, piece, ends[1]);
  }
  close(ends[1]);
  if (id < 0) {
    close(ends[0]);
    fail("no further process: ", std::strerror(errno), "; use fewer --threads");
  }
  return {index, ends[0]};
}

}  // namespace

void in_processes(int processes, std::size_t count, const std::function<void(std::size_t)>& piece) {
  std::map<pid_t, Child> running;
  std::string failure;
  for (std::size_t next = 0; !running.empty() || (next < count && failure.empty());) {
    if (next < count && failure.empty() && running.size() < static_cast<std::size_t>(processes)) {
      pid_t id = 0;
      try {
        const Child child = started(next, piece, id);
        running[id] = child, ++next;
      } catch (const std::exception& error) {
        failure = error.what();
      }
      continue;
    }
    int status = 0;
    const pid_t id = waitpid(-1, &status, 0);
    const auto ended = running.find(id);
    if (ended == running.end()) continue;  // interrupted, or no child of these
    const std::string sentence = all_of(ended->second.sentence);
    close(ended->second.sentence);
    if (failure.empty() && WIFSIGNALED(status))
      failure = "the process of piece " + std::to_string(ended->second.piece + 1) + " of " + std::to_string(count) +
                " was ended by signal " + std::to_string(WTERMSIG(status)) +
                (WTERMSIG(status) == 9 ? " (is the memory enough? fewer --threads take less)" : "");
    else if (failure.empty() && status != 0)
      failure = sentence.empty() ? "a process ended with status " + std::to_string(WEXITSTATUS(status)) : sentence;
    running.erase(ended);
  }
  if (!failure.empty()) fail(failure);
}

}  // namespace quench
