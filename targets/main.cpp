// The quench command: finds the verb, runs it, turns errors into one line and an exit code.
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/text.h"
#include "engine/core/version.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

std::vector<Command> commands() {
  return {run_command(),    simulate_command(), train_command(),    compress_command(),
          sample_command(), evaluate_command(), generate_command(), study_command(),
          search_command(), import_command(),   inspect_command(),  targets_command()};
}

std::string overview() {
  std::string text = "usage: quench VERB ...   (quench VERB --help tells more)\n\n";
  for (const Command& c : commands()) {
    std::string name = c.verb.name;
    name.resize(10, ' ');
    text += "  " + name + c.verb.summary + "\n";
  }
  return text + "\nquench --version prints the version.\n";
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) throw UsageError("no verb given", overview());
  if (words[0] == "--version") {
    std::printf("quench %s\n", version);
    return 0;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::printf("%s", overview().c_str());
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& c : commands()) {
    names.push_back(c.verb.name);
    if (c.verb.name != words[0]) continue;
    const Arguments a = parse_arguments(c.verb, std::vector<std::string>(words.begin() + 1, words.end()));
    if (a.help) {
      std::printf("%s", help(c.verb).c_str());
      return 0;
    }
    return c.run(a);
  }
  const std::string close = nearest(words[0], names);
  throw UsageError("unknown verb \"" + words[0] + "\"" + (close.empty() ? "" : "; did you mean " + close + "?"),
                   overview());
}

// A message is one line, whatever the names and texts that it quotes hold.
std::string one_line(std::string text) {
  for (char& c : text)
    if ((c >= 0 && c < ' ') || c == 127) c = '?';
  return text;
}

}  // namespace
}  // namespace quench

int main(int argc, char** argv) {
  try {
    const int code = quench::dispatch(std::vector<std::string>(argv + 1, argv + argc));
    if (std::fflush(stdout) != 0) quench::fail("standard output cannot be written to");
    return code;
  } catch (const quench::UsageError& e) {
    std::fprintf(stderr, "quench: %s\n%s", quench::one_line(e.what()).c_str(), e.usage.c_str());
    return 2;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "quench: there is not enough memory; use fewer events or a smaller model\n");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "quench: %s\n", quench::one_line(e.what()).c_str());
  }
  return 1;
}
