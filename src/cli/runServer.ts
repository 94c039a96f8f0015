/** Runs the server from its start to its end: what it prints, which signal does what, which exit code. */
import { startApp, type App } from "../app.ts";
import type { ServeSettings } from "../config/settings.ts";
import { makeDemoKeys, type DemoKeys } from "../demoKeys.ts";
import { systemClock } from "../lib/clock.ts";
import { systemIds } from "../lib/id.ts";
import { openLog, type Log } from "../lib/log.ts";
import { systemTimers } from "../lib/timers.ts";
import { CannotListen } from "../listen.ts";
import { version } from "../version.ts";
import { exitCodes, UsageError, type CliContext } from "./context.ts";
import { demoGreeting } from "./demoGreeting.ts";
import { startCommand } from "./ownName.ts";

/** Serves with what `load` reads until the context is interrupted; SIGHUP reads again; returns the exit code. Throws what keeps it from starting. */
export async function runServer(
  load: (text?: string) => ServeSettings,
  context: CliContext,
  { demo }: { readonly demo: boolean },
): Promise<number> {
  const settings = load();
  const log = openLog({ level: settings.logLevel, format: settings.logFormat });
  const demoKeys = demo ? makeDemoKeys(settings.firstKeys, { ids: systemIds, clock: systemClock }) : null;
  const app = await start(settings, load, log, demoKeys, context);
  process.on("SIGHUP", () => app.reload());
  await context.print(demo ? demoGreeting(app, settings, context.environment) : greeting(app, settings));
  log.info("started", {
    host: settings.host,
    port: Number(new URL(app.origin).port),
    folder: settings.dataFolder,
  });
  await interruption(context.interrupted);
  const startedMs = systemClock.monotonicMs();
  log.info("stopping: nothing new is accepted, what is under way is finished");
  const isDone = await within(settings.limits.drainTimeoutMs, app.close());
  const durationMs = Math.round(systemClock.monotonicMs() - startedMs);
  if (isDone) log.info("stopped", { durationMs });
  else
    log.error("stopping took too long; what was answered is on disk, the rest was never promised", {
      durationMs,
    });
  return exitCodes.ok;
}

async function start(
  settings: ServeSettings,
  load: (text?: string) => ServeSettings,
  log: Log,
  demoKeys: DemoKeys | null,
  { environment }: CliContext,
): Promise<App> {
  try {
    const onFatal = (exitCode: number) => process.exit(exitCode);
    const deps = { clock: systemClock, ids: systemIds, timers: systemTimers, log, load, onFatal };
    return await startApp(settings, deps, demoKeys);
  } catch (error) {
    if (error instanceof CannotListen) {
      const { freePort, message } = error;
      const command = startCommand(demoKeys !== null, environment);
      throw new UsageError(freePort === null ? message : `${message} (${command} --port ${freePort})`);
    }
    throw error;
  }
}

function greeting({ origin, shownKeys }: App, settings: ServeSettings): string {
  const lines = [
    `Freshet ${version} listens on ${origin}, data in ${settings.dataFolder}, process ${process.pid}`,
  ];
  const { writeKey, secretKey } = shownKeys;
  if (writeKey !== null) lines.push(`Write key, to send events:     ${writeKey}`);
  if (secretKey !== null) lines.push(`Secret key, to read and more:  ${secretKey}`);
  if (writeKey !== null || secretKey !== null)
    lines.push("Keys are shown this once. More: freshet keys create");
  return `${lines.join("\n")}\n`;
}

function interruption(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** True if the work was done in time. */
async function within(limitMs: number, work: Promise<void>): Promise<boolean> {
  const timeout = Promise.withResolvers<boolean>();
  using _timer = systemTimers.after(limitMs, () => timeout.resolve(false));
  return await Promise.race([work.then(() => true), timeout.promise]);
}
