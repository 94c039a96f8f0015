/** The operation that shows a content block as it would be sent. */
import { OperationFailed, type Operations } from "./admin/operation.ts";
import { view } from "./esp/content/contentRoutes.ts";
import { renderBlock, type Recipient } from "./esp/content/renderBlock.ts";
import type { Shelf } from "./esp/content/shelf.ts";
import type { Clock } from "./lib/clock.ts";
import type { Store } from "./store/storeApi.ts";

/** `shelf`: null where no content is configured. */
export function contentOperations(shelf: Shelf | null, { profiles }: Store, clock: Clock): Operations {
  return {
    "content.preview": ({ block: name, as }) => {
      if (shelf === null)
        throw new OperationFailed("no content is configured: content: { folder: ./content } in freshet.yaml");
      const block = shelf.get(name);
      const problem = shelf.problems.get(name);
      if (problem !== undefined) throw new OperationFailed(`content block ${name} can't be used: ${problem}`);
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
