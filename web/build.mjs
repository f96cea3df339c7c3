// SPDX-License-Identifier: Apache-2.0
// Makes the dashboard's files: node web/build.mjs OUTDIR [DEPFILE]. Writes OUTDIR/app.js, app.css
// and index.html; DEPFILE tells ninja which sources they were made of.
import { build } from "esbuild";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const [given, depfile] = process.argv.slice(2);
if (given === undefined) {
  console.error("usage: node web/build.mjs OUTDIR [DEPFILE]");
  process.exit(2);
}
const outdir = path.resolve(given);

const page = path.join(here, "src", "index.html");
await mkdir(outdir, { recursive: true });
const made = await build({
  entryPoints: { app: path.join(here, "src", "main.tsx") },
  outdir,
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  // NOTICE names the packages and their licences.
  legalComments: "none",
  charset: "utf8",
  define: { "process.env.NODE_ENV": '"production"' },
  metafile: true,
  logLevel: "warning",
});
await copyFile(page, path.join(outdir, "index.html"));

if (depfile !== undefined) {
  const sources = [page, ...Object.keys(made.metafile.inputs).map((name) => path.join(here, name))];
  const escaped = sources.map((name) => name.replaceAll(" ", "\\ "));
  await writeFile(depfile, `${path.join(given, "app.js")}: ${escaped.join(" \\\n  ")}\n`);
}
