/** The doctor finds nothing where all is well, and what is wrong where one thing is. */
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { examine, type Finding } from "../../../src/esp/doctor/checks.ts";
import { examineAll } from "../../../src/esp/doctor/doctor.ts";
import { probe, type Patient } from "../../../src/esp/doctor/probe.ts";
import { guardedCall } from "../../../src/esp/guardedCall.ts";
import type { Check, Vendor } from "../../../src/esp/vendors/vendor.ts";
import { vendorOf, vendors } from "../../../src/esp/vendors/vendors.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { freshet } from "../../support/command.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { tempFolder } from "../../support/tempFolder.ts";
import { BrokenServer, goodKey, goodToken, type Defect } from "./brokenServer.ts";

const opened = new AsyncDisposableStack();
afterAll(() => opened.disposeAsync());

const deps = {
  call: (url: string, init: Omit<Parameters<typeof guardedCall>[1], "maxBytes">) =>
    guardedCall(url, { ...init, maxBytes: 8_000_000 }, { allowsPrivate: true }),
  nowMs: () => systemClock.monotonicMs(),
  mark: "test",
};

/** With time for a machine that has much else to do: how fast we are is not what these tests are for. */
function patiently(vendor: Vendor): Vendor {
  const rules = vendor.rules.map((rule) => ({ ...rule, check: withLimit(rule.check, 60_000) }));
  return { ...vendor, rules };
}

function withLimit(check: Check, limitMs: number): Check {
  return "limitMs" in check ? { ...check, limitMs } : check;
}

/** The URL and credential as the vendor's snippet has them. */
function patientOf(vendor: Vendor, origin: string, token: string, key: string): Patient {
  const isHtml = vendor.id === "sfmc";
  const url = new URL(`${origin}/v1/content/hello${isHtml ? ".html" : ""}`);
  if (vendor.sendsHeader) return { vendor, url, id: "user_id:42", credential: key };
  url.searchParams.set("token", token);
  return { vendor, url, id: null, credential: null };
}

describe("a running Freshet", () => {
  let server: TestServer;
  let tokens: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const folder = opened.use(tempFolder());
    mkdirSync(folder.at("content"));
    writeFileSync(
      folder.at("content/hello.liquid"),
      "---\nneeds: [firstName]\nfallback: <p>See our <a href='https://shop.example/'>shop</a></p>\n---\n<p>Hello {{ firstName }}</p>",
    );
    writeFileSync(folder.at("freshet.yaml"), "version: 1\ncontent: { folder: ./content }\n");
    const args = ["--config", folder.at("freshet.yaml")];
    server = opened.use(await startServer({ data: folder.at("data"), args }));
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Zoë" } });
    // A busy machine answers from memory, which is empty before the first answer.
    await until("the block is rendered", async () => {
      const answer = await server.get("/v1/content/hello?id=user_id:42");
      return ((await answer.json()) as { reason: string | null }).reason === null;
    });
    const token = async (...whom: string[]) =>
      (await freshet(["content-token", "hello", ...whom, "--data", server.data])).stdout.trim();
    tokens = { sfmc: await token("--as", "user_id:42"), klaviyo: await token("--everybody") };
  });

  test.each(vendors.map(({ id }) => id))("keeps every rule of %s", async (id) => {
    const vendor = vendorOf(id);
    if (vendor === null) throw new Error("no vendor");
    const patient = patientOf(vendor, server.origin, tokens[id] ?? "", server.secretKey);
    const reports = await examineAll({ ...patient, vendor: patiently(vendor) }, deps);
    expect(reports.filter(({ outcome }) => outcome === "fail")).toEqual([]);
    expect(reports.filter(({ outcome }) => outcome === "pass").length).toBeGreaterThan(7);
    const skippedHere = reports.filter(({ why }) => why.includes("on this machine")).map(({ rule }) => rule);
    expect(skippedHere).toContain("https");
  });

  test("is looked at by a command that says so for each rule, with its source, and ends with 1 if one is broken", async () => {
    const url = `${server.origin}/v1/content/hello`;
    const env = { FRESHET_SECRET_KEY: server.secretKey };
    const good = await freshet(["doctor", "iterable", "--url", url, "--id", "user_id:42"], { env });
    expect([good.code, good.stdout]).toEqual([
      0,
      expect.stringMatching(/^Iterable data feeds: \d+ pass, 0 fail, \d+ skipped\n$/),
    ]);
    expect(good.stderr).toContain("support.iterable.com");
    expect(good.stderr).toContain("not confirmed by a page of the vendor");
    expect(good.stderr + good.stdout).not.toContain(server.secretKey);
    const flags = [
      "doctor",
      "iterable",
      "--url",
      `${server.origin}/v1/content/helo`,
      "--id",
      "user_id:42",
      "--json",
    ];
    const bad = await freshet(flags, { env });
    expect(bad.code).toBe(1);
    const { rules } = JSON.parse(bad.stdout) as { rules: { rule: string; outcome: string; why: string }[] };
    expect(rules.find(({ rule }) => rule === "status")).toMatchObject({
      outcome: "fail",
      why: "it answers 404: there is no such block",
    });
    expect((await freshet(["doctor", "nobody", "--url", url])).code).toBe(2);
    expect((await freshet(["doctor", "braze", "--url", "file:///etc/passwd"])).code).toBe(2);
  });
});

describe("a server with one defect", () => {
  let broken: BrokenServer;
  beforeAll(() => {
    broken = opened.use(new BrokenServer());
  });

  /** What the vendor's rule of this kind finds, its limit made short. */
  async function find(
    vendor: Vendor,
    check: Check,
    change: (patient: Patient) => Patient = (patient) => patient,
  ): Promise<Finding> {
    const patient = change(patientOf(vendor, broken.origin, goodToken, goodKey));
    const limited = withLimit(check, check.kind === "time" ? 150 : 60_000);
    const first = await probe(patient, deps);
    return examine(limited, { patient, first, deps, isLoopback: true });
  }

  const withRule = (kind: Check["kind"]) =>
    vendors.flatMap((vendor) =>
      vendor.rules.flatMap(({ check }) => (check.kind === kind ? [[vendor, check] as const] : [])),
    );

  test("but for that keeps every rule", async () => {
    broken.defect = "none";
    for (const vendor of vendors)
      for (const { check, id } of vendor.rules) {
        const patient = patientOf(vendor, broken.origin, goodToken, goodKey);
        const first = await probe(patient, deps);
        const found = await examine(withLimit(check, 60_000), { patient, first, deps, isLoopback: true });
        expect([vendor.id, id, found.kind === "fail" ? found.why : ""]).toEqual([vendor.id, id, ""]);
      }
  });

  const cases: readonly [Defect, Check["kind"], RegExp][] = [
    ["redirects", "redirect", /it redirects \(302\)/],
    ["redirects", "status", /it answers 302/],
    ["is slow", "time", /no answer within 150 ms/],
    ["fails", "status", /it answers 500/],
    ["refuses unknown recipients", "unknownRecipient", /answered by 404/],
    ["is empty for unknown recipients", "unknownRecipient", /gets nothing/],
    ["answers any block", "badBlock", /a block that does not exist is answered by 200/],
    ["answers without a credential", "badCredential", /without the credential too|changed credential too/],
    ["answers any credential", "badCredential", /changed credential too/],
    ["says text/plain", "contentType", /it is text\/plain, not/],
    ["says no charset", "charset", /names no charset/],
    ["says another charset", "charset", /iso-8859-1/],
    ["is no UTF-8", "charset", /no UTF-8/],
    ["is a list", "object", /a list, not an object/],
    ["is no JSON", "object", /no JSON/],
    ["is empty", "notEmpty", /nothing to send/],
    ["is too large", "size", /bytes, of \d+/],
    ["refuses many", "burst", /of 100 recipients \d+ were not answered in time: 429/],
    ["lets caches share it", "notShared", /lets caches share it/],
    ["says nothing of caches", "notShared", /does not say private/],
    ["is behind a cache", "notShared", /a cache in between keeps answers/],
    ["is behind a cache that says how old it is", "notShared", /a cache in between keeps answers/],
    ["reads another way each time", "repeat", /another way each time/],
    ["wants a header", "noHeader", /without a header it answers 401/],
    ["gives many in disorder", "batch", /in order/],
    ["knows no POST", "batch", /answered by 405/],
  ];
  test("there is for every kind of rule", () => {
    const ofUrls = ["cacheKey", "sharedUrl", "staticCredential", "https", "ports", "publicHost"];
    const tried = new Set<string>([...cases.map(([, kind]) => kind), ...ofUrls, "told"]);
    const kinds = vendors.flatMap(({ rules }) => rules.map(({ check }) => check.kind));
    expect(kinds.filter((kind) => !tried.has(kind))).toEqual([]);
    for (const { rules } of vendors) expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  });

  test.each(cases)("that %s fails by the rule of %s", async (defect, kind, why) => {
    const rules = withRule(kind);
    expect(rules.length).toBeGreaterThan(0);
    for (const [vendor, check] of rules) {
      broken.defect = defect;
      const found = await find(vendor, check);
      if (kind === "unknownRecipient" && !vendor.sendsHeader) expect(found.kind).toBe("skipped");
      else
        expect([vendor.id, found.kind, found.why]).toEqual([vendor.id, "fail", expect.stringMatching(why)]);
    }
  });

  test("in the URL itself, fails by the rules of the URL", async () => {
    broken.defect = "none";
    const nobody = (patient: Patient) => ({
      ...patient,
      id: null,
      url: new URL(`${broken.origin}/v1/content/hello`),
    });
    for (const [vendor, check] of withRule("cacheKey"))
      expect(await find(vendor, check, nobody)).toMatchObject({
        kind: "fail",
        why: expect.stringContaining("same for all"),
      });
    const somebody = (patient: Patient) => ({ ...patient, id: "user_id:42" });
    for (const [vendor, check] of withRule("sharedUrl"))
      expect(await find(vendor, check, somebody)).toMatchObject({
        kind: "fail",
        why: expect.stringContaining("names one"),
      });
    const expiring = (patient: Patient) => ({ ...patient, credential: "eyJh.eyJp.c2ln" });
    for (const [vendor, check] of withRule("staticCredential"))
      expect(await find(vendor, check, expiring)).toMatchObject({
        kind: "fail",
        why: expect.stringContaining("expires"),
      });
  });

  test("in its address, fails by the rules of public URLs, which are skipped on this machine alone", async () => {
    for (const vendor of vendors)
      for (const { check } of vendor.rules) {
        if (check.kind !== "https" && check.kind !== "ports" && check.kind !== "publicHost") continue;
        const patient = { ...patientOf(vendor, "http://10.0.0.1:8787", goodToken, goodKey) };
        const exam = { patient, first: { called: { kind: "failed", why: "x" }, tookMs: 0 }, deps } as const;
        expect((await examine(check, { ...exam, isLoopback: true })).kind).toBe("skipped");
        expect((await examine(check, { ...exam, isLoopback: false })).kind).toBe("fail");
        const good = { ...exam, patient: patientOf(vendor, "https://1.1.1.1", goodToken, goodKey) };
        expect((await examine(check, { ...good, isLoopback: false })).kind).toBe("pass");
      }
  });

  test("that does not answer at all fails by every rule that asks it", async () => {
    const gone = new BrokenServer();
    const origin = gone.origin;
    await gone[Symbol.asyncDispose]();
    for (const vendor of vendors) {
      const reports = await examineAll(patientOf(vendor, origin, goodToken, goodKey), deps);
      const failed = reports.filter(({ outcome }) => outcome === "fail");
      expect(failed.map(({ rule }) => rule)).toEqual(
        expect.arrayContaining(["status", "not-empty", "not-shared"]),
      );
    }
  });
});
