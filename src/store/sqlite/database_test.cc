#include "store/sqlite/database.h"

#include <gtest/gtest.h>

#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using test::code_of;
using test::holds;
using test::words_of;

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() : path_(directory_.path() + "/some.db"), database_(open()) {}

  Database open() {
    Result<Database> database = Database::open(path_);
    EXPECT_TRUE(database.ok()) << to_text(database.error());
    return std::move(database).value();
  }
  Statement prepare(const char* sql) {
    Result<Statement> statement = database_.prepare(sql);
    EXPECT_TRUE(statement.ok()) << to_text(statement.error());
    return std::move(statement).value();
  }

  TemporaryDirectory directory_;
  std::string path_;
  Database database_;
};

TEST_F(DatabaseTest, binds_and_reads_each_type) {
  ASSERT_TRUE(database_.execute("CREATE TABLE t (a, b, c, d, e, f)").ok());
  const std::string text("a\0b é", 6);
  const std::string blob("\x00\xff\x7f", 3);
  Statement insert = prepare("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)");
  ASSERT_TRUE(insert.bind(std::int64_t{-9'000'000'000'000'000'000})
                  .bind(0.1)
                  .bind(text)
                  .bind_blob(blob.data(), blob.size())
                  .bind_null()
                  .bind("")
                  .run()
                  .ok());
  Statement select = prepare("SELECT * FROM t");
  ASSERT_TRUE(*select.step());
  EXPECT_EQ(select.integer(0), -9'000'000'000'000'000'000);
  EXPECT_EQ(select.number(1), 0.1);
  EXPECT_EQ(select.text(2), text);
  EXPECT_EQ(select.text(3), blob);
  EXPECT_TRUE(select.is_null(4));
  EXPECT_FALSE(select.is_null(5)) << "an empty text is a text";
  EXPECT_EQ(select.text(5), "");
  EXPECT_FALSE(*select.step());
}

TEST_F(DatabaseTest, statements_are_ready_for_the_next_use) {
  ASSERT_TRUE(database_.execute("CREATE TABLE t (a UNIQUE)").ok());
  Statement insert = prepare("INSERT INTO t VALUES (?)");
  for (std::int64_t i = 0; i < 3; ++i) ASSERT_TRUE(insert.bind(i).run().ok());
  EXPECT_PRED2(holds, words_of(insert.bind(std::int64_t{1}).run()), "UNIQUE constraint failed");
  ASSERT_TRUE(insert.bind(std::int64_t{3}).run().ok()) << "also after an error";
  Statement select = prepare("SELECT count(*) FROM t WHERE a >= ?");
  for (std::int64_t least = 0; least < 4; ++least) {
    ASSERT_TRUE(*select.bind(least).step());
    EXPECT_EQ(select.integer(0), 4 - least);
    select.reset();
  }
}

TEST_F(DatabaseTest, mistakes_in_sql_are_errors) {
  EXPECT_PRED2(holds, words_of(database_.prepare("SELEKT 1")), "syntax error");
  EXPECT_PRED2(holds, words_of(database_.execute("SELECT * FROM nowhere")), "no such table");
  EXPECT_EQ(code_of(database_.execute("SELECT * FROM nowhere")), "store");
}

TEST_F(DatabaseTest, a_database_that_another_connection_writes_is_locked) {
  ASSERT_TRUE(database_.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").ok());
  Database other = open();
  ASSERT_TRUE(other.execute("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE").ok());
  const Status status = database_.execute("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE");
  EXPECT_EQ(code_of(status), "locked");
  EXPECT_PRED2(holds, words_of(status), "another process is holding the journal");
  EXPECT_PRED2(holds, words_of(status), path_);
  ASSERT_TRUE(other.execute("COMMIT").ok());
  EXPECT_TRUE(database_.execute("BEGIN IMMEDIATE; COMMIT").ok());
}

TEST_F(DatabaseTest, what_cannot_be_opened_says_where) {
  const Result<Database> missing = Database::open(directory_.path() + "/missing/some.db");
  EXPECT_EQ(code_of(missing), "store");
  EXPECT_PRED2(holds, words_of(missing), directory_.path() + "/missing/some.db");
  EXPECT_PRED2(holds, words_of(missing), "choose another with --state");
}

// A file that has been written over shows when the pages are read.
TEST_F(DatabaseTest, a_file_that_is_no_database_is_corrupt) {
  directory_.write("text.db", "This is not a database, but a long enough text to look at.\n");
  Result<Database> database = Database::open(directory_.path() + "/text.db");
  ASSERT_TRUE(database.ok());
  const Status status = database->execute("SELECT * FROM sqlite_master");
  EXPECT_EQ(code_of(status), "corrupt");
  EXPECT_PRED2(holds, words_of(status), "keep a copy of the file");
}

}  // namespace
}  // namespace perdure
