import { beforeEach, describe, expect, it, vi } from "vitest";
import { Live, rowsKept } from "./live";

const batch = (from: number, n: number) => ({
  event: "receipts",
  id: String(from + n),
  data: JSON.stringify({ items: Array.from({ length: n }, (_, i) => ({ id: String(from + i) })) }),
});
const ids = (live: Live): string[] => live.state.value.rows.map((r) => r.id);

describe("the tail", () => {
  let live: Live;
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
    live = new Live();
  });

  it("shows the newest first", () => {
    live.take(batch(0, 3));
    live.flush();
    live.take(batch(3, 1));
    live.flush();
    expect(ids(live)).toEqual(["3", "2", "1", "0"]);
  });
  it("keeps no more rows than it shows, however many come", () => {
    for (let i = 0; i < 20; i++) live.take(batch(i * 500, 500));
    live.flush();
    expect(ids(live)).toHaveLength(rowsKept);
    expect(ids(live)[0]).toBe("9999");
  });
  it("stands still while it is paused, and counts", () => {
    live.take(batch(0, 2));
    live.flush();
    live.togglePause();
    live.take(batch(2, 600));
    live.flush();
    expect(ids(live)).toEqual(["1", "0"]);
    expect(live.state.value.held).toBe(600);
    live.togglePause();
    expect(live.state.value.held).toBe(0);
    expect(ids(live)[0]).toBe("601");
  });
  it("says that it samples, and stops saying so", () => {
    live.take({ event: "sampled", id: "", data: '{"shown":500,"of":1800,"per_second":3600}' });
    live.flush();
    expect(live.state.value).toMatchObject({ perSecond: 3600, sampled: { of: 1800 } });
    vi.setSystemTime(10_000);
    live.flush();
    expect(live.state.value.sampled).toBeUndefined();
  });
  it("begins with the latest, and shows none of them twice", () => {
    live.take({ ...batch(0, 3), event: "latest", id: "" });
    expect(ids(live)).toEqual(["2", "1", "0"]);
    live.take(batch(2, 2));
    live.flush();
    expect(ids(live)).toEqual(["3", "2", "1", "0"]);
  });
  it("starts anew after a gap", () => {
    live.take(batch(0, 2));
    live.flush();
    live.take({ event: "gap", id: "", data: "{}" });
    expect(ids(live)).toEqual([]);
    expect(live.state.value.note).not.toBe("");
  });
  it("tells trouble, and that it is over", () => {
    live.take({ event: "trouble", id: "", data: '{"detail":"the database is away"}' });
    expect(live.state.value.note).toBe("the database is away");
    live.take({ event: "recovered", id: "", data: "{}" });
    expect(live.state.value.note).toBe("");
  });
});
