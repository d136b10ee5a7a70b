#include "resolver/minimize.h"

#include <algorithm>

namespace resolve64::resolver {

std::size_t LabelsToShow(const Name& name, std::size_t shown, int step) {
  const std::size_t total = name.LabelCount();
  if (step >= kMaxMinimized) return total;
  std::size_t labels = shown + 1;
  if (step >= kOneLabelSteps) {
    const auto steps_left = static_cast<std::size_t>(kMaxMinimized - step);
    labels = shown + (total - shown + steps_left - 1) / steps_left;
  }
  labels = std::min(labels, total);
  while (labels < total && name.Suffix(labels).FirstLabel().starts_with('_')) ++labels;
  return labels;
}

}  // namespace resolve64::resolver
