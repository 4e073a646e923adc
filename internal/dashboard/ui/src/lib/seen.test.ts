import { describe, expect, it } from "vitest";
import { seen } from "./seen";

const now = Date.parse("2026-09-14T08:00:00Z");
const ago = (hours: number): string => new Date(now - hours * 3_600_000).toISOString();

describe("the colour of a sender's silence", () => {
  it.each([
    ["just now", ago(0), true, "green"],
    ["by a clock that is ahead", ago(-0.1), true, "green"],
    ["some minutes ago", ago(0.9), true, "green"],
    ["some hours ago", ago(1), true, "grey"],
    ["yesterday, as a daily schedule", ago(25), true, "grey"],
    ["two days ago", ago(48), true, "amber"],
    ["last month", ago(24 * 30), true, "amber"],
    ["long ago, and no longer configured", ago(24 * 30), false, "grey"],
    ["never", undefined, true, "grey"],
    ["at no time", "soon", true, "grey"],
  ])("%s", (_when, at, configured, tone) => {
    expect(seen(at, configured, now).tone).toBe(tone);
    expect(seen(at, configured, now).hint).not.toBe("");
  });
});
