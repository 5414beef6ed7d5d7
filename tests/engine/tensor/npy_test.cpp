// The .npy and .npz readers and writers: hand-made files, every refusal, and NumPy itself where it is installed.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/tensor/npy.h"
#include "engine/tensor/npz.h"

using namespace quench;

namespace {

Span<const char> view(const std::string& s) { return {s.data(), s.size()}; }

template <class F>
std::string message(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

bool has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE(text);
  return false;
}

std::string number(std::uint64_t v, int bytes) {
  std::string s;
  for (int i = 0; i < bytes; ++i) s += static_cast<char>((v >> (8 * i)) & 0xff);
  return s;
}

std::string npy(const std::string& dict, const std::string& data, int version = 1) {
  return "\x93NUMPY" + number(static_cast<std::uint64_t>(version), 2) + number(dict.size(), version == 1 ? 2 : 4) +
         dict + data;
}

std::string dict(const std::string& descr, const std::string& shape, const std::string& order = "False") {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

std::string refusal(const std::string& bytes) {
  return message([&] { parse_npy(view(bytes), "f"); });
}

std::uint32_t naive_crc32(const std::string& s) {
  std::uint32_t c = 0xffffffff;
  for (char ch : s) {
    c ^= static_cast<unsigned char>(ch);
    for (int k = 0; k < 8; ++k) c = (c >> 1) ^ (0xedb88320 & (0 - (c & 1)));
  }
  return ~c;
}

struct ZipPart {
  std::string name, data;
  int method = 0, flags = 0;
  bool zip64 = false;      // as numpy.savez: full 32-bit sizes in the local header, true ones in its extra field
  int descriptor = 0;      // bytes of the data descriptor: 0, 12, 16, 20 or 24
  bool central64 = false;  // as zipfile writes members above 2 GiB
  std::uint32_t crc_error = 0;
};

// A zip file, written from the format's description alone.
std::string zip(const std::vector<ZipPart>& parts, bool end64 = false) {
  std::string out, directory;
  for (const ZipPart& p : parts) {
    const std::uint64_t offset = out.size(), n = p.data.size();
    const std::uint32_t crc = naive_crc32(p.data) ^ p.crc_error;
    const int flags = p.flags | (p.descriptor ? 8 : 0);
    const std::string common = number(45, 2) + number(static_cast<std::uint64_t>(flags), 2) +
                               number(static_cast<std::uint64_t>(p.method), 2) + number(0x00210000, 4);
    const std::string extra = p.zip64 ? number(1, 2) + number(16, 2) + number(n, 8) + number(n, 8) : "";
    const std::uint64_t local_size = p.zip64 ? 0xffffffff : p.descriptor ? 0 : n;
    out += "PK\x03\x04" + common + number(p.descriptor ? 0 : crc, 4) + number(local_size, 4) + number(local_size, 4) +
           number(p.name.size(), 2) + number(extra.size(), 2) + p.name + extra + p.data;
    const int field = p.descriptor >= 20 ? 8 : 4;
    if (p.descriptor == 16 || p.descriptor == 24) out += "PK\x07\x08";
    if (p.descriptor) out += number(crc, 4) + number(n, field) + number(n, field);
    const std::string more = p.central64 ? number(0x7075, 2) + number(2, 2) + "ab" + number(1, 2) + number(24, 2) +
                                               number(n, 8) + number(n, 8) + number(offset, 8)
                                         : "";
    directory += "PK\x01\x02" + number(45, 2) + common + number(crc, 4) + number(p.central64 ? 0xffffffff : n, 4) +
                 number(p.central64 ? 0xffffffff : n, 4) + number(p.name.size(), 2) + number(more.size(), 2) +
                 std::string(10, '\0') + number(p.central64 ? 0xffffffff : offset, 4) + p.name + more;
  }
  const std::uint64_t begin = out.size(), record = begin + directory.size();
  out += directory;
  if (end64)
    out += "PK\x06\x06" + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8) + number(parts.size(), 8) +
           number(parts.size(), 8) + number(directory.size(), 8) + number(begin, 8) + "PK\x06\x07" + number(0, 4) +
           number(record, 8) + number(1, 4);
  out += "PK\x05\x06" + number(0, 4) + number(parts.size(), 2) + number(parts.size(), 2) +
         number(end64 ? 0xffffffff : directory.size(), 4) + number(end64 ? 0xffffffff : begin, 4) + number(0, 2);
  return out;
}

const std::string kBytes123 = npy(dict("'|u1'", "(3,)"), "\x01\x02\x03");

std::string zip_refusal(const std::string& bytes) {
  return message([&] { parse_npz(view(bytes), "f"); });
}

bool python_has(const char* module) {
  return std::system(("python3 -c \"import " + std::string(module) + "\" >/dev/null 2>&1").c_str()) == 0;
}

// A folder of this test's own, removed at the end.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / "quench_npy_test";
  Folder() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("npy: float32 by hand, in all three versions") {
  // 1.5 = 0x3fc00000, -2 = 0xc0000000, 0.25 = 0x3e800000
  const std::string data = number(0x3fc00000, 4) + number(0xc0000000, 4) + number(0x3e800000, 4);
  for (int version : {1, 2, 3}) {
    const std::string bytes = npy(dict("'<f4'", "(3, 1)"), data, version);
    const Array a = parse_npy(view(bytes), "f");
    CHECK(a.shape == std::vector<std::int64_t>{3, 1});
    CHECK(a.type == "f4");
    CHECK(a.size() == 3);
    CHECK(to_floats(a) == std::vector<float>{1.5f, -2.0f, 0.25f});
    CHECK(to_doubles(a) == std::vector<double>{1.5, -2.0, 0.25});
  }
}

TEST_CASE("npy: every number type") {
  const std::vector<std::pair<std::string, std::string>> cases = {{"'<f8'", number(0xbff8000000000000, 8)},
                                                                  {"'|i1'", number(0xfe, 1)},
                                                                  {"'<i2'", number(0xfffe, 2)},
                                                                  {"'<i4'", number(0xfffffffe, 4)},
                                                                  {"'<i8'", number(0xfffffffffffffffe, 8)}};
  for (const auto& [descr, data] : cases) {
    const std::string bytes = npy(dict(descr, "(1,)"), data);
    CHECK(to_doubles(parse_npy(view(bytes), "f")) == std::vector<double>{descr == "'<f8'" ? -1.5 : -2.0});
  }
  const std::vector<std::pair<std::string, int>> unsigned_cases = {
      {"'|u1'", 1}, {"'<u2'", 2}, {"'<u4'", 4}, {"'<u8'", 8}};
  for (const auto& [descr, size] : unsigned_cases) {
    const std::string bytes = npy(dict(descr, "(1,)"), std::string(static_cast<std::size_t>(size), '\xff'));
    double expected = 1;
    for (int i = 0; i < 8 * size; ++i) expected *= 2;
    CHECK(to_doubles(parse_npy(view(bytes), "f"))[0] == doctest::Approx(expected - 1).epsilon(1e-15));
  }
}

TEST_CASE("npy: keys in any order, scalars, empty arrays") {
  const std::string any = npy("{\"shape\":(2 ,2,) , 'fortran_order':False,'descr':\"|u1\"}", "abcd");
  CHECK(to_floats(parse_npy(view(any), "f")) == std::vector<float>{97, 98, 99, 100});
  const std::string scalar = npy(dict("'|i1'", "()"), "\x07");
  CHECK(parse_npy(view(scalar), "f").shape.empty());
  CHECK(to_floats(parse_npy(view(scalar), "f")) == std::vector<float>{7});
  const std::string empty = npy(dict("'<f8'", "(0, 9223372036854775807)"), "");
  CHECK(to_floats(parse_npy(view(empty), "f")).empty());
}

TEST_CASE("npy: refusals say what and what to do") {
  CHECK(has(refusal(""), "f: is not a .npy file (0 bytes"));
  CHECK(has(refusal("PK\x03\x04 something else"), "numpy.save"));
  CHECK(has(refusal(npy(dict("'<f4'", "(1,)"), "abcd", 4)), "version 4.0"));
  CHECK(has(refusal(npy(dict("'<f4'", "(2, 3)"), std::string(20, 'x'))), "needs 24 bytes of data, it has 20"));
  CHECK(has(refusal(npy(dict("'<f4'", "(1,)"), "abcdefg")), "3 bytes of trailing garbage after 4"));
  CHECK(has(refusal(npy(dict("'>f4'", "(1,)"), "abcd")),
            "big-endian; save it as little-endian, e.g. array.astype('<f4')"));
  CHECK(has(refusal(npy(dict("'|O'", "(1,)"), "abcd")), "pickled Python objects"));
  CHECK(has(refusal(npy(dict("'<f2'", "(2,)"), "abcd")), "dtype <f2 is not supported"));
  CHECK(has(refusal(npy(dict("'<U2'", "(1,)"), "abcdefgh")), "not supported"));
  CHECK(has(refusal(npy(dict("[('a', '<f4')]", "(1,)"), "abcd")), "structured dtype"));
  CHECK(has(refusal(npy(dict("'<f4'", "(1,)", "True"), "abcd")), "Fortran order; save it in C order"));
  CHECK(has(refusal(npy(dict("'<f4'", "(4294967296, 4294967296)"), "abcd")), "more than 2^62 bytes"));
  CHECK(has(refusal(npy(dict("'<f4'", "(99999999999999999999,)"), "abcd")), "63 bits"));
  CHECK(has(refusal(npy(dict("'<f4'", "(-1,)"), "abcd")), "not negative"));
  CHECK(has(refusal(npy("{'descr': '<f4', 'shape': (1,)}", "abcd")), "lacks 'fortran_order'"));
  CHECK(has(refusal(npy("{'descr': '<f4', 'descr': '<f4'}", "abcd")), "stands twice"));
  CHECK(has(refusal(npy("{'descr': '<f4', 'colour': 1}", "abcd")), "unknown key 'colour'"));
  CHECK(has(refusal(npy(dict("'<f4'", "(1,)") + "x", "abcd")), "malformed"));
  CHECK(has(refusal("\x93NUMPY" + number(2, 2) + number(0xfffffff0, 4) + "{}"), "claims 4294967280 bytes"));
  CHECK(has(refusal("\x93NUMPY" + number(1, 2) + number(100, 2) + "{}"), "has 100 bytes, only 2 are there"));
  std::string deep = "(";
  for (int i = 0; i < 40; ++i) deep += "1,";
  CHECK(has(refusal(npy(dict("'|u1'", deep + ")"), "a")), "more than 32 dimensions"));
}

TEST_CASE("npy: every shortened file is refused") {
  const std::string whole = npy(dict("'<f4'", "(2, 2)"), std::string(16, 'x'));
  CHECK(refusal(whole) == "accepted");
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK(refusal(whole.substr(0, n)) != "accepted");
}

TEST_CASE("npy: what is written is read, and laid out as NumPy does") {
  const Tensor t{{2, 3}, {1.5f, -2.0f, 0.25f, 3e38f, 1e-40f, 0.0f}};
  const std::string bytes = npy_bytes(t);
  CHECK(bytes.size() == 128 + 24);  // 10 + 118 bytes of header
  CHECK(bytes.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(bytes.substr(10, 58) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ");
  CHECK(bytes[127] == '\n');
  CHECK(bytes.substr(128, 8) == number(0x3fc00000, 4) + number(0xc0000000, 4));
  const Array a = parse_npy(view(bytes), "f");
  CHECK(a.shape == std::vector<std::int64_t>{2, 3});
  CHECK(to_floats(a) == t.data);
  CHECK(parse_npy(view(npy_bytes({{3}, {1, 2, 3}})), "f").shape == std::vector<std::int64_t>{3});
  CHECK(parse_npy(view(npy_bytes({{0, 5}, {}})), "f").shape == std::vector<std::int64_t>{0, 5});
}

TEST_CASE("npz: stored members, zip64 and data descriptors") {
  CHECK(naive_crc32("123456789") == 0xcbf43926);
  const std::string floats = npy(dict("'<f4'", "(1,)"), number(0x3fc00000, 4));
  for (bool zip64 : {false, true}) {
    for (int descriptor : {0, 12, 16, 20, 24}) {
      for (bool central64 : {false, true}) {
        ZipPart a{"a.npy", kBytes123}, b{"b.npy", floats};
        a.zip64 = b.zip64 = zip64;
        a.descriptor = b.descriptor = descriptor;
        a.central64 = b.central64 = central64;
        const std::string bytes = zip({a, b}, central64);
        const std::vector<NpzMember> members = parse_npz(view(bytes), "f");
        REQUIRE(members.size() == 2);
        CHECK(members[0].name == "a");
        CHECK(members[1].name == "b");
        CHECK(to_floats(find_array(members, "a", "f")) == std::vector<float>{1, 2, 3});
        CHECK(to_floats(find_array(members, "b", "f")) == std::vector<float>{1.5f});
      }
    }
  }
  CHECK(parse_npz(view(zip({})), "f").empty());
}

TEST_CASE("npz: refusals") {
  const ZipPart good{"a.npy", kBytes123};
  const auto with = [&](auto change) {
    ZipPart p = good;
    change(p);
    return zip({p});
  };
  CHECK(zip_refusal(zip({good})) == "accepted");
  CHECK(has(zip_refusal("not a zip file, but longer than its end record"), "is not a .npz file (46 bytes"));
  CHECK(has(zip_refusal(""), "is not a .npz file (0 bytes"));
  CHECK(has(zip_refusal(with([](ZipPart& p) { p.method = 8; })), "save with numpy.savez, not savez_compressed"));
  CHECK(has(zip_refusal(with([](ZipPart& p) { p.method = 12; })), "zip method 12"));
  CHECK(has(zip_refusal(with([](ZipPart& p) { p.flags = 1; })), "encrypted"));
  CHECK(has(zip_refusal(with([](ZipPart& p) { p.name = "a.txt"; })), "a.txt is not a .npy array"));
  CHECK(has(zip_refusal(with([](ZipPart& p) { p.crc_error = 1; })), "CRC-32"));
  CHECK(has(zip_refusal(zip({good, good})), "two arrays called a.npy"));
  CHECK(has(zip_refusal(zip({good}) + "abc"), "3 bytes of trailing garbage"));
  CHECK(has(zip_refusal("abc" + zip({good})), "is not a .npz file"));
  ZipPart second = good;
  second.name = "b.npy";
  std::string wild = zip({good, second});  // found by fuzzing: the second member begins behind the file's end
  wild.replace(wild.size() - 22 - (46 + 5) + 42, 4, number(0x00ffffff, 4));
  CHECK(has(zip_refusal(wild), "claims to begin at byte 16777215"));
  const std::string whole = zip({good});
  CHECK(has(zip_refusal(whole.substr(0, whole.size() - 30)), "truncated"));
  const std::string missing = message([&] { find_array(parse_npz(view(whole), "f"), "showers", "f"); });
  CHECK(has(missing, "f: holds no array 'showers' but a; save it with that name"));
}

TEST_CASE("npz: every shortened file and every flipped bit of the data is refused") {
  ZipPart part{"a.npy", kBytes123};
  part.zip64 = true;
  const std::string whole = zip({part}, true);
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK(zip_refusal(whole.substr(0, n)) != "accepted");
  const std::size_t begin = 30 + 5 + 20;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const std::string answer = zip_refusal(damaged);  // anywhere: an Error or a reading, never anything else
      if (i >= begin && i < begin + kBytes123.size()) CHECK(answer != "accepted");
    }
  }
}

TEST_CASE("npz: what is written is read, and equal inputs give equal bytes") {
  const Tensor t{{2, 2}, {1, 2, 3, 4}}, u{{2, 1}, {5, 6}};
  const std::string bytes = npz_bytes({{"showers", npy_bytes(t)}, {"incident_energies", npy_bytes(u)}});
  CHECK(bytes == npz_bytes({{"showers", npy_bytes(t)}, {"incident_energies", npy_bytes(u)}}));
  const std::vector<NpzMember> members = parse_npz(view(bytes), "f");
  REQUIRE(members.size() == 2);
  CHECK(to_floats(find_array(members, "showers", "f")) == t.data);
  CHECK(to_floats(find_array(members, "incident_energies", "f")) == u.data);
}

TEST_CASE("npz: NumPy reads what quench writes, and the other way round") {
  if (!python_has("numpy")) {
    MESSAGE("skipped: python3 has no numpy");
    return;
  }
  const Folder folder;
  const std::string ours = (folder.path / "ours.npz").string(), script = (folder.path / "t.py").string();
  const Tensor t{{2, 3}, {1.5f, -2.0f, 0.25f, 3e38f, 1e-40f, 0.0f}};
  write_file(ours, npz_bytes({{"showers", npy_bytes(t)}, {"one", npy_bytes({{1}, {7}})}}));
  write_file(script,
             "import numpy as np, io, sys\n"
             "d = sys.argv[1] + '/'\n"
             "z = np.load(d + 'ours.npz')\n"
             "assert sorted(z.files) == ['one', 'showers'] and z['showers'].dtype == np.float32\n"
             "assert (z['showers'] == np.array([[1.5, -2, .25], [3e38, 1e-40, 0]], np.float32)).all()\n"
             "assert z['one'].shape == (1,) and z['one'][0] == 7\n"
             "a = np.arange(24, dtype=np.float32).reshape(2, 3, 4)\n"
             "np.savez(d + 'plain.npz', a=a, b=np.array([[-1, 2]], np.int64))\n"
             "class Pipe(io.RawIOBase):  # cannot seek: zipfile writes data descriptors\n"
             "    def __init__(self): self.all = b''\n"
             "    def writable(self): return True\n"
             "    def write(self, x): self.all += bytes(x); return len(x)\n"
             "p = Pipe(); np.savez(p, a=a, b=np.array([[-1, 2]], np.int64)); open(d + 'piped.npz', 'wb').write(p.all)\n"
             "np.savez_compressed(d + 'packed.npz', a=a)\n"
             "np.savez(d + 'fortran.npz', a=np.asfortranarray(a))\n"
             "np.savez(d + 'object.npz', a=np.array([{}], dtype=object))\n");
  REQUIRE(std::system(("python3 " + script + " " + folder.path.string()).c_str()) == 0);
  for (const char* name : {"plain.npz", "piped.npz"}) {
    const std::string bytes = read_file((folder.path / name).string());
    const std::vector<NpzMember> members = parse_npz(view(bytes), name);
    const Array a = find_array(members, "a", name);
    CHECK(a.shape == std::vector<std::int64_t>{2, 3, 4});
    CHECK(to_floats(a)[23] == 23.0f);
    CHECK(to_doubles(find_array(members, "b", name)) == std::vector<double>{-1, 2});
  }
  const auto refused = [&](const char* name) {
    const std::string bytes = read_file((folder.path / name).string());
    return message([&] { find_array(parse_npz(view(bytes), name), "a", name); });
  };
  CHECK(has(refused("packed.npz"), "is deflated; save with numpy.savez, not savez_compressed"));
  CHECK(has(refused("fortran.npz"), "Fortran order"));
  CHECK(has(refused("object.npz"), "pickled Python objects"));
}
