/**
 * Files: what changed, as NDJSON or CSV, in a folder or in storage that speaks S3, a new file every so often and never one
 * written twice. The name of a file follows from what stands in it, so that a repeat writes the same file again. In CSV
 * nothing is taken for a formula. docs/destinations/export.md
 */
import { S3Client } from "bun";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { csvLine } from "../../lib/csvLine.ts";
import { durationPattern, parseDuration } from "../../lib/duration.ts";
import { fingerprint } from "../../lib/fingerprint.ts";
import type { Json } from "../../model/event.ts";
import type { Verdict } from "../../model/delivery/verdict.ts";
import { renderChange } from "../changeView.ts";
import type {
  Answer,
  ChangeRow,
  Destination,
  EraseRow,
  OpenDestination,
  Tools,
  UpsertRow,
} from "../deliver/destination.ts";

const common = {
  /** `changes`: every entry of the change log; `profiles`: the mapped fields of who changed. */
  what: z.enum(["changes", "profiles"]).default("profiles"),
  format: z.enum(["ndjson", "csv"]).default("ndjson"),
  /** Waits so long for more before a file is written. */
  every: z
    .string()
    .regex(durationPattern)
    .transform((text) => parseDuration(text) ?? 0)
    .refine((every) => every <= 3_600_000)
    .default(60_000),
  maxRows: z.int().min(1).max(100_000).default(50_000),
};

const settings = z
  .strictObject({
    ...common,
    folder: z.string().min(1).max(4_000).optional(),
    s3: z
      .strictObject({
        endpoint: z
          .string()
          .regex(/^https?:\/\//)
          .max(2_000)
          .optional(),
        region: z.string().max(100).optional(),
        bucket: z.string().min(1).max(255),
        prefix: z.string().max(500).default(""),
        accessKeyId: z.string().min(1).max(500),
        secretAccessKey: z.string().min(1).max(500),
      })
      .optional(),
  })
  .refine(({ folder, s3 }) => (folder === undefined) !== (s3 === undefined), "give either folder or s3")
  .refine(({ what, format }) => what === "profiles" || format === "ndjson", "changes are written as ndjson");

type Settings = z.output<typeof settings>;

/** Where files go, and what came of it. */
type Put = (name: string, text: string) => Promise<Verdict>;

const maxBytes = 50_000_000;
const signedSeconds = 900;

export const exportDestination: Destination<Settings> = {
  type: "export",
  title: "Files",
  settings,
  can: ["upsert", "erase", "changes"],
  secrets: ({ s3 }) => (s3 === undefined ? [] : [s3.secretAccessKey]),
  open: (own, tools) => {
    const put = own.s3 === undefined ? intoFolder(own.folder ?? ".") : intoS3(own.s3, tools);
    const base: OpenDestination = {
      // One file in so long, so that there are few of them.
      limits: {
        windows: own.what === "changes" || own.every === 0 ? [] : [{ perMs: own.every, requests: 1 }],
        connections: 1,
        timeoutMs: 60_000,
      },
      identify: ({ profileId }) => ({ kind: "key", key: { profileId } }),
      probe: null,
    };
    return own.what === "changes"
      ? { ...base, changes: { ...changes(own, put), lingerMs: own.every } }
      : { ...base, upsert: profiles(own, put), erase: erasures(own, put) };
  },
};

/** Rows as one file: its text follows from them, and its name from both. */
function filesOf<Row extends { readonly profileId: string } | ChangeRow>(
  { maxRows }: Settings,
  put: Put,
  textOf: (rows: readonly Row[]) => string,
  nameOf: (rows: readonly Row[], text: string) => string,
) {
  return {
    maxRows,
    maxBytes,
    repeat: "idempotent",
    way: {
      kind: "own",
      describe: textOf,
      perform: (rows: readonly Row[]) => {
        const text = textOf(rows);
        return put(nameOf(rows, text), text);
      },
    },
  } as const;
}

function changes(own: Settings, put: Put) {
  return filesOf<ChangeRow>(
    own,
    put,
    (rows) =>
      rows
        .map(({ id, change }) => `${JSON.stringify({ cursor: id, ...objectOf(renderChange(change)) })}\n`)
        .join(""),
    (rows) => `changes-${rows[0]?.id ?? ""}-${rows.at(-1)?.id ?? ""}.ndjson`,
  );
}

function profiles(own: Settings, put: Put) {
  const { format } = own;
  return filesOf<UpsertRow>(own, put, format === "csv" ? csvOf : ndjsonOf, (rows, text) => {
    const newest = Math.max(...rows.map(({ version }) => version));
    return `profiles-${padded(newest)}-${fingerprint(text)}.${format}`;
  });
}

/** Files that are written hold what they hold; who reads them is told whom to take out. */
function erasures(own: Settings, put: Put) {
  return filesOf<EraseRow>(
    own,
    put,
    (rows) => rows.map(({ profileId }) => `${JSON.stringify({ profileId, erased: true })}\n`).join(""),
    (_rows, text) => `erased-${fingerprint(text)}.ndjson`,
  );
}

function ndjsonOf(rows: readonly UpsertRow[]): string {
  return rows
    .map(({ profileId, version, all }) => `${JSON.stringify({ profileId, version, fields: all })}\n`)
    .join("");
}

/** One column a field that any of the rows has; objects and lists as JSON. */
function csvOf(rows: readonly UpsertRow[]): string {
  const fields = [...new Set(rows.flatMap(({ all }) => Object.keys(all)))].sort();
  const lines = rows.map(({ profileId, version, all }) =>
    csvLine([profileId, String(version), ...fields.map((field) => cellOf(all[field]))]),
  );
  return csvLine(["profileId", "version", ...fields]) + lines.join("");
}

function cellOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Whoever looks into the folder sees whole files alone. */
function intoFolder(folder: string): Put {
  return async (name, text) => {
    const partial = join(folder, `.${name}.partial`);
    try {
      await mkdir(folder, { recursive: true });
      const file = await open(partial, "w", 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, join(folder, name));
      return { kind: "done" };
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {});
      return { kind: "retry", reason: error instanceof Error ? error.message : "it can't be written" };
    }
  };
}

/** By one signed request each, which goes where every request goes: to an address that was judged. */
function intoS3({ prefix, ...place }: NonNullable<Settings["s3"]>, tools: Tools): Put {
  const { endpoint, region, ...keys } = place;
  const client = new S3Client({
    ...keys,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
  });
  return async (name, text) => {
    const url = client.presign(`${prefix}${name}`, { method: "PUT", expiresIn: signedSeconds });
    return verdictOf(await tools.fetch({ method: "PUT", url, headers: {}, body: text }));
  };
}

/** Nothing may be left out: what storage refuses waits for somebody to act, and the rest is tried again. */
function verdictOf(answer: Answer): Verdict {
  if (answer.kind === "failed") return { kind: "retry", reason: answer.why };
  const { status, text } = answer;
  if (status >= 200 && status < 300) return { kind: "done" };
  const code = /<Code>([A-Za-z]{1,60})<\/Code>/.exec(text)?.[1];
  const reason = `the storage answered ${status}${code === undefined ? "" : ` ${code}`}`;
  const isPassing = status >= 500 || [408, 409, 425, 429].includes(status) || code === "RequestTimeTooSkewed";
  return { kind: isPassing ? "retry" : "stop", reason };
}

/** So that names sort as versions do. */
function padded(version: number): string {
  return String(version).padStart(12, "0");
}

function objectOf(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}
