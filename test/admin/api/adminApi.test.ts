import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type {
  AuditAnswer,
  GroupsAnswer,
  KeysAnswer,
  MadeKeyAnswer,
  PieceAnswer,
  PiecesAnswer,
  ReplayAnswer,
  RiverAnswer,
  StorageAnswer,
} from "../../../src/admin/api/adminWire.ts";
import type { ProfileAnswer, ProfilesAnswer, TimelineAnswer } from "../../../src/admin/api/profileWire.ts";
import { freshet } from "../../support/command.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { adminClient, type AdminClient } from "./adminClient.ts";

let server: TestServer;
let admin: AdminClient;
beforeAll(async () => {
  server = await startServer();
  admin = await adminClient(server);
  const send = (call: string, body: object) => server.post(`/v1/${call}`, body);
  await send("track", { anonymousId: "a-1", event: "Product Viewed", messageId: "m-1" });
  await send("identify", {
    userId: "42",
    anonymousId: "a-1",
    messageId: "m-2",
    traits: { firstName: "Ann", email: "ann@example.com" },
  });
  await send("track", { userId: "42", event: "Order Completed", messageId: "m-3" });
});
afterAll(() => server[Symbol.asyncDispose]());

const audited = async (action: string) =>
  (await admin.get<AuditAnswer>(`audit?action=${action}`)).entries.map(({ target, outcome, detail }) => ({
    target,
    outcome,
    detail,
  }));

describe("river", () => {
  test("tells totals, sources, newest events, and says how it is", async () => {
    const river = await admin.get<RiverAnswer>("river");
    expect(river.totals).toEqual({ events: 3, repeated: 0, refused: 0 });
    expect(river.words[0]?.level).toBe("good");
    expect(river.sources.map(({ source, requests }) => [source, requests])).toEqual([["default", 3]]);
    expect(river.newest.map(({ messageId }) => messageId)).toEqual(["m-1", "m-2", "m-3"]);
    const later = await admin.get<RiverAnswer>(`river?afterSeq=${river.newest[1]?.seq}`);
    expect(later.newest.map(({ messageId }) => messageId)).toEqual(["m-3"]);
  });

  test("gathers points", async () => {
    const found = await until("there is a point", async () => {
      const { seconds, columns } = await admin.get<RiverAnswer>("river");
      return seconds.length > 0 ? { seconds, columns } : null;
    });
    expect(found.seconds[0]).toHaveLength(found.columns.length);
  });
});

describe("profiles", () => {
  test.each(["user_id:42", "42", "anonymous_id:a-1", "a-1", "email:Ann@Example.com", "ann@example.com"])(
    "are found by %s",
    async (id) => {
      const profile = await admin.get<ProfileAnswer>(`profile?id=${encodeURIComponent(id)}`);
      expect(profile.identifiers.map(({ type, value }) => `${type}:${value}`)).toEqual([
        "user_id:42",
        "email:ann@example.com",
        "anonymous_id:a-1",
      ]);
      expect(profile.traits["firstName"]).toMatchObject({
        value: "Ann",
        source: "default",
        eventMessageId: "m-2",
        setBy: { type: "identify", name: null },
      });
      expect(profile.name).toBe("Ann");
      expect(profile.identifiers[2]?.joinedBy?.messageId).toBe("m-2");
      expect(profile.isWhole).toBe(true);
    },
  );

  test("show what the API shows", async () => {
    const { raw } = await admin.get<ProfileAnswer>("profile?id=42");
    expect(raw).toEqual(await (await server.get("/v1/profiles/user_id:42")).json());
  });

  test.each([
    ["profile?id=nobody", 404],
    ["profile?id=", 404],
    ["profile?id=42&namespace=test", 404],
    ["profile?id=42&namespace=other", 400],
    ["timeline?id=42&cursor=x", 400],
    ["event?messageId=unknown", 404],
    ["quarantine/piece?id=5", 400],
    ["quarantine/piece?id=qrn_999", 404],
    ["quarantine/pieces?code=missing_id", 400],
    ["river?after=x", 400],
    ["audit?limit=0", 400],
  ])("and all else refuse %s with %d", async (path, status) => {
    expect((await admin.send("GET", path)).status).toBe(status);
  });

  test("that changed last come first", async () => {
    await server.post("/v1/track", { userId: "7", event: "Seen", messageId: "m-7" });
    const { profiles } = await admin.get<ProfilesAnswer>("profiles");
    expect(profiles.map(({ identifiers }) => identifiers[0]?.value)).toEqual(["7", "42"]);
    // What happened long ago and came just now changed the profile just now.
    const timestamp = "2020-01-01T00:00:00.000Z";
    await server.post("/v1/track", { userId: "8", event: "Late", messageId: "m-late", timestamp });
    const { profiles: after } = await admin.get<ProfilesAnswer>("profiles");
    expect(after.map(({ name }) => name)).toEqual([null, null, "Ann"]);
    expect(after[0]?.identifiers[0]?.value).toBe("8");
    const changed = after.map(({ changedAt }) => changedAt);
    expect(changed).toEqual(changed.toSorted().toReversed());
  });

  test("have a timeline that is filtered and paged", async () => {
    const ids = async (query: string) => {
      const page = await admin.get<TimelineAnswer>(`timeline?id=42&${query}`);
      return [page.events.map(({ messageId }) => messageId), page.nextCursor] as const;
    };
    expect(await ids("")).toEqual([["m-3", "m-2", "m-1"], null]);
    expect(await ids("type=identify")).toEqual([["m-2"], null]);
    expect(await ids("name=VIEWED")).toEqual([["m-1"], null]);
    expect(await ids("source=shop")).toEqual([[], null]);
    const [first, cursor] = await ids("limit=2");
    expect(first).toEqual(["m-3", "m-2"]);
    expect(await ids(`limit=2&cursor=${cursor ?? ""}`)).toEqual([["m-1"], null]);
  });
});

describe("quarantine", () => {
  test("is counted, listed, opened, and sent again", async () => {
    await server.post("/v1/track", { event: "No one", messageId: "q-1" });
    await server.post("/v1/track", { event: "No one", messageId: "q-2" });
    const { groups } = await admin.get<GroupsAnswer>("quarantine");
    expect(groups.map(({ code, source, count }) => [code, source, count])).toEqual([
      ["missing_id", "default", 2],
    ]);
    const page = await admin.get<PiecesAnswer>("quarantine/pieces?code=missing_id&source=default&limit=1");
    expect([page.pieces[0]?.messageId, page.nextCursor]).toEqual(["q-2", "2"]);
    const piece = await admin.get<PieceAnswer>(`quarantine/piece?id=${page.pieces[0]?.quarantineId}`);
    expect(JSON.parse(piece.raw)).toEqual({ event: "No one", messageId: "q-2" });
    const { results, nextCursor } = await admin.post<ReplayAnswer>("quarantine/replay", {
      code: "missing_id",
      source: "default",
    });
    expect(results.map(({ quarantineId, outcome, code }) => [quarantineId, outcome, code])).toEqual([
      ["qrn_1", "refused", "missing_id"],
      ["qrn_2", "refused", "missing_id"],
    ]);
    expect(nextCursor).toBeNull();
    expect((await admin.get<PiecesAnswer>("quarantine/pieces")).pieces).toHaveLength(2);
    expect(await audited("quarantine.replay")).toEqual([
      { target: "missing_id from default", outcome: "done", detail: { sent: 2, accepted: 0 } },
    ]);
  });
});

describe("alerts", () => {
  test("are listed, and a test says that no webhook is set", async () => {
    expect(await admin.get<unknown>("alerts")).toEqual({ alerts: [], nextCursor: null });
    expect(await admin.post<unknown>("alerts/test")).toEqual({ kind: "noWebhook" });
    expect(await audited("alerts.test")).toMatchObject([{ outcome: "done" }]);
  });
});

describe("keys", () => {
  test("are made, shown once, and revoked; their text stands nowhere else", async () => {
    const made = await admin.post<MadeKeyAnswer>("keys", {
      kind: "secret",
      namespace: "live",
      source: "shop",
      trust: "server",
      scopes: ["read"],
      readableTraits: null,
    });
    const read = () => server.get("/v1/profiles/user_id:42", { Authorization: `Bearer ${made.key}` });
    expect((await read()).status).toBe(200);
    const { keys } = await admin.get<KeysAnswer>("keys");
    expect(JSON.stringify(keys)).not.toContain(made.key);
    expect(keys.find(({ id }) => id === made.info.id)).toMatchObject({ source: "shop", revokedAt: null });
    expect(await admin.post<unknown>("keys/revoke", { id: made.info.id })).toEqual({ revoked: true });
    expect((await read()).status).toBe(401);
    expect(await audited("key.create")).toMatchObject([{ target: "secret key of shop", outcome: "done" }]);
    expect(await audited("key.revoke")).toMatchObject([{ target: made.info.id, outcome: "done" }]);
    expect(JSON.stringify(await admin.get("audit"))).not.toContain(made.key);
  });

  test("of one's own session can't be revoked by it", async () => {
    const { keyId } = await admin.get<{ keyId: string }>("session");
    expect((await admin.send("POST", "keys/revoke", { id: keyId })).status).toBe(400);
  });

  test("that make no sense are refused", async () => {
    expect((await admin.send("POST", "keys", { kind: "write" })).status).toBe(400);
    expect((await admin.send("POST", "keys", { kind: "write", source: "<b>" })).status).toBe(400);
  });
});

describe("storage", () => {
  const ended = (kind: string) =>
    until(`the ${kind} has ended`, async () => {
      const { job, ...rest } = await admin.get<StorageAnswer>("storage");
      return job?.kind === kind && job.endedAt !== null ? { ...rest, job } : null;
    });

  test("is backed up, and the backup can be restored", async () => {
    await admin.post("storage/backup");
    const { job, backups, backupFolder } = await ended("backup");
    expect(job.isGood).toBe(true);
    const [backup] = backups;
    const path = join(backupFolder, backup?.name ?? "");
    expect(existsSync(join(path, "journal.db"))).toBe(true);
    const restored = join(server.data, "..", "restored");
    expect((await freshet(["restore", path, "--data", restored])).code).toBe(0);
    expect(await audited("backup")).toMatchObject([{ target: path, outcome: "done" }]);
    await using second = await startServer({ data: restored });
    const { entries } = await (await adminClient(second)).get<AuditAnswer>("audit?action=sign_in");
    expect(entries).toHaveLength(2);
  });

  test("is verified, and the last time is told", async () => {
    await admin.post("storage/verify");
    const { job, lastVerify } = await ended("verify");
    expect(job.isGood).toBe(true);
    expect(job.sentence).toStartWith("All is well: 5 rows");
    expect(lastVerify).toMatchObject({ outcome: "done", detail: { problems: 0 } });
  });

  test("tells sizes", async () => {
    const { sizes, diskFreeBytes, diskBytes } = await admin.get<StorageAnswer>("storage");
    expect(sizes.find(({ name }) => name === "Journal")?.bytes).toBeGreaterThan(0);
    expect(diskFreeBytes).toBeLessThanOrEqual(diskBytes);
  });
});

test("the audit log tells of acts through the socket, without naming a person", async () => {
  const ran = await freshet(["erase", "user_id:7", "--data", server.data]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.any(String)]);
  const { entries } = await admin.get<AuditAnswer>("audit?action=erase");
  expect(entries.map(({ actor, target, outcome }) => [actor, target, outcome])).toEqual([
    ["socket", "live profile by user_id", "done"],
  ]);
});

test("the audit log is there after a kill", async () => {
  await using first = await startServer();
  const before = await adminClient(first);
  await before.post("keys/revoke", { id: "key_none" });
  await first.kill();
  await using second = await startServer({ data: first.data });
  const after = await adminClient(second);
  const { entries } = await after.get<AuditAnswer>("audit");
  expect(entries.map(({ action, outcome }) => [action, outcome])).toEqual([
    ["sign_in", "done"],
    ["key.revoke", "done"],
    ["sign_in", "done"],
  ]);
}, 30_000);
