import { describe, expect, it } from "vitest";
import { atLeast, bytes, count, eventType, percent, plural, rate, short, shortID, visible } from "./format";

describe("figures", () => {
  it.each([
    [0, "0"],
    [0.04, "0.0"],
    [7, "7"],
    [999, "999"],
    [1000, "1k"],
    [12_345, "12.3k"],
    [999_960, "1M"],
    [1_234_567, "1.23M"],
  ])("%d is short as %s", (n, want) => expect(short(n)).toBe(want));

  it.each([
    [0, 0, "–"],
    [0, 10, "0 %"],
    [10, 10, "100 %"],
    [1, 1_000_000, "< 0.01 %"],
    [999_999, 1_000_000, "> 99.99 %"],
    [795, 1200, "66.3 %"],
    [9987, 10_000, "99.87 %"],
  ])("%d of %d is %s", (part, whole, want) => expect(percent(part, whole)).toBe(want));

  it.each([
    [0, "0 %"],
    [1, "100 %"],
    [0.99999, "99.9 %"],
    [0.9779, "97.7 %"],
    [0.001, "0.1 %"],
    [0.0001, "0.0 %"],
  ])("at least %d is %s", (share, want) => expect(atLeast(share)).toBe(want));

  it.each([
    [-1, "unknown"],
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [10 * 2 ** 20, "10 MiB"],
  ])("%d bytes are %s", (n, want) => expect(bytes(n)).toBe(want));

  it.each([
    [0, "none"],
    [2.7, "2.7 a second"],
    [0.5, "30 a minute"],
    [0.004, "14 an hour"],
    [1e-5, "0.9 a day"],
  ])("%d a second is %s", (n, want) => expect(rate(n)).toBe(want));

  it("are grouped and counted", () => {
    expect(count(1_234_567)).toBe("1,234,567");
    expect(plural(1, "delivery", "deliveries")).toBe("1 delivery");
    expect(plural(2, "delivery", "deliveries")).toBe("2 deliveries");
  });
});

describe("names", () => {
  it("hide nothing", () => expect(eventType("ACTOR.RUN.\u202eDEDEECCUS")).toBe("RUN.\\u202eDEDEECCUS"));
  it("show what can't be seen", () => expect(visible("a\u0000b\u200bc\n")).toBe("a\\u0000b\\u200bc\n"));
  it("are cut in the middle", () => expect(shortID("019a8c2e-7b1d-7101-9f3e-4c5b6a7d8e11")).toBe("019a…7d8e11"));
  it("lose what all of them have", () => {
    expect(eventType("ACTOR.RUN.SUCCEEDED")).toBe("RUN.SUCCEEDED");
    expect(eventType(undefined)).toBe("no type");
  });
});
