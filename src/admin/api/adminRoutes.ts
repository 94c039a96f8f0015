/** The admin API: reads everything, has few verbs, and each of those is written down before it is done. */
import { Elysia } from "elysia";
import { Refusal } from "../../errors.ts";
import { numberOf, queryOf } from "../../esp/query.ts";
import type { Namespace } from "../../model/event.ts";
import { admit } from "./access.ts";
import { answerHeaders, answering, type AdminDeps, type Asked } from "./adminContext.ts";
import { alertsView, testAlerts } from "./alertActs.ts";
import {
  auditRunView,
  auditsView,
  beginAudit,
  daysView,
  findingView,
  freshnessView,
  traitDaysView,
} from "./auditActs.ts";
import { auditView } from "./auditView.ts";
import { applyConfig, checkConfig, configVersion, configView, planConfig } from "./configActs.ts";
import type { MendAnswer } from "./configWire.ts";
import {
  beginPreflight,
  contentBlock,
  contentList,
  preflightSample,
  preflightView,
  previewContent,
  receiptAgain,
  receiptList,
  sendContentTest,
} from "./contentActs.ts";
import {
  actOnDestination,
  destinationsView,
  destinationView,
  lettersView,
  profileDeliveries,
  triggerLog,
  triggersView,
} from "./deliveryActs.ts";
import { espList, espSnippet } from "./espViews.ts";
import { createKey, listKeys, revokeKey } from "./keyActs.ts";
import { mendPieces } from "./mendActs.ts";
import { checkPlanText, planView } from "./planActs.ts";
import { profileDetail, timeline } from "./profileDetail.ts";
import { findProfile, recentProfiles } from "./profileSearch.ts";
import { quarantineGroups, quarantinePiece, quarantinePieces, replayPieces } from "./quarantineActs.ts";
import { riverView } from "./riverView.ts";
import { segmentExplanation, segmentList, segmentMembers, segmentPage } from "./segmentViews.ts";
import { sessionRoutes } from "./sessionRoutes.ts";
import { beginBackup, beginVerify, storageView } from "./storageActs.ts";
import { traitHistory } from "./traitHistory.ts";
import { traceView } from "./traceView.ts";

type Answer = (asked: Asked, deps: AdminDeps) => unknown;

const gets: Readonly<Record<string, Answer>> = {
  river: ({ query }, { river }) => riverView(river, wholeOf(query, "after"), wholeOf(query, "afterSeq")),
  profiles: ({ query }, { store }) => ({
    profiles: recentProfiles(store.profiles, store.changes, namespaceOf(query)),
    nextCursor: null,
  }),
  profile: ({ query }, { store, clock }) => profileDetail(store.profiles, asked(query, store), clock.nowMs()),
  timeline: ({ query }, { store }) => {
    const filter = { type: query.get("type"), name: query.get("name"), source: query.get("source") };
    const limit = numberOf(query, "limit", 50, 1, 1_000);
    return timeline(store.profiles, asked(query, store).pid, filter, query.get("cursor"), limit);
  },
  traits: ({ query }, { store }) => traitHistory(store.profiles, store.changes, asked(query, store)),
  segments: ({ query }, { store, clock }) => segmentList(store, namespaceOf(query), clock.nowMs()),
  segment: ({ query }, { store, clock }) =>
    segmentPage(store, namespaceOf(query), query.get("name") ?? "", clock.nowMs()),
  "segment/members": ({ query }, { store }) => {
    const limit = numberOf(query, "limit", 50, 1, 1_000);
    const after = wholeOf(query, "cursor");
    return segmentMembers(store, namespaceOf(query), query.get("name") ?? "", after, limit);
  },
  "segment/explain": ({ query }, { store, clock }) =>
    segmentExplanation(store, asked(query, store), query.get("name") ?? "", clock.nowMs()),
  event: ({ query }, { store, fedAtMs }) =>
    traceView(store.profiles, namespaceOf(query), query.get("messageId") ?? "", fedAtMs),
  content: (_asked, deps) => contentList(deps),
  "content/block": ({ query }, deps) => contentBlock(query.get("name") ?? "", deps),
  "content/preflight": (_asked, deps) => preflightView(deps),
  "content/preflight/sample": ({ query }, deps) => preflightSample(query, deps),
  "content/esps": () => espList(),
  "content/snippet": ({ query }, deps) => espSnippet(query, deps),
  receipts: ({ query }, deps) => receiptList(query, deps),
  receipt: ({ query }, deps) => receiptAgain(query.get("name") ?? "", deps),
  alerts: (_asked, { alerts }) => alertsView(alerts),
  quarantine: (_asked, { store }) => quarantineGroups(store.admin),
  "quarantine/pieces": ({ query }, { store }) => quarantinePieces(query, store.admin),
  "quarantine/piece": ({ query }, { store }) => quarantinePiece(query.get("id") ?? "", store.admin),
  "quarantine/mend": (_asked, { mendJobs }) => ({ job: mendJobs.current }) satisfies MendAnswer,
  config: (_asked, deps) => configView(deps),
  "config/version": configVersion,
  plan: planView,
  keys: (_asked, deps) => listKeys(deps),
  storage: (_asked, deps) => storageView(deps),
  audits: (_asked, deps) => auditsView(deps),
  "audits/run": ({ query }, deps) => auditRunView(wholeOf(query, "id"), deps),
  "audits/finding": ({ query }, deps) => findingView(wholeOf(query, "run"), query.get("key") ?? "", deps),
  "audits/days": ({ query }, deps) =>
    daysView(query.get("source") ?? "", query.get("event") ?? "", query.get("property"), deps),
  "audits/trait": ({ query }, deps) =>
    traitDaysView(query.get("trait") ?? "", query.get("segment") ?? "", deps),
  freshness: ({ query }, deps) => freshnessView(query.get("range"), deps),
  destinations: (_asked, deps) => destinationsView(deps),
  destination: ({ query }, deps) => destinationView(query, deps),
  "destination/letters": ({ query }, deps) => lettersView(query, deps),
  "profile/deliveries": ({ query }, deps) => profileDeliveries(asked(query, deps.store), deps),
  triggers: ({ query }, deps) => triggersView(query, deps),
  "triggers/log": ({ query }, deps) => triggerLog(query, deps),
  audit: ({ query }, deps) => auditView(query, deps.audit),
};

const posts: Readonly<Record<string, Answer>> = {
  "alerts/test": testAlerts,
  "content/preview": previewContent,
  "content/preflight": beginPreflight,
  "content/send": sendContentTest,
  "audits/run": beginAudit,
  "destination/act": actOnDestination,
  "quarantine/replay": replayPieces,
  "quarantine/mend": mendPieces,
  "config/check": checkConfig,
  "config/plan": planConfig,
  "config/apply": applyConfig,
  "plan/check": checkPlanText,
  keys: createKey,
  "keys/revoke": revokeKey,
  "storage/backup": ({ visitor }, deps) => beginBackup(visitor, deps),
  "storage/verify": ({ visitor }, deps) => beginVerify(visitor, deps),
};

/** The routes as a plugin. */
export function adminRoutes(deps: AdminDeps) {
  const app = new Elysia({ name: "admin" }).use(sessionRoutes(deps));
  for (const [name, answer] of Object.entries(gets))
    app.get(`/admin/api/${name}`, ({ request }) => respond(request, answer, deps));
  for (const [name, answer] of Object.entries(posts))
    app.post(`/admin/api/${name}`, ({ request }) => respond(request, answer, deps), { parse: "none" });
  return app.get("/admin/api/content/frame", ({ request }) =>
    answering(deps, () => {
      admit(request, deps);
      return Promise.resolve(deps.frames.answer(queryOf(request.url)));
    }),
  );
}

async function respond(request: Request, answer: Answer, deps: AdminDeps): Promise<Response> {
  return answering(deps, async () => {
    const visitor = admit(request, deps);
    const query = queryOf(request.url);
    const value = await answer({ visitor, query, body: () => deps.readJson(request) }, deps);
    return new Response(JSON.stringify(value), { headers: answerHeaders });
  });
}

function asked(query: URLSearchParams, store: AdminDeps["store"]) {
  return findProfile(store.profiles, namespaceOf(query), query.get("id") ?? "");
}

function namespaceOf(query: URLSearchParams): Namespace {
  const namespace = query.get("namespace") ?? "live";
  if (namespace !== "live" && namespace !== "test")
    throw new Refusal("invalid_request", { detail: "namespace takes live or test." });
  return namespace;
}

/** A time in milliseconds or a seq; 0 without one. */
function wholeOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "0";
  if (!/^\d{1,15}$/.test(text))
    throw new Refusal("invalid_request", { detail: `${name} takes a whole number.` });
  return Number(text);
}
