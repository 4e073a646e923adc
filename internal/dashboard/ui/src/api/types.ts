/** What /api/v1 answers. The names are those of its description, /api/openapi.yaml. */

export type Outcome = "new" | "updated" | "late" | "duplicate" | "test" | "quarantined";
export const outcomes: Outcome[] = ["new", "updated", "late", "duplicate", "test", "quarantined"];
export type Reason =
  | "first_seen"
  | "window_hit"
  | "ledger_hit"
  | "race_lost"
  | "not_json"
  | "no_identity"
  | "too_large"
  | "rejected_by_database";
export const reasons: Reason[] = [
  "first_seen",
  "window_hit",
  "race_lost",
  "ledger_hit",
  "not_json",
  "no_identity",
  "too_large",
  "rejected_by_database",
];
export const runStatuses = ["CREATED", "RESURRECTED", "SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"];
export const deliveryStates = ["pending", "held", "delivering", "retrying", "delivered", "dead", "cancelled"];

export interface Page<T> {
  items: T[];
  next?: string;
}

export interface Run {
  source: string;
  kind: "run" | "build";
  run_id: string;
  status: string;
  actor_id?: string;
  task_id?: string;
  life: number;
  occurred_at?: string;
  first_seen_at: string;
  updated_at: string;
  events: number;
}

export interface EventRow {
  id: string;
  source: string;
  key: string;
  type: string;
  kind: string;
  run_id?: string;
  actor_id?: string;
  task_id?: string;
  generation?: string;
  dispatch_id?: string;
  seq: number;
  outcome: Outcome;
  hits: number;
  first_receipt_id: string;
  received_at: string;
  occurred_at?: string;
  content_type: string;
  headers?: Record<string, string | string[]>;
  body_bytes: number;
  body_purged: boolean;
  other_bodies: number;
  doubt?: "waiting" | "unverified";
}

export interface OtherBody {
  receipt_id: string;
  received_at: string;
  dispatch_id?: string;
  content_type: string;
  body_bytes: number;
}

export interface Receipt {
  id: string;
  received_at: string;
  source: string;
  outcome: Outcome;
  reason: Reason;
  repeat?: string;
  event_id?: string;
  quarantine_id?: string;
  type?: string;
  dispatch_id?: string;
  lag_ms?: number;
  degraded: boolean;
  remote_ip?: string;
  via: string;
}

export interface LiveReceipt extends Receipt {
  kind?: string;
  run_id?: string;
  actor_id?: string;
  task_id?: string;
}

export interface Timeline {
  run: Run;
  events: EventRow[];
  receipts: Receipt[];
  events_cut: boolean;
  receipts_cut: boolean;
}

export interface Quarantined {
  id: string;
  source: string;
  reason: Reason;
  message: string;
  first_seen_at: string;
  last_seen_at: string;
  hits: number;
  dispatch_id?: string;
  content_type: string;
  headers?: Record<string, string | string[]>;
  body_bytes: number;
  truncated: boolean;
  replayed_at?: string;
  replay_event_id?: string;
}

export interface StoreState {
  kind: string;
  up: boolean;
  since?: string;
  detail?: string;
  error?: string;
}

export interface Overview {
  since: string;
  until: string;
  step_seconds: number;
  receipts: number;
  let_through: number;
  duplicates: number;
  saved: number;
  outcomes: Partial<Record<Outcome, number>>;
  reasons: Partial<Record<Reason, number>>;
  repeats: { retry: number; twin: number; unknown: number };
  series: {
    times: number[];
    outcomes: Partial<Record<Outcome, number[]>>;
    reasons: Partial<Record<Reason, number[]>>;
  };
  latency: { answers: number; p50_ms: number; p99_ms: number; window_seconds: number; scope: string };
  redis: StoreState;
  database: StoreState;
  hits_waiting: number;
  unrecorded: number;
  forwarding: { waiting: number; held: number; dead: number; oldest_at?: string };
  advice: { kind: string; source: string; text: string }[];
}

export interface Top {
  by: string;
  until: string;
  repeats: number;
  at_least: boolean;
  counted_until?: string;
  items: { source: string; name: string; kind?: string; count: number; share: number }[];
}

export interface Setting {
  window: string;
  window_ms: number;
  lease: string;
  lease_ms: number;
  since?: string;
  own: boolean;
  key: string;
}

export interface TTLLine {
  source: string;
  type: string;
  repeats: number;
  setting: Setting;
  caught: number;
  suggested?: string;
  text: string;
  verdict: "unknown" | "right" | "change" | "too_early";
  watched_ms: number;
  watch_for_ms: number;
}

export interface Forecast {
  window: string;
  window_ms: number;
  caught: number;
  database_hits_per_day: number;
  redis_bytes: number;
  yaml: string;
  text: string;
}

export interface TTL extends TTLLine {
  since: string;
  until: string;
  in_flight: number;
  histogram: { from_ms: number; to_ms: number; count: number }[];
  curve: { windows_ms: number[]; caught: number[] };
  now: Forecast;
  chosen?: Forecast;
  cost: {
    bytes_per_key: number;
    bytes_measured: string;
    keys_measured: number;
    events_per_second: number;
    rate_estimated: boolean;
  };
  schedule: { retry: number; nominal_ms: number; earliest_ms: number; latest_ms: number }[];
  late_hits: Receipt[];
  notes: string[];
}

export interface Source {
  name: string;
  kind: string;
  webhook_url: string;
  headers_template?: string;
  identity: string[];
  tokens: number;
  last_seen_at?: string;
  receipts: number;
  duplicates: number;
  quarantined: number;
  configured: boolean;
  setting?: Setting;
  credentials?: { name: string; last_used_at: string | null }[];
}

export interface Storms {
  rate: string;
  items: { by: "run" | "dispatch" | "source"; source: string; name?: string; repeats: number; since: string }[];
}

export interface AuditEntry {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: string;
  reason: string;
  detail?: string;
}

export interface Status {
  version: string;
  started_at: string;
  uptime_seconds: number;
  now: string;
  embedded: boolean;
  stopping: boolean;
  public_url: string;
  redis: StoreState;
  database: StoreState;
  receipts: boolean;
}

export interface Connect {
  source: string;
  webhook_url: string;
}

export interface SampleSent {
  status: number;
  outcome: string;
  run_id: string;
  event_id: string;
  receipt_id: string;
}

export interface Delivery {
  id: string;
  event_id: string;
  destination: string;
  replay: number;
  source: string;
  kind: string;
  run_id?: string;
  event_type: string;
  seq: number;
  state: string;
  attempts: number;
  created_at: string;
  updated_at: string;
  next_attempt_at?: string;
  waits_for?: "configuration" | "resume" | "earlier" | "breaker";
  last_status?: number;
  last_error?: string;
}

export interface Attempt {
  number: number;
  started_at: string;
  took_ms: number;
  status?: number;
  error?: string;
  answer?: string;
}

export interface DeliveryHistory {
  delivery: Delivery;
  attempts: Attempt[];
  attempts_cut: boolean;
}

export interface Changed {
  dry_run: boolean;
  deliveries: number;
  held?: number;
  events?: number;
  purged?: number;
}

export interface StuckReport {
  runs: Run[];
  deliveries: Delivery[];
  orphaned: Delivery[];
  runs_cut: boolean;
  deliveries_cut: boolean;
  orphaned_cut: boolean;
}

export interface Destination {
  destination: string;
  pending: number;
  held: number;
  delivering: number;
  retrying: number;
  dead: number;
  oldest_at?: string;
  configured: boolean;
  url?: string;
  ordered: boolean;
  paused: boolean;
  breaker?: string;
  backlog_age_ms: number;
}
