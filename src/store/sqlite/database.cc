#include "store/sqlite/database.h"

#include <cerrno>

#include <fcntl.h>

#include <sqlite3.h>

#include "os/descriptor.h"

namespace perdure {
namespace {

// A full disk or quota shows as SQLITE_FULL, but for where SQLite sees a mere failure of the file:
// when it makes room for the index of its log, or syncs.
bool is_full(sqlite3* connection, int status) {
  if ((status & 0xFF) == SQLITE_FULL) return true;
  if ((status & 0xFF) != SQLITE_IOERR) return false;
  const int error = sqlite3_system_errno(connection);
  return sqlite3_extended_errcode(connection) == SQLITE_IOERR_SHMSIZE || error == ENOSPC ||
         error == EDQUOT;
}

Error sqlite_error(sqlite3* connection, int status) {
  const char* path = sqlite3_db_filename(connection, nullptr);
  Error error{.code = ErrorCode::kStore,
              .message = std::string("the journal: ") + sqlite3_errmsg(connection),
              .context = path != nullptr ? path : ""};
  if (is_full(connection, status)) {
    error.code = ErrorCode::kStoreFull;
    error.message = "the journal: database or disk is full";
    error.advice = "free some space, then go on with 'perdure resume'";
    return error;
  }
  switch (status & 0xFF) {
    case SQLITE_IOERR:
      error.advice =
          "the disk or file system that holds this file fails: the system's log says more";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.code = ErrorCode::kLocked;
      error.advice = "another process is holding the journal; try again when it is done";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = ErrorCode::kCorrupt;
      error.advice =
          "keep a copy of the file before anything else; runs in other state folders are not "
          "touched";
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      error.advice = "check the permissions of the state folder, or choose another with --state";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Database::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}

// Binding fails only for a wrong index or no memory; both show when the statement runs.
Statement& Statement::bind(std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), next_++, number);
  return *this;
}

Statement& Statement::bind(double number) {
  sqlite3_bind_double(statement_.get(), next_++, number);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text64(statement_.get(), next_++, text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(const void* bytes, std::size_t size) {
  sqlite3_bind_blob64(statement_.get(), next_++, bytes, size, SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_null() {
  sqlite3_bind_null(statement_.get(), next_++);
  return *this;
}

Status Statement::run() {
  const Result<bool> row = step();
  if (!row.ok()) return row.error();
  reset();
  return {};
}

Result<bool> Statement::step() {
  const int status = sqlite3_step(statement_.get());
  if (status == SQLITE_ROW) return true;
  if (status != SQLITE_DONE) {
    const Error error = sqlite_error(sqlite3_db_handle(statement_.get()), status);
    reset();
    return error;
  }
  reset();
  return false;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  next_ = 1;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::number(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr
             ? std::string()
             : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::string& path) {
  // For its owner only, whatever the folder: it holds what the model was told. SQLite gives its
  // other files the same mode.
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  sqlite3* connection = nullptr;
  // NOMUTEX: a connection stays on one thread.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int status = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  Database database;
  database.connection_.reset(connection);
  if (status == SQLITE_OK) {
    // The write-ahead log stays when the last process closes it: making it anew costs two syncs.
    int keep = 1;
    sqlite3_file_control(connection, nullptr, SQLITE_FCNTL_PERSIST_WAL, &keep);
    return database;
  }
  Error error = sqlite_error(connection, status);
  error.context = path;
  return error;
}

Status Database::execute(const char* sql) {
  const int status = sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return sqlite_error(connection_.get(), status);
  return {};
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  const int status =
      sqlite3_prepare_v3(connection_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (status != SQLITE_OK) return sqlite_error(connection_.get(), status);
  Statement statement;
  statement.statement_.reset(raw);
  return statement;
}

}  // namespace perdure
