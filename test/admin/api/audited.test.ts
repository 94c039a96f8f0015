import { describe, expect, test } from "bun:test";
import { audited, auditedCall } from "../../../src/admin/api/audited.ts";
import { Attempts } from "../../../src/admin/api/attempts.ts";
import { refusedSignIn } from "../../../src/admin/api/sessionRoutes.ts";
import type { KeyInfo } from "../../../src/model/key.ts";
import { Jobs } from "../../../src/admin/api/jobs.ts";
import type { CallOperation } from "../../../src/admin/operation.ts";
import { Refusal } from "../../../src/errors.ts";
import type { AuditLog } from "../../../src/store/ops/audit.ts";
import { OpsFailed } from "../../../src/store/ops/opsDesk.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { until } from "../../support/until.ts";

/** An audit log that remembers what it was told; with a full disk it takes nothing. */
function recording(isFull = false) {
  const lines: string[] = [];
  const note = (line: string) => {
    if (isFull) return Promise.reject(new OpsFailed("full", "database or disk is full"));
    lines.push(line);
    return Promise.resolve();
  };
  const audit: AuditLog = {
    write: async ({ actor, action, target }, outcome) => {
      await note(`${outcome} ${action} ${target} by ${actor}`);
      return lines.length;
    },
    end: (id, outcome, detail) => note(`${outcome} ${id} ${JSON.stringify(detail)}`),
    page: () => Promise.resolve([]),
  };
  return { audit, lines, clock: new FakeClock() };
}

/** What a promise was rejected with. */
function caught(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

const writeKey: KeyInfo = {
  id: "key_2",
  kind: "write",
  namespace: "live",
  source: "web",
  trust: "browser",
  scopes: ["write"],
  readableTraits: null,
  blocks: null,
  idTypes: null,
};

const me = { actor: "key_1", address: "127.0.0.1" };
const act = { action: "key.revoke", target: "key_2" };

describe("an act over HTTP", () => {
  test("is written down before it is done, and its end after", async () => {
    const log = recording();
    const result = await audited(
      act,
      me,
      log,
      () => Promise.resolve(log.lines.length),
      (seen) => ({ seen }),
    );
    expect(result).toBe(1);
    expect(log.lines).toEqual(["begun key.revoke key_2 by key_1", 'done 1 {"seen":1}']);
  });

  test("that fails is told as failed, and why as a code only", async () => {
    const log = recording();
    const failing = (thrown: Error) => audited(act, me, log, () => Promise.reject(thrown));
    expect(await caught(failing(new Error("of ann@example.com")))).toEqual(new Error("of ann@example.com"));
    expect(await caught(failing(new Refusal("overloaded")))).toBeInstanceOf(Refusal);
    expect(log.lines.filter((line) => line.startsWith("failed"))).toEqual([
      'failed 1 {"why":"an error"}',
      'failed 3 {"why":"overloaded"}',
    ]);
  });

  test("is not done where it can't be written down", async () => {
    let isDone = false;
    const doing = audited(act, me, recording(true), () => {
      isDone = true;
      return Promise.resolve();
    });
    expect(await caught(doing)).toMatchObject({ code: "disk_full" });
    expect(isDone).toBe(false);
  });
});

describe("a refused sign-in", () => {
  const refusing = (isFull: boolean) => {
    const log = recording(isFull);
    const attempts = new Attempts(() => 0);
    const refused = (key: KeyInfo | null) => refusedSignIn(key, "203.0.113.5", { ...log, attempts });
    return { lines: log.lines, refused, attempts };
  };

  test("is written down from the first try, whether the key is none or may not administer", async () => {
    const { lines, refused } = refusing(false);
    expect(await refused(null)).toMatchObject({ code: "unauthorized" });
    expect(await refused(writeKey)).toMatchObject({ code: "forbidden" });
    expect(await refused(null)).toMatchObject({ code: "rate_limited" });
    expect(lines).toEqual([
      "done sign_in_refused null by null",
      "done sign_in_refused null by key_2",
      "done sign_in_refused null by null",
    ]);
  });

  test("tells nothing of the key where it can't be written down, and counts all the same", async () => {
    const { refused, attempts } = refusing(true);
    for (const key of [null, writeKey, null])
      expect(await caught(refused(key))).toMatchObject({ code: "disk_full" });
    expect(attempts.waitMs("203.0.113.5")).toBe(1_000);
  });
});

describe("an operation through the socket", () => {
  const outlet = { item: () => Promise.resolve(), progress: () => {}, signal: new AbortController().signal };
  const calls = (isFull: boolean) => {
    const done: string[] = [];
    let lost = 0;
    const log = recording(isFull);
    const call = auditedCall(
      ((name: string) => {
        done.push(name);
        return Promise.resolve(null);
      }) as CallOperation,
      { actor: "socket", address: null },
      { ...log, onLost: () => (lost += 1) },
    );
    return { call, done, lines: log.lines, lost: () => lost };
  };

  test("is written down if it changes or gives away much, without naming a person", async () => {
    const { call, done, lines } = calls(false);
    await call("erase", { namespace: "live", type: "email", value: "ann@example.com" }, outlet);
    await call("status", {}, outlet);
    expect(done).toEqual(["erase", "status"]);
    expect(lines).toEqual(["begun erase live profile by email by socket", "done 1 null"]);
  });

  test("is done on a full disk too, which it may be about to empty, and that is told", async () => {
    const { call, done, lost } = calls(true);
    await call("compact", {}, outlet);
    expect([done, lost()]).toEqual([["compact"], 1]);
  });
});

describe("long work", () => {
  test("is one at a time, with its progress, and tells how it ended", async () => {
    const jobs = new Jobs(new FakeClock(), () => {});
    const end = Promise.withResolvers<{ isGood: boolean; sentence: string }>();
    const first = jobs.begin("backup", (progress) => {
      progress(0.4);
      return end.promise;
    });
    expect(jobs.current).toMatchObject({ kind: "backup", progress: 0.4, endedAt: null });
    expect(jobs.begin("verify", () => Promise.reject(new Error("never begun")))).toMatchObject({
      kind: "backup",
      startedAt: first.startedAt,
    });
    end.resolve({ isGood: true, sentence: "There." });
    await until("it has ended", () => jobs.current?.isGood);
    expect(jobs.current).toMatchObject({ progress: 1, sentence: "There." });
    jobs.begin("verify", () => Promise.reject(new Error("no room")));
    await until("it has failed", () => jobs.current?.isGood === false);
    expect(jobs.current?.sentence).toBe("no room");
  });
});
