// Uses the library from outside the project: exit status 0 when a file that is written is read back.
// SPDX-License-Identifier: MIT
#include <string>

#include "engine/core/error.h"
#include "engine/core/files.h"

int main(int count, char** arguments) {
  const std::string path = count > 1 ? arguments[1] : "";
  quench::write_file(path, "shower");
  if (quench::read_file(path) != "shower") return 1;
  try {
    quench::read_file(path + ".missing");
  } catch (const quench::Error&) {
    return 0;
  }
  return 2;
}
