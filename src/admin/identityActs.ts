/** Taking two people apart who were joined, and letting what joins them count again. */
import type { Identifier } from "../model/identifier.ts";
import { profileIds } from "../store/profileId.ts";
import type { Store } from "../store/storeApi.ts";
import { OperationFailed, type OperationParams, type UndoReport } from "./operation.ts";

/** Undoes, or lifts. One of the two is a user_id, the other a user_id or an anonymous_id. Throws OperationFailed. */
export async function undoIdentity(
  store: Pick<Store, "admin" | "journalId">,
  { namespace, a, b, lift }: OperationParams<"identity.undo">,
): Promise<UndoReport> {
  const [user, other] = a.type === "user_id" ? [a, b] : [b, a];
  if (user.type !== "user_id" || !isTied(other) || (other.type === "user_id" && other.value === user.value))
    throw new OperationFailed("expected two identifiers: a user_id, and another user_id or an anonymous_id");
  const pair = { namespace, user: user.value, other };
  const answer = lift ? await store.admin.liftUndo(pair) : await store.admin.undo(pair);
  if (answer.kind === "going") throw new OperationFailed("the undo did not come to its end");
  if (answer.kind !== "done") return answer;
  const ids = profileIds(store.journalId);
  const found = answer.profiles.map((pid) => (pid === null ? null : ids.encode(pid)));
  return { kind: "done", ties: answer.ties, profileIds: user === a ? found : found.toReversed() };
}

function isTied({ type }: Identifier): boolean {
  return type === "user_id" || type === "anonymous_id";
}
