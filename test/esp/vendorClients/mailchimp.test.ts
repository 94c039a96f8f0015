/** Everything that the destination sends, as it stood on the wire, is what Mailchimp's own client sends when given the same. */
import client from "@mailchimp/mailchimp_marketing";
import { expect, test } from "bun:test";
import { noRules } from "../../../src/model/rules.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { until } from "../../support/until.ts";
import { MailchimpFake } from "../../support/vendors/mailchimp.ts";

interface Call {
  readonly method: string;
  /** Below `/3.0/lists/`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly password: string;
  readonly body: Readonly<Record<string, unknown>> | null;
}

const list = "a1b2c3d4e5";

/** The path as descriptions write it. */
function templateOf({ method, path }: Call): string {
  return `${method} ${path.replace(list, "{list_id}").replace(/\/members\/[0-9a-f]{32}/, "/members/{subscriber_hash}")}`;
}

function recorder(answer: (request: Request, body: string) => Promise<Response> | Response) {
  const calls: Call[] = [];
  const server = faultServer((request, body) => {
    const { pathname, searchParams } = new URL(request.url);
    calls.push({
      method: request.method,
      path: pathname.replace("/3.0/lists/", ""),
      query: Object.fromEntries(searchParams),
      password: atob(request.headers.get("authorization")?.slice("Basic ".length) ?? "").split(":")[1] ?? "",
      body: body === "" ? null : (JSON.parse(body) as Readonly<Record<string, unknown>>),
    });
    return answer(request, body);
  });
  return { calls, server };
}

/** A life with everything in it; each kind of request once. */
async function sent(): Promise<readonly Call[]> {
  const fake = new MailchimpFake();
  const { calls, server } = recorder((request, body) => fake.answer(request, body));
  using _ = server;
  const pro = { kind: "trait", path: ["PLAN"], test: { condition: { is: "pro" } } } as const;
  await using rig = await deliveryRig({ rules: { ...noRules, segments: [{ name: "pros", rule: pro }] } });
  const own = {
    apiKey: "secret-us21",
    list,
    status: "subscribed",
    createFields: true,
    url: `${server.origin}/3.0`,
  };
  const limits = { requestsPerSecond: null, connections: 1, batchRows: null, timeoutMs: null };
  await rig.use({ type: "mailchimp", own, audiences: ["pros"], events: ["Order Completed"], limits });
  const say = (userId: string, traits: Readonly<Record<string, string | number | null>>) =>
    rig.test.accept("identify", { userId, traits: { email: `${userId}@example.com`, ...traits } });
  const running = rig.deliveries.running.get("out");
  if (running === undefined) throw new Error("no destination");
  running.pause(true);
  await say("ann", { FNAME: "Ann", PLAN: "pro", CARTVALUE: 84.5, SINCE: "2026-01-31" });
  await say("bob", { FNAME: "Bob" });
  await until("both are queued", async () => {
    const { byLane } = await rig.ops.ask("deliveries", "counts", running.id);
    return byLane.behavioural === 2;
  });
  running.pause(false);
  await rig.settled();
  await say("ann", { PLAN: null });
  const properties = { total: 84.5, items: [{ sku: "a-1" }] };
  await rig.test.accept("track", { userId: "ann", event: "Order Completed", properties });
  for (const suppressed of [true, false]) {
    const change = { channel: "email", reason: "manual", suppressed };
    await rig.test.accept("track", { userId: "bob", event: "Suppression Changed", properties: change });
    await rig.settled();
  }
  fake.add("taken@example.com", "subscribed");
  await say("ann", { email: "ann@new.example" });
  await say("bob", { email: "taken@example.com" });
  await rig.settled();
  const { open } = running.setUp;
  for (const request of [open.probe, open.readBack?.request({ email: "ann@new.example" }) ?? null])
    if (request !== null) expect((await running.askAside("readBack", request))?.kind).toBe("answer");
  const person = { userId: "ann", email: "ann@new.example", profileId: "" };
  await rig.test.store.admin.erase("live", "user_id", "ann");
  await until("it is told", () => fake.isErased(person));
  await rig.settled();
  return calls;
}

const operations = [
  "DELETE {list_id}/members/{subscriber_hash}",
  "GET {list_id}/members/{subscriber_hash}",
  "GET {list_id}/merge-fields",
  "PATCH {list_id}/members/{subscriber_hash}",
  "POST {list_id}",
  "POST {list_id}/members/{subscriber_hash}/actions/delete-permanent",
  "POST {list_id}/members/{subscriber_hash}/events",
  "POST {list_id}/members/{subscriber_hash}/tags",
  "POST {list_id}/merge-fields",
  "PUT {list_id}/members/{subscriber_hash}",
];

const calls = await sent();

test("these operations are used, and no other", () => {
  expect([...new Set(calls.map(templateOf))].sort()).toEqual(operations);
});

/** The same by Mailchimp's own client. */
function again({ method, path, query, body }: Call): Promise<unknown> {
  const hash = /\/members\/([0-9a-f]{32})/.exec(path)?.[1] ?? "";
  const { lists } = client;
  const fields = query["fields"]?.split(",") ?? [];
  const lenient = {
    ...(query["skip_merge_validation"] === "true" ? { skipMergeValidation: true } : {}),
    ...(query["skip_duplicate_check"] === "true" ? { skipDuplicateCheck: true } : {}),
  };
  const given = body ?? {};
  switch (`${method} ${path.replace(list, "").replace(/^\/members\/[0-9a-f]{32}/, "member")}`) {
    case "POST ":
      return lists.batchListMembers(list, given, lenient);
    case "PUT member":
      return lists.setListMember(list, hash, given, lenient);
    case "PATCH member":
      return lists.updateListMember(list, hash, given, lenient);
    case "DELETE member":
      return lists.deleteListMember(list, hash);
    case "GET member":
      return lists.getListMember(list, hash, { fields });
    case "POST member/tags":
      return lists.updateListMemberTags(list, hash, given);
    case "POST member/events":
      return lists.createListMemberEvent(list, hash, given);
    case "POST member/actions/delete-permanent":
      return lists.deleteListMemberPermanent(list, hash);
    case "GET /merge-fields":
      return lists.getListMergeFields(list, { fields, count: Number(query["count"]) });
    case "POST /merge-fields":
      return lists.addListMergeField(list, given);
    default:
      throw new Error(`the client has no ${method} ${path}`);
  }
}

test("Mailchimp's own client sends the same", async () => {
  const { calls: theirs, server } = recorder(() => Response.json({}));
  using _ = server;
  client.setConfig({ apiKey: "secret-us21" });
  client.basePath = `${server.origin}/3.0`;
  for (const call of calls) {
    await again(call);
    expect(theirs.at(-1)).toEqual(call);
  }
  expect(theirs).toHaveLength(calls.length);
});
