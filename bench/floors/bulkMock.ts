/**
 * A destination's bulk API on this machine: parses a request of rows, keeps each row's fields, and answers after the
 * time that such an API takes. Prints its port; `GET /stats` tells what came, `POST /reset` begins anew, and with a
 * file as second argument the bodies of profiles are written there, one a line.
 */
import { appendFileSync } from "node:fs";

const serviceMs = Number(process.argv[2] ?? 0);
const recordTo = process.argv[3] ?? null;

interface Row {
  readonly profileId: string;
  readonly set: Readonly<Record<string, unknown>>;
}

const profiles = new Map<string, Record<string, unknown>>();
let rows = 0;
let requests = 0;
let firstMs = 0;
let lastMs = 0;
const events = new Map<string, number>();

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  maxRequestBodySize: 64 * 1024 ** 2,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/stats")
      return Response.json({ rows, requests, firstMs, lastMs, profiles: profiles.size, events: [...events] });
    if (pathname === "/reset") {
      profiles.clear();
      events.clear();
      rows = requests = firstMs = lastMs = 0;
      return new Response("");
    }
    const body = await request.text();
    const nowMs = Bun.nanoseconds() / 1e6;
    const parsed = JSON.parse(body) as {
      readonly rows: readonly (Row & { readonly name?: string; readonly id?: string })[];
    };
    if (pathname.endsWith("/events")) for (const { name = "" } of parsed.rows) events.set(name, Date.now());
    else {
      if (firstMs === 0) firstMs = nowMs;
      for (const { profileId, set } of parsed.rows)
        profiles.set(profileId, { ...profiles.get(profileId), ...set });
      rows += parsed.rows.length;
      requests += 1;
      if (recordTo !== null) appendFileSync(recordTo, `${body}\n`);
    }
    if (serviceMs > 0) await Bun.sleep(serviceMs);
    lastMs = Bun.nanoseconds() / 1e6;
    return Response.json({});
  },
});

console.log(`port ${server.port}`);
