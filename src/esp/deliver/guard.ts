/**
 * The guard of addresses that somebody gave: a name is resolved here, each address it has is judged, and the connection
 * is made to the judged one, so that a name that changes its mind in between leads nowhere else.
 */
import { sendOut } from "../../lib/outbound.ts";
import { addressesOf, isPublicAddress } from "../../lib/publicAddress.ts";
import type { Answer, OutRequest, Reached } from "./destination.ts";

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

/** Judges a host that somebody gave, for what is no HTTP: the address to connect to. Never rejects. */
export async function reachGuarded(
  host: string,
  { allowPrivate }: Pick<GuardOptions, "allowPrivate">,
  resolve: Resolve,
): Promise<Reached> {
  if (allowPrivate) return { kind: "address", address: host };
  const [address, ...others] = await resolve(host);
  if (address === undefined) return { kind: "refused", why: "its name was not found" };
  // One private address among public ones is enough to be led elsewhere.
  if (![address, ...others].every(isPublicAddress)) return { kind: "refused", why: `${refusal}${privately}` };
  return { kind: "address", address };
}

const refusal = "the address is refused: ";
const privately = "it leads into a private network";

/** Sends a request to where it may go. Never rejects. */
export async function sendGuarded(
  request: OutRequest,
  { allowPrivate, ...options }: GuardOptions,
  resolve: Resolve,
): Promise<Answer> {
  if (allowPrivate) return sendOut(request, { ...options, address: null });
  const problem = urlProblem(request.url);
  if (problem !== null) return { kind: "failed", why: `${refusal}${problem}`, wasSent: false };
  const host = new URL(request.url).hostname.replace(/^\[|\]$/g, "");
  const reached = await reachGuarded(host, { allowPrivate }, resolve);
  if (reached.kind === "refused") return { kind: "failed", why: reached.why, wasSent: false };
  return sendOut(request, { ...options, address: reached.address });
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
