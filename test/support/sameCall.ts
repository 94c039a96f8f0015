/** The same call by a destination and by its vendor's own client: what each of them puts on the wire. */
import type { Capability, OpenDestination, OutRequest } from "../../src/esp/deliver/destination.ts";
import { setUpFor, type DestinationCase } from "../conformance/destination.ts";
import { faultServer } from "./faultServer.ts";

/** One request, as far as both must agree. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string | null>>;
  readonly body: unknown;
}

export interface Comparison {
  readonly setting: DestinationCase["setting"];
  /** Headers that both must send alike. */
  readonly headers: readonly string[];
  /** What the server answers everything with. */
  readonly answer?: object;
}

/** Both calls; each makes one request. */
export async function bothCalls(
  { setting, headers, answer = {} }: Comparison,
  ours: (open: OpenDestination) => OutRequest,
  theirs: (origin: string) => Promise<unknown>,
): Promise<{ readonly ours: Call; readonly theirs: Call }> {
  const calls: Call[] = [];
  using server = faultServer((request, body) => {
    const { pathname, searchParams } = new URL(request.url);
    calls.push({
      method: request.method,
      path: pathname,
      query: [...searchParams],
      headers: Object.fromEntries(headers.map((name) => [name, request.headers.get(name)])),
      body: body === "" ? null : (JSON.parse(body) as unknown),
    });
    return Response.json(answer);
  });
  const { open, send } = setUpFor({ setting }, server.origin);
  await send(ours(open), AbortSignal.timeout(10_000));
  await theirs(server.origin);
  const [first, second, ...more] = calls;
  if (first === undefined || second === undefined || more.length > 0)
    throw new Error(`${calls.length} requests were made, not two`);
  return { ours: first, theirs: second };
}

/** The request that an ability makes of rows; throws where it has none by HTTP. */
export function requestOf<Row>(ability: Capability<Row> | undefined, rows: readonly Row[]): OutRequest {
  if (ability?.way.kind !== "http") throw new Error("it has no such ability by HTTP");
  return ability.way.request(rows);
}
