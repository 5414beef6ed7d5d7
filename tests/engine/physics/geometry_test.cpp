// Built-in geometries against their published numbers, and the geometry text file.
// SPDX-License-Identifier: MIT
#include "engine/physics/geometry.h"

#include "engine/core/files.h"
#include "tests/engine/physics/check.h"

using namespace quench;

TEST_CASE("rings-10x5") {
  const Geometry g = geometry("rings-10x5");
  CHECK(g.voxels() == 50);
  CHECK(g.threshold_mev == 5);
  CHECK(g.layer_voxels() == std::vector<int>(10, 5));
  CHECK(g.layer_begin().front() == 0);
  CHECK(g.layer_begin().back() == 50);
  // X0 = 7.39 / 8.28 cm; E_c = 8.765 MeV and R_M = 2.159 cm to four digits (recipes.md section 1)
  CHECK(g.layers[0].z_end == doctest::Approx(2.5 * 8.925).epsilon(1e-4));
  CHECK(g.layers[9].z_begin == doctest::Approx(9 * 2.5 * 8.925).epsilon(1e-4));
  CHECK(g.layers[0].r_edges[3] == doctest::Approx(21.59).epsilon(3e-4));
  CHECK(g.layers[4].r[4] == doctest::Approx(3 * 21.59).epsilon(3e-4));
  CHECK(g.layers[4].r[0] == doctest::Approx(0.1 * 21.59).epsilon(3e-4));
  CHECK_FALSE(g.layers[0].has_xy);
}

TEST_CASE("ds1-photons") {
  const Geometry g = geometry("ds1-photons");
  CHECK(g.voxels() == 368);
  CHECK(g.layer_voxels() == std::vector<int>{8, 160, 190, 5, 5});
  CHECK(g.threshold_mev == 1);
  CHECK(g.layers[4].name == "12");
  CHECK(g.layers[1].has_xy);
  CHECK_FALSE(g.layers[3].has_xy);
  // layer 1: r fastest; the second azimuthal bin's centre is -pi + 0.3 pi = -0.7 pi
  CHECK(g.layers[1].r[16] == 1);
  CHECK(g.layers[1].r[17] == 3);
  CHECK(g.layers[1].r[15] == 175);
  CHECK(g.layers[1].x[17] == doctest::Approx(3 * -0.5877852522924731));
  CHECK(g.layers[1].y[17] == doctest::Approx(3 * -0.8090169943749475));
}

TEST_CASE("ds2") {
  const Geometry g = geometry("ds2");
  CHECK(g.voxels() == 6480);
  CHECK(g.layers.size() == 45);
  CHECK(g.layers[0].r.size() == 144);
  CHECK(g.layers[44].r_edges.back() == doctest::Approx(41.85));
  CHECK(g.layers[44].z_end == doctest::Approx(153));
  CHECK(g.threshold_mev == doctest::Approx(0.01515).epsilon(1e-3));
}

TEST_CASE("grids") {
  const Geometry g = geometry("grid-12x9x9");
  CHECK(g.voxels() == 972);
  CHECK(g.threshold_mev == 0);
  CHECK(g.layers[0].x[0] == -80);
  CHECK(g.layers[0].y[0] == -80);
  CHECK(g.layers[0].x[8] == 80);
  CHECK(g.layers[0].y[8] == -80);  // x fastest
  CHECK(g.layers[0].r[40] == 0);   // the centre cell
  CHECK(g.layers[0].r[0] == doctest::Approx(80 * 1.4142135623730951));
  CHECK(g.layers[11].z_end == 600);
  const Geometry flat = geometry("grid-1x2x4");
  CHECK(flat.layers[0].x == std::vector<double>{-30, -10, 10, 30, -30, -10, 10, 30});
  CHECK(flat.layers[0].y == std::vector<double>{-10, -10, -10, -10, 10, 10, 10, 10});
  CHECK(has(message([] { geometry("grid-0x9x9"); }), "'0' is not a whole number from 1 to 1000"));
  CHECK(has(message([] { geometry("grid-9x9"); }), "is not ZxYxX"));
  CHECK(has(message([] { geometry("grid-1000x1000x1000"); }), "makes 1e+09 voxels, the limit is 1e+07"));
  CHECK(has(message([] { geometry("grid-99999999999x1x1"); }), "99999999999"));
}

TEST_CASE("unknown names") {
  CHECK(has(message([] { geometry("ds3"); }), "geometry ds3: not known and no such file; use rings-10x5"));
}

TEST_CASE("text files") {
  const Geometry g = parse_geometry(
      "# a prototype\n"
      "name tower\n"
      "threshold_mev 0.5   # MeV\n"
      "layer r=0,5,10\n"
      "\n"
      "layer alpha=4 r=0,10 z=10,20 name=EM\r\n"
      "layer x=-1,0,2 y=-3,3\n"
      "layer repeat=3 r=1,2 z=30,31.5\n",
      "t.txt");
  CHECK(g.name == "tower");
  CHECK(g.threshold_mev == 0.5);
  CHECK(g.layer_voxels() == std::vector<int>{2, 4, 2, 1, 1, 1});
  CHECK(g.layers[0].r == std::vector<double>{2.5, 7.5});
  CHECK(g.layers[0].name == "0");
  CHECK(g.layers[1].name == "EM");
  CHECK(g.layers[1].has_xy);
  CHECK(g.layers[1].x[0] == doctest::Approx(-5 * 0.7071067811865476));
  CHECK(g.layers[2].x == std::vector<double>{-0.5, 1});
  CHECK(g.layers[2].y == std::vector<double>{0, 0});
  CHECK(g.layers[5].z_begin == 33);
  CHECK(g.layers[5].z_end == 34.5);
  CHECK(parse_geometry("grid 2x3x4 cell=10 depth=5", "a/calo.txt").name == "calo");
  CHECK(parse_geometry("grid 2x3x4 cell=10 depth=5", "a/calo.txt").layers[1].z_end == 10);
}

TEST_CASE("text files: refusals name the line") {
  const auto refused = [](const std::string& text) { return message([&] { parse_geometry(text, "t.txt"); }); };
  CHECK(has(refused("layer r=0,5\nlayer r=5,5\n"), "t.txt: line 2: the edges must increase, but 5 is followed by 5"));
  CHECK(has(refused("layer r=0\n"), "line 1: one edge alone"));
  CHECK(has(refused("layer r=-1,5\n"), "the radius -1 is negative"));
  CHECK(has(refused("layer r=0,nan\n"), "'nan' is not a number"));
  CHECK(has(refused("layer r=0,1 x=0,1 y=0,1\n"), "either r=... "));
  CHECK(has(refused("layer x=0,1\n"), "either r=... "));
  CHECK(has(refused("layer alpha=0 r=0,1\n"), "'0' is not a whole number"));
  CHECK(has(refused("layer r=0,1 r=0,2\n"), "the key 'r' stands twice"));
  CHECK(has(refused("layer r=0,1 q=3\n"), "'layer' has no key 'q'"));
  CHECK(has(refused("layer r=0,1 z=3\n"), "one edge alone"));
  CHECK(has(refused("layer r=0,1 z=1,2,3\n"), "z needs two depths"));
  CHECK(has(refused("layer repeat=1001 r=0,1\n"), "1001"));
  CHECK(
      has(refused("layer repeat=600 r=0,1\nlayer repeat=600 r=0,1\n"), "line 2: makes 1200 layers, the limit is 1000"));
  CHECK(has(refused("layers r=0,1\n"), "unknown statement 'layers'"));
  CHECK(has(refused("threshold_mev -1\n"), "is negative"));
  CHECK(has(refused("threshold_mev\n"), "needs a value"));
  CHECK(has(refused("layer r\n"), "not of the form key=value"));
  CHECK(has(refused("grid 2x2 cell=1\n"), "is not ZxYxX"));
  CHECK(has(refused("grid 2x2x2 cell=0\n"), "must be greater than 0"));
  CHECK(has(refused("# nothing\n"), "t.txt: 0 layers"));
}

TEST_CASE("text file on disk") {
  const Folder folder("geometry_test");
  write_file(folder.file("small.txt"), "layer r=0,5,10\nthreshold_mev 2\n");
  const Geometry g = geometry(folder.file("small.txt"));
  CHECK(g.name == "small");
  CHECK(g.voxels() == 2);
}
