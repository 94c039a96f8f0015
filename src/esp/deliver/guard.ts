/**
 * The guard of addresses that somebody gave: a name is resolved here, each address it has is judged, and the connection
 * is made to the judged one, so that a name that changes its mind in between leads nowhere else.
 */
import { sendOut } from "../../lib/outbound.ts";
import { addressesOf, isPublicAddress } from "../../lib/publicAddress.ts";
import type { Answer, OutRequest } from "./destination.ts";

export interface GuardOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Lets it lead into private networks and to this machine: an operator said so. */
  readonly allowPrivate: boolean;
}

/** Finds the addresses of a name; injected, so that tests have names that change. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Asks the system, once per name and half a minute. */
export function systemResolve(nowMs: () => number): Resolve {
  const heldMs = 30_000;
  const most = 1_000;
  const held = new Map<string, { readonly addresses: readonly string[]; readonly untilMs: number }>();
  return async (host) => {
    const known = held.get(host);
    if (known !== undefined && known.untilMs > nowMs()) return known.addresses;
    const addresses = await addressesOf(host);
    if (held.size >= most) held.clear();
    held.set(host, { addresses, untilMs: nowMs() + heldMs });
    return addresses;
  };
}

/** Sends a request to where it may go. Never rejects. */
export async function sendGuarded(
  request: OutRequest,
  { allowPrivate, ...options }: GuardOptions,
  resolve: Resolve,
): Promise<Answer> {
  if (allowPrivate) return sendOut(request, { ...options, address: null });
  const problem = urlProblem(request.url);
  if (problem !== null) return refused(problem);
  const host = new URL(request.url).hostname.replace(/^\[|\]$/g, "");
  const addresses = await resolve(host);
  const [address] = addresses;
  if (address === undefined) return { kind: "failed", why: "its name was not found", wasSent: false };
  // One private address among public ones is enough to be led elsewhere.
  if (!addresses.every(isPublicAddress)) return refused("it leads into a private network");
  return sendOut(request, { ...options, address });
}

function refused(why: string): Answer {
  return { kind: "failed", why: `the address is refused: ${why}`, wasSent: false };
}

/** Why a URL that somebody gave can't be used, whatever its name leads to; null: it can. */
function urlProblem(text: string): string | null {
  // Characters that one reader of URLs skips and another does not.
  const isPlain = text.length <= 2_000 && !/[\s\\\u0000-\u001f\u007f]/.test(text);
  if (!isPlain || !/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text))
    return "it is no http or https address";
  const { username, password, port } = new URL(text);
  if (username !== "" || password !== "") return "it must hold no user name or password";
  return port !== "" && Number(port) < 1_024 ? "its port is that of another service" : null;
}
