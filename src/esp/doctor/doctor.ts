/** Looks at a URL as an ESP would, rule by rule. */
import type { Source } from "../vendors/vendor.ts";
import { examine, type Finding } from "./checks.ts";
import { probe, type Patient, type ProbeDeps } from "./probe.ts";

/** What became of one rule. */
export interface RuleReport {
  readonly rule: string;
  readonly outcome: Finding["kind"];
  readonly why: string;
  /** The rule, in our words. */
  readonly says: string;
  /** Null: not confirmed by a page of the vendor. */
  readonly source: Source | null;
}

/** Examines every rule of the ESP, one after the other. */
export async function examineAll(
  patient: Patient,
  deps: ProbeDeps,
  onReport: (report: RuleReport) => void = () => {},
): Promise<readonly RuleReport[]> {
  const first = await probe(patient, deps);
  const exam = { patient, first, deps, isLoopback: isLoopbackName(patient.url.hostname) };
  const reports: RuleReport[] = [];
  for (const { id, says, source, check } of patient.vendor.rules) {
    const { kind, why } = await examine(check, exam);
    const report = { rule: id, outcome: kind, why, says, source };
    onReport(report);
    reports.push(report);
  }
  return reports;
}

function isLoopbackName(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}
