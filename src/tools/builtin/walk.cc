#include "tools/builtin/walk.h"

#include <vector>

#include "base/path.h"
#include "base/text.h"

namespace perdure {
namespace {

constexpr std::size_t kIgnoreFileBytesMax = 256 * 1024;
// Of one file: each is tried on every entry below it.
constexpr std::size_t kIgnoreRulesMax = 1'000;

// The patterns of one .gitignore, relative to its directory.
struct IgnoreRules {
  struct Rule {
    std::string pattern;
    bool negated = false;
    bool directories_only = false;
    bool anchored = false;
  };
  std::string directory;
  std::vector<Rule> rules;
};

IgnoreRules read_rules(const Workspace& files, const std::string& directory) {
  IgnoreRules rules{.directory = directory};
  const Result<FileContent> file =
      files.read_file(join_path(directory, ".gitignore"), kIgnoreFileBytesMax);
  if (!file.ok()) return rules;
  for (std::string_view line : split_lines(file->bytes)) {
    if (rules.rules.size() == kIgnoreRulesMax) break;
    line = trim(line);
    if (line.empty() || line[0] == '#') continue;
    IgnoreRules::Rule rule;
    if (line[0] == '!') {
      rule.negated = true;
      line.remove_prefix(1);
    } else if (line.substr(0, 2) == "\\#" || line.substr(0, 2) == "\\!") {
      line.remove_prefix(1);
    }
    if (!line.empty() && line.back() == '/') {
      rule.directories_only = true;
      line.remove_suffix(1);
    }
    rule.anchored = line.find('/') != std::string_view::npos;
    if (!line.empty() && line[0] == '/') line.remove_prefix(1);
    rule.pattern = line;
    if (!rule.pattern.empty()) rules.rules.push_back(std::move(rule));
  }
  return rules;
}

// The last rule that matches decides, those of deeper directories after those above (gitignore(5)).
bool is_ignored(const std::vector<IgnoreRules>& stack, const WalkEntry& entry) {
  bool ignored = false;
  for (const IgnoreRules& rules : stack) {
    std::string_view relative = entry.path;
    if (rules.directory != ".") relative.remove_prefix(rules.directory.size() + 1);
    for (const IgnoreRules::Rule& rule : rules.rules) {
      if (rule.directories_only && entry.kind != DirectoryEntry::Kind::kDirectory) continue;
      // An anchored pattern without a slash left ("/build") must match the whole path, not a name
      // anywhere.
      const std::string_view subject = rule.anchored ? relative : file_name(relative);
      const bool one_name = rule.pattern.find('/') == std::string::npos;
      if (rule.anchored && one_name && relative.find('/') != std::string_view::npos) continue;
      if (glob_match(rule.pattern, subject)) ignored = !rule.negated;
    }
  }
  return ignored;
}

class Walker {
 public:
  Walker(const Workspace& files, const WalkOptions& options,
         const std::function<bool(const WalkEntry&)>& visit)
      : files_(files), options_(options), visit_(visit) {}

  // What is ignored in the start is also said by the directories above it.
  void read_rules_above(const std::string& start) {
    if (options_.include_ignored || start == ".") return;
    const std::string parent(parent_path(start));
    read_rules_above(parent);
    ignore_.push_back(read_rules(files_, parent));
  }

  Status enter(const std::string& directory, std::size_t depth) {
    const Result<std::vector<DirectoryEntry>> entries = files_.list(directory);
    if (!entries.ok()) return entries.error();
    ignore_.push_back(options_.include_ignored ? IgnoreRules{.directory = directory}
                                               : read_rules(files_, directory));
    for (const DirectoryEntry& item : *entries) {
      if (stopped_) break;
      WalkEntry entry{.path = join_path(directory, item.name),
                      .kind = item.kind,
                      .size = item.size,
                      .depth = depth + 1};
      const bool is_directory = item.kind == DirectoryEntry::Kind::kDirectory;
      if (is_directory && item.name == ".git") continue;
      if (!options_.include_ignored && is_ignored(ignore_, entry)) continue;
      if (++seen_ > kWalkEntriesMax || !visit_(entry)) stopped_ = true;
      // A directory that cannot be read, or went away meanwhile, is passed over: the rest still
      // counts.
      if (!stopped_ && is_directory && entry.depth < options_.depth_max)
        (void)enter(entry.path, entry.depth);
    }
    ignore_.pop_back();
    return {};
  }
  bool stopped() const { return stopped_; }

 private:
  const Workspace& files_;
  const WalkOptions& options_;
  const std::function<bool(const WalkEntry&)>& visit_;
  std::vector<IgnoreRules> ignore_;
  std::size_t seen_ = 0;
  bool stopped_ = false;
};

}  // namespace

Result<bool> walk(const Workspace& files, const std::string& start, const WalkOptions& options,
                  const std::function<bool(const WalkEntry&)>& visit) {
  Walker walker(files, options, visit);
  walker.read_rules_above(start);
  if (Status status = walker.enter(start, 0); !status.ok()) return status.error();
  return !walker.stopped();
}

}  // namespace perdure
