import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TempFolder, tempFolder } from "../support/tempFolder.ts";

const runner = join(import.meta.dir, "../../scripts/run.mjs");

/** A project with the pinned Bun in it, whose lock asks for the given packages. */
function project(packages: Record<string, { version: string; optional?: boolean }>): TempFolder {
  const folder = tempFolder();
  for (const name of ["scripts", "node_modules/bun/bin"]) mkdirSync(folder.at(name), { recursive: true });
  copyFileSync(runner, folder.at("scripts/run.mjs"));
  symlinkSync(process.execPath, folder.at("node_modules/bun/bin/bun.exe"));
  writeFileSync(folder.at("package.json"), JSON.stringify({ dependencies: { left: "1.0.0" } }));
  writeFileSync(folder.at("package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages }));
  // Nobody answers there, so that an install fails at once.
  writeFileSync(folder.at(".npmrc"), "registry=http://127.0.0.1:9/\nfetch-retries=0\n");
  return folder;
}

function start(folder: TempFolder, script: string): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  writeFileSync(folder.at("script.ts"), script);
  return Bun.spawn([process.execPath, folder.at("scripts/run.mjs"), "script.ts", "a b"], {
    env: { PATH: "", HOME: folder.path },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

describe("the starter", () => {
  test("passes arguments, folder and exit code through", async () => {
    using folder = project({});
    const child = start(folder, "console.log(process.argv[2], process.cwd()); process.exit(7);");
    expect(await child.stdout.text()).toBe(`a b ${folder.path}\n`);
    expect(await child.exited).toBe(7);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "passes %s on and ends with what the program answers",
    async (signal) => {
      using folder = project({});
      const child = start(
        folder,
        `process.on("${signal}", () => { console.log("asked"); process.exit(5); });
       setInterval(() => {}, 1000);
       console.log("up");`,
      );
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader.read()).value).toBe("up\n");
      child.kill(signal);
      expect((await reader.read()).value).toBe("asked\n");
      expect(await child.exited).toBe(5);
    },
  );

  test("that is killed leaves no server behind: it stops in order, and the folder is free again", async () => {
    using folder = project({});
    const main = join(import.meta.dir, "../../src/main.ts");
    writeFileSync(folder.at("script.ts"), `import ${JSON.stringify(main)};`);
    const args = ["serve", "--port", "0", "--log-format", "json"];
    const child = Bun.spawn([process.execPath, folder.at("scripts/run.mjs"), "script.ts", ...args], {
      env: { PATH: "", HOME: folder.path },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const pid = Number(/process (\d+)/.exec((await reader.read()).value ?? "")?.[1]);
    expect(pid).not.toBe(child.pid);
    child.kill("SIGKILL");
    // Ends with the server, which holds its other end.
    const log = await child.stderr.text();
    expect(log).toContain('"msg":"stopped"');
    expect(existsSync(folder.at("data/holder.json"))).toBe(false);
  });

  test("tells a program killed by a signal from one that ended", async () => {
    using folder = project({});
    const child = start(folder, "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);");
    expect(await child.exited).toBe(128 + 9);
  });

  test("reads no .env of the folder", async () => {
    using folder = project({});
    writeFileSync(folder.at(".env"), "HOSTILE=1\n");
    const child = start(folder, "console.log(String(process.env.HOSTILE));");
    expect(await child.stdout.text()).toBe("undefined\n");
  });

  test.each([
    ["missing", undefined],
    ["of another version", "0.9.0"],
  ])("installs and starts nothing while a package is %s", async (_what, version) => {
    using folder = project({ "node_modules/left": { version: "1.0.0" } });
    if (version !== undefined) {
      mkdirSync(folder.at("node_modules/left"));
      writeFileSync(folder.at("node_modules/left/package.json"), JSON.stringify({ version }));
    }
    const child = start(folder, "console.log('started');");
    expect(await child.stdout.text()).toBe("");
    expect(await child.stderr.text()).toContain("did not succeed; nothing was started");
    expect(await child.exited).not.toBe(0);
    expect(existsSync(folder.at(".install-unfinished"))).toBe(true);
  });

  test("does not ask for packages of other platforms", async () => {
    using folder = project({ "node_modules/left-mac": { version: "1.0.0", optional: true } });
    const child = start(folder, "console.log('started');");
    expect(await child.stdout.text()).toBe("started\n");
  });

  test("repeats an install that did not end", async () => {
    using folder = project({});
    writeFileSync(folder.at(".install-unfinished"), "");
    const child = start(folder, "console.log('started');");
    expect(await child.stderr.text()).toContain("Installing");
    expect(await child.exited).not.toBe(0);
  });
});
