// Programs: names, and the text form that is exact and diffable.
// SPDX-License-Identifier: MIT
#include "engine/model/program.h"

#include <charconv>
#include <limits>
#include <type_traits>

#include "engine/core/error.h"

namespace quench {
namespace {

constexpr int format_version = 2;
constexpr std::size_t numbers_per_line = 32;

const char* meaning_name(Meaning m) { return m == Meaning::event ? "event" : m == Meaning::energy ? "energy" : "code"; }

template <class T>
std::string number(T value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;  // shortest form that reads back exactly
  return std::string(text, end);
}

struct FieldWriter {
  std::string& out;

  void operator()(const char* name, const std::string& value) const {
    out += std::string("  ") + name + " " + value + "\n";
  }
  template <class T>
  std::enable_if_t<std::is_arithmetic_v<T>> operator()(const char* name, T value) const {
    (*this)(name, number(value));
  }
  template <class T>
  void operator()(const char* name, const std::vector<T>& data) const {
    out += std::string("  ") + name + " " + number(data.size());
    for (std::size_t i = 0; i < data.size(); ++i) out += (i % numbers_per_line ? " " : "\n    ") + number(data[i]);
    out += "\n";
  }
};

// Reads white-space separated words; every message says file and line.
class Reader {
 public:
  Reader(const std::string& text, const std::string& path) : text_(text), path_(path) {}

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(path_, ":", line_, ": ", parts...);
  }

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  std::string word(const char* what) {
    skip_space();
    std::size_t end = at_;
    while (end < text_.size() && !is_space(text_[end])) ++end;
    if (end == at_)
      refuse("the file ends where ", what, " is expected: it is truncated, write it again with quench compress");
    const std::string w = text_.substr(at_, end - at_);
    at_ = end;
    return w;
  }
  std::string rest_of_line() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != '\n') ++end;
    const std::string w = text_.substr(at_, end - at_);
    at_ = end;
    return w;
  }
  void expect(const std::string& wanted) {
    const std::string w = word(wanted.c_str());
    if (w != wanted) refuse("\"", w.substr(0, 40), "\" where \"", wanted, "\" is expected");
  }
  template <class T>
  T read_number(const char* what) {
    const std::string w = word(what);
    T value{};
    const auto [end, error] = std::from_chars(w.data(), w.data() + w.size(), value);
    if (error != std::errc{} || end != w.data() + w.size())
      refuse("\"", w.substr(0, 40), "\" is no number of the range of ", what);
    return value;
  }
  std::size_t remaining() const { return text_.size() - at_; }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  void skip_space() {
    for (; at_ < text_.size() && is_space(text_[at_]); ++at_) line_ += text_[at_] == '\n';
  }

  const std::string& text_;
  const std::string& path_;
  std::size_t at_ = 0;
  int line_ = 1;
};

struct FieldReader {
  Reader& in;

  void operator()(const char* name, std::string& value) const {
    in.expect(name);
    value = in.rest_of_line();
  }
  template <class T>
  std::enable_if_t<std::is_arithmetic_v<T>> operator()(const char* name, T& value) const {
    in.expect(name);
    value = in.read_number<T>(name);
  }
  template <class T>
  void operator()(const char* name, std::vector<T>& data) const {
    in.expect(name);
    const auto count = in.read_number<std::size_t>(name);
    if (count > in.remaining() / 2)
      in.refuse(name, " announces ", count, " numbers, more than the rest of the file can hold");
    data.resize(count);
    for (T& v : data) v = in.read_number<T>(name);
  }
};

template <std::size_t I = 0>
QOp make_op(const std::string& type, Reader& in) {
  if constexpr (I < std::variant_size_v<QOp>) {
    QOp op = std::variant_alternative_t<I, QOp>{};
    return type_name(op) == type ? op : make_op<I + 1>(type, in);
  } else {
    in.refuse("unknown layer \"", type.substr(0, 40), "\"");
  }
}

ValueId find_value(const Program& p, const std::string& name, Reader& in) {
  for (std::size_t i = 0; i < p.values.size(); ++i)
    if (p.values[i].name == name) return ValueId{static_cast<std::uint32_t>(i)};
  in.refuse("no value is named \"", name.substr(0, 40), "\"");
}

QValue read_value(Reader& in) {
  QValue v;
  v.name = in.word("a name");
  const std::string meaning = in.word("a meaning");
  if (meaning == "event")
    v.meaning = Meaning::event;
  else if (meaning == "energy")
    v.meaning = Meaning::energy;
  else if (meaning == "code")
    v.meaning = Meaning::code;
  else
    in.refuse("unknown meaning \"", meaning.substr(0, 40), "\"; known are event, energy and code");
  FieldReader f{in};
  f("length", v.length), f("bits", v.bits);
  std::string sign = in.word("signed or unsigned");
  if (sign != "signed" && sign != "unsigned")
    in.refuse("\"", sign.substr(0, 40), "\" where signed or unsigned is expected");
  v.is_signed = sign == "signed";
  f("scale", v.scale), f("zero", v.zero), f("low", v.low), f("high", v.high);
  return v;
}

QNode read_node(const Program& p, Reader& in) {
  QNode node;
  node.name = in.word("a name");
  node.op = make_op(in.word("a layer"), in);
  in.expect("inputs");
  const auto count = in.read_number<std::size_t>("inputs");
  if (count > 2) in.refuse("node ", node.name, " has ", count, " inputs; at most 2 exist");
  for (std::size_t i = 0; i < count; ++i) node.inputs.push_back(find_value(p, in.word("an input"), in));
  in.expect("output");
  node.output = find_value(p, in.word("an output"), in);
  std::visit([&](auto& op) { fields(op, FieldReader{in}); }, node.op);
  return node;
}

}  // namespace

const char* type_name(const QOp& op) {
  static const char* const names[] = {"Noise",    "LogEnergy", "Concat",   "Slice",      "Linear",    "Table",
                                      "Multiply", "Add",       "Fraction", "Split",      "Threshold", "Permute",
                                      "Clamp",    "Softmax",   "Spread",   "ShareSplit", "Rescale",   "Coupling"};
  static_assert(std::size(names) == std::variant_size_v<QOp>, "one name for every layer");
  return names[op.index()];
}

bool operator==(const Program& a, const Program& b) { return program_text(a) == program_text(b); }

ValueId append(Program& p, QNode node, QValue output) {
  node.output = ValueId{static_cast<std::uint32_t>(p.values.size())};
  p.values.push_back(std::move(output));
  p.nodes.push_back(std::move(node));
  return p.nodes.back().output;
}

std::string program_text(const Program& p) {
  std::string out = "quench-program " + number(format_version) + "\n";
  FieldWriter f{out};
  f("name", p.name), f("geometry", p.geometry), f("energy_unit_mev", p.energy_unit_mev);
  f("minimum_energy_mev", p.minimum_energy_mev), f("maximum_energy_mev", p.maximum_energy_mev);
  f("original_bits", p.original_bits), f("values", p.values.size());
  for (const QValue& v : p.values)
    out += "value " + v.name + " " + meaning_name(v.meaning) + " length " + number(v.length) + " bits " +
           number(v.bits) + (v.is_signed ? " signed" : " unsigned") + " scale " + number(v.scale) + " zero " +
           number(v.zero) + " low " + number(v.low) + " high " + number(v.high) + "\n";
  out += "inputs " + number(p.inputs.size());
  for (ValueId v : p.inputs) out += " " + p.values[index(v)].name;
  out += "\noutput " + p.values[index(p.output)].name + "\nnodes " + number(p.nodes.size()) + "\n";
  for (const QNode& node : p.nodes) {
    out += "node " + node.name + " " + type_name(node.op) + " inputs " + number(node.inputs.size());
    for (ValueId v : node.inputs) out += " " + p.values[index(v)].name;
    out += " output " + p.values[index(node.output)].name + "\n";
    std::visit([&](const auto& op) { fields(op, f); }, node.op);
  }
  return out + "end\n";
}

Program read_program(const std::string& text, const std::string& path) {
  Reader in(text, path);
  if (in.word("quench-program") != "quench-program")
    in.refuse("this is no quench program: it must begin with quench-program");
  const int version = in.read_number<int>("the version");
  if (version != format_version)
    in.refuse("the file has program version ", version, ", this quench reads version ", format_version,
              "; use the quench that wrote it, or compress the model again");
  Program p;
  FieldReader f{in};
  std::size_t values = 0;
  f("name", p.name), f("geometry", p.geometry), f("energy_unit_mev", p.energy_unit_mev);
  f("minimum_energy_mev", p.minimum_energy_mev), f("maximum_energy_mev", p.maximum_energy_mev);
  f("original_bits", p.original_bits), f("values", values);
  for (std::size_t i = 0; i < values; ++i) {
    in.expect("value");
    p.values.push_back(read_value(in));
  }
  in.expect("inputs");
  for (auto n = in.read_number<std::size_t>("inputs"); n > 0; --n)
    p.inputs.push_back(find_value(p, in.word("an input"), in));
  in.expect("output");
  p.output = find_value(p, in.word("a value"), in);
  in.expect("nodes");
  for (auto n = in.read_number<std::size_t>("nodes"); n > 0; --n) {
    in.expect("node");
    p.nodes.push_back(read_node(p, in));
  }
  in.expect("end");
  if (!in.at_end()) in.refuse("text follows after \"end\"");
  try {
    check(p);
  } catch (const Error& e) {
    fail(path, ": ", e.what());
  }
  return p;
}

}  // namespace quench
