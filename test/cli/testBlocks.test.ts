/** `freshet test`: cases of content blocks. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { tempFolder } from "../support/tempFolder.ts";

const block = `---
needs:
  firstName: { default: there }
  cart: { maxAge: 1h }
fallback: <p>Hello.</p>
---
<p>Hi {{ firstName }}</p>
<p>{{ cart.value | money: cart.currency }}</p>`;

const whole = `at: 2026-11-24T09:00:00Z
traits: { firstName: Ann, cart: { value: 84, currency: EUR } }
ages: { cart: 20m }
expect: { servedFrom: live, reason: null, contains: [Ann] }
`;

test("passes, fails with what differs, and writes what is expected when asked to", async () => {
  using folder = tempFolder();
  mkdirSync(folder.at("content/tests/cart"), { recursive: true });
  writeFileSync(folder.at("content/cart.liquid"), block);
  writeFileSync(folder.at("freshet.yaml"), "version: 1\ncontent: { folder: ./content }\n");
  const file = (name: string) => folder.at(`content/tests/cart/${name}`);
  const run = (...flags: string[]) => freshet(["test", ...flags], { cwd: folder.path });

  expect((await run()).stderr).toContain("there are no cases");
  writeFileSync(file("whole.yaml"), whole);
  writeFileSync(file("unknown.yaml"), "recipient: unknown\nexpect: { reason: profile_not_found }\n");
  writeFileSync(
    file("old.yaml"),
    whole.replace("20m", "61m").replace("live", "lastKnown").replace("null", "trait_stale"),
  );
  const first = await run("--update");
  expect([first.code, first.stdout]).toEqual([
    0,
    "ok     cart › old\nok     cart › unknown\nok     cart › whole\n\n3 passed, 0 failed\n",
  ]);
  expect(readFileSync(file("whole.html"), "utf8")).toBe("<p>Hi Ann</p>\n<p>€84.00</p>\n");

  writeFileSync(folder.at("content/cart.liquid"), block.replace("€", "").replace("Hi", "Dear"));
  const second = await run("cart");
  expect(second.code).toBe(1);
  expect(second.stdout).toContain(
    'FAILED cart › whole\n  the HTML differs in line 1:\n    expected "<p>Hi Ann</p>"\n    it is    "<p>Dear Ann</p>"',
  );
  expect(second.stdout).toEndWith("1 passed, 2 failed\n");

  writeFileSync(folder.at("content/cart.liquid"), block.replace("{{ firstName", "{{ fristName"));
  const third = await run();
  expect(third.stdout).toContain("reads fristName, which needs does not name");
  expect(third.code).toBe(1);

  writeFileSync(folder.at("content/cart.liquid"), block);
  writeFileSync(file("wrong.yaml"), "trait: { a: 1 }\n");
  expect((await run()).stdout).toContain("it has an unknown key: trait");
});
