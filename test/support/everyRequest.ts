/** Every kind of request that a destination makes: sample rows of each of its abilities, followed to the end. */
import { verdictAfterAsking, type ReadingDeps } from "../../src/esp/deliver/answers.ts";
import type { SetUp } from "../../src/esp/deliver/deliverer.ts";
import type {
  Answer,
  Answered,
  Capability,
  HttpWay,
  OpenDestination,
  OutRequest,
  ProfileRow,
  Reading,
  Rows,
} from "../../src/esp/deliver/destination.ts";
import type { Json } from "../../src/model/event.ts";

/** What the samples say of a profile, in fields that the destination has. */
export interface SampleFields {
  readonly set: Readonly<Record<string, Json>>;
  readonly clear: readonly string[];
  readonly audience: string;
  /** A field and its value by which the other side refuses a row; null: it knows none. */
  readonly bad: readonly [field: string, value: Json] | null;
}

type Samples = { readonly [Name in Exclude<keyof Rows, "changes">]: readonly (readonly Rows[Name][])[] };

const atMs = 1_469_918_176_385;
const mostPolls = 20;

/** Makes them all; throws where a row is not taken that should be. */
export async function everyRequest(setUp: SetUp, fields: SampleFields): Promise<void> {
  const { open } = setUp;
  const send = (request: OutRequest) => setUp.send(request, AbortSignal.timeout(10_000));
  const reading: ReadingDeps = { open, mask: setUp.mask, nowMs: () => atMs };
  const samples = samplesOf(open, fields);
  if (open.probe !== null) taken("probe", await send(open.probe));
  await all("upsert", open.upsert, samples.upsert);
  await all("audience", open.audience, samples.audience);
  await all("event", open.event, samples.event);
  await all("suppress", open.suppress, samples.suppress);
  await all("send", open.send, samples.send);
  if (open.readBack !== undefined)
    for (const [row] of samples.erase) if (row !== undefined) await send(open.readBack.request(row.key));
  await all("erase", open.erase, samples.erase);

  async function all<Row extends ProfileRow>(
    name: string,
    capability: Capability<Row> | undefined,
    batches: readonly (readonly Row[])[],
  ): Promise<void> {
    if (capability === undefined || capability.way.kind !== "http") return;
    for (const batch of batches)
      for (const rows of requestsOf(capability, batch)) await follow(name, capability.way, rows);
  }

  async function follow<Row extends ProfileRow>(name: string, way: HttpWay<Row>, rows: readonly Row[]) {
    const problem = (await way.ready?.(rows)) ?? null;
    if (problem !== null) throw new Error(`${name} is not ready: ${JSON.stringify(problem)}`);
    const asked = (first: Answer, read: (answer: Answered) => Reading | null) =>
      verdictAfterAsking(first, reading, read, send);
    let { verdict } = await asked(
      await send(way.request(rows)),
      (answer) => way.read?.(answer, rows) ?? null,
    );
    for (let polls = 0; verdict.kind === "job" && way.job !== undefined && polls < mostPolls; polls += 1) {
      const { job } = way;
      const running = verdict;
      ({ verdict } = await asked(await send(job.request(running.id)), (answer) => {
        const read = job.read(answer, rows);
        return read?.kind === "running" ? running : read;
      }));
    }
    // A row of the samples is bad on purpose; what came of it is not the matter here.
    if (verdict.kind !== "done" && verdict.kind !== "rows")
      throw new Error(`${name} came to ${JSON.stringify(verdict)}`);
  }
}

function taken(name: string, answer: Answer): void {
  if (answer.kind !== "answer" || answer.status >= 300)
    throw new Error(`${name} came to ${JSON.stringify(answer)}`);
}

/** Rows that may share a request, as the loop puts them together. */
function requestsOf<Row>({ maxRows, group, refuse }: Capability<Row>, rows: readonly Row[]): Row[][] {
  const requests = new Map<string, Row[]>();
  let at = 0;
  for (const row of rows) {
    if ((refuse?.(row) ?? null) !== null) continue;
    const name = `${group?.(row) ?? ""} ${maxRows === 1 ? (at += 1) : ""}`;
    requests.set(name, [...(requests.get(name) ?? []), row]);
  }
  return [...requests.values()];
}

/** Each ability with one row, with several, and in each sense that it has. */
function samplesOf(open: OpenDestination, { set, clear, audience, bad }: SampleFields): Samples {
  for (const [field, value] of Object.entries(set)) {
    const why = open.refuseField?.(field, value) ?? null;
    if (why !== null) throw new Error(`the sample's ${field} is refused: ${why}`);
  }
  const of = (who: string) => {
    const email = `${who}@example.com`;
    const profileId = `prf_${who}`;
    const found = open.identify({ profileId, identifiers: [], userId: who, email });
    if (found.kind === "none") throw new Error(`a profile needs ${found.missing}`);
    return { profileId, key: found.key, email };
  };
  const [ann, bob] = [of("ann"), of("bob")];
  const upsert = (who: typeof ann) => ({
    ...who,
    isNew: true,
    former: [],
    suppressed: {},
    set,
    clear,
    all: set,
    version: 1,
    timestampMs: atMs,
  });
  const refused =
    bad === null ? [] : [[upsert(ann), { ...upsert(bob), set: { ...set, [bad[0]]: bad[1] }, clear: [] }]];
  const rename = (from: string, to: string) => [{ ...upsert(of(to)), isNew: false, former: [of(from).key] }];
  // To a new name; from one that is not there; to one that somebody has already.
  const renamed = [rename("eve", "eva"), rename("nobody", "dan"), rename("eva", "dan")];
  const member = (who: typeof ann, isMember: boolean) => ({ ...who, audience, isMember });
  const event = (who: typeof ann) => ({
    ...who,
    id: `${who.profileId}/7`,
    type: "track",
    name: "Order Completed",
    properties: { total: 84.5, currency: "EUR", products: [{ sku: "a-1", quantity: 2 }], gift: false },
    timestampMs: atMs,
    messageId: `m-${who.profileId}`,
  });
  const suppress = (who: typeof ann, reason: string | null) =>
    (open.channels ?? ["email"]).map((channel) => ({ ...who, channel, reason }));
  const block = {
    subject: "Hi",
    html: "<p>Hi</p>",
    text: "Hi",
    template: null,
    data: { cart: { total: 84.5, names: ["hat"] } },
    topic: null,
    headers: { "List-Unsubscribe": "<https://shop.example/u/1>" },
  };
  const message = (who: typeof ann, template: string | null) => ({
    ...who,
    id: `send-${who.profileId}-${template ?? ""}`,
    message: { ...block, template },
  });
  return {
    upsert: [
      [upsert(ann)],
      [upsert(ann), upsert(bob)],
      [{ ...upsert(ann), isNew: false, set: {} }],
      [{ ...upsert(of("eve")), suppressed: { email: "complained" } }],
      ...refused,
      ...(open.renames === true ? renamed : []),
    ],
    audience: [[member(ann, true)], [member(ann, false)], [member(ann, true), member(bob, true)]],
    event: [[event(ann)], [event(ann), event(bob)]],
    suppress: [
      suppress(ann, "bounced"),
      suppress(ann, null),
      [...suppress(ann, "manual"), ...suppress(bob, "complained")],
      [...suppress(ann, null), ...suppress(bob, null)],
    ],
    send: [[message(ann, null)], [message(bob, "d-carts")]],
    erase: [[ann], [bob]],
  };
}
