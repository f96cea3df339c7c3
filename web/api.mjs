// SPDX-License-Identifier: Apache-2.0
// Writes src/api/schema.ts, the shapes of what the server sends, from docs/openapi.yaml:
// node web/api.mjs [--check], which compares only.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const here = path.dirname(fileURLToPath(import.meta.url));
const file = path.join(here, "src", "api", "schema.ts");
const described = JSON.parse(await readFile(path.join(here, "..", "docs", "openapi.yaml"), "utf8"));

// The descriptions stand there.
const bare = JSON.parse(JSON.stringify(described.components.schemas),
                        (name, value) => name === "description" ? undefined : value);
// Requests are made of the question table, not of paths.
const shapes = { ...described, paths: {}, components: { schemas: bare } };
const made = astToString(await openapi(shapes, { immutable: true }));

// Long lines are those of choices.
const lines = made.split("\n").filter((line) => !/^\s*(\/\*\*|\*)/.test(line));
const text = `// SPDX-License-Identifier: Apache-2.0
// Made by web/api.mjs of docs/openapi.yaml.
${lines.map((line) => line.length <= 100 ? line : line.replaceAll(" | ", " |\n            "))
  .join("\n")}`;

if (process.argv.includes("--check")) {
  const written = await readFile(file, "utf8").catch(() => "");
  if (written !== text) {
    console.log("web/src/api/schema.ts differs: run node web/api.mjs");
    process.exitCode = 1;
  }
} else {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
}
