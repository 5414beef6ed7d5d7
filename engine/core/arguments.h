// The command line of one verb: what it takes, how it is read, and the help that follows from both.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/core/error.h"

namespace quench {

// Wrong usage: main prints the message and the usage of the verb to standard error and exits with 2.
struct UsageError : Error {
  UsageError(const std::string& message, std::string usage_text) : Error(message), usage(std::move(usage_text)) {}
  std::string usage;
};

struct Positional {
  std::string name;  // "RECIPE"
  std::string help;
  bool optional = false;
};

struct Option {
  std::string name;         // "--threads"
  std::string placeholder;  // "N"; empty: a flag without a value
  std::string value;        // the default, as the user would write it; empty: none
  std::string help;
  bool required = false;
  bool repeated = false;  // may be given several times
};

struct Verb {
  std::string name;     // "run"; the program's own name is "quench"
  std::string summary;  // one sentence
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::string notes;  // printed below the options in the help
};

struct Arguments {
  Verb verb;
  std::vector<std::string> positionals;
  std::map<std::string, std::vector<std::string>> options;  // as given; a flag holds one empty text
  bool help = false;                                        // --help or -h was given: nothing else was checked
};

// `words` are what follows the verb. Options anywhere: --out DIR or --out=DIR; after -- everything is positional.
// Throws UsageError on unknown options (with the nearest known one), missing values and wrong numbers of positionals.
Arguments parse_arguments(const Verb&, const std::vector<std::string>& words);

bool given(const Arguments&, const std::string& option);

// The last value given, else the default, else "".
std::string text(const Arguments&, const std::string& option);
std::vector<std::string> texts(const Arguments&, const std::string& option);  // of a repeated option: all, in order

// Throws UsageError "--threads 0: must be a whole number from 1 to 1024" when it is none, overflows or is out of range.
std::int64_t integer(const Arguments&, const std::string& option, std::int64_t lowest, std::int64_t highest);
double number(const Arguments&, const std::string& option, double lowest, double highest);
std::string choice(const Arguments&, const std::string& option, const std::vector<std::string>& choices);

// "usage: quench run RECIPE --out DIR [--set KEY=VALUE ...]"
std::string usage(const Verb&);
std::string help(const Verb&);  // usage, summary, arguments, options with their defaults, notes

}  // namespace quench
