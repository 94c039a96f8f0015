/**
 * Starts the compared stack: PostgreSQL and Redis of its own in fresh folders, and the Fastify service before them.
 * PostgreSQL's data lies on the disk that this tree lies on; sockets are in a temp folder, since their paths must be
 * short.
 */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Bench } from "../support/bench.ts";
import { NotHere } from "../support/notHere.ts";
import { secretKey, writeKey } from "../support/ours.ts";
import type { Child } from "../support/processes.ts";
import { connectionsOfPool, postgresSettings, redisSettings } from "./settings.ts";

const here = import.meta.dir;
const installed = join(here, "..", "..", ".cache", "compare");
const serviceFiles = ["package.json", "package-lock.json", ".npmrc", "server.mjs", "store.mjs"];
const readyWithinMs = 30_000;
const postgresPrograms = ["initdb", "postgres", "pg_isready", "psql"];

export interface Service {
  readonly processes: number;
  readonly port: number;
}

/** The running stack. Its processes end with the run. */
export interface Stack {
  /** The same service with one Node process and with two, on the same PostgreSQL and Redis. */
  readonly services: readonly Service[];
  /** Of the processes that were started; each may have others below it. */
  readonly pids: readonly number[];
  /** What it is made of, with versions. */
  readonly line: string;
  /** Removes the folder of its sockets. */
  readonly [Symbol.dispose]: () => void;
}

/** Starts all three; throws `NotHere` when one is not installed. */
export async function startStack(bench: Bench): Promise<Stack> {
  const node = programOf("node", "Node 20");
  const redis = programOf("redis-server", "Redis");
  const folderOfPostgres = postgresFolder();
  await installService();
  const sockets = mkdtempSync(join(tmpdir(), "freshet-compare-"));
  const data = bench.processes.folder();
  const user = ownUser([sockets, data]);
  const postgres = await startPostgres(bench, folderOfPostgres, { sockets, data, user });
  const redisPath = join(sockets, "redis.sock");
  const cache = bench.processes.startProgram([...user, redis, ...redisSettings(redisPath)]);
  await until(() => existsSync(redisPath), "Redis");
  const settings = {
    connections: connectionsOfPool,
    postgresHost: sockets,
    redisPath,
    writeKey,
    secretKey,
  };
  const services: Service[] = [];
  const pids = [postgres.pid, cache.pid];
  for (const processes of [1, 2]) {
    const argument = JSON.stringify({ ...settings, processes });
    const service = bench.processes.startProgram([node, join(installed, "server.mjs"), argument]);
    pids.push(service.pid);
    const listening = await service.line(/^listening /);
    services.push({ processes, port: Number(listening.split(" ")[1]) });
  }
  return {
    services,
    pids,
    line: versions(node, redis, folderOfPostgres),
    [Symbol.dispose]: () => rmSync(sockets, { recursive: true, force: true }),
  };
}

/** PostgreSQL refuses to run as root, so root starts it as the user `postgres`, who then owns the folders. */
function ownUser(folders: readonly string[]): string[] {
  if (process.getuid?.() !== 0) return [];
  const entry = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (entry === null)
    throw new NotHere("The comparison can't run PostgreSQL as root, and there is no user postgres.");
  for (const folder of folders) {
    chownSync(folder, Number(entry[1]), Number(entry[2]));
    chmodSync(folder, 0o700);
  }
  return [programOf("setpriv", "setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"];
}

interface PostgresPlace {
  readonly sockets: string;
  readonly data: string;
  readonly user: readonly string[];
}

async function startPostgres(bench: Bench, programs: string, place: PostgresPlace): Promise<Child> {
  const { sockets, data, user } = place;
  const cluster = join(data, "cluster");
  await run([
    ...user,
    join(programs, "initdb"),
    "-D",
    cluster,
    "-U",
    "postgres",
    "-A",
    "trust",
    "--no-locale",
  ]);
  const child = bench.processes.startProgram([
    ...user,
    join(programs, "postgres"),
    "-D",
    cluster,
    "-k",
    sockets,
    ...postgresSettings.flatMap((setting) => ["-c", setting]),
  ]);
  await until(() => succeeds([join(programs, "pg_isready"), "-h", sockets, "-U", "postgres"]), "PostgreSQL");
  const schema = join(here, "schema.sql");
  await run([join(programs, "psql"), "-h", sockets, "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-f", schema]);
  return child;
}

/**
 * Copies the service beside packages of its own, installed as its lock says: they are no part of the project and no
 * other tool should meet them.
 */
async function installService(): Promise<void> {
  const lockOf = (folder: string) => readFileSync(join(folder, "package-lock.json"), "utf8");
  const isInstalled = existsSync(join(installed, "node_modules")) && lockOf(installed) === lockOf(here);
  mkdirSync(installed, { recursive: true });
  for (const name of serviceFiles) copyFileSync(join(here, name), join(installed, name));
  if (isInstalled) return;
  rmSync(join(installed, "node_modules"), { recursive: true, force: true });
  await run([programOf("npm", "npm"), "ci", "--ignore-scripts"], installed);
}

/** A folder with all of PostgreSQL's programs: Debian keeps them out of PATH, in a folder for each version. */
function postgresFolder(): string {
  const versioned = "/usr/lib/postgresql";
  const found = existsSync(versioned) ? readdirSync(versioned).map(Number) : [];
  const newestFirst = found.sort((left, right) => right - left);
  const onPath = Bun.which("initdb");
  const folders = [
    ...(onPath === null ? [] : [dirname(realpathSync(onPath))]),
    ...newestFirst.map((version) => join(versioned, String(version), "bin")),
  ];
  const whole = folders.find((folder) => postgresPrograms.every((name) => existsSync(join(folder, name))));
  if (whole === undefined) throw missing(`PostgreSQL (${postgresPrograms.join(", ")})`);
  return whole;
}

function programOf(program: string, name: string): string {
  const found = Bun.which(program);
  if (found === null) throw missing(name);
  return found;
}

function missing(name: string): NotHere {
  return new NotHere(`The comparison needs ${name}, which is not installed here.`);
}

function versions(node: string, redis: string, postgres: string): string {
  const said = (command: string[]) => Bun.spawnSync(command).stdout.toString();
  const first = (text: string) => /\d+(?:\.\d+)+/.exec(text)?.[0] ?? "?";
  const lock = JSON.parse(readFileSync(join(here, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  return [
    `Fastify ${lock.dependencies["fastify"]} on Node ${first(said([node, "--version"]))}`,
    `PostgreSQL ${first(said([join(postgres, "postgres"), "--version"]))}`,
    `Redis ${first(said([redis, "--version"]))}`,
  ].join(", ");
}

async function run(command: readonly string[], cwd = here): Promise<void> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const errors = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed: ${errors.slice(-2_000)}`);
}

async function succeeds(command: readonly string[]): Promise<boolean> {
  return (await Bun.spawn([...command], { stdout: "ignore", stderr: "ignore" }).exited) === 0;
}

async function until(isReady: () => boolean | Promise<boolean>, name: string): Promise<void> {
  const endMs = Bun.nanoseconds() / 1e6 + readyWithinMs;
  while (!(await isReady())) {
    if (Bun.nanoseconds() / 1e6 > endMs) throw new Error(`${name} did not become ready`);
    await Bun.sleep(50);
  }
}
