/** Definitions: the file as it is, checked as it is typed, what it would change, taken into use, what was before. */
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import { numberOf } from "../../esp/query.ts";
import type { Outlet } from "../operation.ts";
import type { ConfigApplied, ConfigPlanned } from "../workReports.ts";
import { notUnderstood, type AdminDeps, type Asked } from "./adminContext.ts";
import { audited } from "./audited.ts";
import type {
  CheckAnswer,
  ConfigAnswer,
  ConfigJob,
  ConfigResult,
  VersionAnswer,
  VersionLine,
} from "./configWire.ts";
import type { JobEnd } from "./jobs.ts";
import { quietOutlet } from "./keyActs.ts";

const maxVersions = 100;
/** Versions that are kept (store/configVersions.ts). */
const keptVersions = 200;

const text = z.string().max(1024 * 1024);
const textBody = z.strictObject({ text });
const applyBody = z.strictObject({ text, base: z.string().max(64), version: z.int().min(1).optional() });

export async function configView({ call, store, configJobs }: AdminDeps): Promise<ConfigAnswer> {
  const file = await call("config.file", {}, quietOutlet());
  const { versions } = await call("config.history", { limit: maxVersions }, quietOutlet());
  return {
    ...file,
    isInUse: versions[0]?.text === file.text,
    versions: versions.map(versionLine),
    job: configJobs.current,
    changing: store.status().rulesProgress,
  };
}

export async function configVersion({ query }: Asked, { call }: AdminDeps): Promise<VersionAnswer> {
  const wanted = numberOf(query, "version", 0, 1, Number.MAX_SAFE_INTEGER);
  const { versions } = await call("config.history", { limit: keptVersions }, quietOutlet());
  const found = versions.find(({ version }) => version === wanted);
  if (found === undefined) throw new Refusal("not_found", { detail: "There is no such version any more." });
  return { ...versionLine(found), text: found.text };
}

export async function checkConfig({ body }: Asked, { call }: AdminDeps): Promise<CheckAnswer> {
  const params = textBody.safeParse(await body());
  if (!params.success) throw notUnderstood('Send {"text":"…"}, the whole file, at most 1 MB.');
  return call("config.check", params.data, quietOutlet());
}

/** Begins to find out what a text would do to profiles, on a copy. */
export async function planConfig({ body }: Asked, deps: AdminDeps): Promise<ConfigJob> {
  const params = textBody.safeParse(await body());
  if (!params.success) throw notUnderstood('Send {"text":"…"}, the whole file, at most 1 MB.');
  refuseBusy(deps);
  return deps.configJobs.begin("plan", async (progress) => {
    const plan = await deps.call("config.plan", params.data, outletTo(progress));
    return { isGood: true, sentence: plannedWords(plan), result: { kind: "planned", plan } };
  });
}

/** Puts a text in the file's place and begins to take it into use. */
export async function applyConfig({ visitor, body }: Asked, deps: AdminDeps): Promise<ConfigJob> {
  const params = applyBody.safeParse(await body());
  if (!params.success) throw notUnderstood('Send {"text":"…","base":"…"}, the base as it was answered.');
  refuseBusy(deps);
  const { text: whole, base, version } = params.data;
  const act = version === undefined ? "admin page" : `rollback to ${version} on the admin page`;
  const by = `${act}, ${visitor.actor}`;
  return deps.configJobs.begin("apply", async (progress): Promise<JobEnd<ConfigResult>> => {
    const saved = await audited(
      { action: "config.apply", target: version === undefined ? null : `version ${version}` },
      visitor,
      deps,
      () => deps.call("config.save", { text: whole, base, by }, outletTo(progress)),
      (done) => (done.kind === "saved" ? { profiles: done.applied.profiles } : { kind: done.kind }),
    );
    if (saved.kind === "fixed") return { isGood: false, sentence: saved.why };
    if (saved.kind === "changed")
      return {
        isGood: false,
        sentence: "The file was changed meanwhile, so nothing was saved: read it again, then edit it.",
      };
    const { applied } = saved;
    return { isGood: true, sentence: appliedWords(applied), result: { kind: "applied", applied } };
  });
}

function refuseBusy({ configJobs }: AdminDeps): void {
  if (configJobs.isBusy)
    throw new Refusal("invalid_request", { detail: "A change is being computed; wait until that is done." });
}

function outletTo(progress: (share: number) => void): Outlet {
  return { ...quietOutlet(), progress };
}

function versionLine(version: {
  readonly version: number;
  readonly appliedAtMs: number;
  readonly by: string;
  readonly changes: readonly string[];
}): VersionLine {
  const { appliedAtMs, by, changes } = version;
  return { version: version.version, at: new Date(appliedAtMs).toISOString(), by, changes };
}

function plannedWords({ effect }: ConfigPlanned): string {
  if (effect === null) return "No trait and no segment would be another.";
  return `${effect.changed.toLocaleString("en")} of ${effect.profiles.toLocaleString("en")} profiles would change.`;
}

function appliedWords({ rules, profiles }: ConfigApplied): string {
  const what = rules.length === 0 ? "" : ` ${profiles.toLocaleString("en")} profiles have other values now.`;
  return `The file is saved and in use.${what}`;
}
