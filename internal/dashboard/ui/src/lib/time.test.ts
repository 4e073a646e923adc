import { describe, expect, it } from "vitest";
import { ago, clockOf, coarse, duration, goDuration, local, parseGoDuration, utc } from "./time";

describe("a time of day", () => {
  const now = new Date(2026, 10, 23, 0, 5, 0).getTime();
  it("has no date today", () => expect(clockOf(new Date(2026, 10, 23, 0, 4, 9), now)).toBe("00:04:09"));
  it("has one when it was another day", () => expect(clockOf(new Date(2026, 10, 22, 23, 59, 59), now)).toBe("11-22 23:59:59"));
});

describe("durations", () => {
  it.each([
    [0, "0 ms"],
    [1.84, "1.8 ms"],
    [12, "12 ms"],
    [999, "999 ms"],
    [1500, "1.5 s"],
    [9999, "10 s"],
    [61_000, "1 min 1 s"],
    [3_600_000, "1 h"],
    [3_599_999, "1 h"],
    [36 * 3_600_000, "1 d 12 h"],
    [86_399_600, "1 d"],
    [400 * 86_400_000, "400 d"],
    [-1500, "−1.5 s"],
    [Number.NaN, "–"],
  ])("%d ms reads %s", (ms, want) => expect(duration(ms)).toBe(want));

  it.each(["1s", "90s", "15m", "1h30m", "72h", "36h"])("goes to Go and back: %s", (text) => {
    const ms = parseGoDuration(text);
    expect(ms).not.toBeNull();
    expect(parseGoDuration(goDuration(ms ?? 0))).toBe(ms);
  });

  it.each(["", "h", "12", "1x", "1h ago", "-1h", "1h!"])("refuses %j", (text) => expect(parseGoDuration(text)).toBeNull());
  it("knows days", () => expect(parseGoDuration("1d12h")).toBe(36 * 3_600_000));
});

describe("moments", () => {
  const at = new Date("2026-11-23T21:38:56.123Z");
  it("are local on the page and UTC on hover", () => {
    expect(utc(at)).toBe("2026-11-23 21:38:56.123 UTC");
    expect(Date.parse(local(at).replace(" ", "T"))).toBe(Date.parse("2026-11-23T21:38:56Z"));
  });
  it.each([
    [900, "now"],
    [61_000, "1 min ago"],
    [7_200_000, "2 h ago"],
    [-4000, "now"],
    [-90_000, "in 1 min"],
  ])("%d ms later are %s", (ms, want) => expect(ago(at, at.getTime() + ms)).toBe(want));
  it("have a coarsest unit", () => expect(coarse(26 * 3_600_000)).toBe("1 d"));
});
