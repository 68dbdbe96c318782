// TOML for people: profiles, configuration, agent files, mock scripts. A document is a JSON value
// that remembers where each key stands, so that a mistake is reported with file, line, column and
// the key that was probably meant.
//
//   Result<TomlDocument> document = TomlDocument::parse(text, "agent.toml");
//   TomlTable root = document->root();
//   std::string model = root.string("model").value_or("kimi-k2.6");
//   std::vector<Error> mistakes = document->finish();   // wrong types, bad values, unknown keys;
//   all of them
//
// Reading a key marks it as known; finish() reports the keys that nobody read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/json.h>
#include <perdure/result.h>

namespace perdure {

class TomlTable;

class TomlDocument {
 public:
  /// `name` is what errors call the file. Errors: kConfig with "name:line:column".
  static Result<TomlDocument> parse(std::string_view text, std::string name);

  TomlDocument(TomlDocument&&) noexcept;
  TomlDocument& operator=(TomlDocument&&) noexcept;
  ~TomlDocument();

  TomlTable root();
  /// "name:line:column" of the value at a JSON pointer; the name alone when the pointer is unknown.
  std::string place(const std::string& pointer) const;
  /// Every mistake found while reading, then every key that nobody asked for, in the order of the
  /// file.
  std::vector<Error> finish();

 private:
  friend class TomlTable;
  struct State;
  explicit TomlDocument(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A table of a document: a light view, valid while the document lives.
class TomlTable {
 public:
  bool has(std::string_view key) const;
  /// Where a key of this table stands.
  std::string place(std::string_view key) const;
  /// Where this table itself stands.
  std::string place() const;

  std::optional<std::string> string(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t minimum,
                                      std::int64_t maximum);
  std::optional<double> number(std::string_view key, double minimum);
  std::optional<std::vector<std::string>> strings(std::string_view key);
  /// One of `allowed`, or a mistake that lists them.
  std::optional<std::string> choice(std::string_view key,
                                    std::span<const std::string_view> allowed);
  /// Anything, as JSON.
  std::optional<Json> json(std::string_view key);
  std::optional<TomlTable> table(std::string_view key);
  std::vector<TomlTable> tables(std::string_view key);
  /// The keys of this table; reading them through the result marks them as known.
  std::vector<std::string> keys() const;

  /// Records a mistake about a key of this table ("" for the table itself).
  void mistake(std::string_view key, std::string message, std::string advice = {});

 private:
  friend class TomlDocument;
  TomlTable(TomlDocument::State& state, std::string pointer);
  const Json* find(std::string_view key);
  std::string pointer_to(std::string_view key) const;
  void wrong_type(std::string_view key, std::string_view wanted, const Json& found);

  TomlDocument::State* state_;
  std::string pointer_;
};

}  // namespace perdure
