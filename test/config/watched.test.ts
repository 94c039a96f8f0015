import { expect, test } from "bun:test";
import { watchedTraits } from "../../src/config/watched.ts";
import type { Definition } from "../../src/model/definition.ts";
import type { FieldMapping } from "../../src/model/delivery/fieldMapping.ts";
import { ecommercePack, saasPack } from "../../src/model/packs.ts";

const computed: readonly Definition[] = [
  ...ecommercePack("EUR"),
  ...saasPack(),
  { name: "days", aggregate: "streak", event: { call: "any" }, timeZone: "UTC" },
  { name: "since1d", aggregate: "timeSince", event: "Product Viewed", unitMs: 1_000, windowMs: 86_400_000 },
];
const kinds = [
  { type: "http", can: ["upsert", "audience"] },
  { type: "mail", can: ["audience"] },
] as const;

function from(text: string): FieldMapping {
  return { field: "x", from: { kind: text.includes("{{") ? "liquid" : "path", text }, type: null };
}

test.each<[string, readonly FieldMapping[] | null, readonly string[]]>([
  ["http", null, ["days", "sessions7d", "views24h"]],
  ["mail", null, []],
  ["http", [], []],
  ["http", [from("cart.value"), from("views24hours"), from("$userId")], []],
  ["http", [from("views24h")], ["views24h"]],
  [
    "http",
    [from("{{ firstName }} looked {{views24h|plus: 1}} times, {{ days }} days")],
    ["days", "views24h"],
  ],
])("a destination %s of %j watches %j", (type, map, wanted) => {
  expect(watchedTraits([{ type, map }], kinds, computed)).toEqual(wanted);
});
