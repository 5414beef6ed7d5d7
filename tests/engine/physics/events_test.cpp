// Event files: round trips and everything that is refused; the real Geant4 showers where they are at hand.
// SPDX-License-Identifier: MIT
#include "engine/physics/events.h"

#include <cstdint>
#include <limits>

#include "engine/core/files.h"
#include "engine/tensor/npy.h"
#include "engine/tensor/npz.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

const Geometry kTwo = parse_geometry("layer r=0,5,10\n", "two.txt");

Events three() { return {{{3, 2}, {1, 2, 0, 3.5f, 4, 0}}, {{3, 1}, {10, 20, 30}}}; }

std::string refused(const std::string& path, const Events& e, bool allow_empty = false) {
  save_events(path, e);
  return message([&] { load_events(path, kTwo, allow_empty); });
}

}  // namespace

TEST_CASE("round trip through .npz, equal bytes") {
  const Folder folder("events_round");
  save_events(folder.file("a.npz"), three());
  save_events(folder.file("b.npz"), three());
  CHECK(read_file(folder.file("a.npz")) == read_file(folder.file("b.npz")));
  const Events e = load_events(folder.file("a.npz"), kTwo);
  CHECK(e.showers == three().showers);
  CHECK(e.incident_energies == three().incident_energies);
  CHECK(e.size() == 3);
}

TEST_CASE("a file that says where its voxels are belongs to one geometry") {
  const Folder folder("events_geometry");
  const std::string path = folder.file("e.npz");
  save_events(path, three(), &kTwo);
  CHECK(load_events(path, kTwo).showers == three().showers);
  const Geometry far = parse_geometry("layer r=0,5,11\n", "far.txt"),
                 deep = parse_geometry("layer r=0,5 repeat=2\n", "d");
  CHECK(message([&] { load_events(path, far); }) ==
        path +
            ": voxel 1 of its showers is in layer 0 at r = 7.5, x = 0, y = 0 mm, that of geometry far is in layer 0 "
            "at r = 8, x = 0, y = 0 mm; choose the geometry that belongs to the file");
  CHECK(has(message([&] { load_events(path, deep); }), "that of geometry d is in layer 1 at r = 2.5"));
  const std::string bytes = npz_bytes({{"showers", npy_bytes(three().showers)},
                                       {"incident_energies", npy_bytes(three().incident_energies)},
                                       {"voxel_centres", npy_bytes(Tensor{{2, 3}, {0, 1, 2, 3, 4, 5}})}});
  write_file(path, bytes);
  CHECK(has(message([&] { load_events(path, kTwo); }), "voxel_centres has shape (2, 3), geometry two needs (2, 4)"));
}

TEST_CASE("folders, flattened axes, flat energies") {
  const Folder folder("events_folder");
  const Tensor deep{{3, 1, 2, 1}, three().showers.data}, flat{{3}, {10, 20, 30}};
  write_file(folder.file("showers.npy"), npy_bytes(deep));
  CHECK(has(message([&] { load_events(folder.path.string(), kTwo); }), "the folder lacks incident_energies.npy"));
  write_file(folder.file("incident_energy.npy"), npy_bytes(flat));
  CHECK(load_events(folder.path.string(), kTwo).showers == three().showers);
  CHECK(load_events(folder.path.string(), kTwo).incident_energies == three().incident_energies);
  write_file(folder.file("incident_energies.npy"), npy_bytes(Tensor{{3, 1}, {1, 2, 3}}));  // goes first
  CHECK(load_events(folder.path.string(), kTwo).incident_energies.data == std::vector<float>{1, 2, 3});
  write_file(folder.file("singular.npz"),
             npz_bytes({{"showers", npy_bytes(deep)}, {"incident_energy", npy_bytes(flat)}}));
  CHECK(load_events(folder.file("singular.npz"), kTwo).incident_energies == three().incident_energies);
}

TEST_CASE("refusals name the event, the voxel and the numbers") {
  const Folder folder("events_refusals");
  const std::string path = folder.file("e.npz");
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  Events e = three();
  e.showers.data[3] = nan;
  CHECK(has(refused(path, e), "event 1, voxel 1: energy nan MeV"));
  e.showers.data[3] = infinite;
  CHECK(has(refused(path, e), "event 1, voxel 1: energy inf MeV"));
  e.showers.data[3] = -0.5f;
  CHECK(has(refused(path, e), "event 1, voxel 1: energy -0.5 MeV; it must be finite and not negative"));
  e = three();
  e.showers.data[4] = 0;
  CHECK(has(refused(path, e), "event 2: all 2 voxels are 0"));
  CHECK(refused(path, e, true) == "accepted");
  for (float bad : {0.0f, -1.0f, nan, infinite}) {
    e = three();
    e.incident_energies.data[2] = bad;
    CHECK(has(refused(path, e), "event 2: incident energy "));
  }
  e = three();
  e.showers = {{2, 3}, e.showers.data};
  CHECK(has(refused(path, e), "3 voxels a shower (shape (2, 3)), geometry two has 2"));
  e = three();
  e.incident_energies = {{2, 1}, {1, 2}};
  CHECK(has(refused(path, e), "3 showers, but 2 incident energies"));
  e = three();
  e.incident_energies = {{3, 2}, {1, 2, 3, 4, 5, 6}};
  CHECK(has(refused(path, e), "save one number an event"));
  CHECK(has(refused(path, {{{0, 2}, {}}, {{0, 1}, {}}}), "0 events"));
  CHECK(has(refused(path, {{{6}, three().showers.data}, {{6, 1}, three().showers.data}}), "lacks the voxels"));
  write_file(path, npz_bytes({{"x", npy_bytes(three().showers)}}));
  CHECK(has(message([&] { load_events(path, kTwo); }), "holds no array 'showers' but x"));
  write_file(path, npy_bytes(three().showers));
  CHECK(has(message([&] { load_events(path, kTwo); }), "is one array alone"));
  write_file(path, "\x89HDF\r\n");
  CHECK(has(message([&] { load_events(path, kTwo); }), "is an HDF5 file; convert it"));
  CHECK(message([&] { load_events(folder.file("missing.npz"), kTwo); }) != "accepted");
}

TEST_CASE("select") {
  const Events e = select(three(), 1, 2);
  CHECK(e.size() == 2);
  CHECK(e.showers.data == std::vector<float>{0, 3.5f, 4, 0});
  CHECK(e.incident_energies.data == std::vector<float>{20, 30});
  CHECK(select(three(), 3, 0).size() == 0);
  CHECK(has(message([] { select(three(), 2, 2); }), "events 2 to 3 of 3"));
  CHECK(message([] { select(three(), -1, 2); }) != "accepted");
}

TEST_CASE("real Geant4 showers") {
  const char* data = std::getenv("QUENCH_TEST_DATA");
  if (!data) {
    MESSAGE("skipped: QUENCH_TEST_DATA does not name the folder of geant4-nai-2gev");
    return;
  }
  const Events e = load_events(std::string(data) + "/geant4-nai-2gev", geometry("grid-12x9x9"));
  CHECK(e.size() == 600);
  Sum response;
  for (int i = 0; i < e.size(); ++i) {
    double sum = 0;
    for (int v = 0; v < 972; ++v) sum += static_cast<double>(e.showers.row(i)[v]);
    response.add(sum / static_cast<double>(e.incident_energies.data[static_cast<std::size_t>(i)]));
  }
  CHECK(response.mean() == doctest::Approx(0.73).epsilon(0.02));  // the source's bookkeeping
}
