import { describe, expect, it } from "vitest";
import type { Delivery, EventRow, Receipt, Timeline } from "../api/types";
import { entries, generations } from "./timeline";

const event = (id: string, type: string, generation: string, minute: number): EventRow =>
  ({ id, type: `ACTOR.RUN.${type}`, generation, received_at: `2026-11-23T10:${String(minute).padStart(2, "0")}:00Z`, first_receipt_id: `r-${id}` }) as EventRow;
const receipt = (id: string, outcome: string, event_id: string, minute: number): Receipt =>
  ({ id, outcome, event_id, received_at: `2026-11-23T10:${String(minute).padStart(2, "0")}:00Z` }) as Receipt;

describe("lives", () => {
  it("are told by generation and not by order of arrival", () => {
    const list = [
      event("late", "SUCCEEDED", "2026-11-23T10:20:00Z", 30),
      event("first", "FAILED", "2026-11-23T10:05:00Z", 31),
      event("again", "RESURRECTED", "1", 32),
      event("made", "CREATED", "", 33),
    ].map((e) => ({ ...e, occurred_at: e.generation?.includes("T") ? e.generation : e.received_at }));
    const lives = generations(list);
    expect([lives.get("made"), lives.get("first"), lives.get("again"), lives.get("late")]).toEqual([0, 0, 1, 1]);
  });
});

describe("entries", () => {
  const timeline = {
    events: [event("a", "CREATED", "", 1), event("b", "SUCCEEDED", "x", 3)],
    receipts: [receipt("r-a", "new", "a", 1), receipt("r-b", "updated", "b", 3), receipt("d1", "duplicate", "b", 4), receipt("t", "test", "", 2)],
  } as unknown as Timeline;
  it("are in order of time, each receipt once", () => {
    expect(entries(timeline).map((e) => `${e.kind} ${e.id}`)).toEqual(["event a", "receipt t", "event b", "repeat d1"]);
  });
  it("show a repeat behind its event although it came a moment before it", () => {
    const hasty = { ...timeline, receipts: [...timeline.receipts, receipt("d0", "duplicate", "a", 0)] } as Timeline;
    expect(entries(hasty).map((e) => e.id)).toEqual(["a", "d0", "t", "b", "d1"]);
  });
  it("show attempts where there are any, else the delivery", () => {
    const d = (id: string): Delivery => ({ id, created_at: "2026-11-23T10:05:00Z" }) as Delivery;
    const attempts = new Map([["y", [{ number: 1, started_at: "2026-11-23T10:06:00Z", took_ms: 5 }]]]);
    expect(entries(timeline, [d("x"), d("y")], attempts).slice(-2).map((e) => `${e.kind} ${e.id}`)).toEqual(["delivery x", "attempt y#1"]);
  });
});
