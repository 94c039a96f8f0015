#!/usr/bin/env bun
/** The program's entry: arguments and environment in, exit code out. */
import { readEnvironment } from "./config/environment.ts";
import { processContext } from "./cli/processContext.ts";
import { run } from "./cli/program.ts";

// What is written here is people's data: for the owner alone, whatever the shell's own mask says.
process.umask(0o077);

const code = await run(process.argv.slice(2), processContext(readEnvironment()));
process.exit(code);
