/** /healthz, /readyz, /metrics, /openapi.json and /docs. */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import type { KeyInfo } from "../model/key.ts";
import type { StoreStatus } from "../store/storeApi.ts";
import { docsPage } from "./docsPage.ts";
import { renderMetrics, type MetricSources } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import { leadTo } from "./publicAnswers.ts";

export interface OperationsRoutesDeps {
  readonly version: string;
  /** Where the root leads, and the docs page back to. */
  readonly home: "/demo" | "/admin";
  readonly status: () => StoreStatus;
  /** Whether requests are let in yet, or still. */
  readonly phase: () => "opening" | "open" | "draining";
  readonly metrics: () => MetricSources;
  /** True for a request that comes from this machine and through no proxy. */
  readonly isLocal: (request: Request) => boolean;
  /** The key of a request; null if none came, or no good one. */
  readonly keyOf: (request: Request) => KeyInfo | null;
}

const jsonHeaders = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};

/** The routes as a plugin. */
export function operationsRoutes(deps: OperationsRoutesDeps) {
  const page = docsPage(deps.version, deps.home);
  const description = JSON.stringify(openApi(deps.version));
  return new Elysia({ name: "operations" })
    .get("/", () => leadTo(deps.home))
    .get("/healthz", () => new Response('{"status":"ok"}', { headers: jsonHeaders }))
    .get("/readyz", () => readiness(deps))
    .get("/metrics", ({ request }) => metrics(deps, request))
    .get(
      "/openapi.json",
      () => new Response(description, { headers: { ...jsonHeaders, "Cache-Control": "no-cache" } }),
    )
    .get("/docs", () => new Response(page.html, { headers: pageHeaders(page.contentSecurityPolicy) }));
}

function readiness(deps: OperationsRoutesDeps): Response {
  const { mode, progress } = deps.status();
  const phase = mode === "closed" ? "draining" : deps.phase();
  if (phase !== "open") {
    return new Response(`{"status":"${phase === "opening" ? "starting" : phase}"}`, {
      status: 503,
      headers: jsonHeaders,
    });
  }
  if (mode === "live") return new Response('{"status":"ready"}', { headers: jsonHeaders });
  return new Response(JSON.stringify({ status: "rebuilding", progress: roundShare(progress) }), {
    status: 503,
    headers: jsonHeaders,
  });
}

async function metrics(deps: OperationsRoutesDeps, request: Request): Promise<Response> {
  if (!deps.isLocal(request)) {
    const key = deps.keyOf(request);
    if (key === null) throw new Refusal("unauthorized");
    if (!key.scopes.includes("admin")) throw new Refusal("forbidden");
  }
  const { contentType, text } = await renderMetrics(deps.metrics());
  return new Response(text, { headers: { ...jsonHeaders, "Content-Type": contentType } });
}

function pageHeaders(contentSecurityPolicy: string): Record<string, string> {
  return {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": contentSecurityPolicy,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
  };
}

function roundShare(share: number | null): number {
  return Math.floor((share ?? 0) * 100) / 100;
}
