#!/usr/bin/env bun
/** The program's entry: arguments and environment in, exit code out. */
import { readEnvironment } from "./config/environment.ts";
import { processContext } from "./cli/processContext.ts";
import { run } from "./cli/program.ts";

const code = await run(process.argv.slice(2), processContext(readEnvironment()));
process.exit(code);
