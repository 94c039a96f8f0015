/**
 * Named places where a test may kill the process, to prove that a crash between any two steps loses nothing.
 * Off unless the hidden setting names a point: `name` or `name:N` for its Nth visit.
 */

/** Every point there is, in the order of the steps; the tests take each of them from here. */
export const crashPoints = [
  "beforeJournalCommit",
  "afterJournalCommit",
  "beforeProfilesCommit",
  "afterProfilesCommit",
  "beforeAnswer",
  "afterCatchUpCommit",
  "beforeActCommit",
  "afterActCommit",
  "beforeTimeCommit",
  "afterTimeCommit",
  "beforeProfilesAdopted",
  "afterProfilesAdopted",
  "afterProfilesCopied",
] as const;

/** Further points, which are met only when the rules change at work. */
export const rulesCrashPoints = ["beforeRulesTaken", "afterRulesTaken", "afterRulesTold"] as const;

/** Further points, which are met only where there are destinations. */
export const deliveryCrashPoints = [
  "afterDeliveryQueued",
  "beforeDeliverySent",
  "afterDeliverySent",
  "afterDeliverySettled",
] as const;

export type CrashPointName =
  (typeof crashPoints)[number] | (typeof rulesCrashPoints)[number] | (typeof deliveryCrashPoints)[number];

export type CrashPoint = (name: CrashPointName) => void;

/** A crash point that does nothing; what production runs. */
export const noCrash: CrashPoint = () => {};

/** Kills this process (SIGKILL, nothing is flushed) at the Nth visit of the named point. Throws on a name that is none. */
export function crashAt(setting: string): CrashPoint {
  const [wanted, count] = setting.split(":");
  const known: readonly string[] = [...crashPoints, ...rulesCrashPoints, ...deliveryCrashPoints];
  if (wanted === undefined || !known.includes(wanted)) throw new Error(`there is no crash point "${wanted}"`);
  let left = Number(count ?? 1);
  return (name) => {
    if (name !== wanted) return;
    left -= 1;
    if (left <= 0) process.kill(process.pid, "SIGKILL");
  };
}
