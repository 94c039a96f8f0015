/** The operations that tell what was sent. */
import type { Operations } from "./admin/operation.ts";
import { receiptView, renderedAgain, type ReceiptDeps } from "./esp/content/receiptRoutes.ts";
import { receiptId } from "./esp/content/receipts.ts";
import { firstIdAt } from "./store/ops/receiptTable.ts";

/** Receipts for who holds the data folder. */
export function receiptOperations({
  ops,
  profiles,
  findAt,
}: Pick<ReceiptDeps, "ops" | "profiles" | "findAt">): Operations {
  return {
    "receipts.list": async ({ namespace, for: who, block, fromMs, toMs, limit }) => {
      const found = who === null ? null : profiles.find(namespace, who.type, who.value);
      if (found !== null && found.kind !== "found") return null;
      const page = await ops.ask("receipts", "page", {
        namespace,
        profileId: found?.profile.profileId ?? null,
        block,
        beforeId: toMs === null ? null : firstIdAt(toMs),
        fromId: firstIdAt(fromMs),
        limit,
      });
      return page.receipts.map((row) => receiptView(row, null));
    },
    "receipts.show": async ({ receipt }) => {
      const id = receiptId(receipt);
      const row = id === null ? null : await ops.ask("receipts", "byId", id);
      if (row === null) return null;
      return { receipt: receiptView(row, null), again: await renderedAgain(row, null, { ops, findAt }) };
    },
  };
}
