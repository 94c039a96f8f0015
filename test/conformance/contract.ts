/**
 * What a destination sends, held against the vendor's own description of its API: each request as it stood on the wire
 * goes to a server made of that description, which refuses what does not fit. Operations that the description does not
 * have are named one by one, with where they are documented, and must be exactly what is written down here.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { OutRequest } from "../../src/esp/deliver/destination.ts";
import type { Json } from "../../src/model/event.ts";
import { Description, patternOf } from "../support/description.ts";
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

/** Runs it; skipped where the descriptions are not. */
export function describeContract(one: ContractCase): void {
  const isThere = existsSync(folder);
  const descriptions = () => one.descriptions.map((name) => new Description(join(folder, `${name}.json`)));
  if (!isThere) console.warn(`skipped: 3 tests of ${one.name} need ../shared/esp-specs`);
  describe.skipIf(!isThere)(`contract of ${one.name}`, () => {
    test("every schema of the description compiles", () => {
      for (const description of descriptions())
        expect([description.path, description.broken()]).toEqual([description.path, []]);
    });

    test(
      "every request fits the description, or is one of those that it does not have",
      async () => {
        const judge = await judgeBy(descriptions());
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
async function judgeBy(descriptions: readonly Description[]) {
  const stack = new AsyncDisposableStack();
  const starting = descriptions.map(async (description) => {
    const prism = stack.use(await startPrism(description.path, description.base));
    return async (request: WireRequest): Promise<Judgement> => {
      const judgement = await prism.judge(request);
      if (judgement.kind !== "fits") return judgement;
      const [name] = description.unknownQuery(request.method, request.target);
      return name === undefined ? judgement : { kind: "refused", why: `it has no ${name} in the query` };
    };
  });
  const started = await Promise.allSettled(starting);
  const failed = started.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    await stack.disposeAsync();
    throw failed.reason;
  }
  const judges = await Promise.all(starting);
  return {
    judge: async (request: WireRequest): Promise<Judgement> => {
      for (const judge of judges) {
        const judgement = await judge(request);
        if (judgement.kind !== "unknown") return judgement;
      }
      return { kind: "unknown" };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
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
  return patternOf(operation, "[^/?&]+").test(`${method} ${target}`);
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
