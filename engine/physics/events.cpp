// Reading, checking and writing event files.
// SPDX-License-Identifier: MIT
#include "engine/physics/events.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>
#include <utility>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/tensor/csv.h"
#include "engine/tensor/npy.h"
#include "engine/tensor/npz.h"

namespace quench {
namespace {

constexpr std::int64_t kMaxEvents = std::numeric_limits<int>::max();

std::string shape_text(const Array& a) {
  std::string s = "(";
  for (std::size_t i = 0; i < a.shape.size(); ++i) s += (i ? ", " : "") + std::to_string(a.shape[i]);
  return s + (a.shape.size() == 1 ? ",)" : ")");
}

// (events, ...) -> [events, voxels]: everything after the first axis is flattened.
Tensor shower_tensor(const Array& a, const Geometry& g, const std::string& where) {
  if (a.shape.size() < 2)
    fail(where, ": showers have shape ", shape_text(a), ", which lacks the voxels; save an array (events, voxels)");
  if (a.shape[0] == 0) fail(where, ": 0 events; at least 1 is needed");
  if (a.shape[0] > kMaxEvents) fail(where, ": ", a.shape[0], " events, the limit is ", kMaxEvents, "; split the file");
  const std::int64_t voxels = a.size() / a.shape[0];
  if (voxels != g.voxels())
    fail(where, ": ", voxels, " voxels a shower (shape ", shape_text(a), "), geometry ", g.name, " has ", g.voxels(),
         "; choose the geometry that belongs to the file");
  return {{static_cast<int>(a.shape[0]), g.voxels()}, to_floats(a)};
}

Tensor energy_tensor(const Array& a, int events, const std::string& where) {
  std::int64_t other = 1;
  for (std::size_t i = 1; i < a.shape.size(); ++i) other *= a.shape[i] == 1 ? 1 : 0;
  if (a.shape.empty() || other != 1)
    fail(where, ": incident energies have shape ", shape_text(a), "; save one number an event: (events, 1)");
  if (a.shape[0] != events)
    fail(where, ": ", events, " showers, but ", a.shape[0], " incident energies; save one for each shower");
  return {{events, 1}, to_floats(a)};
}

void check_events(const Events& e, const Geometry& g, bool allow_empty, const std::string& where) {
  const int voxels = g.voxels();
  for (int i = 0; i < e.size(); ++i) {
    const float energy = e.incident_energies.data[static_cast<std::size_t>(i)];
    if (!std::isfinite(energy) || energy <= 0)
      fail(where, ": event ", i, ": incident energy ", energy, " MeV; it must be finite and greater than 0");
    const float* shower = e.showers.row(i);
    bool empty = true;
    for (int v = 0; v < voxels; ++v) {
      if (!std::isfinite(shower[v]) || shower[v] < 0)
        fail(where, ": event ", i, ", voxel ", v, ": energy ", shower[v], " MeV; it must be finite and not negative");
      empty = empty && shower[v] == 0;
    }
    if (empty && !allow_empty)
      fail(where, ": event ", i, ": all ", voxels, " voxels are 0; remove such showers from the file");
  }
}

Tensor voxel_centres(const Geometry& g) {
  Tensor t{{g.voxels(), 4}, {}};
  for (std::size_t l = 0; l < g.layers.size(); ++l)
    for (std::size_t v = 0; v < g.layers[l].r.size(); ++v)
      for (double number : {static_cast<double>(l), g.layers[l].r[v], g.layers[l].x[v], g.layers[l].y[v]})
        t.data.push_back(static_cast<float>(number));
  return t;
}

void check_centres(const Array& a, const Geometry& g, const std::string& where) {
  const Tensor wanted = voxel_centres(g);
  const std::vector<float> found = to_floats(a);
  if (found.size() != wanted.size())
    fail(where, ": voxel_centres has shape ", shape_text(a), ", geometry ", g.name, " needs (", g.voxels(),
         ", 4): layer, r, x and y of each voxel");
  const auto centre = [](const float* c) {
    std::ostringstream text;
    text << "in layer " << c[0] << " at r = " << c[1] << ", x = " << c[2] << ", y = " << c[3] << " mm";
    return text.str();
  };
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!(std::fabs(found[i] - wanted.data[i]) <= 0.01f))
      fail(where, ": voxel ", i / 4, " of its showers is ", centre(&found[i / 4 * 4]), ", that of geometry ", g.name,
           " is ", centre(&wanted.data[i / 4 * 4]), "; choose the geometry that belongs to the file");
}

Events from_npz(const std::string& bytes, const Geometry& g, const std::string& path) {
  const std::vector<NpzMember> members = parse_npz({bytes.data(), bytes.size()}, path);
  bool singular = false;
  for (const NpzMember& m : members) singular = singular || m.name == "incident_energy";
  for (const NpzMember& m : members) singular = singular && m.name != "incident_energies";
  Tensor showers = shower_tensor(find_array(members, "showers", path), g, path);
  const char* name = singular ? "incident_energy" : "incident_energies";
  Tensor energies = energy_tensor(find_array(members, name, path), showers.rows(), path);
  for (const NpzMember& m : members)
    if (m.name == "voxel_centres") check_centres(find_array(members, m.name, path), g, path);
  return {std::move(showers), std::move(energies)};
}

Array array_of(const std::string& bytes, const std::string& path) {
  return parse_npy({bytes.data(), bytes.size()}, path);
}

Events from_folder(const std::string& path, const Geometry& g) {
  const std::filesystem::path folder(path);
  const std::string showers_path = (folder / "showers.npy").string();
  std::string energies_path = (folder / "incident_energies.npy").string();
  std::error_code ignored;
  if (!std::filesystem::exists(energies_path, ignored)) {
    const std::string singular = (folder / "incident_energy.npy").string();
    if (std::filesystem::exists(singular, ignored)) energies_path = singular;
  }
  for (const std::string& file : {showers_path, energies_path})
    if (!std::filesystem::exists(file, ignored))
      fail(path, ": the folder lacks ", std::filesystem::path(file).filename().string(),
           "; a folder of events holds showers.npy and incident_energies.npy");
  Events e;
  {
    const std::string bytes = read_file(showers_path);
    e.showers = shower_tensor(array_of(bytes, showers_path), g, showers_path);
  }
  const std::string bytes = read_file(energies_path);
  e.incident_energies = energy_tensor(array_of(bytes, energies_path), e.size(), energies_path);
  return e;
}

Events read_events(const std::string& path, const Geometry& g) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return from_folder(path, g);
  if (is_csv(path))
    fail(path,
         ": is a table, where showers are needed (.npz); only quench train takes one, as data.source of a recipe with "
         "model.family = \"flow\"");
  const std::string bytes = read_file(path);
  if (bytes.compare(0, 4, "\x89HDF") == 0)
    fail(path,
         ": is an HDF5 file; convert it with h5py and numpy: numpy.savez('events.npz', showers=f['showers'][:], "
         "incident_energies=f['incident_energies'][:])");
  if (bytes.compare(0, 6, "\x93NUMPY") == 0)
    fail(path,
         ": is one array alone; give the folder that holds showers.npy and incident_energies.npy, or a .npz of both");
  return from_npz(bytes, g, path);
}

}  // namespace

Events load_events(const std::string& path, const Geometry& g, bool allow_empty_showers) {
  Events e = read_events(path, g);
  check_events(e, g, allow_empty_showers, path);
  return e;
}

void save_events(const std::string& path, const Events& e, const Geometry* g) {
  std::vector<std::pair<std::string, std::string>> arrays{{"showers", npy_bytes(e.showers)},
                                                          {"incident_energies", npy_bytes(e.incident_energies)}};
  if (g) arrays.push_back({"voxel_centres", npy_bytes(voxel_centres(*g))});
  write_file(path, npz_bytes(arrays));
}

Events select(const Events& e, int first, int count) {
  if (first < 0 || count < 0 || count > e.size() - first)
    fail("select: events ", first, " to ", static_cast<std::int64_t>(first) + count - 1, " of ", e.size(),
         ": no such events; ask for fewer");
  const std::ptrdiff_t n = e.showers.columns();
  const auto showers = e.showers.data.begin(), energies = e.incident_energies.data.begin();
  return {{{count, static_cast<int>(n)}, {showers + first * n, showers + (first + count) * n}},
          {{count, 1}, {energies + first, energies + first + count}}};
}

}  // namespace quench
