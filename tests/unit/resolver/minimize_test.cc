#include "resolver/minimize.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/fake_network.h"

namespace resolve64::resolver {
namespace {

std::vector<std::size_t> Steps(std::string_view text, std::size_t shown = 0) {
  const Name name = testing::N(text);
  std::vector<std::size_t> steps;
  for (int step = 0; shown < name.LabelCount(); ++step) {
    shown = LabelsToShow(name, shown, step);
    steps.push_back(shown);
  }
  return steps;
}

// Covers: REC-26
TEST(LabelsToShow, AddsOneLabelAtATimeAtFirst) {
  EXPECT_EQ(Steps("www.example.com"), (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(Steps("www.example.com", 2), (std::vector<std::size_t>{3}));
}

// Covers: REC-26
TEST(LabelsToShow, NeedsTenStepsForTheLongestReverseName) {
  const auto steps =
      Steps("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
  EXPECT_LE(steps.size(), 10U);
  EXPECT_EQ((std::vector<std::size_t>{steps[0], steps[1], steps[2], steps[3]}),
            (std::vector<std::size_t>{1, 2, 3, 4}));
  EXPECT_EQ(steps.back(), 34U);
}

TEST(LabelsToShow, DoesNotStopAtLabelsWithAnUnderscore) {
  EXPECT_EQ(Steps("_443._tcp.www.example.com"), (std::vector<std::size_t>{1, 2, 3, 5}));
  EXPECT_EQ(Steps("a._dmarc.example.com"), (std::vector<std::size_t>{1, 2, 4}));
}

TEST(LabelsToShow, ShowsEverythingAfterTenSteps) {
  EXPECT_EQ(LabelsToShow(testing::N("a.b.c.d.e.f"), 1, kMaxMinimized), 6U);
}

}  // namespace
}  // namespace resolve64::resolver
