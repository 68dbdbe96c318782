// What the running kernel offers to confine files and processes.
#pragma once

#include <string>
#include <vector>

namespace perdure {

struct KernelFeature {
  std::string name;
  bool present = false;
  std::string detail;  ///< What it is for, or what is missing without it.
};

std::vector<KernelFeature> kernel_features();

}  // namespace perdure
