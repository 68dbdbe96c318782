// What each keyword of a schema turns into: one function per keyword, found by name.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/schema/program.h"
#include "json/schema/registry.h"

namespace perdure::json_schema {

/// Gives each place that is in use a node, and remembers which nodes are still to be built.
class Linker {
 public:
  explicit Linker(const SchemaOptions& options) : registry_(options) {}

  Registry& registry() { return registry_; }
  const Registry& registry() const { return registry_; }

  NodeIndex node_at(PlaceIndex place);
  PlaceIndex place_of_node(NodeIndex node) const { return places_[node]; }
  std::size_t node_count() const { return places_.size(); }

  /// Names that some $dynamicRef looks for.
  void use_dynamic_name(const std::string& name) { dynamic_names_.insert(name); }
  const std::set<std::string>& dynamic_names() const { return dynamic_names_; }

  /// Errors: kInvalidArgument as Pattern::compile, or that there are too many.
  Result<Pattern> compile_pattern(std::string_view text);

 private:
  Registry registry_;
  std::vector<PlaceIndex> places_;  // by node
  std::vector<NodeIndex> nodes_;    // by place
  std::set<std::string> dynamic_names_;
  std::size_t pattern_count_ = 0;
};

/// Builds the node of a place; places that it refers to get nodes that are still to be built.
/// Errors: as Schema::compile.
Result<Node> build_node(Linker& linker, PlaceIndex place);

}  // namespace perdure::json_schema
