/**
 * `POST /v1/content/{block}/preflight`: what a send would be, before it is sent. With `Accept: application/x-ndjson` it
 * tells how far it is; else blanks keep the connection open until the one JSON object comes.
 */
import { Elysia } from "elysia";
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import type { Timers } from "../../lib/timers.ts";
import { authorise, checkUnlimited, type FindKey } from "../authorise.ts";
import {
  maxPreflightIds,
  preflight,
  type Audience,
  type Preflight,
  type PreflightDeps,
} from "./preflight.ts";
import type { Shelf } from "./shelf.ts";

export interface PreflightRouteDeps extends PreflightDeps {
  readonly findKey: FindKey;
  readonly readJson: (request: Request) => Promise<unknown>;
  readonly shelf: Shelf | null;
  readonly timers: Timers;
}

const bodySchema = z.union([
  z.strictObject({ segment: z.string().min(1).max(64) }),
  z.strictObject({ ids: z.array(z.string().min(1).max(2_048)).min(1).max(maxPreflightIds) }),
  z.strictObject({ all: z.literal(true) }),
]);

const aliveEveryMs = 5_000;
/** Preflights at once: each takes half a core. */
const maxRunning = 2;

/** The route; mounted by routes.ts. */
export function preflightRoutes(deps: PreflightRouteDeps) {
  const running = { count: 0 };
  return new Elysia({ name: "preflight" }).post(
    "/v1/content/:block/preflight",
    ({ request, params }) => postPreflight(request, params.block, running, deps),
    { parse: "none" },
  );
}

async function postPreflight(
  request: Request,
  name: string,
  running: { count: number },
  deps: PreflightRouteDeps,
): Promise<Response> {
  const key = authorise(request, deps.findKey, "content");
  checkUnlimited(key);
  const block = deps.shelf?.get(name) ?? null;
  if (block === null || key.blocks?.includes(name) === false) throw new Refusal("block_not_found");
  const { readableTraits } = key;
  if (readableTraits !== null && block.head.needs.some((need) => !readableTraits.includes(need.name)))
    throw new Refusal("forbidden", { detail: "The block needs traits that this key may not read." });
  const parsed = bodySchema.safeParse(await deps.readJson(request));
  if (!parsed.success)
    throw new Refusal("invalid_request", {
      detail: `Send {"segment":"…"}, {"all":true} or {"ids":[…]} with 1 to ${maxPreflightIds} identifiers.`,
    });
  if (running.count >= maxRunning) throw new Refusal("overloaded", { retryAfterSeconds: 10 });
  const audience = audienceOf(parsed.data);
  if (audience.kind === "segment" && !deps.profiles.definitions.segments.byName.has(audience.segment))
    throw new Refusal("invalid_request", { detail: "There is no segment of that name." });
  running.count += 1;
  const isLines = (request.headers.get("accept") ?? "").includes("application/x-ndjson");
  const body = answerBody(
    (run) =>
      preflight(block, key.namespace, audience, run, deps).finally(() => {
        running.count -= 1;
      }),
    isLines,
    deps.timers,
  );
  return new Response(body, {
    headers: {
      "Content-Type": isLines ? "application/x-ndjson" : "application/json; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    },
  });
}

function audienceOf(body: z.output<typeof bodySchema>): Audience {
  if ("segment" in body) return { kind: "segment", segment: body.segment };
  return "ids" in body ? { kind: "ids", ids: body.ids } : { kind: "all" };
}

interface Run {
  readonly signal: AbortSignal;
  readonly progress: (share: number) => void;
}

/** The answer as it comes about; whoever goes away ends the work. */
function answerBody(
  work: (run: Run) => Promise<Preflight>,
  isLines: boolean,
  timers: Timers,
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  let share = 0;
  return new ReadableStream<Uint8Array>({
    start: async (controller) => {
      const say = (text: string) => {
        if (!gone.signal.aborted) controller.enqueue(encoder.encode(text));
      };
      using _alive = timers.every(isLines ? 1_000 : aliveEveryMs, () =>
        say(isLines ? `${JSON.stringify({ progress: share })}\n` : " "),
      );
      const done = await work({
        signal: gone.signal,
        progress: (now) => {
          share = now;
        },
      });
      say(isLines ? `${JSON.stringify({ result: resultOf(done) })}\n` : JSON.stringify(resultOf(done)));
      if (!gone.signal.aborted) controller.close();
    },
    cancel: () => gone.abort(),
  });
}

function resultOf(done: Preflight): unknown {
  if (done.kind === "done") return done.report;
  const code = done.kind === "rebuilding" ? "profiles_rebuilding" : "invalid_request";
  return { error: { code, message: "The preflight could not be done; try again in a moment." } };
}
