/** A run's life as one list in order of time. Pure. */
import type { Attempt, Delivery, EventRow, Receipt, Timeline } from "../api/types";

export type Entry =
  | { kind: "event"; at: number; id: string; event: EventRow; receipt: Receipt | undefined; generation: number }
  | { kind: "repeat"; at: number; id: string; receipt: Receipt; event: EventRow | undefined }
  | { kind: "receipt"; at: number; id: string; receipt: Receipt }
  | { kind: "delivery"; at: number; id: string; delivery: Delivery }
  | { kind: "attempt"; at: number; id: string; delivery: Delivery; attempt: Attempt };

const order: Record<Entry["kind"], number> = { event: 0, receipt: 1, delivery: 2, attempt: 3, repeat: 4 };

export function entries(t: Timeline, deliveries: Delivery[] = [], attempts: Map<string, Attempt[]> = new Map()): Entry[] {
  const events = new Map(t.events.map((e) => [e.id, e]));
  const firsts = new Map(t.receipts.map((r) => [r.id, r]));
  const lives = generations(t.events);
  const all: Entry[] = t.events.map((event) => ({
    kind: "event",
    at: Date.parse(event.received_at),
    id: event.id,
    event,
    receipt: firsts.get(event.first_receipt_id),
    generation: lives.get(event.id) ?? 0,
  }));
  const told = new Set(t.events.map((e) => e.first_receipt_id));
  for (const receipt of t.receipts) {
    if (told.has(receipt.id)) continue;
    const at = Date.parse(receipt.received_at);
    if (receipt.outcome === "duplicate") {
      const event = receipt.event_id ? events.get(receipt.event_id) : undefined;
      // A twin may have come a moment before the one that was first: it stands behind its event all the same.
      all.push({ kind: "repeat", at: Math.max(at, event ? Date.parse(event.received_at) : at), id: receipt.id, receipt, event });
    } else all.push({ kind: "receipt", at, id: receipt.id, receipt });
  }
  for (const delivery of deliveries) {
    const tries = attempts.get(delivery.id) ?? [];
    if (tries.length === 0) all.push({ kind: "delivery", at: Date.parse(delivery.created_at), id: delivery.id, delivery });
    for (const attempt of tries) {
      all.push({ kind: "attempt", at: Date.parse(attempt.started_at), id: `${delivery.id}#${attempt.number}`, delivery, attempt });
    }
  }
  return all.sort((a, b) => a.at - b.at || order[a.kind] - order[b.kind] || (a.id < b.id ? -1 : 1));
}

/**
 * The life of the run that each event belongs to, counted from 0: a resurrection begins a new one. Told by generation and
 * not by order of arrival, which may be any.
 */
export function generations(events: EventRow[]): Map<string, number> {
  const ends = events.filter((e) => isEnd(e.type)).sort((a, b) => when(a) - when(b));
  const out = new Map<string, number>();
  const lives = [...new Set(ends.map((e) => e.generation ?? ""))];
  for (const e of events) {
    if (isEnd(e.type)) out.set(e.id, lives.indexOf(e.generation ?? ""));
    else if (e.type.endsWith(".RESURRECTED")) out.set(e.id, Math.max(1, Number(e.generation) || 1));
    else out.set(e.id, 0);
  }
  return out;
}

function isEnd(type: string): boolean {
  return /\.(SUCCEEDED|FAILED|ABORTED|TIMED_OUT)$/.test(type);
}

function when(e: EventRow): number {
  return Date.parse(e.occurred_at ?? e.received_at);
}
