/** The operations on content: which blocks there are, what one would send, to one person or to many. */
import type { ContentBlockLine } from "./admin/contentReports.ts";
import { OperationFailed, type OperationParams, type Operations } from "./admin/operation.ts";
import { answerText } from "./esp/content/contentRoutes.ts";
import { blockOf as blockAsSent, type Block } from "./esp/content/block.ts";
import { BlockProblem } from "./esp/content/frontMatter.ts";
import { preflight, type Audience } from "./esp/content/preflight.ts";
import { previewBlock, recipientAt } from "./esp/content/previewBlock.ts";
import { renderBlock, type Recipient } from "./esp/content/renderBlock.ts";
import { subjectText } from "./esp/content/subject.ts";
import type { Deliveries } from "./esp/deliver/deliveries.ts";
import { testSend } from "./esp/deliver/testSend.ts";
import type { Shelf } from "./esp/content/shelf.ts";
import type { Clock } from "./lib/clock.ts";
import type { Ids } from "./lib/id.ts";
import type { ChangeLog } from "./store/changeLog.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { FindAt } from "./store/profileAt.ts";
import type { Profiles } from "./store/profiles.ts";

export interface ContentOperationDeps {
  /** Null where no content is configured. */
  readonly shelf: Shelf | null;
  readonly profiles: Profiles;
  readonly changes: ChangeLog;
  readonly findAt: FindAt;
  readonly ops: Pick<OpsDesk, "ask">;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly deliveries: Pick<Deliveries, "running">;
}

export function contentOperations(deps: ContentOperationDeps): Operations {
  const { shelf, profiles, changes, ops, clock } = deps;
  return {
    "content.blocks": () => Promise.resolve(blockLines(shelf)),
    "content.block": async ({ block: name }) => {
      const line = blockLines(shelf).find((one) => one.name === name);
      const block = shelf?.get(name) ?? null;
      if (line === undefined || block === null) return null;
      const versions = await ops.ask("receipts", "blockVersions", name);
      return {
        ...line,
        source: block.text.source,
        fallbackSegments: block.head.fallbackBySegment.map(([segment]) => segment),
        versions: versions.map(({ version, firstAtMs }) => ({
          version,
          firstAt: new Date(firstAtMs).toISOString(),
        })),
      };
    },
    "content.send": async ({ block: name, as, through, to, subject }) => {
      const asked = {
        block: name,
        as,
        atMs: null,
        draft: null,
        version: null,
        level: { kind: "asIs" },
      } as const;
      const block = await blockToPreview(asked, deps);
      if (block === null) return null;
      const deliverer = deps.deliveries.running.get(through);
      if (deliverer === undefined) throw new OperationFailed(`there is no destination ${through}`);
      const { html, text, data } = renderBlock(block, await recipientOf(asked, deps), clock.nowMs());
      const message = {
        subject: `[Test] ${subjectText(subject, data)}`,
        html,
        text,
        template: null,
        data: { ...data },
        topic: null,
        headers: {},
      };
      return testSend(deliverer, { to, message, id: `test/${deps.ids.uuid()}` });
    },
    "content.preflight": async ({ block: name, namespace, segment, ids }, outlet) => {
      const block = blockOf(shelf, name);
      if (block === null) return null;
      const done = await preflight(block, namespace, audienceOf(segment, ids), outlet, {
        profiles,
        head: () => changes.head(),
        clock,
        sleep: (durationMs) => Bun.sleep(durationMs),
      });
      switch (done.kind) {
        case "done":
          return done.report;
        case "noSegment":
          throw new OperationFailed(
            `there is no segment ${segment ?? ""}; ${done.known.length === 0 ? "freshet.yaml declares none" : `known: ${done.known.join(", ")}`}`,
          );
        case "rebuilding":
          throw new OperationFailed("profiles are not readable for the moment: they are rebuilt");
        case "aborted":
          throw new OperationFailed("it was ended before it was done");
      }
    },
    "content.preview": async (asked) => {
      const block = await blockToPreview(asked, deps);
      if (block === null) return null;
      const nowMs = asked.atMs ?? clock.nowMs();
      const recipient = recipientAt(asked.level, await recipientOf(asked, deps));
      const { rendered, marked, values } = await previewBlock(block, recipient, nowMs);
      const { html, text, servedFrom, reason } = rendered;
      const answer = JSON.parse(answerText(block, rendered, null)) as Readonly<Record<string, unknown>>;
      return { version: block.version, servedFrom, reason, html, text, marked, values, answer };
    },
  };
}

type PreviewAsked = OperationParams<"content.preview">;

/** A draft, a version that was sent, or the block that serves. Throws OperationFailed. */
async function blockToPreview(
  { block: name, draft, version }: PreviewAsked,
  { shelf, ops }: ContentOperationDeps,
): Promise<Block | null> {
  try {
    if (draft !== null) return (await shelf?.draft(name, draft)) ?? null;
    if (version === null) return blockOf(shelf, name);
    const text = await ops.ask("receipts", "blockText", name, version);
    if (text !== null) return await blockAsSent(text);
  } catch (error) {
    if (error instanceof BlockProblem) throw new OperationFailed(error.message);
    throw error;
  }
  const serving = blockOf(shelf, name);
  if (serving?.version === version) return serving;
  throw new OperationFailed(`version ${version} of ${name} was never sent, or is no longer kept`);
}

async function recipientOf({ as, atMs }: PreviewAsked, deps: ContentOperationDeps): Promise<Recipient> {
  if (as === null) return { kind: "shared" };
  const { namespace, type, value } = as;
  const found =
    atMs === null
      ? deps.profiles.find(namespace, type, value)
      : await deps.findAt(namespace, type, value, atMs);
  switch (found.kind) {
    case "found":
      return { kind: "profile", profile: found.profile };
    case "missing":
      return { kind: "unknown" };
    case "rebuilding":
      return { kind: "rebuilding" };
    case "beforeHistory":
      throw new OperationFailed("the journal begins later than that");
    case "tooMany":
      throw new OperationFailed("more events are tied to that profile than a read of the past goes through");
    case "busy":
      throw new OperationFailed("too many reads of the past are under way; try again in a moment");
  }
}

function blockLines(shelf: Shelf | null): readonly ContentBlockLine[] {
  if (shelf === null) return [];
  const { problems } = shelf;
  const serving = shelf.blocks.map(({ name, version, head }) => ({
    name,
    version,
    needs: head.needs.map((need) => need.name),
    problem: problems.get(name) ?? null,
  }));
  const broken = [...problems]
    .filter(([name]) => shelf.get(name) === null)
    .map(([name, problem]) => ({ name, version: null, needs: [], problem }));
  return [...serving, ...broken].sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** The block that is asked for; null: there is none. Throws OperationFailed for one that can't be used. */
function blockOf(shelf: Shelf | null, name: string): Block | null {
  if (shelf === null)
    throw new OperationFailed("no content is configured: content: { folder: ./content } in freshet.yaml");
  const problem = shelf.problems.get(name);
  if (problem !== undefined) throw new OperationFailed(`content block ${name} can't be used: ${problem}`);
  return shelf.get(name);
}

function audienceOf(segment: string | null, ids: readonly string[] | null): Audience {
  if (ids !== null) return { kind: "ids", ids };
  return segment === null ? { kind: "all" } : { kind: "segment", segment };
}
