/** The tail of receipts: follows the stream, keeps the newest rows, redraws a few times a second however fast they come. */
import { signal } from "@preact/signals";
import { address } from "../api/http";
import { follow } from "../api/stream";
import type { ServerEvent } from "../api/stream";
import type { LiveReceipt } from "../api/types";

/** Rows that are kept and shown. */
export const rowsKept = 200;

/** Time between two redraws. */
const redrawEvery = 250;

export interface LiveState {
  rows: LiveReceipt[]; // newest first
  connection: "connecting" | "open" | "lost";
  /** Why it is not open. */
  why: string;
  /** The last word about sampling: shown of so many, while there were so many a second. Undefined: all are shown. */
  sampled: { shown: number; of: number; per_second: number } | undefined;
  /** What an operator should know of the tail: a gap, lost batches, trouble with the database. */
  note: string;
  perSecond: number;
  /** Receipts that came while paused. */
  held: number;
}

const start: LiveState = { rows: [], connection: "connecting", why: "", sampled: undefined, note: "", perSecond: 0, held: 0 };

export interface LiveFilter {
  source: string;
  outcome: string;
  actor_id: string;
  run_id: string;
}

/** One tail. Pausing goes on receiving, so that nothing is missed up to the rows kept. */
export class Live {
  readonly state = signal<LiveState>(start);
  readonly paused = signal(false);
  private waiting: LiveReceipt[] = [];
  private heldRows = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private stop = new AbortController();
  private lastID = "";
  private meter = new Meter();
  private sampledUntil = 0;

  begin(filter: LiveFilter): void {
    this.end();
    this.stop = new AbortController();
    this.waiting = [];
    this.heldRows = 0;
    this.lastID = "";
    this.meter = new Meter();
    this.state.value = start;
    const url = (): string => address("/stream", { ...filter, last_event_id: this.lastID });
    const handlers = {
      onOpen: () => this.set({ connection: "open", why: "" }),
      onEvent: (e: ServerEvent) => this.take(e),
      onLost: (why: string) => this.set({ connection: "lost", why }),
    };
    follow(url, handlers, this.stop.signal).catch((cause: unknown) => {
      this.set({ connection: "lost", why: cause instanceof Error ? cause.message : String(cause) });
    });
    this.timer = setInterval(() => this.flush(), redrawEvery);
  }

  end(): void {
    this.stop.abort();
    clearInterval(this.timer);
  }

  clear(): void {
    this.waiting = [];
    this.heldRows = 0;
    this.set({ rows: [], held: 0, note: "" });
  }

  togglePause(): void {
    this.paused.value = !this.paused.value;
    this.flush();
  }

  private set(change: Partial<LiveState>): void {
    this.state.value = { ...this.state.value, ...change };
  }

  take(e: ServerEvent): void {
    if (e.id !== "") this.lastID = e.id;
    const data = JSON.parse(e.data === "" ? "{}" : e.data) as Record<string, unknown>;
    switch (e.event) {
      case "latest":
        this.set({ rows: (data["items"] as LiveReceipt[]).reverse() });
        break;
      case "receipts": {
        const items = data["items"] as LiveReceipt[];
        this.waiting.push(...items);
        this.heldRows += items.length;
        this.meter.add(items.length, Date.now());
        if (this.waiting.length > rowsKept) this.waiting = this.waiting.slice(-rowsKept);
        break;
      }
      case "sampled":
        this.sampledUntil = Date.now() + 3000;
        this.set({ sampled: data as unknown as NonNullable<LiveState["sampled"]> });
        break;
      case "gap":
        this.set({ rows: [], note: "The connection was away for too long to go on where it was: some receipts may be missing here. Runs has all of them." });
        break;
      case "dropped":
        this.set({ note: "This browser was too slow for a moment: some receipts were left out here." });
        break;
      case "trouble":
        this.set({ note: String(data["detail"] ?? "The gateway has trouble reading receipts.") });
        break;
      case "recovered":
        this.set({ note: "" });
        break;
    }
  }

  flush(): void {
    const now = Date.now();
    const sampled = now < this.sampledUntil ? this.state.value.sampled : undefined;
    const perSecond = sampled ? sampled.per_second : this.meter.rate(now);
    const changed = sampled !== this.state.value.sampled || perSecond !== this.state.value.perSecond;
    if (this.paused.value) {
      if (changed || this.heldRows !== this.state.value.held) this.set({ sampled, perSecond, held: this.heldRows });
      return;
    }
    if (this.waiting.length === 0) {
      if (changed || this.state.value.held !== 0) this.set({ sampled, perSecond, held: 0 });
      return;
    }
    const rows = merged(this.waiting.reverse(), this.state.value.rows);
    this.waiting = [];
    this.heldRows = 0;
    this.set({ rows, sampled, perSecond, held: 0 });
  }
}

/** New rows above old ones, each receipt once: the stream's first words may tell of one twice. */
function merged(fresh: LiveReceipt[], old: LiveReceipt[]): LiveReceipt[] {
  const known = new Set(fresh.map((r) => r.id));
  return [...fresh, ...old.filter((r) => !known.has(r.id))].slice(0, rowsKept);
}

/** Mean rate over the last seconds. */
class Meter {
  private marks: { at: number; n: number }[] = [];

  add(n: number, at: number): void {
    this.marks.push({ at, n });
  }

  rate(now: number): number {
    this.marks = this.marks.filter((m) => now - m.at < 5000);
    const sum = this.marks.reduce((total, m) => total + m.n, 0);
    return Math.round((sum / 5) * 10) / 10;
  }
}
