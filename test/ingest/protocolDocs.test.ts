/** What docs/protocol.md says of ingest is what the code does. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCatalogue } from "../../src/errors.ts";
import * as limits from "../../src/ingest/limits.ts";
import { ingestPaths } from "../../src/ingest/routes.ts";

const page = readFileSync(join(import.meta.dir, "..", "..", "docs", "protocol.md"), "utf8")
  // Tables are padded by the formatter.
  .replace(/ {2,}/g, " ");
const section = page.slice(page.indexOf("## Ingest"), page.indexOf("## Profiles"));

const bytes = (count: number) => (count >= 1024 ** 2 ? `${count / 1024 ** 2} MB` : `${count / 1024} KB`);

test.each([
  `| ${bytes(limits.maxWriteKeyBodyBytes)}; ${bytes(limits.maxSecretKeyBodyBytes)} with a secret key`,
  `| events in a batch | ${limits.maxBatchEvents.toLocaleString("en")} |`,
  `| ${bytes(limits.maxEventBytes)} (${limits.maxEventBytes.toLocaleString("en")} bytes) |`,
  `own braces being 1 | ${limits.maxDepth} |`,
  `| ${limits.maxIdBytes} bytes | \`id_too_long\``,
  `beside a batch | ${bytes(limits.maxSharedBytes)};`,
  `more than ${limits.maxFutureMs / 60_000} minutes after the receipt`,
])("the page says: %s", (sentence) => {
  expect(section).toContain(sentence);
});

test("the page names every path, and only codes that exist", () => {
  const [, full = "", short = ""] =
    /`POST \/v1\/\{([a-z,]+)\}`, short `\/v1\/\{([a-z,]+)\}`/.exec(section) ?? [];
  const named = [...full.split(","), ...short.split(",")].map((name) => `/v1/${name}`);
  const others = ingestPaths.filter((path) => !named.includes(path));
  expect(named.every((path) => ingestPaths.includes(path))).toBe(true);
  for (const path of others) expect(section).toContain(`\`POST ${path}?writeKey=\``);
  const codes = [...section.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code = ""]) => code);
  expect(codes.length).toBeGreaterThan(10);
  for (const code of codes) expect(Object.keys(errorCatalogue)).toContain(code);
});
