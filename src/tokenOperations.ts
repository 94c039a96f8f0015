/** The operations that make credentials for URLs, and that change the keys which access tokens are signed with. */
import { OperationFailed, type OperationParams, type Operations, type Outlet } from "./admin/operation.ts";
import type { Credentials } from "./credentialsWiring.ts";
import {
  mintContentToken,
  signLink,
  type SigningSecret,
  type TokenHolder,
} from "./esp/credentials/contentTokens.ts";
import type { Clock } from "./lib/clock.ts";
import type { Namespace } from "./model/event.ts";
import type { StoredProfile } from "./store/profiles.ts";
import type { Store } from "./store/storeApi.ts";

export interface TokenOperationsDeps {
  readonly credentials: Credentials;
  readonly store: Store;
  /** Ids of the secret keys in force. */
  readonly keyIds: () => readonly string[];
  /** Where callers reach this server. */
  readonly publicUrl: () => string;
  readonly clock: Clock;
}

const pageProfiles = 500;

export function tokenOperations(deps: TokenOperationsDeps): Operations {
  return {
    "content.token": (params) => Promise.resolve(oneToken(params, deps)),
    "content.link": (params) => Promise.resolve(oneLink(params, deps)),
    "content.tokens": (params, outlet) => manyTokens(params, outlet, deps),
    "keys.rotateSigning": async ({ dropsOthers }) => ({
      kid: await deps.credentials.signingKeys.rotate(dropsOthers),
    }),
  };
}

function oneToken(params: OperationParams<"content.token">, deps: TokenOperationsDeps) {
  const { namespace, as, blocks } = params;
  const secret = secretFor(
    params.keyId,
    { namespace, blocks, idType: as === null ? null : "profile_id" },
    deps,
  );
  const holder: TokenHolder = as === null ? { kind: "everybody" } : holderOf(find(namespace, as, deps), deps);
  const token = mintContentToken(secret, holder, blocks);
  const [block = ""] = blocks;
  return { token, url: `${contentUrl(block, deps)}?token=${token}`, keyId: secret.info.id };
}

function oneLink(params: OperationParams<"content.link">, deps: TokenOperationsDeps) {
  const { namespace, id, block, expiresInMs } = params;
  const idType = id === null ? null : id.slice(0, id.indexOf(":"));
  const secret = secretFor(params.keyId, { namespace, blocks: [block], idType }, deps);
  const expiresAtSeconds = Math.ceil((deps.clock.nowMs() + expiresInMs) / 1_000);
  const query = signLink(secret, { block, id, expiresAtSeconds });
  return { url: `${contentUrl(block, deps)}?${query.toString()}`, keyId: secret.info.id };
}

/** A token for every profile that has an identifier of the type, in the order in which they came. */
async function manyTokens(
  params: OperationParams<"content.tokens">,
  outlet: Outlet,
  deps: TokenOperationsDeps,
): Promise<{ readonly count: number; readonly keyId: string }> {
  const { namespace, idType, blocks } = params;
  const { profiles } = deps.store;
  if (!profiles.definitions.identity.idTypes.has(idType))
    throw new OperationFailed(`there are no identifiers of the type ${idType}`);
  const secret = secretFor(params.keyId, { namespace, blocks, idType: "profile_id" }, deps);
  let count = 0;
  let after: number | null = 0;
  while (after !== null && !outlet.signal.aborted) {
    const page = profiles.page(namespace, after, pageProfiles);
    if (page.kind === "rebuilding") throw rebuilding();
    for (const profile of page.profiles) {
      const values = profile.identifiers.filter(({ type }) => type === idType);
      if (values.length === 0) continue;
      const token = mintContentToken(secret, holderOf(profile, deps), blocks);
      for (const { value } of values) await outlet.item({ id: value, token });
      count += 1;
    }
    after = page.nextPid;
  }
  return { count, keyId: secret.info.id };
}

function holderOf({ pid }: StoredProfile, { credentials }: TokenOperationsDeps): TokenHolder {
  return { kind: "profile", pid, epoch: credentials.epoch };
}

function find(
  namespace: Namespace,
  { type, value }: { readonly type: string; readonly value: string },
  { store }: TokenOperationsDeps,
): StoredProfile {
  const found = store.profiles.find(namespace, type, value);
  if (found.kind === "found") return found.profile;
  throw new OperationFailed(
    found.kind === "missing"
      ? "no profile has that identifier"
      : "profiles are being rebuilt; try again later",
  );
}

function rebuilding(): OperationFailed {
  return new OperationFailed("profiles are being rebuilt; try again later");
}

/** What is signed. */
interface Signed {
  readonly namespace: Namespace;
  readonly blocks: readonly string[];
  /** By what its recipient is looked up; null: it is for everybody. */
  readonly idType: string | null;
}

/** The key that signs: the named one, or the only one that can. Its end is the end of what it signed. */
function secretFor(
  keyId: string | null,
  { namespace, blocks, idType }: Signed,
  { credentials, keyIds }: TokenOperationsDeps,
): SigningSecret {
  const isFit = ({ info }: SigningSecret) =>
    info.namespace === namespace &&
    info.scopes.includes("content") &&
    (info.idTypes === null || idType === null || info.idTypes.includes(idType)) &&
    (info.blocks === null || blocks.every((block) => info.blocks?.includes(block)));
  if (keyId !== null) {
    const named = credentials.findById(keyId);
    if (named === null) throw new OperationFailed(`no secret key in force has the id ${keyId}`);
    if (!isFit(named))
      throw new OperationFailed(
        `${keyId} can't open that: see its scopes, data, blocks and types of identifiers in freshet keys list`,
      );
    return named;
  }
  const fit = keyIds()
    .map((id) => credentials.findById(id))
    .filter((secret) => secret !== null)
    .filter(isFit);
  const [first, ...more] = fit;
  if (first === undefined)
    throw new OperationFailed(
      "no secret key can open that; make one: freshet keys create --kind secret --scopes content",
    );
  if (more.length > 0)
    throw new OperationFailed(
      `several keys can open that: name one with --key (${fit.map(({ info }) => info.id).join(", ")})`,
    );
  return first;
}

function contentUrl(block: string, { publicUrl }: TokenOperationsDeps): string {
  return new URL(`/v1/content/${block}`, publicUrl()).href;
}
