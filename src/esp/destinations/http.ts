/**
 * The plainest destination: JSON to an address of one's own. Rows go as `{"rows":[…]}`; the answer may say of each row
 * what became of it. docs/destinations/http.md
 */
import { z } from "zod";
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";

import type {
  Answered,
  Capability,
  Destination,
  OutRequest,
  ProfileRow,
  Subject,
} from "../deliver/destination.ts";

const settings = z.strictObject({
  url: z
    .string()
    .min(8)
    .max(2_000)
    .regex(/^https?:\/\//),
  token: z.string().min(1).max(4_000).optional(),
  maxRows: z.int().min(1).max(10_000).default(500),
  maxBytes: z.int().min(1_024).max(20_000_000).default(1_000_000),
});

type Settings = z.output<typeof settings>;

/** What an answer may say of the rows, by their index. */
const answerSchema = z.object({
  results: z
    .array(
      z.object({
        index: z.int().min(0),
        status: z.enum(["ok", "retry", "rejected"]),
        reason: z.string().optional(),
      }),
    )
    .optional(),
  job: z.string().min(1).max(500).optional(),
  status: z.enum(["running", "done"]).optional(),
});

/** Our own rows as JSON, one object each. */
export const httpDestination: Destination<Settings> = {
  type: "http",
  title: "HTTP",
  settings,
  can: ["upsert", "audience", "suppress", "event", "erase", "readBack"],
  secrets: ({ token }) => (token === undefined ? [] : [token]),
  open: (own) => ({
    limits: { windows: [], connections: 4, timeoutMs: 30_000 },
    identify,
    probe: { method: "GET", url: own.url, headers: headersOf(own), body: null },
    upsert: ability(own, "profiles", ({ key, profileId, set, clear, isNew, version }) => ({
      profileId,
      key,
      isNew,
      set,
      clear,
      version,
    })),
    audience: ability(own, "audiences", ({ key, profileId, audience, isMember }) => ({
      profileId,
      key,
      audience,
      isMember,
    })),
    suppress: ability(own, "suppressions", ({ key, profileId, channel, reason }) => ({
      profileId,
      key,
      channel,
      reason,
    })),
    event: ability(own, "events", ({ key, profileId, id, name, properties, timestampMs }) => ({
      profileId,
      key,
      id,
      name,
      properties,
      timestamp: new Date(timestampMs).toISOString(),
    })),
    // Also names that the profile had before it was merged.
    erase: ability(own, "erasures", ({ key, profileId }) => ({
      profileId: key["profileId"] ?? profileId,
      key,
    })),
    readBack: {
      request: (key) => ({
        method: "GET",
        url: `${base(own)}/profiles?${new URLSearchParams(key).toString()}`,
        headers: headersOf(own),
        body: null,
      }),
      read: ({ status, text }) => {
        if (status === 404) return "missing";
        const found =
          status === 200
            ? z.object({ fields: z.record(z.string(), z.json()) }).safeParse(JSON.parse(text))
            : null;
        return found?.success === true ? found.data.fields : null;
      },
    },
  }),
};

/** By what never changes; other names are fields like any (`$userId`, `$email`). */
function identify({ profileId }: Subject) {
  return { kind: "key", key: { profileId } } as const;
}

function ability<Row extends ProfileRow>(
  own: Settings,
  path: string,
  shape: (row: Row) => Readonly<Record<string, unknown>>,
): Capability<Row> {
  const request = (rows: readonly Row[]): OutRequest => ({
    method: "POST",
    url: `${base(own)}/${path}`,
    headers: headersOf(own),
    body: JSON.stringify({ rows: rows.map(shape) }),
  });
  const job = {
    request: (id: string): OutRequest => ({
      method: "GET",
      url: `${base(own)}/jobs/${encodeURIComponent(id)}`,
      headers: headersOf(own),
      body: null,
    }),
    read: (answer: Answered, rows: readonly ProfileRow[]) => {
      if (answer.status !== 200) return null;
      const { status, results } = answerSchema.parse(JSON.parse(answer.text));
      return status === "done" ? verdictsOf(rows.length, results ?? []) : ({ kind: "running" } as const);
    },
  };
  const { maxRows, maxBytes } = own;
  return { maxRows, maxBytes, repeat: "idempotent", way: { kind: "http", request, read, job } };
}

function read({ status, text }: Answered, rows: readonly ProfileRow[]): Verdict | null {
  if (status >= 300) return null;
  if (text.trim() === "") return { kind: "done" };
  const { results, job } = answerSchema.parse(JSON.parse(text));
  if (status === 202 && job !== undefined) return { kind: "job", id: job };
  return verdictsOf(rows.length, results ?? []);
}

/** Of whom nothing is said all is well. */
function verdictsOf(
  count: number,
  results: readonly {
    readonly index: number;
    readonly status: string;
    readonly reason?: string | undefined;
  }[],
): Verdict {
  const rows = Array.from({ length: count }, (): RowVerdict => ({ kind: "done" }));
  for (const { index, status, reason = "rejected" } of results)
    if (status !== "ok" && index < count)
      rows[index] = { kind: status === "retry" ? "retry" : "drop", reason };
  return { kind: "rows", rows };
}

function base({ url }: Settings): string {
  return url.replace(/\/+$/, "");
}

function headersOf({ token }: Settings): Record<string, string> {
  return {
    "Content-Type": "application/json",
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  };
}
