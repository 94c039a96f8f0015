/** `freshet doctor`: looks at a content URL as an ESP would. */
import type { Command } from "commander";
import { examineAll, type RuleReport } from "../esp/doctor/doctor.ts";
import type { Patient } from "../esp/doctor/probe.ts";
import { vendorOf, vendors } from "../esp/vendors/vendors.ts";
import { guardedCall } from "../esp/guardedCall.ts";
import { systemClock } from "../lib/clock.ts";
import { systemIds } from "../lib/id.ts";
import { parseIdentifier } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";

interface Flags {
  readonly url: string;
  readonly id?: string;
  readonly keyFrom: string;
  readonly json: boolean;
}

/** More than any ESP takes. */
const maxAnswerBytes = 8 * 1024 * 1024;
const marks: Readonly<Record<RuleReport["outcome"], string>> = {
  pass: "pass",
  fail: "FAIL",
  skipped: "skip",
};

export function addDoctor(program: Command, context: CliContext): void {
  program
    .command("doctor")
    .description("call a content URL as an ESP would, and tell which of its rules it keeps")
    .argument("<esp>", vendors.map(({ id }) => id).join(", "))
    .requiredOption("--url <url>", "the block's address, as it stands in the ESP")
    .option("--id <identifier>", "a recipient, such as user_id:42, for a URL that takes ?id=")
    .option(
      "--key-from <variable>",
      "environment variable that holds the secret key or token for the header",
      "FRESHET_SECRET_KEY",
    )
    .option("--json", "print JSON", false)
    .action(async (esp: string, flags: Flags) => {
      const patient = patientOf(esp, flags, context);
      const reports = await examineAll(
        patient,
        {
          call: (url, init) =>
            guardedCall(url, { ...init, maxBytes: maxAnswerBytes }, { allowsPrivate: true }),
          nowMs: () => systemClock.monotonicMs(),
          mark: Buffer.from(systemIds.randomBytes(6)).toString("hex"),
        },
        (report) => {
          if (!flags.json) context.tell(lineOf(report));
        },
      );
      await context.print(
        flags.json ? `${JSON.stringify({ esp, rules: reports })}\n` : totalOf(patient, reports),
      );
      if (reports.some(({ outcome }) => outcome === "fail")) throw new Exit(exitCodes.failed);
    });
}

function patientOf(esp: string, { url, id, keyFrom }: Flags, context: CliContext): Patient {
  const vendor = vendorOf(esp);
  if (vendor === null)
    throw new UsageError(`there is no ESP ${esp}; there are ${vendors.map((known) => known.id).join(", ")}`);
  const target = URL.canParse(url) ? new URL(url) : null;
  if (target === null || (target.protocol !== "https:" && target.protocol !== "http:"))
    throw new UsageError(
      "--url: expected an address such as https://events.shop.example/v1/content/cart-reminder",
    );
  if (id !== undefined) parseIdentifier(id, false);
  const carries = target.searchParams.has("token") || target.searchParams.has("signature");
  const credential = context.environment[keyFrom] ?? null;
  return {
    vendor,
    url: target,
    id: id ?? null,
    credential: vendor.sendsHeader && !carries ? credential : null,
  };
}

function lineOf({ outcome, rule, why, says, source }: RuleReport): string {
  return `${marks[outcome]}  ${rule.padEnd(18)} ${why}\n      ${says}\n      ${fromWords(source)}`;
}

function fromWords(source: RuleReport["source"]): string {
  if (source === null) return "not confirmed by a page of the vendor";
  return source.url.startsWith("docs/") ? `ours: ${source.url}` : `${source.url} (read ${source.read})`;
}

function totalOf({ vendor }: Patient, reports: readonly RuleReport[]): string {
  const count = (outcome: RuleReport["outcome"]) => reports.filter((one) => one.outcome === outcome).length;
  return `${vendor.name}: ${count("pass")} pass, ${count("fail")} fail, ${count("skipped")} skipped\n`;
}
