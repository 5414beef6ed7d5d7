// Files are read whole and written to a temporary name that is renamed: never a half file.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

namespace quench {

bool exists(const std::string& path);
std::string read_file(const std::string& path);
// Fails (folder missing or unwritable, disk full) with the path and the system's reason; leaves no temporary file
// behind. A symbolic link is followed; a device or a pipe (/dev/stdout) is written to directly.
void write_file(const std::string& path, const std::string& bytes);
// What killed processes left of writing files whose paths begin so; those of processes that run are not touched.
void remove_partials(const std::string& beginning);
// Fails as write_file would, where that can be known beforehand: called before minutes of work. Changes nothing.
void expect_writable(const std::string& path);
void make_folder(const std::string& path);  // with its parents; fails when it cannot be written to

}  // namespace quench
