/** Keys: listed, made, revoked. */
import { Refusal } from "../../errors.ts";
import { operationParams, type Outlet } from "../operation.ts";
import { notUnderstood, type AdminDeps, type Asked } from "./adminContext.ts";
import type { KeysAnswer, MadeKeyAnswer } from "./adminWire.ts";
import { audited } from "./audited.ts";

/** Nothing comes on the way of these operations, and nobody stops them. */
export function quietOutlet(): Outlet {
  return { item: () => Promise.resolve(), progress: () => {}, signal: new AbortController().signal };
}

export async function listKeys({ call }: AdminDeps): Promise<KeysAnswer> {
  return { keys: await call("keys.list", {}, quietOutlet()), nextCursor: null };
}

/** Makes a key. The answer is the only place where its text stands. */
export async function createKey({ visitor, body }: Asked, deps: AdminDeps): Promise<MadeKeyAnswer> {
  const params = operationParams["keys.create"].safeParse(await body());
  if (!params.success)
    throw notUnderstood(
      "A key needs kind, namespace, source, trust, scopes and readableTraits. One limited to blocks has the scope content alone, one limited to identifiers read and content at most.",
    );
  const { kind, source } = params.data;
  const act = { action: "key.create", target: `${kind} key of ${source}` };
  return audited(
    act,
    visitor,
    deps,
    () => deps.call("keys.create", params.data, quietOutlet()),
    ({ info }) => ({ keyId: info.id, scopes: info.scopes, namespace: info.namespace }),
  );
}

/** Revokes a key, but for the one that the visitor came with: nobody should lock himself out by a click. */
export async function revokeKey(
  { visitor, body }: Asked,
  deps: AdminDeps,
): Promise<{ readonly revoked: boolean }> {
  const params = operationParams["keys.revoke"].safeParse(await body());
  if (!params.success) throw notUnderstood('Send {"id":"key_…"}.');
  const { id } = params.data;
  if (id === visitor.actor)
    throw new Refusal("invalid_request", {
      detail: "You are signed in with this very key. Sign in with another one to revoke it.",
    });
  return audited({ action: "key.revoke", target: id }, visitor, deps, async () => ({
    revoked: await deps.call("keys.revoke", params.data, quietOutlet()),
  }));
}
