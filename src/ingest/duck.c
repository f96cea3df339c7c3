// SPDX-License-Identifier: Apache-2.0
// The library is opened lazily and with local symbols, because it exports much of ICU unversioned
// and costs 10 ms that a question should not pay. It is never closed again: its threads and
// destructors outlive any caller that could know when that is safe.
#include "ingest/duck.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

enum { CELLS_MAX = 1 << 22 };

static bool api_load(ds_duck_api *api, void *library, const char **ret_missing) {
  void *symbol;
#define DS_X(name)                                  \
  symbol = dlsym(library, "duckdb_" #name);         \
  if (symbol == NULL) {                             \
    *ret_missing = "duckdb_" #name;                 \
    return false;                                   \
  }                                                 \
  memcpy(&api->name, &symbol, sizeof symbol);
  DS_DUCK_FUNCTIONS(DS_X)
#undef DS_X
  return true;
}

// Tries one file; true when it is the right library. Otherwise says why in *err, unless there is
// simply no such file.
static bool library_try(ds_duck *duck, const char *path, ds_error *err) {
  void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (library == NULL)
    return false;
  const char *missing = "";
  if (!api_load(&duck->api, library, &missing)) {
    ds_fail(err, DS_LIBRARY, "libduckdb.so lacks %s: Doorstep needs DuckDB %s", missing,
            DS_DUCKDB_VERSION);
  } else if (strcmp(duck->api.library_version(), DS_DUCKDB_VERSION) != 0) {
    ds_fail(err, DS_LIBRARY, "libduckdb.so is DuckDB %s: Doorstep needs %s",
            duck->api.library_version(), DS_DUCKDB_VERSION);
  } else {
    duck->library = library;
    return true;
  }
  dlclose(library);
  return false;
}

// The folder of the running program, without the slash at its end; "" when unknown.
static void program_folder(char out[DS_PATH_BYTES_MAX]) {
  const ssize_t size = readlink("/proc/self/exe", out, DS_PATH_BYTES_MAX - 1);
  out[size > 0 ? size : 0] = '\0';
  char *slash = strrchr(out, '/');
  if (slash != NULL)
    *slash = '\0';
}

// The tests' programs lie one or two folders below the build's, beside which the library is.
static ds_code library_load(ds_duck *duck, const char *library_path, ds_error *err) {
  static const char *const below[] = {"", "/..", "/../.."};
  char folder[DS_PATH_BYTES_MAX];
  char path[DS_PATH_BYTES_MAX + 32];
  ds_fail(err, DS_LIBRARY, "DuckDB (libduckdb.so %s) was not found: it reads the files; install "
          "it beside the program", DS_DUCKDB_VERSION);
  if (library_path != NULL && library_try(duck, library_path, err))
    return DS_OK;
  program_folder(folder);
  for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
    snprintf(path, sizeof path, "%s%s/libduckdb.so", folder, below[i]);
    if (library_try(duck, path, err))
      return DS_OK;
  }
  if (library_try(duck, DS_PRIVATE_LIBDIR "/libduckdb.so", err) ||
      library_try(duck, "libduckdb.so", err))
    return DS_OK;
  return DS_LIBRARY;
}

static ds_code database_open(ds_duck *duck, const char *temp_directory, size_t memory_bytes,
                             ds_error *err) {
  char memory[32];
  snprintf(memory, sizeof memory, "%zuKiB", memory_bytes >> 10);
  const char *const settings[][2] = {
      {"threads", "1"},
      {"memory_limit", memory},
      {"temp_directory", temp_directory == NULL ? "" : temp_directory},
      {"temp_file_encryption", "true"}, // what is spilled may be personal
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
  };
  duckdb_config config = NULL;
  if (duck->api.create_config(&config) != DuckDBSuccess)
    return ds_fail(err, DS_MEMORY, "out of memory opening DuckDB");
  ds_code code = DS_OK;
  for (size_t i = 0; i < sizeof settings / sizeof *settings && code == DS_OK; i++)
    if (duck->api.set_config(config, settings[i][0], settings[i][1]) != DuckDBSuccess)
      code = ds_fail(err, DS_LIBRARY, "DuckDB refuses its setting %s", settings[i][0]);
  char *message = NULL;
  if (code == DS_OK &&
      duck->api.open_ext(NULL, &duck->database, config, &message) != DuckDBSuccess)
    code = ds_fail(err, DS_LIBRARY, "DuckDB does not open: %s", message == NULL ? "" : message);
  if (message != NULL)
    duck->api.free(message);
  duck->api.destroy_config(&config);
  if (code == DS_OK && duck->api.connect(duck->database, &duck->connection) != DuckDBSuccess)
    code = ds_fail(err, DS_MEMORY, "DuckDB takes no connection");
  return code;
}

ds_code ds_duck_open(const char *library_path, const char *temp_directory, size_t memory_bytes,
                     ds_duck **ret_duck, ds_error *err) {
  ds_duck *duck = calloc(1, sizeof *duck);
  if (duck == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory opening DuckDB");
  ds_error local;
  ds_code code = library_load(duck, library_path, err == NULL ? &local : err);
  if (code == DS_OK)
    code = database_open(duck, temp_directory, memory_bytes, err);
  // Times without a zone are read as UTC here; the import's own zone is applied behind DuckDB.
  if (code == DS_OK)
    code = ds_duck_run(duck, "SET TimeZone='UTC'", err);
  if (code != DS_OK) {
    ds_duck_close(duck);
    return code;
  }
  *ret_duck = duck;
  return DS_OK;
}

void ds_duck_close(ds_duck *duck) {
  if (duck == NULL)
    return;
  if (duck->connection != NULL)
    duck->api.disconnect(&duck->connection);
  if (duck->database != NULL)
    duck->api.close(&duck->database);
  free(duck);
}

void ds_duck_message(const char *message, bool blot, char *out, size_t size) {
  size_t used = 0;
  char quote = '\0';
  for (const char *at = message; *at != '\0' && *at != '\n' && used + 4 < size; at++) {
    if (quote != '\0' && *at != quote)
      continue;
    out[used++] = *at;
    if (quote != '\0') {
      quote = '\0';
    } else if (blot && (*at == '"' || (*at == '\'' && at > message && at[-1] == ' '))) {
      quote = *at;
      memcpy(out + used, "…", 3);
      used += 3;
    }
  }
  out[used] = '\0';
}

ds_code ds_duck_fail(const ds_duck *duck, duckdb_result *result, ds_error *err) {
  const char *message = duck->api.result_error(result);
  const duckdb_error_type type = duck->api.result_error_type(result);
  if (message == NULL)
    return ds_fail(err, DS_INPUT, "DuckDB gives up without saying why");
  // Names in these are the user's own SQL or column names, and are what helps.
  const bool of_text = type == DUCKDB_ERROR_BINDER || type == DUCKDB_ERROR_PARSER ||
                       type == DUCKDB_ERROR_CATALOG || type == DUCKDB_ERROR_SYNTAX;
  char line[400];
  ds_duck_message(message, !of_text, line, sizeof line);
  const ds_code code = type == DUCKDB_ERROR_OUT_OF_MEMORY ? DS_MEMORY : DS_INPUT;
  return ds_fail(err, code, "%s", line);
}

ds_code ds_duck_fail_prepare(const ds_duck *duck, duckdb_prepared_statement statement,
                             ds_error *err) {
  const char *message = duck->api.prepare_error(statement);
  char line[400];
  ds_duck_message(message == NULL ? "DuckDB gives up without saying why" : message, false, line,
                sizeof line);
  return ds_fail(err, DS_INPUT, "%s", line);
}

ds_code ds_duck_run(ds_duck *duck, const char *sql, ds_error *err) {
  duckdb_result result;
  ds_code code = DS_OK;
  if (duck->api.query(duck->connection, sql, &result) != DuckDBSuccess)
    code = ds_duck_fail(duck, &result, err);
  duck->api.destroy_result(&result);
  return code;
}

static bool is_valid(const uint64_t *validity, idx_t row) {
  return validity == NULL || (validity[row >> 6] >> (row & 63) & 1) != 0;
}

static ds_code chunk_copy(ds_duck *duck, duckdb_data_chunk chunk, ds_arena *arena, ds_buf *cells,
                          ds_duck_texts *texts, ds_error *err) {
  const idx_t rows = duck->api.data_chunk_get_size(chunk);
  if ((texts->rows + rows) * texts->columns > CELLS_MAX)
    return ds_fail(err, DS_LIMIT, "a question to DuckDB has more than %d values", CELLS_MAX);
  for (idx_t row = 0; row < rows; row++)
    for (uint32_t column = 0; column < texts->columns; column++) {
      duckdb_vector vector = duck->api.data_chunk_get_vector(chunk, column);
      const duckdb_string_t *data = duck->api.vector_get_data(vector);
      ds_str text = {NULL, 0};
      if (is_valid(duck->api.vector_get_validity(vector), row)) {
        text = ds_duck_str(&data[row]);
        text.data = ds_arena_text(arena, text.data, text.size);
        if (text.data == NULL)
          return ds_fail(err, DS_MEMORY, "out of memory reading from DuckDB");
      }
      ds_buf_append(cells, &text, sizeof text);
    }
  texts->rows += (uint32_t)rows;
  return DS_OK;
}

static ds_code columns_copy(ds_duck *duck, duckdb_result *result, ds_arena *arena,
                            ds_duck_texts *texts, ds_error *err) {
  texts->columns = (uint32_t)duck->api.column_count(result);
  texts->column = ds_arena_array(arena, texts->columns + 1, sizeof(ds_str));
  if (texts->column == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading from DuckDB");
  for (uint32_t i = 0; i < texts->columns; i++) {
    const char *name = duck->api.column_name(result, i);
    const uint32_t size = (uint32_t)strlen(name);
    texts->column[i] = (ds_str){ds_arena_text(arena, name, size), size};
    if (texts->column[i].data == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory reading from DuckDB");
    if (duck->api.column_type(result, i) != DUCKDB_TYPE_VARCHAR)
      return ds_fail(err, DS_LIBRARY, "column %s of a question to DuckDB is no text", name);
  }
  return DS_OK;
}

static ds_code result_copy(ds_duck *duck, duckdb_result *result, ds_arena *arena,
                           ds_duck_texts *texts, ds_error *err) {
  TRY(columns_copy(duck, result, arena, texts, err));
  ds_buf cells;
  ds_buf_init(&cells, CELLS_MAX * sizeof(ds_str));
  ds_code code = DS_OK;
  duckdb_data_chunk chunk;
  while (code == DS_OK && (chunk = duck->api.fetch_chunk(*result)) != NULL) {
    code = chunk_copy(duck, chunk, arena, &cells, texts, err);
    duck->api.destroy_data_chunk(&chunk);
  }
  if (code == DS_OK)
    code = ds_buf_check(&cells, "a question to DuckDB", err);
  if (code == DS_OK) {
    texts->cell = ds_arena_alloc(arena, cells.size + 1);
    if (texts->cell == NULL)
      code = ds_fail(err, DS_MEMORY, "out of memory reading from DuckDB");
    else if (cells.size > 0)
      memcpy(texts->cell, cells.data, cells.size);
  }
  ds_buf_done(&cells);
  return code;
}

ds_code ds_duck_query(ds_duck *duck, const char *sql, ds_arena *arena, ds_duck_texts *ret_texts,
                      ds_error *err) {
  duckdb_result result;
  ds_duck_texts texts = {0};
  ds_code code;
  if (duck->api.query(duck->connection, sql, &result) != DuckDBSuccess)
    code = ds_duck_fail(duck, &result, err);
  else
    code = result_copy(duck, &result, arena, &texts, err);
  duck->api.destroy_result(&result);
  if (code == DS_OK)
    *ret_texts = texts;
  return code;
}

static void sql_quoted(ds_buf *out, ds_str text, char quote) {
  ds_buf_u8(out, (uint8_t)quote);
  for (uint32_t i = 0; i < text.size; i++) {
    if (text.data[i] == quote)
      ds_buf_u8(out, (uint8_t)quote);
    ds_buf_u8(out, (uint8_t)text.data[i]);
  }
  ds_buf_u8(out, (uint8_t)quote);
}

void ds_sql_literal(ds_buf *out, ds_str text) { sql_quoted(out, text, '\''); }

void ds_sql_name(ds_buf *out, ds_str name) { sql_quoted(out, name, '"'); }
