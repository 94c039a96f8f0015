/** A small .mmdb file (MaxMind DB 2.0, 24-bit records, IPv4) of networks and their countries, made here. */

/** What the file's data can hold. */
type Value = string | number | readonly Value[] | { readonly [key: string]: Value };
type Node = [left: Node | string | null, right: Node | string | null];

/** `{"192.0.2.0/24": "DE"}`; networks must not overlap. */
export function mmdbOf(networks: Readonly<Record<string, string>>): Uint8Array {
  const root: Node = [null, null];
  for (const [network, country] of Object.entries(networks)) insert(root, network, country);
  const nodes = numbered(root);
  const data = new Map<string, number>();
  const dataBytes: number[] = [];
  for (const country of new Set(Object.values(networks))) {
    data.set(country, dataBytes.length);
    dataBytes.push(...encoded({ country: { iso_code: country } }));
  }
  const place = (child: Node | string | null): number => {
    if (child === null) return nodes.length;
    if (typeof child === "string") return nodes.length + separatorBytes + (data.get(child) ?? 0);
    return nodes.indexOf(child);
  };
  const tree = nodes.flatMap(([left, right]) => [...bytes(place(left), 3), ...bytes(place(right), 3)]);
  const metadata = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_764_000_000,
    database_type: "Test-Country",
    description: { en: "test" },
    ip_version: 4,
    languages: ["en"],
    node_count: nodes.length,
    record_size: 24,
  };
  const separator = Array.from({ length: separatorBytes }, () => 0);
  const marker = [0xab, 0xcd, 0xef, ...new TextEncoder().encode("MaxMind.com")];
  return Uint8Array.from([...tree, ...separator, ...dataBytes, ...marker, ...encoded(metadata)]);
}

const separatorBytes = 16;

function insert(root: Node, network: string, country: string): void {
  const [address = "", prefix = "32"] = network.split("/");
  const bits = address
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("")
    .slice(0, Number(prefix));
  let at = root;
  for (const bit of bits.slice(0, -1)) {
    const side = bit === "0" ? 0 : 1;
    const next: Node = isNode(at[side]) ? at[side] : [null, null];
    at[side] = next;
    at = next;
  }
  at[bits.endsWith("0") ? 0 : 1] = country;
}

function isNode(child: Node | string | null): child is Node {
  return Array.isArray(child);
}

function numbered(root: Node): Node[] {
  const nodes = [root];
  for (const node of nodes) nodes.push(...node.filter(isNode));
  return nodes;
}

function bytes(value: number, length: number): number[] {
  return Array.from({ length }, (_, at) => Math.floor(value / 256 ** (length - 1 - at)) % 256);
}

function encoded(value: Value): number[] {
  if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    return [...control(2, text.length), ...text];
  }
  if (typeof value === "number") return [...control(6, 4), ...bytes(value, 4)];
  if (Array.isArray(value)) return [...control(11, value.length), ...value.flatMap(encoded)];
  const entries = Object.entries(value);
  return [
    ...control(7, entries.length),
    ...entries.flatMap(([key, entry]) => [...encoded(key), ...encoded(entry)]),
  ];
}

/** Types beyond 7 stand in a byte of their own; sizes from 29 on have a byte more. */
function control(type: number, size: number): number[] {
  const [short, more] = size < 29 ? [size, []] : [29, [size - 29]];
  return type > 7 ? [short, type - 7, ...more] : [(type << 5) | short, ...more];
}
