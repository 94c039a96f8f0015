/**
 * What a destination sends, held against the vendor's own description of its API: each request as it stood on the wire
 * goes to a server made of that description, which refuses what does not fit. Operations that the description does not
 * have are named one by one, with where they are documented, and must be exactly what is written down here.
 */
import { describe, expect, test } from "bun:test";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { OutRequest } from "../../src/esp/deliver/destination.ts";
import type { Json } from "../../src/model/event.ts";
import { everyRequest, type SampleFields } from "../support/everyRequest.ts";
import { faultServer } from "../support/faultServer.ts";
import { startPrism, type Judgement, type WireRequest } from "../support/prism.ts";
import { setUpFor, type DestinationCase } from "./destination.ts";

/** An operation that the description does not have. */
export interface Beyond {
  /** `GET /things/{id}?page={page}`, with the query if it has one. */
  readonly operation: string;
  /** Where it is documented. */
  readonly doc: string;
  /** What the destination's page calls it, where that is not the path. */
  readonly called?: string;
  /** The whole body; absent: it has none. */
  readonly body?: Json;
}

export interface ContractCase extends DestinationCase {
  /** Names of the descriptions in ../shared/esp-specs. */
  readonly descriptions: readonly string[];
  readonly sample: Omit<SampleFields, "bad">;
  readonly beyond: readonly Beyond[];
  /** Requests that the description has in another form than the vendor's newer documentation. */
  readonly otherwise?: readonly Beyond[];
  /** Further requests, such as those of other settings. */
  readonly more?: readonly OutRequest[];
}

const root = join(import.meta.dir, "../..");
/** On a busy machine prism takes its time to start. */
const testMs = 30_000;
const folder = join(root, "../shared/esp-specs");

interface Description {
  readonly openapi?: string;
  readonly basePath?: string;
  readonly servers?: readonly { readonly url: string }[];
}

/** Runs it; skipped where the descriptions are not. */
export function describeContract(one: ContractCase): void {
  const isThere = existsSync(folder);
  if (!isThere) console.warn(`skipped: 3 tests of ${one.name} need ../shared/esp-specs`);
  describe.skipIf(!isThere)(`contract of ${one.name}`, () => {
    test("every schema of the description compiles", () => {
      for (const name of one.descriptions) expect([name, compiled(read(name))]).toEqual([name, []]);
    });

    test(
      "every request fits the description, or is one of those that it does not have",
      async () => {
        const judge = await judgeBy(one);
        await using _ = judge;
        const requests = await recorded(one);
        const { otherwise = [] } = one;
        const beyond: string[] = [];
        for (const request of requests) {
          const judgement = await judge.judge(request);
          const isOther =
            judgement.kind === "refused" && otherwise.some(({ operation }) => isOf(operation, request));
          if (judgement.kind === "unknown") beyond.push(known(request, one.beyond));
          else if (isOther) beyond.push(known(request, otherwise));
          else
            expect({ ...shown(request), judgement }).toEqual({
              ...shown(request),
              judgement: { kind: "fits" },
            });
          if (judgement.kind !== "fits") continue;
          // A server that takes anything would take this too.
          const broken = { ...request, ...brokenOf(request) };
          expect({ ...shown(broken), kind: (await judge.judge(broken)).kind }).toEqual({
            ...shown(broken),
            kind: "refused",
          });
        }
        const named = [...one.beyond, ...otherwise].map(({ operation }) => operation);
        expect([...new Set(beyond)].sort()).toEqual([...new Set(named)].sort());
      },
      testMs,
    );

    test("its page names the operations that the description does not have, and where they are documented", () => {
      const page = readFileSync(join(root, `docs/destinations/${one.name}.md`), "utf8");
      for (const { operation, doc, called } of [...one.beyond, ...(one.otherwise ?? [])]) {
        expect(page).toContain(called ?? operation.split("?")[0] ?? "");
        expect(page).toContain(`(${doc})`);
      }
    });
  });
}

function read(name: string): Description {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Description;
}

async function recorded(one: ContractCase): Promise<readonly WireRequest[]> {
  const requests: WireRequest[] = [];
  const fake = one.fake();
  const bad = one.poison === undefined ? null : ([one.fields?.plan ?? "plan", one.poison] as const);
  using server = faultServer((request, body) => {
    const { pathname, search } = new URL(request.url);
    const headers = Object.fromEntries(request.headers);
    requests.push({ method: request.method, target: `${pathname}${search}`, headers, body });
    return fake.answer(request, body);
  });
  await everyRequest(setUpFor(one, server.origin), { ...one.sample, bad });
  return [...requests, ...(one.more ?? []).map(onWire)];
}

function onWire({ method, url, headers, body }: OutRequest): WireRequest {
  const { pathname, search } = new URL(url);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    method,
    target: `${pathname}${search}`,
    headers: Object.fromEntries(lower),
    body: typeof body === "string" ? body : "",
  };
}

/** All descriptions at once: each knows some of the operations. */
async function judgeBy({ descriptions }: ContractCase) {
  const running = await Promise.all(
    descriptions.map((name) => startPrism(join(folder, `${name}.json`), baseOf(read(name)))),
  );
  return {
    judge: async (request: WireRequest): Promise<Judgement> => {
      for (const prism of running) {
        const judgement = await prism.judge(request);
        if (judgement.kind !== "unknown") return judgement;
      }
      return { kind: "unknown" };
    },
    [Symbol.asyncDispose]: async () => {
      for (const prism of running) await prism[Symbol.asyncDispose]();
    },
  };
}

/** What all paths begin with, which prism leaves out. */
function baseOf({ basePath, servers }: Description): string {
  const [server] = servers ?? [];
  const path = basePath ?? (server === undefined ? "" : new URL(server.url).pathname);
  return path.replace(/\/+$/, "");
}

/** Places of schemas that do not compile; one that does not is one that prism takes everything for. */
function compiled(description: Description): readonly string[] {
  const options = { strict: false, allErrors: true, validateFormats: false } as const;
  const ajv = description.openapi?.startsWith("3.1") === true ? new Ajv2020(options) : new Ajv(options);
  ajv.addSchema(description, "it");
  const places = schemasIn(description, "");
  expect(places.length).toBeGreaterThan(0);
  return places.flatMap((place) => {
    try {
      ajv.compile({ $ref: `it#${place}` });
      return [];
    } catch (error) {
      return [`${place}: ${String(error)}`];
    }
  });
}

/** Pointers of the schemas of bodies and parameters. */
function schemasIn(part: unknown, at: string): readonly string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) => {
    const place = `${at}/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
    return name === "schema" ? [place] : schemasIn(value, place);
  });
}

function known(request: WireRequest, beyond: readonly Beyond[]): string {
  const found = beyond.filter(({ operation }) => isOf(operation, request));
  const [first] = found;
  expect(first === undefined ? `${request.method} ${request.target} is in no list` : null).toBeNull();
  const body = request.body === "" ? undefined : (JSON.parse(request.body) as Json);
  if (found.length > 1) expect(found.map((other) => other.body)).toContainEqual(body);
  else expect(body).toEqual(first?.body);
  return first?.operation ?? "";
}

function isOf(operation: string, { method, target }: WireRequest): boolean {
  return patternOf(operation).test(`${method} ${target}`);
}

function patternOf(operation: string): RegExp {
  const parts = operation.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/?&]+")}$`);
}

/** With a body: each value of another type; without: nothing of what says who asks, and how. */
function brokenOf({ body, headers }: WireRequest): Partial<WireRequest> {
  if (body === "" || !/\bjson\b/.test(headers["content-type"] ?? "")) return { headers: {} };
  const values = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const other = (value: unknown) => (typeof value === "number" || typeof value === "boolean" ? "x" : 7);
  return {
    body: JSON.stringify(
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, other(value)])),
    ),
  };
}

/** For people who read a failure. */
function shown({ method, target, body }: WireRequest) {
  return { call: `${method} ${target}`, body: body.slice(0, 2_000) };
}
