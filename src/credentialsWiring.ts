/** Everything that tells who asks for content. */
import type { ServeSettings } from "./config/settings.ts";
import { AccessTokens } from "./esp/credentials/accessTokens.ts";
import { BadTries } from "./esp/credentials/badTries.ts";
import type { SigningSecret } from "./esp/credentials/contentTokens.ts";
import { Issuers } from "./esp/credentials/issuers.ts";
import { keySetTimeoutMs, maxKeySetBytes } from "./esp/credentials/keySet.ts";
import { SigningKeys } from "./esp/credentials/signingKeys.ts";
import { guardedCall } from "./esp/guardedCall.ts";
import type { KeysInForce } from "./keysInForce.ts";
import type { Clock } from "./lib/clock.ts";
import type { Ids } from "./lib/id.ts";
import type { Log } from "./lib/log.ts";
import { folderPaths } from "./store/folder.ts";
import { JournalReader } from "./store/journalReader.ts";
import { profileIds } from "./store/profileId.ts";
import type { Store } from "./store/storeApi.ts";

export interface Credentials {
  readonly signingKeys: SigningKeys;
  readonly accessTokens: AccessTokens;
  readonly issuers: Issuers;
  readonly badTries: BadTries;
  readonly findById: (keyId: string) => SigningSecret | null;
  /** The profile that a number meant in an epoch of the journal; null if somebody else may have that number now. */
  readonly profileIdOf: (pid: number, epoch: number) => string | null;
  /** The journal's epoch now. */
  readonly epoch: number;
}

export interface CredentialsDeps {
  readonly store: Store;
  readonly keys: KeysInForce;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export function openCredentials(settings: ServeSettings, deps: CredentialsDeps): Credentials {
  const { store, keys, clock, ids, log } = deps;
  const paths = folderPaths(settings.dataFolder);
  const signingKeys = new SigningKeys({ path: paths.signingKeys, clock });
  const findById = keys.secretById;
  const named = profileIds(store.journalId);
  const restores = restoresOf(paths.journal);
  return {
    signingKeys,
    findById,
    accessTokens: new AccessTokens({
      keys: signingKeys,
      findById,
      issuer: `freshet:${store.journalId}`,
      clock,
      ids,
    }),
    issuers: new Issuers(settings.content?.issuers ?? [], {
      clock,
      fetchKeys: ({ keySetUrl, allowsPrivate }) =>
        guardedCall(
          keySetUrl,
          {
            timeoutMs: keySetTimeoutMs,
            maxBytes: maxKeySetBytes,
            headers: { Accept: "application/jwk-set+json, application/json" },
          },
          { allowsPrivate },
        ),
      onProblem: ({ name }, why) =>
        log.warn("the key set of an issuer can't be had: tokens with other keys are refused", {
          source: name,
          why,
        }),
    }),
    badTries: new BadTries(() => clock.monotonicMs()),
    profileIdOf: (pid, epoch) =>
      restores.every((restore) => restore.epoch <= epoch || pid <= restore.head) ? named.encode(pid) : null,
    epoch: store.changes.epoch,
  };
}

function restoresOf(journalPath: string): ReturnType<JournalReader["restores"]> {
  using journal = new JournalReader(journalPath);
  return journal.restores();
}
