// Reading whole files, and writing them to a temporary name in the same folder that is then renamed.
// SPDX-License-Identifier: MIT
#include "engine/core/files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "engine/core/error.h"

namespace quench {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

// Writes everything, or gives the errno of the call that failed; 0 is success.
int write_all(int file, const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(file, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;  // POSIX allows it; a loop would never end
    done += static_cast<std::size_t>(n);
  }
  return 0;
}

// Some file systems (NFS, quotas) report a full disk only when the file is closed.
int write_and_close(int file, const std::string& bytes) {
  const int error = write_all(file, bytes);
  const int close_error = ::close(file) == 0 ? 0 : errno;
  return error != 0 ? error : close_error;
}

[[noreturn]] void cannot_write(const std::string& path, int error) {
  std::string hint;
  if (error == ENOENT || error == ENOTDIR) hint = ": create its folder first, or choose another place";
  if (error == ENOSPC || error == EDQUOT) hint = ": free some space, or choose another place";
  if (error == EACCES || error == EROFS || error == EPERM) hint = ": choose a folder that you may write to";
  fail(path, ": cannot write: ", reason(error), hint);
}

// Devices and pipes cannot be renamed over. Standard output goes on where it stands: it may be a file of the shell's.
void write_directly(const std::string& path, const std::string& bytes) {
  const int file = path == "/dev/stdout" ? ::dup(STDOUT_FILENO) : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) cannot_write(path, errno);
  if (const int error = write_and_close(file, bytes)) cannot_write(path, error);
}

struct Temporary {
  std::string path;
  int file = -1;
};

const char* const partial = ".partial-";  // and the number of the process that writes

// A new file beside `path`; two processes or threads that write the same path never share one.
Temporary open_temporary(const std::string& path) {
  for (int attempt = 0;; ++attempt) {
    const std::string name = path + partial + std::to_string(::getpid()) + "-" + std::to_string(attempt);
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0) return {name, file};
    if (errno != EEXIST || attempt > 1000) cannot_write(path, errno);
  }
}

void try_beside(const std::string& path) {
  const Temporary temporary = open_temporary(path);
  ::close(temporary.file);
  ::unlink(temporary.path.c_str());
}

void write_and_rename(const std::string& path, const std::string& bytes) {
  const Temporary temporary = open_temporary(path);
  struct stat old = {};
  if (::stat(path.c_str(), &old) == 0 && ::fchmod(temporary.file, old.st_mode & 07777) != 0)
    errno = 0;  // a file system without permissions: the new file has its default ones
  int error = write_and_close(temporary.file, bytes);
  if (error == 0 && std::rename(temporary.path.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return;
  ::unlink(temporary.path.c_str());
  cannot_write(path, error);
}

struct Destination {
  std::string path;
  bool renamed = true;  // false: a device, a pipe or a process's file, written to directly
};

Destination destination(const std::string& path) {
  if (path.empty()) fail("cannot write to an empty file name: give a path");
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return {path, true};
  if (S_ISDIR(status.st_mode)) fail(path, ": cannot write: is a folder: give the name of a file");
  const bool of_a_process = path.compare(0, 5, "/dev/") == 0 || path.compare(0, 6, "/proc/") == 0;
  if (!S_ISREG(status.st_mode) || of_a_process) return {path, false};
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);  // a link stays a link
  return {error ? path : real.string(), true};
}

std::string read_open(int file, const std::string& path, std::size_t expected) {
  std::string bytes;
  bytes.resize(expected + 1);  // one more than the file says, so that its end is seen without growing
  std::size_t size = 0;
  while (true) {
    if (size == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
    const ssize_t n = ::read(file, bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      ::close(file);
      fail(path, ": cannot read: ", reason(error));
    }
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  ::close(file);
  bytes.resize(size);
  return bytes;
}

}  // namespace

void make_folder(const std::string& path) {
  if (path.empty()) fail("cannot make a folder with an empty name: give a path, or . for this folder");
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) fail(path, ": cannot make the folder: ", error.message());
  if (!std::filesystem::is_directory(path, error)) fail(path, ": is a file, not a folder: choose another name");
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    fail(path, ": cannot write into this folder: ", reason(errno), ": choose a folder that you may write to");
  }
}

bool exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

std::string read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path, ": cannot read: ", reason(errno));
  struct stat status = {};
  if (::fstat(file, &status) != 0 || S_ISDIR(status.st_mode)) {
    ::close(file);
    fail(path, ": cannot read: is a folder, not a file");
  }
  const bool sized = S_ISREG(status.st_mode) && status.st_size > 0;
  return read_open(file, path, sized ? static_cast<std::size_t>(status.st_size) : 0);
}

void remove_partials(const std::string& beginning) {
  const std::filesystem::path whole(beginning);
  const std::string name = whole.filename().string();
  std::error_code error;
  const std::filesystem::path folder = whole.has_parent_path() ? whole.parent_path() : std::filesystem::path(".");
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string found = entry.path().filename().string();
    const std::size_t at = found.rfind(partial);
    if (found.compare(0, name.size(), name) != 0 || at == std::string::npos) continue;
    const long writer = std::strtol(found.c_str() + at + std::strlen(partial), nullptr, 10);
    if (writer > 0 && ::kill(static_cast<pid_t>(writer), 0) != 0 && errno == ESRCH) ::unlink(entry.path().c_str());
  }
}

void write_file(const std::string& path, const std::string& bytes) {
  const Destination d = destination(path);
  if (d.renamed)
    write_and_rename(d.path, bytes);
  else
    write_directly(d.path, bytes);
}

void expect_writable(const std::string& path) {
  const Destination d = destination(path);
  if (d.renamed) try_beside(d.path);
}

}  // namespace quench
