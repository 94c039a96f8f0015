/**
 * What browser clients made for other hosts ask for before they send: Segment's settings and RudderStack's source
 * config. Both say: no other destinations, no telemetry, send to us.
 */
import { Elysia } from "elysia";
import { errorBody, errorCatalogue } from "../errors.ts";
import type { Ids } from "../lib/id.ts";
import type { KeyInfo } from "../model/key.ts";
import type { Keyring } from "../store/keyring.ts";

export interface ClientSettingsDeps {
  readonly keys: Keyring;
  readonly ids: Ids;
  /** URLs by which clients reach this server; the scheme of the one with the request's host is used. */
  readonly publicUrls: readonly string[];
}

/** Any page may ask: there is nothing in the answer that the page does not know. */
const headers = {
  "Content-Type": "application/json; charset=utf-8",
  "Access-Control-Allow-Origin": "*",
  "X-Content-Type-Options": "nosniff",
};

const preflightHeaders = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET",
  "Access-Control-Allow-Headers": "Authorization, Content-Type, *",
  "Access-Control-Max-Age": "86400",
};

/** The routes as a plugin. */
export function clientSettingsRoutes(deps: ClientSettingsDeps) {
  const segmentPath = "/v1/projects/:writeKey/settings";
  const rudderPath = "/sourceConfig/";
  return new Elysia({ name: "client settings" })
    .get(segmentPath, ({ request, params }) => {
      const key = writeKeyOf(deps, params.writeKey);
      return key === null ? refusal(deps) : answer(segmentSettings(params.writeKey, apiHost(request, deps)));
    })
    .get(rudderPath, ({ request }) => {
      const text = rudderKey(request);
      const key = writeKeyOf(deps, text);
      return key === null ? refusal(deps) : answer(rudderConfig(text, key));
    })
    .options(segmentPath, () => new Response(null, { status: 204, headers: preflightHeaders }))
    .options(rudderPath, () => new Response(null, { status: 204, headers: preflightHeaders }));
}

/** Null for what is no write key: a secret key has no place in a page. */
function writeKeyOf({ keys }: ClientSettingsDeps, text: string): KeyInfo | null {
  const key = keys.lookup(text);
  return key === undefined || key.kind === "secret" || !key.scopes.includes("write") ? null : key;
}

function answer(body: unknown): Response {
  return new Response(JSON.stringify(body), {
    headers: { ...headers, "Cache-Control": "private, max-age=60" },
  });
}

function refusal({ ids }: ClientSettingsDeps): Response {
  return new Response(JSON.stringify(errorBody("unauthorized", ids.uuid())), {
    status: errorCatalogue.unauthorized.status,
    headers: { ...headers, "Cache-Control": "no-store" },
  });
}

/** The user name of Basic authorization, or `?writeKey=`. */
function rudderKey(request: Request): string {
  const basic = /^basic +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (basic !== undefined) return Buffer.from(basic, "base64").toString("utf8").split(":")[0] ?? "";
  return new URL(request.url).searchParams.get("writeKey") ?? "";
}

interface ApiHost {
  readonly protocol: "http" | "https";
  /** Host, port and path: `events.shop.example/v1`. */
  readonly apiHost: string;
}

/** Where a page that reached us under this name sends its events. */
function apiHost(request: Request, { publicUrls }: ClientSettingsDeps): ApiHost {
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const known = publicUrls.map((url) => new URL(url)).find((url) => url.host === host);
  const forwarded = request.headers.get("x-forwarded-proto");
  const isSecure = known === undefined ? forwarded === "https" : known.protocol === "https:";
  return { protocol: isSecure ? "https" : "http", apiHost: `${host}/v1` };
}

function segmentSettings(writeKey: string, { protocol, apiHost: host }: ApiHost): unknown {
  return {
    integrations: {
      "Segment.io": {
        apiKey: writeKey,
        apiHost: host,
        protocol,
        unbundledIntegrations: [],
        addBundledMetadata: false,
        maybeBundledConfigIds: {},
        versionSettings: { version: "4.4.7", componentTypes: ["browser"] },
      },
    },
    plan: { track: { __default: { enabled: true, integrations: {} } }, identify: {}, group: {} },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  };
}

function rudderConfig(writeKey: string, { source, id }: KeyInfo): unknown {
  return {
    source: {
      id,
      name: source,
      writeKey,
      workspaceId: "freshet",
      enabled: true,
      config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
      connections: [],
      destinations: [],
      dataplanes: {},
    },
  };
}
