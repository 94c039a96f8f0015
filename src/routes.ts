/** Mounts every room's routes on one Elysia. */
import type { Server } from "bun";
import { Elysia } from "elysia";
import { adminRoutes } from "./admin/api/adminRoutes.ts";
import type { AdminDeps } from "./admin/api/adminContext.ts";
import { operationsRoutes, type OperationsRoutesDeps } from "./admin/operationsRoutes.ts";
import { methodsOf } from "./admin/paths.ts";
import { pageRoutes, type PublicAnswers } from "./admin/publicAnswers.ts";
import { snippetRoute } from "./admin/snippetRoute.ts";
import { demoRoutes, type DemoDeps } from "./demoRoutes.ts";
import type { ErrorAnswers } from "./errorAnswers.ts";
import { Refusal } from "./errors.ts";
import { contentReads, contentRoutes, type ContentDeps } from "./esp/content/contentRoutes.ts";
import { preflightRoutes, type PreflightRouteDeps } from "./esp/content/preflightRoutes.ts";
import { receiptRoutes, type ReceiptDeps } from "./esp/content/receiptRoutes.ts";
import { oauthRoutes, type OauthDeps } from "./esp/credentials/oauthRoutes.ts";
import { feedTokenRoutes, type FeedTokenDeps } from "./esp/feedTokenRoutes.ts";
import { longPollRoutes, type LongPollDeps } from "./esp/longPoll.ts";
import { profileReads, restRoutes, type RestDeps } from "./esp/rest.ts";
import { sseRoutes, type SseDeps } from "./esp/sse.ts";
import { feedSocketPath, upgradeToFeed, type FeedSocketData, type WebSocketDeps } from "./esp/webSocket.ts";
import { clientSettingsRoutes, type ClientSettingsDeps } from "./ingest/clientSettings.ts";
import { ingestCalls, ingestRoutes, type IngestDeps } from "./ingest/routes.ts";
import { streamRoutes, type StreamDeps } from "./ingest/streamRoutes.ts";

export interface RoutesDeps {
  readonly ingest: IngestDeps & StreamDeps & ClientSettingsDeps;
  readonly rest: RestDeps;
  readonly content: ContentDeps & ReceiptDeps & PreflightRouteDeps;
  readonly oauth: OauthDeps;
  readonly feed: SseDeps & LongPollDeps & WebSocketDeps & FeedTokenDeps;
  readonly operations: OperationsRoutesDeps;
  readonly admin: AdminDeps;
  /** The files of public/. */
  readonly files: PublicAnswers;
  /** Null where there is no demo. */
  readonly demo: DemoDeps | null;
  readonly answers: ErrorAnswers;
  /** The listening server, which alone can turn a request into a WebSocket; null before it listens. */
  readonly server: () => Server<FeedSocketData> | null;
  /** The request as the server knows it. */
  readonly original: (request: Request) => Request;
}

/** The router behind the front door: a function from a request to its answer. */
export function mountRoutes(deps: RoutesDeps): (request: Request) => Response | Promise<Response> {
  const router = buildRouter(deps);
  router.compile();
  const takeEvents = ingestCalls(deps.ingest);
  const readProfile = profileReads(deps.rest);
  const readContent = contentReads(deps.content);
  return (request) =>
    takeEvents(request) ?? readProfile(request) ?? readContent(request) ?? router.fetch(request);
}

/** Every route of the server. */
export function buildRouter(deps: RoutesDeps) {
  const { answers } = deps;
  return new Elysia({ aot: true, normalize: false, strictPath: true })
    .onError(({ error, code, request }) => {
      if (code === "NOT_FOUND") return answers.noRoute(methodsOf(new URL(request.url).pathname));
      if (code === "PARSE") return answers.refusal(new Refusal("invalid_request"));
      return answers.unexpected(error);
    })
    .use(ingestRoutes(deps.ingest))
    .use(streamRoutes(deps.ingest))
    .use(clientSettingsRoutes(deps.ingest))
    .use(snippetRoute(deps.files))
    .use(restRoutes(deps.rest))
    .use(contentRoutes(deps.content))
    .use(preflightRoutes(deps.content))
    .use(receiptRoutes(deps.content))
    .use(oauthRoutes(deps.oauth))
    .use(sseRoutes(deps.feed))
    .use(longPollRoutes(deps.feed))
    .use(feedTokenRoutes(deps.feed))
    .use(operationsRoutes(deps.operations))
    .use(adminRoutes(deps.admin))
    .use(pageRoutes(deps.files, "/admin", "admin"))
    .use(deps.demo === null ? new Elysia() : demoRoutes(deps.demo))
    .get(feedSocketPath, ({ request }) => openSocket(request, deps));
}

function openSocket(request: Request, deps: RoutesDeps): Response | undefined {
  const server = deps.server();
  if (server === null) throw new Refusal("overloaded", { retryAfterSeconds: 1 });
  return upgradeToFeed(deps.original(request), server, deps.feed);
}
