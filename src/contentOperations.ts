/** The operation that shows a content block as it would be sent. */
import { OperationFailed, type Operations } from "./admin/operation.ts";
import { view } from "./esp/content/contentRoutes.ts";
import { renderBlock, type Recipient } from "./esp/content/renderBlock.ts";
import type { Block } from "./esp/content/block.ts";
import { preflight, type Audience } from "./esp/content/preflight.ts";
import type { Shelf } from "./esp/content/shelf.ts";
import type { Clock } from "./lib/clock.ts";
import type { Store } from "./store/storeApi.ts";

/** `shelf`: null where no content is configured. */
export function contentOperations(
  shelf: Shelf | null,
  { profiles, changes }: Pick<Store, "profiles" | "changes">,
  clock: Clock,
): Operations {
  return {
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
    "content.preview": ({ block: name, as }) => {
      const block = blockOf(shelf, name);
      if (block === null) return Promise.resolve(null);
      const rendered = renderBlock(block, recipientOf(as), clock.nowMs());
      const { html, text, servedFrom, reason } = rendered;
      const answer = view(block, rendered, null);
      return Promise.resolve({ version: block.version, servedFrom, reason, html, text, answer });
    },
  };

  function recipientOf(as: { namespace: "live" | "test"; type: string; value: string } | null): Recipient {
    if (as === null) return { kind: "shared" };
    const found = profiles.find(as.namespace, as.type, as.value);
    if (found.kind === "found") return { kind: "profile", profile: found.profile };
    return { kind: found.kind === "missing" ? "unknown" : "rebuilding" };
  }
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
