// Tests of reading and writing files: what is left behind after success, and after every kind of failure.
// SPDX-License-Identifier: MIT
#include "engine/core/files.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "engine/core/error.h"

namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path;
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "quench_files_XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  int files() const { return static_cast<int>(std::distance(fs::directory_iterator(path), fs::directory_iterator())); }
};

std::string message(const std::string& path, const std::string& bytes) {
  try {
    quench::write_file(path, bytes);
  } catch (const quench::Error& error) {
    return error.what();
  }
  return "no error";
}

// While it lives, writes past 100 bytes fail as on a full disk (with another errno).
struct SmallFiles {
  rlimit before;
  SmallFiles() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{100, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() { setrlimit(RLIMIT_FSIZE, &before); }
};

}  // namespace

TEST_CASE("what is written is read back, byte for byte, and only the file is left") {
  const Folder folder;
  std::string bytes;
  for (int i = 0; i < 70000; ++i) bytes += static_cast<char>(i * 7 % 256);
  for (const std::string& content : {std::string(), std::string("\0\r\n", 3), bytes}) {
    quench::write_file(folder / "a.bin", content);
    CHECK(quench::read_file(folder / "a.bin") == content);
    CHECK(folder.files() == 1);
  }
}

TEST_CASE("a failed write leaves the old file and no temporary one") {
  const Folder folder;
  quench::write_file(folder / "a", "old");
  std::string text;
  {
    const SmallFiles small;
    text = message(folder / "a", std::string(1000, 'x'));
  }
  CHECK(text.find(folder / "a: cannot write: File too large") == 0);
  CHECK(quench::read_file(folder / "a") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("a full disk, a missing folder, a folder as file and an empty name are named") {
  const Folder folder;
  if (fs::exists("/dev/full")) {
    CHECK(message("/dev/full", "x") ==
          "/dev/full: cannot write: No space left on device: free some space, or choose another place");
  }
  CHECK(message(folder / "no/a", "x").find("No such file or directory: create its folder first") != std::string::npos);
  CHECK(message(folder.path.string(), "x").find("is a folder") != std::string::npos);
  CHECK(message("", "x").find("empty file name") != std::string::npos);
  CHECK_THROWS_AS(quench::read_file(folder / "none"), quench::Error);
  CHECK_THROWS_AS(quench::read_file(folder.path.string()), quench::Error);
}

TEST_CASE("an unwritable folder is reported") {
  if (geteuid() == 0) {
    MESSAGE("skipped: the superuser may write everywhere");
    return;
  }
  const Folder folder;
  fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
  CHECK(message(folder / "a", "x").find("Permission denied: choose a folder") != std::string::npos);
  CHECK_THROWS_AS(quench::make_folder(folder.path.string()), quench::Error);
  fs::permissions(folder.path, fs::perms::owner_all);
}

TEST_CASE("a link stays a link, and a pipe is written through") {
  const Folder folder;
  quench::write_file(folder / "real", "1");
  fs::create_symlink(folder / "real", folder / "link");
  quench::write_file(folder / "link", "2");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(quench::read_file(folder / "real") == "2");

  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::string seen;
  std::thread reader([&] { seen = quench::read_file(folder / "pipe"); });
  quench::write_file(folder / "pipe", "through");
  reader.join();
  CHECK(seen == "through");
  CHECK(fs::is_fifo(folder / "pipe"));
}

TEST_CASE("threads that write the same file leave one whole version") {
  const Folder folder;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) quench::write_file(folder / "a", std::string(5000, static_cast<char>('a' + t)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string content = quench::read_file(folder / "a");
  CHECK(content.size() == 5000);
  CHECK(content == std::string(5000, content[0]));
  CHECK(folder.files() == 1);
}

TEST_CASE("folders are made with their parents, and a file in the way is named") {
  const Folder folder;
  quench::make_folder(folder / "a/b/c");
  quench::make_folder(folder / "a/b/c");
  CHECK(fs::is_directory(folder / "a/b/c"));
  quench::write_file(folder / "f", "");
  CHECK_THROWS_AS(quench::make_folder(folder / "f"), quench::Error);
  CHECK_THROWS_AS(quench::make_folder(folder / "f/g"), quench::Error);
  CHECK_THROWS_AS(quench::make_folder(""), quench::Error);
}

TEST_CASE("what a killed process left of writing goes, what a living one writes stays") {
  const Folder folder;
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  const std::string dead = ".partial-" + std::to_string(gone) + "-0", living = ".partial-" + std::to_string(getpid());
  for (const std::string& name : {"m.onnx" + dead, "m.onnx.checkpoint" + dead, "m.onnx" + living + "-0",
                                  "other.onnx" + dead, std::string("m.onnx"), std::string("m.partial-")})
    quench::write_file(folder / name, "x");
  quench::remove_partials(folder / "m.");
  CHECK(folder.files() == 4);
  for (const std::string& name : {"m.onnx" + living + "-0", "other.onnx" + dead, std::string("m.onnx")})
    CHECK(fs::exists(folder / name));
  quench::remove_partials(folder / "none/m.");  // no folder, nothing to do
}
