// The staging arena's pieces never overlap while in use, and all of it comes back.

#include "c_src/runtime/staging.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace amdgpu {
namespace {

TEST(Staging, PiecesInUseDoNotOverlap) {
  StreamClocks clocks;
  Staging staging(64 << 10);
  struct Piece {
    std::uint64_t offset, bytes;
  };
  std::deque<Piece> used;
  Ticket submitted = 0;
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t bytes = 1 + random() % 9000;
    const std::optional<std::uint64_t> place = staging.Take(bytes, clocks);
    if (!place.has_value()) {
      ++refused;
      ASSERT_FALSE(used.empty()) << "nothing is in use and " << bytes << " bytes do not fit";
    } else {
      ASSERT_LE(*place + bytes, 64u << 10);
      for (const Piece& piece : used) {
        ASSERT_TRUE(*place + bytes <= piece.offset || piece.offset + piece.bytes <= *place);
      }
      staging.Use(*place, bytes, {0, ++submitted});
      used.push_back({*place, bytes});
    }
    if (!place.has_value() || random() % 3 == 0) {
      clocks[0].completed.store(submitted - used.size() + 1);
      used.pop_front();
    }
  }
  EXPECT_GT(refused, 0);
  clocks[0].completed.store(submitted);
  EXPECT_EQ(staging.Take(64 << 10, clocks), 0u);
}

}  // namespace
}  // namespace amdgpu
