// The box for commands: name spaces of users, mounts, processes, network, messages and names, a
// root that holds the toolchain and the workspace only, Landlock, and a filter of system calls.
// Each rule is held by two of these at least, so that the failure of one is no way out.
//
// The helper that makes a box (box.cc) is a static program that the library carries within it and
// starts from memory: no file of it exists that a command could replace.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <perdure/result.h>
#include <perdure/sandbox.h>

#include "os/sandbox/box.h"

namespace perdure {

class Sandbox {
 public:
  /// What a box for commands in this workspace (an absolute path without links) is made of. The
  /// paths in `hidden` are covered wherever the box would show them: the runtime's own state. One
  /// that a command could have moved must be where it was, or no command is run any more. Layers in
  /// `left_out` are not used even where they are there: for tests of the others. Nothing for full
  /// access. Errors: kConfig for a path of the options that is not there, a workspace that no box
  /// can be made around, an unknown feature; kInternal without memory for the helper.
  static Result<std::shared_ptr<const Sandbox>> make(const SandboxOptions& options,
                                                     const std::string& workspace,
                                                     const std::vector<std::string>& hidden,
                                                     const std::vector<std::string>& left_out = {});

  /// The words for the helper, before "--" and the command.
  const std::vector<std::string>& words() const { return words_; }
  int helper() const { return helper_; }
  int filter() const { return filter_; }

  /// Makes a box once, for nothing, so that a run does not begin where commands could not run.
  /// `workspace` is its open folder. Errors: kUnsupported, naming the feature that is missing.
  Status check(int workspace) const;

 private:
  std::vector<std::string> words_;
  int helper_ = -1;
  int filter_ = -1;
};

/// What a failed box means for the user.
Error box_error(const BoxFailure& failure, const std::string& program);

}  // namespace perdure
