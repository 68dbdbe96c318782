// SQLite with owners: a connection and prepared statements that free themselves, and errors as
// values.
//
//   Statement insert = *database.prepare("INSERT INTO events VALUES (?, ?, ?)");
//   Status status = insert.bind(id).bind(at_ms).bind(text).run();
//   while (Result<bool> row = select.step(); row.ok() && *row) use(select.text(0));
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <perdure/result.h>

struct sqlite3;
struct sqlite3_stmt;

namespace perdure {

class Statement {
 public:
  Statement() = default;

  /// Binds the next parameter. Text and blobs are borrowed until the statement is run or reset.
  Statement& bind(std::int64_t number);
  Statement& bind(double number);
  Statement& bind(std::string_view text);
  Statement& bind_blob(const void* bytes, std::size_t size);
  Statement& bind_null();

  /// Runs a statement that returns no rows, and makes it ready for the next use.
  Status run();
  /// True when there is a row, false at the end (the statement is then ready for the next use).
  Result<bool> step();
  void reset();

  std::int64_t integer(int column) const;
  double number(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
};

class Database {
 public:
  /// Opens or creates the file. Errors: kStore, kStoreFull, kCorrupt.
  static Result<Database> open(const std::string& path);

  /// One or more statements without parameters.
  Status execute(const char* sql);
  Result<Statement> prepare(const char* sql);

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace perdure
