// SPDX-License-Identifier: Apache-2.0
// Runs a script of SQL statements in DuckDB and measures each:
//   peer_duckdb LIBDUCKDB.SO DATABASE SCRIPT
// In the script every statement begins with a line "-- NAME". One JSON object a line comes out:
// {"name", "wall_s", "cpu_s", "rows": [[...]]}; values are texts, null is null. Statements should
// return VARCHAR, BIGINT and DOUBLE only, which is what the plain value functions can read.
#include <dlfcn.h>
#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FUNCTIONS(X)                                                                        \
  X(library_version) X(open) X(close) X(connect) X(disconnect) X(query) X(destroy_result)   \
  X(result_error) X(column_count) X(row_count) X(value_varchar) X(free)

typedef struct duck {
#define X(name) __typeof__(duckdb_##name) *name;
  FUNCTIONS(X)
#undef X
  duckdb_connection connection;
} duck;

static void die(const char *what, const char *why) {
  fprintf(stderr, "peer_duckdb: %s: %s\n", what, why != NULL ? why : "failed");
  exit(1);
}

static duck duck_load(const char *path) {
  duck d = {.connection = NULL};
  void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
  if (library == NULL)
    die("libduckdb.so", dlerror());
  void *symbol;
#define X(name)                                    \
  symbol = dlsym(library, "duckdb_" #name);        \
  if (symbol == NULL)                              \
    die("duckdb_" #name, "is not in the library"); \
  memcpy(&d.name, &symbol, sizeof symbol);
  FUNCTIONS(X)
#undef X
  return d;
}

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_text(const char *text) {
  putchar('"');
  for (; *text != '\0'; text++) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\')
      printf("\\%c", c);
    else if (c < 0x20)
      printf("\\u%04x", c);
    else
      putchar(c);
  }
  putchar('"');
}

static void print_rows(const duck *d, duckdb_result *result) {
  const idx_t rows = d->row_count(result), columns = d->column_count(result);
  printf("[");
  for (idx_t r = 0; r < rows; r++) {
    printf(r > 0 ? ",[" : "[");
    for (idx_t c = 0; c < columns; c++) {
      char *text = d->value_varchar(result, c, r);
      if (c > 0)
        putchar(',');
      if (text == NULL)
        printf("null");
      else
        print_text(text);
      d->free(text);
    }
    putchar(']');
  }
  printf("]");
}

static void run(const duck *d, const char *name, const char *sql) {
  duckdb_result result;
  const double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  if (d->query(d->connection, sql, &result) != DuckDBSuccess)
    die(name, d->result_error(&result));
  const double wall_end = seconds(CLOCK_MONOTONIC);
  const double cpu_end = seconds(CLOCK_PROCESS_CPUTIME_ID);
  printf("{\"name\":");
  print_text(name);
  printf(",\"wall_s\":%.6f,\"cpu_s\":%.6f,\"rows\":", wall_end - wall, cpu_end - cpu);
  print_rows(d, &result);
  printf("}\n");
  fflush(stdout);
  d->destroy_result(&result);
}

static char *read_script(const char *path) {
  enum { SCRIPT_BYTES_MAX = 1 << 20 };
  char *text = calloc(SCRIPT_BYTES_MAX + 1, 1);
  FILE *file = fopen(path, "r");
  if (text == NULL || file == NULL)
    die("script", "cannot be read");
  if (fread(text, 1, SCRIPT_BYTES_MAX, file) == SCRIPT_BYTES_MAX)
    die("script", "is too long");
  fclose(file);
  return text;
}

int main(int argc, char **argv) {
  if (argc != 4)
    die("usage", "peer_duckdb LIBDUCKDB.SO DATABASE SCRIPT");
  duck d = duck_load(argv[1]);
  duckdb_database database = NULL;
  if (d.open(argv[2], &database) != DuckDBSuccess ||
      d.connect(database, &d.connection) != DuckDBSuccess)
    die("database", "does not open");
  printf("{\"name\":\"version\",\"version\":\"%s\"}\n", d.library_version());
  char *script = read_script(argv[3]);
  for (char *at = strstr(script, "-- "); at != NULL;) {
    char *name = at + 3, *end = strchr(name, '\n');
    if (end == NULL)
      break;
    *end = '\0';
    at = strstr(end + 1, "\n-- ");
    if (at != NULL)
      *at++ = '\0';
    run(&d, name, end + 1);
  }
  free(script);
  d.disconnect(&d.connection);
  d.close(&database);
  return 0;
}
