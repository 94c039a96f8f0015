/** A destination as freshet.yaml sets it up, checked: what all types have, and what its type adds. Plain data. */
import type { Namespace } from "../event.ts";
import type { FieldMapping } from "./fieldMapping.ts";

export interface DestinationSetting {
  readonly name: string;
  readonly type: string;
  /** Whose profiles it gets; `live` ones reach people. */
  readonly namespace: Namespace;
  /** Null: every trait, under its own name. */
  readonly map: readonly FieldMapping[] | null;
  /** Segments whose members it is told of. */
  readonly audiences: readonly string[];
  /** Names of track events that are forwarded; null: all of them. */
  readonly events: readonly string[] | null;
  /** Whether it is told who must not be written to. */
  readonly suppressions: boolean;
  /** Whether its addresses may lead into private networks. */
  readonly privateNetwork: boolean;
  /** Lower limits than the documented ones; null: those. */
  readonly limits: {
    readonly requestsPerSecond: number | null;
    readonly connections: number | null;
    readonly batchRows: number | null;
    readonly timeoutMs: number | null;
  };
  /** What its type's own schema made of the rest. */
  readonly own: unknown;
}
