// SPDX-License-Identifier: Apache-2.0
// Runs a script of SQL statements in ClickHouse (npm package chdb) and measures each:
//   node peer_clickhouse.mjs FOLDER_OF_NODE_MODULES DATABASE_FOLDER SCRIPT
// In the script every statement begins with a line "-- NAME". One JSON object a line comes out:
// {"name", "wall_s", "cpu_s", "rows": [[...]]}; values are texts, as from peer_duckdb.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [modules, database, script] = process.argv.slice(2);
const { Session } = createRequire(resolve(modules) + '/')('chdb');
const session = new Session(database);

function run(name, sql) {
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  const text = session.query(sql, 'JSONCompactStrings');
  const wallEnd = process.hrtime.bigint();
  const used = process.cpuUsage(cpu);
  return {
    name,
    wall_s: Number(wallEnd - wall) / 1e9,
    cpu_s: (used.user + used.system) / 1e6,
    rows: text.trim() === '' ? [] : JSON.parse(text).data,
  };
}

const version = session.query('select version()', 'TabSeparated').trim();
console.log(JSON.stringify({ name: 'version', version }));
for (const part of readFileSync(script, 'utf8').split(/^-- /m).slice(1)) {
  const end = part.indexOf('\n');
  console.log(JSON.stringify(run(part.slice(0, end), part.slice(end + 1).trim())));
}
