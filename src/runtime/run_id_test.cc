#include "runtime/run_id.h"

#include <set>

#include <gtest/gtest.h>

namespace perdure {
namespace {

TEST(RunId, is_short_sortable_and_new_each_time) {
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    const std::string id = new_run_id();
    ASSERT_EQ(id.size(), 20U) << id;  // 261120-143015-k3f9zq
    EXPECT_EQ(id.find_first_not_of("0123456789"), 6U);
    EXPECT_EQ(id[6], '-');
    EXPECT_EQ(id.find_first_not_of("0123456789", 7), 13U);
    EXPECT_EQ(id[13], '-');
    EXPECT_EQ(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz", 14), std::string::npos);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1'000U);
}

}  // namespace
}  // namespace perdure
