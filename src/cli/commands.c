// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

const ds_option cli_common_options[] = {
    {"store", DS_OPTION_TEXT, "DIR", "", "",
     "the store; else $DOORSTEP_STORE, else the nearest doorstep.store upwards"},
    {"output", DS_OPTION_TEXT, "FILE", "", "", "write the result to FILE (-o FILE)"},
    {"force", DS_OPTION_FLAG, "", "", "", "let --output replace a file"},
    {"format", DS_OPTION_CHOICE, "FORMAT", "", "table|csv|json|svg|layout",
     "how to show the result; else by the name of --output, else table"},
    {"table", DS_OPTION_NAME, "NAME", "", "", "the table that CSV shows; else the main one"},
    {"threads", DS_OPTION_COUNT, "N", "", "", "threads to use; else all processors"},
    {"memory", DS_OPTION_TEXT, "SIZE", "", "",
     "memory budget, as 768M or 4G; else a quarter of the machine's"},
    {"quiet", DS_OPTION_FLAG, "", "", "", "no remarks and no progress on stderr (-q)"},
    {"json-errors", DS_OPTION_FLAG, "", "", "", "write an error as one line of JSON"},
    {"help", DS_OPTION_FLAG, "", "", "", "show this help (-h)"},
};
const ds_option cli_question_options[] = {
    {"data", DS_OPTION_FILES, "FILE...", "", "",
     "read these files instead of a store; the cache keeps them imported"},
    {"segments", DS_OPTION_TEXT, "FILE", "", "",
     "what segment('name') means: lines `name: condition` (default: segments.yaml in the store)"},
    {"sql", DS_OPTION_FLAG, "", "", "", "show the question as SQL for DuckDB instead of answering"},
};
const uint32_t cli_question_options_count =
    sizeof cli_question_options / sizeof cli_question_options[0];

const uint32_t cli_common_options_count =
    sizeof cli_common_options / sizeof cli_common_options[0];

// How files are read: of `import`, and of a question with --data.
#define READING_OPTIONS \
    {"mapping", DS_OPTION_TEXT, "NAME|FILE", "", "",                                              \
     "a shipped mapping (olist) or a YAML file; else columns are recognised"},                    \
    {"option", DS_OPTION_TEXT, "K=V", "", "", "an option of the mapping; may be repeated"},       \
    {"customer", DS_OPTION_NAME, "COLUMN", "", "",                                                \
     "the column that says who; of OCEL the type of object"},                                     \
    {"time", DS_OPTION_NAME, "COLUMN", "", "", "the column that says when"},                      \
    {"event", DS_OPTION_NAME, "COLUMN", "", "", "the column that says what happened"},            \
    {"map", DS_OPTION_TEXT, "OLD=NEW", "", "",                                                    \
     "give a column another name; may be repeated"},                                              \
    {"time-unit", DS_OPTION_CHOICE, "UNIT", "ms", "s|ms|us", "what an integer time counts"},      \
    {"time-zone", DS_OPTION_TEXT, "ZONE", "UTC", "",                                              \
     "the zone of times that name none; with --data, of days too"},                               \
    {"delimiter", DS_OPTION_TEXT, "CHAR", "", "", "between columns; else found out"}

const ds_option cli_reading_options[] = {READING_OPTIONS};
const uint32_t cli_reading_options_count =
    sizeof cli_reading_options / sizeof cli_reading_options[0];

#define NO_COMPACT_OPTION                                                                         \
  {"no-compact", DS_OPTION_FLAG, "", "", "",                                                      \
   "do not merge parts now; `doorstep compact` does it later"}

static const ds_option import_options[] = {
    READING_OPTIONS,
    {"case", DS_OPTION_NAME, "COLUMNS", "", "", "the columns of case keys, comma-separated"},
    {"dry-run", DS_OPTION_FLAG, "", "", "", "read, map and check everything, write nothing"},
    {"strict", DS_OPTION_FLAG, "", "", "", "the first rejected row ends the import"},
    {"again", DS_OPTION_FLAG, "", "", "", "import files that were imported before"},
    NO_COMPACT_OPTION,
};

static const ds_option simulate_options[] = {
    {"orders", DS_OPTION_COUNT, "N", "20000", "",
     "orders to make, about 15 events each; saas: subscriptions, about 115 each"},
    {"seed", DS_OPTION_COUNT, "S", "1", "", "same seed, same bytes"},
    {"kind", DS_OPTION_CHOICE, "KIND", "shop", "shop|saas",
     "what to simulate: a shop, or software by subscription"},
    {"into", DS_OPTION_TEXT, "STORE", "", "", "put the events into this store"},
    {"columns", DS_OPTION_CHOICE, "SET", "all", "all|basic",
     "basic: customer, event, time and value only, each event once"},
    {"milliseconds", DS_OPTION_FLAG, "", "", "", "times with milliseconds"},
};

static const ds_option export_options[] = {
    {"where", DS_OPTION_EXPRESSION, "EXPR", "", "",
     "only the events of an event predicate, see docs/language.md"},
    {"from", DS_OPTION_TIME, "TIME", "", "", "the period begins here (UTC unless it says so)"},
    {"to", DS_OPTION_TIME, "TIME", "", "", "the period ends before this"},
    {"range", DS_OPTION_CHOICE, "WHAT", "events", "started|touching|completed|events",
     "what the period selects: single events, or journeys started, touched or completed in it"},
    {"case", DS_OPTION_NAME, "KEY", "", "",
     "of XES: a trace is one value of this case key; else a customer"},
    {"personal", DS_OPTION_FLAG, "", "", "",
     "personal values too, in clear, opened by the store's keys; else they are left out"},
};

static const ds_option backup_options[] = {
    {"link", DS_OPTION_FLAG, "", "", "",
     "on one file system, give the store's files a second name instead of copying them"},
    {"with-keys", DS_OPTION_FLAG, "", "", "",
     "copy the keys of personal values, too: who has them reads what is sealed"},
};

static const ds_option restore_options[] = {
    {"keys", DS_OPTION_TEXT, "DIR", "", "",
     "the folder with keys.sqlite and key, as that of the store so far; else the backup's"},
};

static const ds_option retype_options[] = {
    {"dry-run", DS_OPTION_FLAG, "", "", "", "count what would convert, write nothing"},
};

static const ds_option upgrade_options[] = {
    {"confirm", DS_OPTION_FLAG, "", "", "", "remove the store as it was before, STORE.old"},
};

static const ds_option subject_options[] = {
    {"yes", DS_OPTION_FLAG, "", "", "", "erase without asking"},
    {"reason", DS_OPTION_TEXT, "TEXT", "", "",
     "unsuppress: why, kept in keys.sqlite with the instant; it must name nobody"},
};

static const ds_option status_options[] = {
    {"columns", DS_OPTION_FLAG, "", "", "", "the bytes of every column, not of each kind"},
};

static const ds_option append_options[] = {NO_COMPACT_OPTION};

static const ds_option sql_options[] = {
    {"file", DS_OPTION_TEXT, "FILE", "", "", "read the statements from FILE; \"-\" is stdin"},
    {"limit", DS_OPTION_COUNT, "N", "100000", "",
     "show at most N rows of a statement; a .csv or .parquet file gets all"},
    {"where", DS_OPTION_EXPRESSION, "EXPR", "", "",
     "the tables hold only the events of an event predicate, see docs/language.md"},
    {"cases", DS_OPTION_EXPRESSION, "EXPR", "", "",
     "only customers (in cases: cases) that meet a condition, as in count(order_placed) >= 2"},
    {"from", DS_OPTION_TIME, "TIME", "", "", "the period begins here (UTC unless it says so)"},
    {"to", DS_OPTION_TIME, "TIME", "", "", "the period ends before this"},
    {"range", DS_OPTION_CHOICE, "WHAT", "events", "started|touching|completed|events",
     "what the period selects: single events, or journeys started, touched or completed in it"},
    {"as-of", DS_OPTION_TIME, "TIME", "", "",
     "as if this were now: what happened later is not there (default: now)"},
    {"known-at", DS_OPTION_TIME, "TIME", "", "",
     "as if nothing had been received after this instant: events, and who is whom"},
    {"personal", DS_OPTION_FLAG, "", "", "",
     "personal values in clear, opened by the store's keys; else they show as (sealed)"},
};

static const ds_option serve_options[] = {
    {"listen", DS_OPTION_TEXT, "ADDRESS:PORT", "127.0.0.1:8787", "",
     "where to listen; port 0 takes any that is free"},
    {"timeout", DS_OPTION_COUNT, "SECONDS", "60", "", "the time that one question may take"},
};

static const ds_option run_options[] = {
    {"all", DS_OPTION_FLAG, "", "", "",
     "all of them; --output is a folder then, for a file each (.json, or what --format says)"},
};

static const ds_option report_options[] = {
    {"title", DS_OPTION_TEXT, "TITLE", "", "", "the heading; else the board's title"},
    {"case", DS_OPTION_NAME, "KEY", "", "",
     "of every tile: a journey is one value of this case key"},
    {"where", DS_OPTION_EXPRESSION, "EXPR", "", "",
     "of every tile: events that stay, see docs/language.md"},
    {"cases", DS_OPTION_EXPRESSION, "EXPR", "", "",
     "of every tile: cases that stay, as in count(order_placed) >= 2"},
    {"from", DS_OPTION_TIME, "TIME", "", "", "the period begins here (UTC unless it says so)"},
    {"to", DS_OPTION_TIME, "TIME", "", "", "the period ends before this"},
    {"range", DS_OPTION_CHOICE, "WHAT", "started", "started|touching|completed|events",
     "what the period selects: cases started, touched or completed in it, or single events"},
    {"as-of", DS_OPTION_TIME, "TIME", "", "",
     "as if this were now: what happened later is not seen (default: the latest event)"},
    {"known-at", DS_OPTION_TIME, "TIME", "", "",
     "as if nothing had been received after this instant: events, and who is whom"},
    {"personal", DS_OPTION_FLAG, "", "", "",
     "tiles that list people, too; values that are sealed stay so"},
};

static const ds_option boards_options[] = {
    {"all", DS_OPTION_FLAG, "", "", "", "export: all boards, not one"},
};

static const ds_option lists_options[] = {
    {"as-of", DS_OPTION_TIME, "TIME", "", "",
     "save: the instant of the condition (default: the latest event)"},
    {"known-at", DS_OPTION_TIME, "TIME", "", "",
     "save: as if nothing had been received after this instant"},
    {"column", DS_OPTION_NAME, "NAME", "", "",
     "upload: the column of identifiers (default: the one called like a kind of identifier)"},
    {"kind", DS_OPTION_NAME, "KIND", "", "",
     "upload: what identifiers are that do not say so, as in email (default: the column's name, "
     "or customer_id)"},
};

static const ds_option explain_options[] = {
    {"sql", DS_OPTION_FLAG, "", "", "", "show the SQL condition alone"},
};

static const ds_option help_options[] = {
    {"markdown", DS_OPTION_FLAG, "", "", "", "the whole manual page docs/cli.md"},
    {"openapi", DS_OPTION_FLAG, "", "", "", "the HTTP API described, docs/openapi.yaml"},
    {"man", DS_OPTION_FLAG, "", "", "", "as a manual page: doorstep help --man import | man -l -"},
    {"completion", DS_OPTION_CHOICE, "SHELL", "", "bash|zsh|fish",
     "completion: source <(doorstep help --completion bash)"},
    {"names", DS_OPTION_FLAG, "", "", "", "the names of all commands, one a line"},
};

#define OPTIONS(table) table, sizeof table / sizeof table[0]

const cli_command cli_commands[] = {
    {"init", "store", "make an empty store", "[DIR]", 0, 1, "doorstep init", NULL, 0,
     cli_run_init, false},
    {"status", "store", "what is in the store, and what it takes on disk", "", 0, 0,
     "doorstep status", OPTIONS(status_options), cli_run_status, false},
    {"check", "store", "read every byte of the store and say what is wrong", "", 0, 0,
     "doorstep check", NULL, 0, cli_run_check, false},
    {"compact", "store", "merge the parts into few, ordered ones", "", 0, 0, "doorstep compact",
     NULL, 0, cli_run_compact, false},
    {"seal", "store", "turn the log into a part now (it happens by itself)", "", 0, 0,
     "doorstep seal", NULL, 0, cli_run_seal, false},
    {"backup", "store", "copy the store to a folder; again, only what is new", "DIR", 1, 1,
     "doorstep backup /mnt/backup/shop", OPTIONS(backup_options), cli_run_backup, false},
    {"restore", "store", "make a store of a backup", "DIR", 1, 1,
     "doorstep --store shop.store restore /mnt/backup/shop", OPTIONS(restore_options),
     cli_run_restore, false},
    {"retype", "store", "give the values of a property another type", "TOUCHPOINT.PROPERTY TYPE",
     2, 2, "doorstep retype order_placed.value number", OPTIONS(retype_options), cli_run_retype,
     false},
    {"upgrade", "store", "bring the store of an older program into the format of this one", "", 0,
     0, "doorstep upgrade", OPTIONS(upgrade_options), cli_run_upgrade, false},
    {"subject", "people",
     "one person: export all that is known, erase it for ever, or take somebody erased in again; "
     "list who was erased",
     "export|erase|unsuppress|list [ID]", 1, 2, "doorstep subject erase customer_id=C17",
     OPTIONS(subject_options), cli_run_subject, false},
    {"key", "people", "API keys: add, list, remove; the master key: new FILE, rotate",
     "add|list|remove|new|rotate [NAME|FILE]", 1, 2, "doorstep key add reporting", NULL, 0,
     cli_run_key, false},
    {"import", "in", "bring in files: CSV, TSV, JSON, XES, OCEL (also .gz, .zst), Parquet",
     "FILE...", 1, CLI_ARGUMENTS_MAX, "doorstep import orders.csv --case order_id",
     OPTIONS(import_options), cli_run_import, false},
    {"imports", "in", "list the imports", "", 0, 0, "doorstep imports", NULL, 0,
     cli_run_imports, false},
    {"undo-import", "in", "take an import back", "ID", 1, 1, "doorstep undo-import 3", NULL, 0,
     cli_run_undo_import, false},
    {"append", "in", "take events from stdin, one JSON object a line", "", 0, 0,
     "doorstep append < events.ndjson", OPTIONS(append_options), cli_run_append, false},
    {"link", "in", "say that two identifiers are one customer, each as kind=text", "A B", 2, 2,
     "doorstep link customer_id=C17 loyalty_id=L4", NULL, 0, cli_run_link, false},
    {"unlink", "in", "take a link back: the two are not one customer", "A B", 2, 2,
     "doorstep unlink customer_id=C17 loyalty_id=L4", NULL, 0, cli_run_unlink, false},
    {"export", "in", "write the events out: CSV, NDJSON, Parquet, XES, OCEL by the output's name",
     "", 0, 0, "doorstep export -o events.parquet", OPTIONS(export_options), cli_run_export,
     true},
    {"simulate", "in", "make the events of customers who do not exist", "", 0, 0,
     "doorstep simulate --orders 20k --seed 1 -o shop.csv", OPTIONS(simulate_options),
     cli_run_simulate, false},
    {"sql", "questions", "ask in SQL of events, customers, cases, segments and touchpoints",
     "[STATEMENTS]", 0, 1,
     "doorstep sql \"select touchpoint, count(*) from events group by touchpoint\"",
     OPTIONS(sql_options), cli_run_sql, true},
    {"run", "questions", "ask questions that doorstep.yaml keeps: one, --all, or list them",
     "[NAME]", 0, 1, "doorstep run late-orders", OPTIONS(run_options), cli_run_run, false},
    {"report", "questions", "one file of a board to send or print, answers and all", "[BOARD]", 0,
     1, "doorstep report -o report.html", OPTIONS(report_options), cli_run_report, true},
    {"boards", "questions", "list boards; export, import or remove one",
     "[export|import|remove NAME|FILE]", 0, 2, "doorstep boards export overview",
     OPTIONS(boards_options), cli_run_boards, false},
    {"lists", "questions", "fixed lists of customers: show, save, upload or remove one",
     "[save NAME CONDITION|upload NAME FILE|remove NAME]", 0, 3,
     "doorstep lists save big 'count(order_placed) >= 5'", OPTIONS(lists_options), cli_run_lists,
     false},
    {"serve", "questions", "answer questions over HTTP, and show the dashboard", "", 0, 0,
     "doorstep serve --listen 127.0.0.1:8787", OPTIONS(serve_options), cli_run_serve, true},
    {"explain", "help", "what an expression means: types, what it reads, SQL", "EXPR", 1, 1,
     "doorstep explain \"order_placed[value > 100]\"", OPTIONS(explain_options), cli_run_explain,
     true},
    {"help", "help", "explain a command", "[COMMAND]", 0, 1, "doorstep help import",
     OPTIONS(help_options), cli_run_help, false},
};
const uint32_t cli_commands_count = sizeof cli_commands / sizeof cli_commands[0];

const cli_command *cli_command_find(const char *name) {
  for (uint32_t i = 0; i < cli_commands_count; i++) {
    if (strcmp(cli_commands[i].name, name) == 0)
      return &cli_commands[i];
  }
  return NULL;
}
