// Words to bytes and back, with every check on the way in.
// SPDX-License-Identifier: MIT
#include "engine/train/checkpoint.h"

#include <cstring>
#include <vector>

#include "engine/core/error.h"
#include "engine/kernels/crc.h"

namespace quench {
namespace {

constexpr std::uint32_t magic[2] = {0x6e657571u, 0x6b636863u};  // "quen", "chck"
constexpr std::uint32_t format_version = 3;
constexpr std::size_t header_words = 8;

std::uint32_t low_word(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high_word(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
std::uint64_t both(std::uint32_t low, std::uint32_t high) { return low | static_cast<std::uint64_t>(high) << 32; }

// Calls f(tensor) for all that is trained or remembered, in a fixed order.
template <class F>
void for_each_tensor(const CheckpointParts& parts, F&& f) {
  for (Model* model : parts.models) {
    for_each_parameter(*model, [&](std::size_t, const std::string&, auto& t) { f(t); });
    for_each_state(*model, [&](std::size_t, const std::string&, auto& t) { f(t); });
  }
  for (Tensor* t : parts.tensors) f(*t);
}

std::uint32_t checksum(const std::uint32_t* words, std::size_t count) {
  std::uint32_t crc = 0;
  for (std::size_t i = 0; i < count; ++i) crc = crc_word(crc, words[i]);
  return crc;
}

std::string to_bytes(const std::vector<std::uint32_t>& words) {
  std::string bytes;
  bytes.reserve(4 * words.size());
  for (std::uint32_t w : words)
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(w >> shift & 0xff));
  return bytes;
}

std::vector<std::uint32_t> to_words(const std::string& bytes) {
  std::vector<std::uint32_t> words(bytes.size() / 4);
  for (std::size_t i = 0; i < bytes.size() / 4 * 4; ++i)
    words[i / 4] |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * (i % 4));
  return words;
}

// Everything before the tensors; the words that remain are whole and belong to this run.
void check_header(const std::vector<std::uint32_t>& words, std::size_t bytes, std::uint64_t hash,
                  const std::string& path) {
  if (words.size() < 2 || words[0] != magic[0] || words[1] != magic[1]) fail(path, ": not a quench checkpoint");
  if (bytes % 4 != 0 || words.size() <= header_words || checksum(words.data(), words.size() - 1) != words.back())
    fail(path, ": the checkpoint is damaged (", bytes,
         " bytes, checksum does not match); delete it to start from the beginning");
  if (words[2] != format_version)
    fail(path, ": checkpoint version ", words[2], "; this quench reads version ", format_version);
  if (both(words[3], words[4]) != hash)
    fail(path,
         ": the checkpoint belongs to another recipe, seed or data set; delete it or choose another output to start "
         "anew");
}

}  // namespace

CheckpointParts checkpoint_parts(GanState& s) {
  CheckpointParts parts{{&s.step, &s.best.step},
                        {&s.best.value},
                        {&s.generator, &s.average, &s.critic, &s.generator_first, &s.generator_second, &s.critic_first,
                         &s.critic_second, &s.best.model}};
  for (Tensor& u : s.spectral) parts.tensors.push_back(&u);
  return parts;
}

CheckpointParts checkpoint_parts(FlowState& s) {
  return {{&s.step, &s.best.step}, {&s.best.value}, {&s.density, &s.average, &s.best.model, &s.first, &s.second}};
}

CheckpointParts checkpoint_parts(TuneState& s) { return {{&s.step}, {}, {&s.core, &s.average, &s.first, &s.second}}; }

CheckpointParts checkpoint_parts(VaeState& s) {
  return {{&s.step, &s.best.step},
          {&s.best.value},
          {&s.best.model, &s.encoder, &s.decoder, &s.likelihood, &s.decoder_average, &s.likelihood_average,
           &s.encoder_first, &s.encoder_second, &s.decoder_first, &s.decoder_second, &s.likelihood_first,
           &s.likelihood_second}};
}

std::string checkpoint_bytes(const CheckpointParts& parts, std::uint64_t hash) {
  std::uint32_t tensors = 0;
  for_each_tensor(parts, [&](const Tensor&) { ++tensors; });
  std::vector<std::uint32_t> words{magic[0],
                                   magic[1],
                                   format_version,
                                   low_word(hash),
                                   high_word(hash),
                                   static_cast<std::uint32_t>(parts.integers.size()),
                                   static_cast<std::uint32_t>(parts.numbers.size()),
                                   tensors};
  const auto put = [&](std::uint64_t bits) { words.push_back(low_word(bits)), words.push_back(high_word(bits)); };
  for (const std::int64_t* n : parts.integers) put(static_cast<std::uint64_t>(*n));
  for (const double* x : parts.numbers) {
    std::uint64_t bits;
    std::memcpy(&bits, x, sizeof bits);
    put(bits);
  }
  for_each_tensor(parts, [&](const Tensor& t) {
    words.push_back(static_cast<std::uint32_t>(t.shape.size()));
    for (int d : t.shape) words.push_back(static_cast<std::uint32_t>(d));
    const std::size_t begin = words.size();
    words.resize(begin + t.size());
    if (t.size() > 0) std::memcpy(&words[begin], t.data.data(), t.size() * sizeof(float));
  });
  words.push_back(checksum(words.data(), words.size()));
  return to_bytes(words);
}

void read_checkpoint(const std::string& bytes, const CheckpointParts& parts, std::uint64_t hash,
                     const std::string& path) {
  const std::vector<std::uint32_t> words = to_words(bytes);
  check_header(words, bytes.size(), hash, path);
  std::size_t at = header_words;
  const std::size_t end = words.size() - 1;
  if (words[5] != parts.integers.size() || words[6] != parts.numbers.size() ||
      end - at < 2 * (parts.integers.size() + parts.numbers.size()))
    fail(path, ": the checkpoint holds ", words[5], " integers and ", words[6], " numbers; this recipe has ",
         parts.integers.size(), " and ", parts.numbers.size());
  const auto take = [&] { return at += 2, both(words[at - 2], words[at - 1]); };
  for (std::int64_t* n : parts.integers) *n = static_cast<std::int64_t>(take());
  for (double* x : parts.numbers) {
    const std::uint64_t bits = take();
    std::memcpy(x, &bits, sizeof bits);
  }
  std::uint32_t tensors = 0;
  for_each_tensor(parts, [&](Tensor& t) {
    bool fits = end - at >= 1 + t.shape.size() + t.size() && words[at] == t.shape.size();
    for (std::size_t k = 0; fits && k < t.shape.size(); ++k)
      fits = words[at + 1 + k] == static_cast<std::uint32_t>(t.shape[k]);
    if (!fits) fail(path, ": tensor ", tensors, " of the checkpoint has another shape than this recipe's");
    at += 1 + t.shape.size();
    if (t.size() > 0) std::memcpy(t.data.data(), &words[at], t.size() * sizeof(float));
    at += t.size();
    ++tensors;
  });
  if (at != end || tensors != words[7])
    fail(path, ": the checkpoint holds ", words[7], " tensors in ", end, " words; this recipe has ", tensors, " in ",
         at);
}

}  // namespace quench
