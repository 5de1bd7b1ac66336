// Unit: the file format of an entry. Whatever is done to its bytes, it is refused or right.

#include "c_src/kernel/cache_entry.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace amdgpu {
namespace {

const std::string kKey(64, 'a');

CacheEntry Entry() {
  CacheEntry entry;
  entry.key = kKey;
  entry.compiler = "clang 19.1.7";
  entry.reply.set_code_object(
      std::string("\x7f"
                  "ELF\0 code",
                  10));
  entry.reply.add_diagnostics()->set_message("a warning");
  return entry;
}

TEST(CacheEntryTest, RoundTrip) {
  const auto decoded = DecodeCacheEntry(EncodeCacheEntry(Entry()), kKey);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->key, kKey);
  EXPECT_EQ(decoded->compiler, "clang 19.1.7");
  EXPECT_EQ(decoded->reply.SerializeAsString(), Entry().reply.SerializeAsString());
}

TEST(CacheEntryTest, EveryByteCounts) {
  const std::string bytes = EncodeCacheEntry(Entry());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      EXPECT_FALSE(DecodeCacheEntry(changed, kKey).ok()) << "byte " << at;
    }
  }
}

TEST(CacheEntryTest, EveryLengthCounts) {
  const std::string bytes = EncodeCacheEntry(Entry());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeCacheEntry(bytes.substr(0, length), kKey).status()));
  }
  EXPECT_FALSE(DecodeCacheEntry(bytes + '\0', kKey).ok());
}

TEST(CacheEntryTest, RandomBytes) {
  std::mt19937 random(1);
  const std::string bytes = EncodeCacheEntry(Entry());
  for (int round = 0; round < 2000; ++round) {
    std::string changed = bytes;
    const std::size_t start = random() % changed.size();
    const std::size_t end = std::min(changed.size(), start + random() % 64 + 1);
    for (std::size_t at = start; at < end; ++at) changed[at] = static_cast<char>(random());
    EXPECT_EQ(DecodeCacheEntry(changed, kKey).ok(), changed == bytes);
  }
}

TEST(CacheEntryTest, ForeignOnesAreToldFromCorruptOnes) {
  const std::string bytes = EncodeCacheEntry(Entry());
  EXPECT_TRUE(absl::IsFailedPrecondition(DecodeCacheEntry(bytes, std::string(64, 'b')).status()));
  std::string newer = bytes;
  newer[8] = 2;  // the format's version
  EXPECT_TRUE(absl::IsFailedPrecondition(DecodeCacheEntry(newer, kKey).status()));
  CacheEntry failed = Entry();
  failed.reply.set_outcome(proto::CompileReply::CRASHED);
  EXPECT_TRUE(absl::IsDataLoss(DecodeCacheEntry(EncodeCacheEntry(failed), kKey).status()));
}

}  // namespace
}  // namespace amdgpu
