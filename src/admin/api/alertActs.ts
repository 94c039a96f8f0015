/** Alerts on ingest: what is raised, what was, and whether the webhook works. */
import type { AlertsAnswer, AlertTestAnswer } from "./adminWire.ts";
import { alertView } from "../alerts/alertSender.ts";
import type { Alerts } from "../alerts/alerts.ts";
import type { AdminDeps, Asked } from "./adminContext.ts";
import { audited } from "./audited.ts";

/** Raised ones first, then those cleared since the start, the newest first. */
export function alertsView(alerts: Alerts): AlertsAnswer {
  return { alerts: [...alerts.current(), ...alerts.history()].map(alertView), nextCursor: null };
}

/** Sends a test message to the webhook and tells what came of it. */
export function testAlerts({ visitor }: Asked, deps: AdminDeps): Promise<AlertTestAnswer> {
  return audited({ action: "alerts.test", target: null }, visitor, deps, () => deps.alerts.test());
}
