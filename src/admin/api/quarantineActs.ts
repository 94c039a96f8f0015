/** The quarantine: counted, listed, opened, sent again. */
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import { numberOf } from "../../esp/query.ts";
import type { StoreAdmin } from "../../store/storeApi.ts";
import { notUnderstood, type AdminDeps, type Asked } from "./adminContext.ts";
import type { GroupsAnswer, PieceAnswer, PiecesAnswer, ReplayAnswer, ReplayResult } from "./adminWire.ts";
import { audited } from "./audited.ts";
import { beforeOf } from "./auditView.ts";
import { groupAnswer, pieceAnswer, pieceLine, pieceNumber, replayResult } from "./quarantineView.ts";

/** Pairs of code and source told at most. */
const maxGroups = 200;
/** Pieces that one request sends again; each is a commit of its own. */
const maxReplayed = 100;

const replayBody = z.union([
  z.strictObject({ ids: z.array(z.string().max(32)).min(1).max(maxReplayed) }),
  z.strictObject({
    code: z.string().max(64),
    source: z.string().max(256),
    cursor: z
      .string()
      .regex(/^\d{1,15}$/)
      .nullable()
      .optional(),
  }),
]);

export function quarantineGroups(admin: StoreAdmin): GroupsAnswer {
  return { groups: admin.quarantineGroups(maxGroups).map(groupAnswer), nextCursor: null };
}

export function quarantinePieces(query: URLSearchParams, admin: StoreAdmin): PiecesAnswer {
  const limit = numberOf(query, "limit", 50, 1, 1_000);
  const before = beforeOf(query);
  const code = query.get("code");
  const source = query.get("source");
  if ((code === null) !== (source === null)) throw notUnderstood("code and source go together.");
  const rows =
    code === null || source === null
      ? admin.quarantine(before, limit)
      : admin.quarantineWaiting(code, source, before, limit);
  const nextCursor = rows.length < limit ? null : String(rows.at(-1)?.id ?? 0);
  return { pieces: rows.map(pieceLine), nextCursor };
}

export function quarantinePiece(id: string, admin: StoreAdmin): PieceAnswer {
  const row = admin.quarantinePiece(pieceNumber(id));
  if (row === null)
    throw new Refusal("not_found", { detail: "There is no such piece in the quarantine any more." });
  return pieceAnswer(row);
}

/** Sends the named pieces, or the next ones of a group, through the door that they came to first. */
export async function replayPieces({ visitor, body }: Asked, deps: AdminDeps): Promise<ReplayAnswer> {
  const params = replayBody.safeParse(await body());
  if (!params.success)
    throw notUnderstood(`Send {"ids":[…]} with at most ${maxReplayed}, or {"code","source","cursor"}.`);
  const { admin } = deps.store;
  const asked = params.data;
  const ids =
    "ids" in asked
      ? asked.ids.map(pieceNumber)
      : admin
          .quarantineWaiting(
            asked.code,
            asked.source,
            asked.cursor ? Number(asked.cursor) : null,
            maxReplayed,
          )
          .map(({ id }) => id);
  const target = "ids" in asked ? asked.ids.slice(0, 3).join(", ") : `${asked.code} from ${asked.source}`;
  const results = await audited(
    { action: "quarantine.replay", target },
    visitor,
    deps,
    () => replayAll(ids, admin),
    (done) => ({ sent: done.length, accepted: done.filter(({ outcome }) => outcome === "accepted").length }),
  );
  const isThrough = "ids" in asked || ids.length < maxReplayed;
  return { results, nextCursor: isThrough ? null : String(ids.at(-1) ?? 0) };
}

async function replayAll(ids: readonly number[], admin: StoreAdmin): Promise<readonly ReplayResult[]> {
  const results: ReplayResult[] = [];
  // Oldest first, as they would have been taken.
  for (const id of ids.toSorted((left, right) => left - right))
    results.push(replayResult(id, await admin.replayQuarantine(id)));
  return results;
}
