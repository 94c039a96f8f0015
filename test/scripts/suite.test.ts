import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { filesOf, lastLine, outcomeOf, testFiles } from "../../scripts/suite.ts";

const root = join(import.meta.dir, "../..");

describe("the suites", () => {
  test("hold every test file between them, each once", () => {
    const files = testFiles(root);
    expect(files).toContain("test/scripts/suite.test.ts");
    expect([...filesOf("fast", files), ...filesOf("long", files)].sort()).toEqual(files);
  });

  test("know a long test by its folder only", () => {
    const files = ["test/long.test.ts", "test/long/a.test.ts", "test/store/long/b.test.ts"];
    expect(filesOf("long", files)).toEqual(["test/long/a.test.ts"]);
    expect(filesOf("fast", files)).toEqual(["test/long.test.ts", "test/store/long/b.test.ts"]);
  });

  test("meet no file that looks like a test but would not be found", () => {
    const names = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" });
    const lookalikes = names.filter((name) => /([._]test|[._]spec)\.[cm]?[jt]sx?$/.test(name));
    expect(lookalikes.filter((name) => !name.endsWith(".test.ts"))).toEqual([]);
  });
});

describe("the outcome", () => {
  const report = `<testsuites name="bun test" tests="8" assertions="2" failures="2" skipped="2" time="0.02">
    <testsuite name="test/a.test.ts" file="test/a.test.ts" tests="8" failures="2" skipped="2"></testsuite>
  </testsuites>`;

  test("is read from the report", () => {
    const outcome = outcomeOf(report, ["test/a.test.ts"]);
    expect(outcome).toEqual({ passed: 4, failed: 2, skipped: 2, silent: [] });
    expect(lastLine(outcome)).toBe("4 passed, 2 failed, 2 skipped");
  });

  test("counts a file that ran nothing as a failure", () => {
    const outcome = outcomeOf(report, ["test/a.test.ts", "test/b.test.ts"]);
    expect(outcome).toMatchObject({ failed: 3, silent: ["test/b.test.ts"] });
  });

  test("of a crashed runner, which leaves no report, is failure", () => {
    expect(lastLine(outcomeOf("", ["test/a.test.ts"]))).toBe("0 passed, 1 failed");
  });

  test("names no skipped tests where there are none", () => {
    expect(lastLine({ passed: 3, failed: 0, skipped: 0, silent: [] })).toBe("3 passed, 0 failed");
  });
});
