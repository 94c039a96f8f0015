import { describe, expect, test } from "bun:test";
import { clientAddressRule, isLoopback, isNetwork, type ProxyTrust } from "../../src/lib/address.ts";

const none: ProxyTrust = { kind: "none" };
const hops = (count: number): ProxyTrust => ({ kind: "hops", hops: count });
const networks = (...list: string[]): ProxyTrust => ({ kind: "networks", networks: list });

describe("the client's address", () => {
  test.each([
    ["no trust: the header is nobody's word", none, "10.0.0.9", "1.2.3.4", "10.0.0.9"],
    ["one hop: the last entry", hops(1), "10.0.0.9", "6.6.6.6, 1.2.3.4", "1.2.3.4"],
    ["two hops: the last but one", hops(2), "10.0.0.9", "6.6.6.6, 1.2.3.4, 10.0.0.8", "1.2.3.4"],
    ["more hops than entries: the first entry", hops(5), "10.0.0.9", "1.2.3.4", "1.2.3.4"],
    ["no header: the socket", hops(1), "10.0.0.9", null, "10.0.0.9"],
    [
      "a believed network: the first entry outside it",
      networks("10.0.0.0/8"),
      "10.0.0.9",
      "6.6.6.6, 1.2.3.4, 10.1.1.1",
      "1.2.3.4",
    ],
    ["a stranger who claims to be a proxy", networks("10.0.0.0/8"), "1.2.3.4", "10.0.0.1", "1.2.3.4"],
    ["IPv6", networks("fd00::/8"), "fd00::1", "2001:db8::7", "2001:db8::7"],
    ["IPv4 on an IPv6 socket", networks("10.0.0.0/8"), "::ffff:10.0.0.9", "::ffff:1.2.3.4", "1.2.3.4"],
    [
      "what stands left of rubbish is not believed",
      networks("10.0.0.0/8"),
      "10.0.0.9",
      "1.2.3.4, rubbish, 10.0.0.8",
      "10.0.0.8",
    ],
    ["only rubbish", hops(1), "10.0.0.9", "<script>", "10.0.0.9"],
  ] as const)("%s", (_name, trust, socket, header, expected) =>
    expect(clientAddressRule(trust)(socket, header)).toBe(expected),
  );

  test("costs no more for a header of a megabyte", () => {
    const header = "1.2.3.4, ".repeat(120_000);
    expect(clientAddressRule(networks("10.0.0.0/8"))("10.0.0.9", `${header}5.6.7.8`)).toBe("5.6.7.8");
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.8.9.1", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["10.0.0.1", false],
  ["", false],
  ["localhost", false],
])("loopback %p: %p", (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

test.each([
  ["10.0.0.0/8", true],
  ["10.0.0.1", true],
  ["::/0", true],
  ["10.0.0.0/33", false],
  ["10.0.0.0/8/8", false],
  ["example.com", false],
  ["", false],
])("network %p: %p", (text, expected) => {
  expect(isNetwork(text)).toBe(expected);
});
