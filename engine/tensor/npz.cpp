// The .npz format: a zip file (PKWARE APPNOTE 6.3.4, with the zip64 fields) whose members are stored .npy files.
// SPDX-License-Identifier: MIT
#include "engine/tensor/npz.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/core/error.h"

namespace quench {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50, kDescriptor = 0x08074b50;
constexpr std::uint32_t kFull32 = 0xffffffff;  // the true number is in a zip64 field

// CRC-32 (polynomial 0xedb88320), eight bytes at a time.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 8>;

CrcTables crc_tables() {
  CrcTables t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    t[0][i] = c;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = t[0][t[k - 1][i] & 0xff] ^ (t[k - 1][i] >> 8);
  return t;
}

std::uint32_t crc32(const char* data, std::size_t size) {
  static const CrcTables t = crc_tables();
  const unsigned char* p = reinterpret_cast<const unsigned char*>(data);
  std::uint32_t c = 0xffffffff;
  for (; size >= 8; size -= 8, p += 8) {
    c ^= std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[3]} << 24;
    c = t[7][c & 0xff] ^ t[6][(c >> 8) & 0xff] ^ t[5][(c >> 16) & 0xff] ^ t[4][c >> 24] ^ t[3][p[4]] ^ t[2][p[5]] ^
        t[1][p[6]] ^ t[0][p[7]];
  }
  for (; size > 0; --size, ++p) c = t[0][(c ^ *p) & 0xff] ^ (c >> 8);
  return ~c;
}

struct Zip {
  Span<const char> bytes;
  std::string where;

  // `size` bytes at `at` are there.
  void need(std::uint64_t at, std::uint64_t size, const char* what) const {
    if (at > bytes.size() || size > bytes.size() - at)
      fail(where, ": truncated: ", what, " at byte ", at, " needs ", size, " bytes, the file has ", bytes.size(),
           "; copy the file again");
  }
  std::uint64_t get(std::uint64_t at, std::size_t size) const {
    need(at, size, "a field");
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < size; ++i)
      v |= std::uint64_t{static_cast<unsigned char>(bytes[static_cast<std::size_t>(at) + i])} << (8 * i);
    return v;
  }
  bool marked(std::uint64_t at, std::uint32_t mark) const {
    return at <= bytes.size() && bytes.size() - at >= 4 && get(at, 4) == mark;
  }
};

struct Directory {
  std::uint64_t entries = 0, begin = 0, end = 0;  // of the central directory, in bytes of the file
};

// Position of the end record, which must end the file.
std::uint64_t find_end(const Zip& zip) {
  const std::uint64_t size = zip.bytes.size();
  if (!zip.marked(0, kLocal) && !zip.marked(0, kEnd))
    fail(zip.where, ": is not a .npz file (", size,
         " bytes that do not begin with a zip member); write it with numpy.savez");
  const std::uint64_t lowest = size > 22 + 65535 ? size - 22 - 65535 : 0;
  for (std::uint64_t at = size >= 22 ? size - 22 + 1 : 0; at-- > lowest;) {
    if (!zip.marked(at, kEnd)) continue;
    const std::uint64_t stop = at + 22 + zip.get(at + 20, 2);
    if (stop > size) continue;
    if (stop < size)
      fail(zip.where, ": ", size - stop, " bytes of trailing garbage after the zip file's end at byte ", stop,
           "; write the file again");
    return at;
  }
  fail(zip.where, ": truncated (or followed by other bytes): no end record in the last ", size - lowest, " of ", size,
       " bytes of a zip file; copy the file again");
}

Directory find_directory(const Zip& zip) {
  const std::uint64_t end = find_end(zip);
  Directory d{zip.get(end + 10, 2), zip.get(end + 16, 4), end};
  std::uint64_t size = zip.get(end + 12, 4);
  bool split = zip.get(end + 4, 2) != 0 || zip.get(end + 8, 2) != d.entries;
  if (end >= 20 && zip.marked(end - 20, kLocator64)) {
    const std::uint64_t record = zip.get(end - 12, 8);
    if (!zip.marked(record, kEnd64)) fail(zip.where, ": no zip64 end record at byte ", record, "; the file is damaged");
    if (record > end - 20 || end - 20 - record < 56 || zip.get(record + 4, 8) != end - 20 - record - 12)
      fail(zip.where, ": the zip64 end record at byte ", record, " has a wrong length; the file is damaged");
    split = zip.get(record + 16, 4) != 0 || zip.get(record + 24, 8) != zip.get(record + 32, 8);
    d = {zip.get(record + 32, 8), zip.get(record + 48, 8), record};
    size = zip.get(record + 40, 8);
  }
  if (split) fail(zip.where, ": is one part of a split zip file; write it whole with numpy.savez");
  if (d.begin > d.end || d.end - d.begin != size)
    fail(zip.where, ": the zip directory claims ", size, " bytes at byte ", d.begin, ", but it must end at byte ",
         d.end, "; the file is damaged");
  return d;
}

struct Entry {
  std::string name;
  std::uint64_t flags = 0, method = 0, crc = 0, packed = 0, size = 0, offset = 0;
  std::uint64_t data_end = 0;
};

// Replaces the fields that are full by those of the zip64 block (0x0001) of the extra fields at [at, at + length).
void read_zip64(const Zip& zip, Entry& e, std::uint64_t at, std::uint64_t length) {
  const std::uint64_t stop = at + length;
  while (at + 4 <= stop) {
    const std::uint64_t id = zip.get(at, 2), size = zip.get(at + 2, 2);
    if (at + 4 + size > stop) break;
    std::uint64_t field = at + 4;
    const std::uint64_t field_stop = field + size;
    at = field_stop;
    if (id != 1) continue;
    for (std::uint64_t* value : {&e.size, &e.packed, &e.offset}) {
      if (*value != kFull32) continue;
      if (field + 8 > field_stop)
        fail(zip.where, ": member ", e.name, ": the zip64 sizes are missing; the file is damaged");
      *value = zip.get(field, 8);
      field += 8;
    }
    return;
  }
}

Entry read_entry(const Zip& zip, std::uint64_t& at, std::uint64_t end) {
  if (!zip.marked(at, kCentral) || end - at < 46)
    fail(zip.where, ": no zip directory entry at byte ", at, "; the file is damaged");
  Entry e;
  const std::uint64_t name = zip.get(at + 28, 2), extra = zip.get(at + 30, 2), comment = zip.get(at + 32, 2);
  if (end - at - 46 < name + extra + comment)
    fail(zip.where, ": the zip directory entry at byte ", at, " runs past the directory's end at byte ", end,
         "; the file is damaged");
  e.name.assign(zip.bytes.data() + at + 46, static_cast<std::size_t>(name));
  if (e.name.size() > 200 || !std::all_of(e.name.begin(), e.name.end(), [](char c) { return c > ' ' && c <= '~'; }))
    fail(zip.where, ": the member name at byte ", at + 46,
         " is longer than 200 characters or not plain text; rename the array");
  e.flags = zip.get(at + 8, 2);
  e.method = zip.get(at + 10, 2);
  e.crc = zip.get(at + 16, 4);
  e.packed = zip.get(at + 20, 4);
  e.size = zip.get(at + 24, 4);
  e.offset = zip.get(at + 42, 4);
  read_zip64(zip, e, at + 46 + name, extra);
  at += 46 + name + extra + comment;
  return e;
}

void check_entry(const Zip& zip, const Entry& e) {
  if (e.flags & 1) fail(zip.where, ": member ", e.name, " is encrypted; write the file with numpy.savez");
  if (e.method == 8) fail(zip.where, ": member ", e.name, " is deflated; save with numpy.savez, not savez_compressed");
  if (e.method != 0)
    fail(zip.where, ": member ", e.name, " is packed with zip method ", e.method,
         ", only 0 (stored) is read; save with numpy.savez");
  if (e.packed != e.size)
    fail(zip.where, ": member ", e.name, " is stored, yet has ", e.packed, " bytes for ", e.size,
         "; the file is damaged");
  if (e.name.size() < 5 || e.name.compare(e.name.size() - 4, 4, ".npy") != 0)
    fail(zip.where, ": member ", e.name, " is not a .npy array; write the file with numpy.savez");
}

// Bytes of the data descriptor at `at` that ends at `stop`: with or without mark, 4- or 8-byte sizes; checked against
// the directory.
bool descriptor_fits(const Zip& zip, const Entry& e, std::uint64_t at, std::uint64_t stop) {
  const std::uint64_t length = stop - at;
  const bool mark = length == 16 || length == 24;
  if (!mark && length != 12 && length != 20) return false;
  if (mark && !zip.marked(at, kDescriptor)) return false;
  if (mark) at += 4;
  const std::size_t field = length >= 20 ? 8 : 4;
  return zip.get(at, 4) == e.crc && zip.get(at + 4, field) == e.packed && zip.get(at + 4 + field, field) == e.size;
}

// The member's data, which must be followed at once by `next` (or by a data descriptor).
NpzMember read_member(const Zip& zip, const Entry& e, std::uint64_t next) {
  if (!zip.marked(e.offset, kLocal))
    fail(zip.where, ": no member at byte ", e.offset, ", where ", e.name, " should begin; the file is damaged");
  zip.need(e.offset, 30, "a member's header");
  const std::uint64_t name = zip.get(e.offset + 26, 2), extra = zip.get(e.offset + 28, 2);
  const std::uint64_t begin = e.offset + 30 + name + extra;
  if (begin > next || e.size > next - begin)
    fail(zip.where, ": member ", e.name, " claims ", e.size, " bytes at byte ", begin,
         ", but the next part begins at byte ", next, "; the file is damaged or truncated");
  if (std::string(zip.bytes.data() + e.offset + 30, static_cast<std::size_t>(name)) != e.name)
    fail(zip.where, ": the member at byte ", e.offset, " is not called ", e.name,
         " as in the directory; the file is damaged");
  const std::uint64_t end = begin + e.size;
  if (end != next && !((e.flags & 8) && descriptor_fits(zip, e, end, next)))
    fail(zip.where, ": ", next - end, " bytes after member ", e.name, " belong to nothing; write the file again");
  NpzMember m{e.name.substr(0, e.name.size() - 4), {zip.bytes.data() + begin, static_cast<std::size_t>(e.size)}};
  const std::uint32_t crc = crc32(m.bytes.data(), m.bytes.size());
  if (crc != e.crc)
    fail(zip.where, ": member ", e.name, " has CRC-32 ", crc, ", the file says ", e.crc,
         ": damaged; copy the file again");
  return m;
}

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}

std::uint64_t clipped(std::uint64_t v) { return v < kFull32 ? v : kFull32; }

// What the local header and the directory entry share. Date 1980-01-01, the format's zero.
void put_common(std::string& out, const Entry& e, std::size_t extra) {
  put(out, e.size >= kFull32 || e.offset >= kFull32 ? 45 : 20, 2);  // version needed
  put(out, 0, 2);
  put(out, 0, 2);
  put(out, 0x00210000, 4);
  put(out, e.crc, 4);
  put(out, clipped(e.size), 4);
  put(out, clipped(e.size), 4);
  put(out, e.name.size(), 2);
  put(out, extra, 2);
}

void put_local(std::string& out, const Entry& e) {
  const bool big = e.size >= kFull32;
  put(out, kLocal, 4);
  put_common(out, e, big ? 20 : 0);
  out += e.name;
  if (!big) return;
  put(out, 1, 2);
  put(out, 16, 2);
  put(out, e.size, 8);
  put(out, e.size, 8);
}

void put_central(std::string& out, const Entry& e) {
  std::string extra;
  if (e.size >= kFull32) {
    put(extra, e.size, 8);
    put(extra, e.size, 8);
  }
  if (e.offset >= kFull32) put(extra, e.offset, 8);
  put(out, kCentral, 4);
  put(out, 45, 2);  // made by
  put_common(out, e, extra.empty() ? 0 : extra.size() + 4);
  put(out, 0, 2);  // comment, disk, internal and external attributes
  put(out, 0, 2);
  put(out, 0, 2);
  put(out, 0, 4);
  put(out, clipped(e.offset), 4);
  out += e.name;
  if (extra.empty()) return;
  put(out, 1, 2);
  put(out, extra.size(), 2);
  out += extra;
}

void put_end(std::string& out, std::uint64_t entries, std::uint64_t begin) {
  const std::uint64_t record = out.size(), size = record - begin;
  if (begin >= kFull32 || size >= kFull32) {
    put(out, kEnd64, 4);
    put(out, 44, 8);
    put(out, 45, 2);
    put(out, 45, 2);
    put(out, 0, 8);  // disks
    put(out, entries, 8);
    put(out, entries, 8);
    put(out, size, 8);
    put(out, begin, 8);
    put(out, kLocator64, 4);
    put(out, 0, 4);
    put(out, record, 8);
    put(out, 1, 4);
  }
  put(out, kEnd, 4);
  put(out, 0, 4);  // disks
  put(out, entries, 2);
  put(out, entries, 2);
  put(out, clipped(size), 4);
  put(out, clipped(begin), 4);
  put(out, 0, 2);
}

}  // namespace

std::vector<NpzMember> parse_npz(Span<const char> buffer, const std::string& where) {
  const Zip zip{buffer, where};
  const Directory directory = find_directory(zip);
  std::vector<Entry> entries;
  std::uint64_t at = directory.begin;
  while (at < directory.end) entries.push_back(read_entry(zip, at, directory.end));
  if (entries.size() != directory.entries)
    fail(where, ": the zip directory holds ", entries.size(), " entries, its end record says ", directory.entries,
         "; the file is damaged");
  for (const Entry& e : entries) {
    check_entry(zip, e);
    if (e.offset >= directory.begin)
      fail(where, ": member ", e.name, " claims to begin at byte ", e.offset, ", but the members end at byte ",
           directory.begin, "; the file is damaged");
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
  std::vector<std::string> names;
  for (const Entry& e : entries) names.push_back(e.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) fail(where, ": holds two arrays called ", *twice, "; give each its own name");
  if ((entries.empty() ? directory.begin : entries[0].offset) != 0)
    fail(where, ": bytes before the first member belong to nothing; write the file again with numpy.savez");
  std::vector<NpzMember> members;
  for (std::size_t i = 0; i < entries.size(); ++i)
    members.push_back(read_member(zip, entries[i], i + 1 < entries.size() ? entries[i + 1].offset : directory.begin));
  return members;
}

Array find_array(const std::vector<NpzMember>& members, const std::string& name, const std::string& where) {
  std::string have;
  for (const NpzMember& m : members) {
    if (m.name == name) return parse_npy(m.bytes, where + ": " + name);
    have += (have.empty() ? "" : ", ") + m.name;
  }
  fail(where, ": holds no array '", name, "' but ", have.empty() ? "none at all" : have, "; save it with that name");
}

std::string npz_bytes(const std::vector<std::pair<std::string, std::string>>& named_npy) {
  std::string out;
  std::vector<Entry> entries;
  for (const auto& [name, npy] : named_npy) {
    Entry e;
    e.name = name + ".npy";
    e.crc = crc32(npy.data(), npy.size());
    e.size = e.packed = npy.size();
    e.offset = out.size();
    put_local(out, e);
    out += npy;
    entries.push_back(e);
  }
  const std::uint64_t begin = out.size();
  for (const Entry& e : entries) put_central(out, e);
  put_end(out, entries.size(), begin);
  return out;
}

}  // namespace quench
