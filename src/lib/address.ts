/** Whose address a request comes from when proxies stand in between. */
import { BlockList, isIP } from "node:net";

/** Which proxies are believed: none, the nearest `hops`, or those in `networks` (CIDR). */
export type ProxyTrust =
  | { readonly kind: "none" }
  | { readonly kind: "hops"; readonly hops: number }
  | { readonly kind: "networks"; readonly networks: readonly string[] };

/** True for an address or a CIDR range, IPv4 or IPv6. */
export function isNetwork(text: string): boolean {
  const [address = "", prefix, more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/** Decides a request's client address from its socket's address and its X-Forwarded-For header. */
export type ClientAddress = (socketAddress: string, forwardedFor: string | null) => string;

/** The rule for one trust. The header is read from the right: only what a believed proxy added counts. */
export function clientAddressRule(trust: ProxyTrust): ClientAddress {
  if (trust.kind === "none") return (socketAddress) => plainAddress(socketAddress);
  if (trust.kind === "hops") {
    return (socketAddress, forwardedFor) => {
      const chain = [...addressesIn(forwardedFor), plainAddress(socketAddress)];
      return chain[Math.max(0, chain.length - 1 - trust.hops)] ?? plainAddress(socketAddress);
    };
  }
  const believed = networkList(trust.networks);
  return (socketAddress, forwardedFor) => {
    let client = plainAddress(socketAddress);
    const chain = addressesIn(forwardedFor);
    for (let index = chain.length - 1; index >= 0 && isIn(believed, client); index -= 1)
      client = chain[index] ?? client;
    return client;
  };
}

/** True for the addresses that only this machine can have. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address);
  return plain === "::1" || (isIP(plain) === 4 && plain.startsWith("127."));
}

/** IPv4 addresses that arrive on an IPv6 socket look like `::ffff:10.0.0.1`. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** The well-formed addresses of the header, at most its last 20; what stands left of a malformed one can't be believed. */
function addressesIn(forwardedFor: string | null): string[] {
  if (forwardedFor === null) return [];
  const parts = forwardedFor
    .slice(-1_000)
    .split(",")
    .slice(-20)
    .map((part) => plainAddress(part.trim()));
  const broken = parts.findLastIndex((part) => isIP(part) === 0);
  return parts.slice(broken + 1);
}

function networkList(networks: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (prefix === undefined) blocks.addAddress(address, family);
    else blocks.addSubnet(address, Number(prefix), family);
  }
  return blocks;
}

function isIn(blocks: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && blocks.check(address, family === 4 ? "ipv4" : "ipv6");
}
