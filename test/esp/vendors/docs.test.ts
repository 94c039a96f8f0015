import { join } from "node:path";
import { expect, test } from "bun:test";
import { espPage } from "../../../scripts/espDocs.ts";

test("docs/esps.md is what the data says (bun scripts/espDocs.ts writes it)", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../../docs/esps.md")).text()).toBe(espPage());
});
