/** Which addresses lie in the public internet, and which a host's name leads to. */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/** Special-purpose ranges (IANA's registries for IPv4 and IPv6): this machine, its neighbours, and what means nobody. */
const special = new BlockList();
for (const range of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  special.addSubnet(range[0], range[1], "ipv4");

/** Of IPv6 only the global unicast range is public, without what embeds other addresses or documents something. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");
const special6 = new BlockList();
for (const range of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  special6.addSubnet(range[0], range[1], "ipv6");

/** True for an address that anybody in the internet could reach. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, "ipv4");
    case 6: {
      const mapped = mappedIn(address);
      if (mapped !== null) return isPublicAddress(mapped);
      return global6.check(address, "ipv6") && !special6.check(address, "ipv6");
    }
    default:
      return false;
  }
}

/** The IPv4 address in `::ffff:808:808`, however it is written; null for others. */
function mappedIn(address: string): string | null {
  const canonical = URL.canParse(`http://[${address}]`) ? new URL(`http://[${address}]`).hostname : "";
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return null;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

/** Addresses of a host's name, or the address that it is. Empty where it leads nowhere. */
export async function addressesOf(hostname: string): Promise<readonly string[]> {
  const plain = hostname.replace(/^\[|\]$/g, "");
  if (isIP(plain) !== 0) return [plain];
  try {
    return (await lookup(plain, { all: true, verbatim: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}
