/** /metrics: the plain numbers that the program keeps, as Prometheus text. Nothing is done for it until it is read. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { latencyBoundsMs, type Latency, type Tally } from "../lib/metrics.ts";
import type { StoreStatus } from "../store/storeApi.ts";
import type { DestinationLook } from "../esp/deliver/deliveryWatch.ts";
import { addDestinations } from "./destinationMetrics.ts";
import { addWatch, type WatchSources } from "./watchMetrics.ts";

/** The numbers at the moment of a scrape. */
export interface MetricSources extends WatchSources {
  readonly version: string;
  readonly uptimeMs: number;
  readonly status: StoreStatus;
  readonly gauges: {
    /** Requests handed to the writer, by call and outcome. */
    readonly submissions: Tally;
    /** From receipt until on disk, readable, and handed to a feed reader. */
    readonly committed: Latency;
    readonly visible: Latency;
    readonly fed: Latency;
    readonly eventLoopLag: Latency;
  };
  readonly http: {
    readonly statuses: Readonly<Uint32Array>;
    readonly inFlight: { readonly requests: number; readonly bytes: number };
  };
  /** Open feed readers. */
  readonly streams: number;
  readonly openFiles: number;
  readonly destinations: readonly DestinationLook[];
  /** Receipts of content, as counted since the start. */
  readonly receipts: { readonly written: number; readonly waiting: number; readonly lost: number };
}

/** The text of one scrape. */
export async function renderMetrics(
  sources: MetricSources,
): Promise<{ readonly contentType: string; readonly text: string }> {
  const registry = new Registry();
  const { gauges } = sources;
  addProcess(registry, sources);
  addHttp(registry, sources);
  addJournal(registry, sources.status);
  addWriter(registry, sources.status);
  addWatch(registry, sources);
  addReceipts(registry, sources.receipts);
  const deliveries = addDestinations(registry, sources.destinations);
  registry.registerMetric(
    new ReadHistogram(
      "freshet_delivery_latency_seconds",
      "From an event until a destination acknowledged what it changed; without backfills.",
      "destination",
      deliveries,
    ),
  );
  const submissions = new Counter({
    name: "freshet_submissions_total",
    help: "Requests handed to the writer, by call and outcome.",
    labelNames: ["call", "outcome"],
    registers: [registry],
  });
  for (const [call, outcome, count] of gauges.submissions.entries())
    submissions.inc({ call, outcome }, count);
  registry.registerMetric(
    new ReadHistogram(
      "freshet_event_latency_seconds",
      "From receipt of a request until its events are committed (on disk), visible (readable) and fed (handed to a feed reader).",
      "stage",
      { committed: gauges.committed, visible: gauges.visible, fed: gauges.fed },
    ),
  );
  registry.registerMetric(
    new ReadHistogram("freshet_event_loop_lag_seconds", "How late the main thread's timers run.", "thread", {
      main: gauges.eventLoopLag,
    }),
  );
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function gauge(registry: Registry, name: string, help: string, value: number): void {
  new Gauge({ name, help, registers: [registry] }).set(value);
}

function counter(registry: Registry, name: string, help: string, value: number): void {
  new Counter({ name, help, registers: [registry] }).inc(value);
}

function addReceipts(registry: Registry, { written, waiting, lost }: MetricSources["receipts"]): void {
  counter(registry, "freshet_content_receipts_total", "Receipts of content that are on disk.", written);
  counter(registry, "freshet_content_receipts_lost_total", "Receipts of content that are lost.", lost);
  gauge(
    registry,
    "freshet_content_receipts_waiting",
    "Receipts of content on their way to the disk.",
    waiting,
  );
}

function addProcess(registry: Registry, sources: MetricSources): void {
  new Gauge({
    name: "freshet_build_info",
    help: "The running version.",
    labelNames: ["version"],
    registers: [registry],
  }).set({ version: sources.version }, 1);
  const { user, system } = process.cpuUsage();
  counter(registry, "process_cpu_seconds_total", "CPU time of all threads.", (user + system) / 1e6);
  gauge(registry, "process_resident_memory_bytes", "Resident memory.", process.memoryUsage.rss());
  gauge(registry, "process_uptime_seconds", "Time since the start.", sources.uptimeMs / 1_000);
  gauge(registry, "process_open_fds", "Open files and sockets.", sources.openFiles);
}

function addHttp(registry: Registry, { http, streams }: MetricSources): void {
  const responses = new Counter({
    name: "freshet_http_responses_total",
    help: "HTTP answers by status.",
    labelNames: ["status"],
    registers: [registry],
  });
  http.statuses.forEach((count, status) => {
    if (count > 0) responses.inc({ status: String(status) }, count);
  });
  gauge(
    registry,
    "freshet_http_in_flight_requests",
    "Requests without an answer yet.",
    http.inFlight.requests,
  );
  gauge(registry, "freshet_http_in_flight_bytes", "Large bodies without an answer yet.", http.inFlight.bytes);
  gauge(registry, "freshet_streams", "Open feed readers: SSE, WebSocket and waiting long polls.", streams);
}

function addJournal(registry: Registry, status: StoreStatus): void {
  gauge(registry, "freshet_ready", "1 while profiles follow the journal.", status.mode === "live" ? 1 : 0);
  gauge(
    registry,
    "freshet_rebuild_progress",
    "Share of a running rebuild; 1 when none runs.",
    status.progress ?? 1,
  );
  gauge(registry, "freshet_journal_head_seq", "Newest seq on disk.", status.head);
  gauge(registry, "freshet_visible_seq", "Newest seq whose effect can be read.", status.visible);
  gauge(
    registry,
    "freshet_journal_bytes",
    "Size of the journal and its write-ahead log.",
    status.journalBytes,
  );
  gauge(registry, "freshet_profiles_bytes", "Size of the profile cache (LMDB).", status.profilesBytes);
  gauge(
    registry,
    "freshet_writer_queue_requests",
    "Requests waiting for the writer.",
    status.inFlightRequests,
  );
  gauge(
    registry,
    "freshet_writer_queue_bytes",
    "Bytes of bodies waiting for the writer.",
    status.inFlightBytes,
  );
}

function addWriter(registry: Registry, { counts }: StoreStatus): void {
  if (counts === null) return;
  const events = new Counter({
    name: "freshet_events_total",
    help: "Events by what the writer made of them.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  events.inc({ outcome: "accepted" }, counts.accepted);
  events.inc({ outcome: "repeated" }, counts.repeated);
  events.inc({ outcome: "quarantined" }, counts.quarantined);
  events.inc({ outcome: "blocked" }, counts.blocked);
  events.inc({ outcome: "fold_failed" }, counts.foldFailed);
  const passedOver = new Counter({
    name: "freshet_identifiers_ignored_total",
    help: "Identifiers that don't count: their values name nobody (blocked), or the profile has too many (limit).",
    labelNames: ["reason"],
    registers: [registry],
  });
  passedOver.inc({ reason: "blocked" }, counts.ignoredIds);
  passedOver.inc({ reason: "limit" }, counts.overLimit);
  counter(registry, "freshet_writer_groups_total", "Transactions of the writer.", counts.groups);
  const seconds = new Counter({
    name: "freshet_writer_seconds_total",
    help: "Time the writer spent, by step.",
    labelNames: ["step"],
    registers: [registry],
  });
  seconds.inc({ step: "fold" }, counts.foldMs / 1_000);
  seconds.inc({ step: "commit" }, counts.commitMs / 1_000);
  seconds.inc({ step: "profiles" }, counts.profilesMs / 1_000);
}

interface HistogramLine {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** What Registry.metrics() asks a histogram for. */
interface HistogramText {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  readonly values: readonly HistogramLine[];
}

/** A histogram whose buckets were counted elsewhere. */
class ReadHistogram extends Histogram {
  readonly #text: HistogramText;

  constructor(name: string, help: string, label: string, series: Readonly<Record<string, Latency>>) {
    super({ name, help, labelNames: [label], buckets: [1], registers: [] });
    this.#text = {
      name,
      help,
      type: "histogram",
      values: Object.entries(series).flatMap(([value, latency]) =>
        readSeries(name, { [label]: value }, latency),
      ),
    };
  }

  getForPromString(): Promise<HistogramText> {
    return Promise.resolve(this.#text);
  }
}

function readSeries(name: string, labels: Record<string, string>, latency: Latency): HistogramLine[] {
  const { counts, total, sumMs } = latency.read();
  const values: HistogramLine[] = [];
  let below = 0;
  latencyBoundsMs.forEach((boundMs, index) => {
    below += counts[index] ?? 0;
    values.push({ metricName: `${name}_bucket`, labels: { le: boundMs / 1_000, ...labels }, value: below });
  });
  values.push({ metricName: `${name}_bucket`, labels: { le: "+Inf", ...labels }, value: total });
  values.push({ metricName: `${name}_sum`, labels, value: sumMs / 1_000 });
  values.push({ metricName: `${name}_count`, labels, value: total });
  return values;
}
