// Reading of command lines, and the usage and help texts of a verb.
// SPDX-License-Identifier: MIT
#include "engine/core/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/core/json.h"
#include "engine/core/table.h"
#include "engine/core/text.h"

namespace quench {
namespace {

[[noreturn]] void wrong(const Verb& verb, const std::string& message) {
  throw UsageError(verb.name + ": " + message, usage(verb));
}

const Option* find(const Verb& verb, const std::string& name) {
  for (const Option& option : verb.options)
    if (option.name == name) return &option;
  return nullptr;
}

// An option that the program asks for and the verb does not declare is a mistake of ours, not of the user.
const Option& declared(const Verb& verb, const std::string& name) {
  const Option* option = find(verb, name);
  if (option == nullptr) throw std::logic_error("verb " + verb.name + " declares no option " + name);
  return *option;
}

std::vector<std::string> option_names(const Verb& verb) {
  std::vector<std::string> names;
  for (const Option& option : verb.options) names.push_back(option.name);
  names.push_back("--help");
  return names;
}

// "-" alone, and negative numbers, are values.
bool is_option(const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return false;
  return !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
}

std::string shown(const Option& option) {
  return option.placeholder.empty() ? option.name : option.name + " " + option.placeholder;
}

// Reads the option at words[i] with its value; gives the index of its last word.
std::size_t read_option(Arguments& arguments, const std::vector<std::string>& words, std::size_t i) {
  const std::size_t equals = words[i].find('=');
  const std::string name = words[i].substr(0, equals);
  const Verb& verb = arguments.verb;
  const Option* option = find(verb, name);
  if (option == nullptr) wrong(verb, "unknown option " + name + suggestion(name, option_names(verb)));
  std::vector<std::string>& values = arguments.options[name];
  if (!values.empty() && !option->repeated) wrong(verb, name + " is given twice: give it once");
  if (option->placeholder.empty()) {
    if (equals != std::string::npos) wrong(verb, name + " takes no value");
    values.push_back("");
    return i;
  }
  if (equals != std::string::npos) {
    values.push_back(words[i].substr(equals + 1));
  } else if (i + 1 < words.size() && !is_option(words[i + 1])) {
    values.push_back(words[++i]);
  } else {
    wrong(verb, name + " needs a value: " + shown(*option));
  }
  if (values.back().empty()) wrong(verb, name + " has an empty value: " + shown(*option));
  return i;
}

void check_complete(const Arguments& arguments) {
  const Verb& verb = arguments.verb;
  const std::size_t count = arguments.positionals.size();
  for (std::size_t i = count; i < verb.positionals.size(); ++i)
    if (!verb.positionals[i].optional) wrong(verb, verb.positionals[i].name + " is missing");
  if (count > verb.positionals.size()) {
    wrong(verb, "\"" + arguments.positionals[verb.positionals.size()] + "\" is one argument too many: takes " +
                    std::to_string(verb.positionals.size()));
  }
  for (const Option& option : verb.options)
    if (option.required && arguments.options.count(option.name) == 0) wrong(verb, shown(option) + " is missing");
}

}  // namespace

Arguments parse_arguments(const Verb& verb, const std::vector<std::string>& words) {
  Arguments arguments{verb, {}, {}, false};
  const auto end = std::find(words.begin(), words.end(), "--");
  arguments.help = std::any_of(words.begin(), end, [](const std::string& w) { return w == "--help" || w == "-h"; });
  if (arguments.help) return arguments;
  bool options_ended = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!options_ended && words[i] == "--") options_ended = true;
    else if (!options_ended && is_option(words[i])) i = read_option(arguments, words, i);
    else arguments.positionals.push_back(words[i]);
  }
  check_complete(arguments);
  return arguments;
}

bool given(const Arguments& arguments, const std::string& option) {
  declared(arguments.verb, option);
  return arguments.options.count(option) != 0;
}

std::vector<std::string> texts(const Arguments& arguments, const std::string& option) {
  const Option& known = declared(arguments.verb, option);
  const auto found = arguments.options.find(option);
  if (found != arguments.options.end()) return found->second;
  return known.value.empty() ? std::vector<std::string>() : std::vector<std::string>{known.value};
}

std::string text(const Arguments& arguments, const std::string& option) {
  const std::vector<std::string> all = texts(arguments, option);
  return all.empty() ? "" : all.back();
}

std::int64_t integer(const Arguments& arguments, const std::string& option, std::int64_t lowest, std::int64_t highest) {
  const std::string word = text(arguments, option);
  const char* const end = word.data() + word.size();
  std::int64_t value = 0;
  const auto result = std::from_chars(word.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || value < lowest || value > highest) {
    wrong(arguments.verb, option + " " + word + ": must be a whole number from " + std::to_string(lowest) + " to " +
                              std::to_string(highest));
  }
  return value;
}

double number(const Arguments& arguments, const std::string& option, double lowest, double highest) {
  const std::string word = text(arguments, option);
  const char* const end = word.data() + word.size();
  double value = 0;
  const auto result = std::from_chars(word.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || !(value >= lowest && value <= highest)) {
    wrong(arguments.verb, option + " " + word + ": must be a number from " + number_text(lowest) + " to " +
                              number_text(highest));
  }
  return value;
}

std::string choice(const Arguments& arguments, const std::string& option, const std::vector<std::string>& choices) {
  const std::string word = text(arguments, option);
  if (std::find(choices.begin(), choices.end(), word) != choices.end()) return word;
  std::string list;
  for (const std::string& item : choices) list += (list.empty() ? "" : ", ") + item;
  wrong(arguments.verb, option + " " + word + ": must be one of " + list + suggestion(word, choices));
}

std::string usage(const Verb& verb) {
  std::string line = "usage: quench " + verb.name;
  for (const Positional& p : verb.positionals) line += p.optional ? " [" + p.name + "]" : " " + p.name;
  for (const Option& option : verb.options) {
    const std::string one = shown(option) + (option.repeated ? " ..." : "");
    line += option.required ? " " + one : " [" + one + "]";
  }
  return line + "\n";
}

std::string help(const Verb& verb) {
  Table table;
  for (const Positional& p : verb.positionals) table.rows.push_back({"  " + p.name, p.help});
  for (const Option& option : verb.options) {
    const std::string value = option.value.empty() ? "" : " (default: " + option.value + ")";
    table.rows.push_back({"  " + shown(option), option.help + value});
  }
  table.rows.push_back({"  --help", "this text"});
  table.right = {false, false};
  std::string out = usage(verb) + "\n" + verb.summary + "\n\n" + table_text(table);
  return verb.notes.empty() ? out : out + "\n" + verb.notes + "\n";
}

}  // namespace quench
