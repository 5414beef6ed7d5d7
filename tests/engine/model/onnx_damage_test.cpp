// ONNX files that are damaged or none, and data outside of them: refused in one sentence, never more.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <filesystem>

#include "engine/core/files.h"
#include "engine/kernels/noise.h"
#include "tests/engine/model/onnx_refusals.h"

using namespace quench;

TEST_CASE("external data lie in the model's folder and nowhere else") {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / "quench_onnx_external";
  fs::remove_all(root);
  fs::create_directories(root / "models" / "weights");
  std::string data(8, '\1');
  for (const float v : {1.0f, 4.0f, 2.0f, 5.0f, 3.0f, 6.0f})
    protobuf::append_little_endian(data, protobuf::float_bits(v));
  for (const fs::path& path : {root / "outside.bin", root / "models" / "w.bin", root / "models" / "weights" / "w.bin"})
    write_file(path.string(), data);
  fs::create_symlink("../outside.bin", root / "models" / "link.bin");
  fs::create_directory_symlink("..", root / "models" / "up");
  fs::create_symlink("w.bin", root / "models" / "inner.bin");
  const std::string path = (root / "models" / "m.onnx").string();
  auto bytes = [](const std::string& location, const char* offset = "8", const char* length = "24") {
    std::string t;
    for (const int d : {3, 2}) protobuf::put_int(t, 1, d);
    protobuf::put_int(t, 2, 1);
    protobuf::put_bytes(t, 8, "W");
    protobuf::put_bytes(t, 13, onnx::entry("location", location));
    protobuf::put_bytes(t, 13, onnx::entry("offset", offset));
    protobuf::put_bytes(t, 13, onnx::entry("length", length));
    protobuf::put_int(t, 14, 1);
    return with_weight(t);
  };
  for (const char* good : {"w.bin", "./w.bin", "weights/w.bin", "inner.bin"}) {
    INFO(good);
    REQUIRE(refusal(bytes(good), path) == "");
    CHECK(std::get<Linear>(read_onnx(bytes(good), path).nodes[0].op).weight.data ==
          std::vector<float>{1, 2, 3, 4, 5, 6});
  }
  check_refusal(bytes((root / "models" / "w.bin").string()), {"absolute path"});
  check_refusal(bytes("../outside.bin"), {"'../outside.bin'", "leaves the model's folder"}, path);
  check_refusal(bytes("weights/../../outside.bin"), {"leaves the model's folder"}, path);
  check_refusal(bytes("link.bin"), {"by a symbolic link"}, path);
  check_refusal(bytes("up/outside.bin"), {"by a symbolic link"}, path);
  check_refusal(bytes("missing.bin"), {"cannot be found"}, path);
  check_refusal(bytes("weights"), {"not a regular file"}, path);
  check_refusal(bytes(""), {"not a file name"}, path);
  check_refusal(bytes("w.bin"), {"not read from a file"}, "");
  check_refusal(bytes("w.bin", "9"), {"needs 24 bytes", "23 are in the file 'w.bin'"}, path);
  check_refusal(bytes("w.bin", "8", "20"), {"needs 24 bytes", "20 are declared"}, path);
  check_refusal(bytes("w.bin", "-8"), {"offset", "'-8'"}, path);
  check_refusal(bytes("w.bin", "18446744073709551615"), {"0 are in the file"}, path);
  fs::remove_all(root);
}

TEST_CASE("files that are no ONNX files") {
  check_refusal("", {"holds no network"});
  check_refusal("\x89PNG\r\n\x1a\n", {"t.onnx"});
  check_refusal("hello, world", {"t.onnx"});
  check_refusal(std::string("\x38\x01", 2), {"field 7", "wire type 0 instead of 2"});  // graph as a number
  check_refusal(std::string("\x3b", 1), {"unknown wire type 3"});                      // a group
  check_refusal(std::string("\x3a\xff\xff\xff\xff\x0f", 6),
                {"4294967295 bytes of which 0"});  // a length beyond the end
  check_refusal(std::string(11, '\xff'), {"longer than 64 bits"});
  check_refusal(std::string("\x02\x00", 2), {"field number 0"});
  OnnxBuilder file = sound();
  std::string bytes = file.bytes();
  bytes.resize(bytes.size() - 20);  // both opsets are gone
  CHECK(refusal(bytes) != "");
}

TEST_CASE("cut and damaged files are read or refused, never more") {
  Model m;
  m.name = "small";
  const Value x = add_input(m, "x", 3, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
  Value h = append(m, "fc", linear(3, 3), {x}, 3);
  h = append(m, "norm", batch_norm(3), {h}, 3);
  h = append(m, "cut", Slice{0, 3}, {h}, 3);
  m.outputs = {append(m, "split", StickBreaking{{1, 2}, false}, {h, e}, 3)};
  const std::string whole = onnx_bytes(m);
  REQUIRE(refusal(whole) == "");
  std::size_t graph_end = 0;  // behind the graph only whole fields may be missing
  while (graph_end < whole.size() && refusal(whole.substr(0, graph_end)) != "") ++graph_end;
  CHECK(graph_end > whole.find("split") + 20);
  const std::uint32_t event[4] = {1, 0, 0, 0};
  Xoshiro128 random = noise_state(event, 0);
  int refused = 0;
  for (int k = 0; k < 20000; ++k) {
    std::string damaged = whole;
    for (std::uint32_t n = next(random) % 3 + 1; n > 0; --n)
      damaged[next(random) % damaged.size()] = static_cast<char>(next(random) & 255);
    refused += refusal(damaged) != "";
  }
  CHECK(refused > 4000);
}
