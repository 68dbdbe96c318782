#include "json/schema/compiler.h"

#include <utility>

#include "json/schema/keywords.h"

namespace perdure::json_schema {
namespace {

class Compiler {
 public:
  explicit Compiler(const SchemaOptions& options)
      : linker_(options), program_(std::make_shared<Program>()) {}

  Result<std::shared_ptr<const Program>> run(const Json& schema) {
    if (Status added = linker_.registry().add_root(schema); !added.ok()) return added.error();
    linker_.node_at(0);
    do {
      if (Status built = build_nodes(); !built.ok()) return built.error();
    } while (need_dynamic_anchors());
    if (Status checked = check_cycles(); !checked.ok()) return checked.error();
    collect_dynamic_anchors();
    program_->documents = linker_.registry().take_documents();
    return std::shared_ptr<const Program>(std::move(program_));
  }

 private:
  Status build_nodes() {
    while (program_->nodes.size() < linker_.node_count()) {
      const auto index = static_cast<NodeIndex>(program_->nodes.size());
      Result<Node> node = build_node(linker_, linker_.place_of_node(index));
      if (!node.ok()) return node.error();
      program_->nodes.push_back(std::move(*node));
    }
    return {};
  }

  // A $dynamicRef may lead to any resource that has an anchor of its name. Whether that gave new
  // nodes to build.
  bool need_dynamic_anchors() {
    const Registry& registry = linker_.registry();
    for (ResourceIndex i = 0; i < registry.resource_count(); ++i) {
      for (const auto& [name, place] : registry.resource(i).dynamic_anchors) {
        if (linker_.dynamic_names().count(name) > 0) linker_.node_at(place);
      }
    }
    return program_->nodes.size() < linker_.node_count();
  }

  void collect_dynamic_anchors() {
    const Registry& registry = linker_.registry();
    program_->has_dynamic_references = !linker_.dynamic_names().empty();
    if (!program_->has_dynamic_references) return;
    program_->dynamic_anchors.resize(registry.resource_count());
    for (ResourceIndex i = 0; i < registry.resource_count(); ++i) {
      for (const auto& [name, place] : registry.resource(i).dynamic_anchors) {
        if (linker_.dynamic_names().count(name) == 0) continue;
        program_->dynamic_anchors[i].emplace_back(name, linker_.node_at(place));
      }
    }
  }

  // The subschemas that apply to the very value that the node applies to, whatever that is.
  std::vector<NodeIndex> unconditional(NodeIndex index) const {
    const Node& node = program_->nodes[index];
    std::vector<NodeIndex> next;
    if (node.combination) next = node.combination->all_of;
    if (node.reference != kNoNode) next.push_back(node.reference);
    return next;
  }

  // A circle of such subschemas would never end (core, section 9.4.1). Without recursion: chains
  // may be long.
  Status check_cycles() const {
    enum class State : std::uint8_t { kNew, kOpen, kDone };
    struct Visit {
      NodeIndex node;
      std::vector<NodeIndex> next;
    };
    std::vector<State> states(program_->nodes.size(), State::kNew);
    for (NodeIndex start = 0; start < states.size(); ++start) {
      if (states[start] != State::kNew) continue;
      std::vector<Visit> open = {{start, unconditional(start)}};
      states[start] = State::kOpen;
      while (!open.empty()) {
        Visit& visit = open.back();
        if (visit.next.empty()) {
          states[visit.node] = State::kDone;
          open.pop_back();
          continue;
        }
        const NodeIndex node = visit.next.back();
        visit.next.pop_back();
        if (states[node] == State::kOpen) {
          return linker_.registry().mistake(linker_.place_of_node(node), "",
                                            "the schema refers only back to itself");
        }
        if (states[node] == State::kDone) continue;
        states[node] = State::kOpen;
        open.push_back({node, unconditional(node)});
      }
    }
    return {};
  }

  Linker linker_;
  std::shared_ptr<Program> program_;
};

}  // namespace

Result<std::shared_ptr<const Program>> compile_program(const Json& schema,
                                                       const SchemaOptions& options) {
  return Compiler(options).run(schema);
}

}  // namespace perdure::json_schema
