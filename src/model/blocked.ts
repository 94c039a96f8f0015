/**
 * Values that stand where an identifier should and name nobody: what programs write for "nothing", what forms are
 * filled with, and the examples of documentation. People who share such a value are not one person. Profiles that were
 * folded with another list must be folded anew: a change here needs another `profilesFormat`.
 */

/** Compared trimmed and in lower case. */
export const blockedValues: readonly string[] = [
  "",
  "null",
  "(null)",
  "undefined",
  "none",
  "nil",
  "nan",
  "n/a",
  "not set",
  "(not set)",
  "anonymous",
  "guest",
  "unknown",
  "true",
  "false",
  "-1",
  "[object object]",
];

/** Zeros and dashes alone, the zero UUID among them. */
const nothingButZeros = /^[-0]+$/;

/** Local parts and domains of addresses that stand in forms and examples: every pair of them. */
const exampleNames: readonly string[] = [
  "test",
  "tester",
  "testing",
  "example",
  "user",
  "username",
  "name",
  "your.name",
  "yourname",
  "email",
  "your.email",
  "youremail",
  "mail",
  "foo",
  "asdf",
];
const exampleDomains: readonly string[] = [
  "example.com",
  "example.org",
  "example.net",
  "test.com",
  "test.test",
  "domain.com",
  "yourdomain.com",
  "localhost",
];

/** Every value that is blocked beside zeros, as the documentation lists it. */
export const exampleAddresses: { readonly names: readonly string[]; readonly domains: readonly string[] } = {
  names: exampleNames,
  domains: exampleDomains,
};

const values: ReadonlySet<string> = new Set(blockedValues);
const names: ReadonlySet<string> = new Set(exampleNames);
const domains: ReadonlySet<string> = new Set(exampleDomains);

/** How values are compared with lists of blocked and allowed ones. */
export function foldCase(value: string): string {
  return value.trim().toLowerCase();
}

/** Whether a value names nobody, in any type of identifier. */
export function isBlockedValue(value: string): boolean {
  const plain = foldCase(value);
  return values.has(plain) || nothingButZeros.test(plain) || isExampleAddress(plain);
}

function isExampleAddress(plain: string): boolean {
  const at = plain.lastIndexOf("@");
  if (at < 0) return false;
  const name = plain.slice(0, at);
  // A program that joins "no name" and a domain makes null@shop.example.
  if (name === "null" || name === "undefined") return true;
  return names.has(name) && domains.has(plain.slice(at + 1));
}
