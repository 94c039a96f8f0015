/**
 * Requests to addresses that an operator or a stranger wrote down: only to the web, only where the host's name leads to
 * public addresses, and to the very address that was checked.
 */
import { call, type Called, type CallInit } from "../lib/httpCall.ts";
import { addressesOf, isPublicAddress } from "../lib/publicAddress.ts";

export interface Guard {
  /** True where the operator said that it may lie in a private network. */
  readonly allowsPrivate: boolean;
}

/** Calls, or says why that is not to be. */
export async function guardedCall(
  url: string,
  init: Omit<CallInit, "address">,
  { allowsPrivate }: Guard,
): Promise<Called> {
  if (!URL.canParse(url)) return { kind: "failed", why: "not an address" };
  const { hostname, protocol, username, password } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return { kind: "failed", why: "not a web address" };
  if (username !== "" || password !== "")
    return { kind: "failed", why: "a password has no place in an address" };
  const addresses = await addressesOf(hostname);
  const [first] = addresses;
  if (first === undefined) return { kind: "failed", why: "the host's name leads nowhere" };
  if (!allowsPrivate && !addresses.every(isPublicAddress))
    return { kind: "failed", why: "the host's name leads into a private network" };
  return call(url, { ...init, address: first });
}
