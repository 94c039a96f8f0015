/** Which Host headers this server answers for (docs/protocol.md, "Hosts"). A guard against DNS rebinding and against caches that trust Host. */

export type HostVerdict = "known" | "unknown" | "invalid";

/** Judges a Host header; null is a missing one. */
export type HostRules = (header: string | null) => HostVerdict;

/** A name or IPv4 address, or an IPv6 address in brackets, and perhaps a port. Two headers arrive joined by a comma. */
const hostForm = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?$/i;

/** Verdicts remembered; a flood of invented names only empties the memory. */
const maxRemembered = 512;

/** The rules for the host names of these URLs and the names that only this machine has. Ports are not compared. */
export function hostRules(publicUrls: readonly string[]): HostRules {
  const names = new Set(publicUrls.map((url) => new URL(url).hostname.toLowerCase()));
  const remembered = new Map<string, HostVerdict>();
  return (header) => {
    if (header === null) return "invalid";
    const known = remembered.get(header);
    if (known !== undefined) return known;
    const verdict = judge(header, names);
    if (remembered.size >= maxRemembered) remembered.clear();
    if (header.length <= 256) remembered.set(header, verdict);
    return verdict;
  };
}

function judge(header: string, names: ReadonlySet<string>): HostVerdict {
  const match = hostForm.exec(header);
  if (match === null || header.length > 262 || Number(match[2] ?? 0) > 65_535) return "invalid";
  const name = (match[1] ?? "").toLowerCase().replace(/\.$/, "");
  return isLoopbackName(name) || names.has(name) ? "known" : "unknown";
}

function isLoopbackName(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
  );
}
