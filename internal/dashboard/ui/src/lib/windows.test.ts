import { describe, expect, it } from "vitest";
import type { TTL } from "../api/types";
import { caught, configDuration, estimate, longest, placeOf, shortest, steps, windowAt } from "./windows";
import { parseGoDuration } from "./time";

const hour = 3_600_000;

describe("the slider", () => {
  it("reaches both ends and never goes back", () => {
    expect(windowAt(0)).toBe(shortest);
    expect(windowAt(steps)).toBe(longest);
    for (let i = 1; i <= steps; i++) expect(windowAt(i)).toBeGreaterThanOrEqual(windowAt(i - 1));
  });
  it("stands where its window is", () => {
    for (const ms of [1000, 60_000, 36 * hour, 72 * hour, longest]) {
      expect(Math.abs(windowAt(placeOf(ms)) / ms - 1)).toBeLessThan(0.03);
    }
    expect(placeOf(1)).toBe(0);
    expect(placeOf(longest * 10)).toBe(steps);
  });
});

describe("the configuration's durations", () => {
  it.each([
    [90_000, "1m30s"],
    [36 * hour, "36h"],
    [72 * hour, "3d"],
    [12 * hour, "12h"],
    [5.25 * 24 * hour, "5d6h"],
  ])("%d ms is %s", (ms, want) => {
    expect(configDuration(ms)).toBe(want);
    expect(parseGoDuration(want)).toBe(ms);
  });
  it("can be read back at every place of the slider", () => {
    for (let i = 0; i <= steps; i++) expect(parseGoDuration(configDuration(windowAt(i)))).toBe(windowAt(i));
  });
});

describe("the curve", () => {
  const curve = { windows_ms: [1000, 2000, 4000], caught: [0.1, 0.5, 1] };
  it.each([
    [999, 0],
    [1000, 0.1],
    [1999, 0.1],
    [2000, 0.5],
    [9e9, 1],
  ])("a window of %d ms catches at least %d", (ms, want) => expect(caught(curve, ms)).toBe(want));
  it("without repeats catches nothing", () => expect(caught({ windows_ms: [], caught: [] }, 1000)).toBe(0));
});

describe("the estimate", () => {
  const ttl = {
    since: "2026-11-01T00:00:00Z",
    until: "2026-11-11T00:00:00Z",
    repeats: 1000,
    curve: { windows_ms: [1000, hour, 24 * hour], caught: [0, 0.5, 0.9] },
    now: { caught: 0.9, database_hits_per_day: 10 },
    cost: { bytes_per_key: 200, events_per_second: 2 },
  } as unknown as TTL;
  it("scales what the present window lets through", () => {
    expect(estimate(ttl, hour).databaseHitsPerDay).toBeCloseTo(50);
    expect(estimate(ttl, 24 * hour)).toMatchObject({ caught: 0.9, redisBytes: 200 * 2 * 86_400 });
  });
  it("starts from all repeats when the present window lets none through", () => {
    const perfect = { ...ttl, now: { ...ttl.now, caught: 1, database_hits_per_day: 0 } };
    expect(estimate(perfect, hour).databaseHitsPerDay).toBeCloseTo(50);
  });
});
