import { describe, expect, it } from "vitest";
import { diff, hunks } from "./diff";

const apply = (before: string, after: string): void => {
  const lines = diff(before, after);
  expect(lines.filter((l) => l.sign !== "+").map((l) => l.text).join("\n")).toBe(before);
  expect(lines.filter((l) => l.sign !== "-").map((l) => l.text).join("\n")).toBe(after);
};

describe("a difference", () => {
  it("is both texts, whatever they are", () => {
    const letters = "abcab\nc";
    let seed = 7;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647);
    for (let i = 0; i < 300; i++) {
      const text = (): string => Array.from({ length: random() % 30 }, () => letters[random() % letters.length]).join("\n");
      apply(text(), text());
    }
  });
  it("is short", () => {
    const lines = diff("a\nb\nc\nd", "a\nc\nx\nd");
    expect(lines.map((l) => l.sign + l.text)).toEqual([" a", "-b", " c", "+x", " d"]);
  });
  it("of texts that share nothing ends in time", () => {
    const a = Array.from({ length: 5000 }, (_, i) => `a${i}`).join("\n");
    const b = Array.from({ length: 5000 }, (_, i) => `b${i}`).join("\n");
    const start = performance.now();
    apply(a, b);
    expect(performance.now() - start).toBeLessThan(3000);
  });
  it("shows only what is near a change", () => {
    const before = Array.from({ length: 40 }, (_, i) => String(i)).join("\n");
    const shown = hunks(diff(before, before.replace("20", "twenty")));
    expect(shown[0]).toBeNull();
    expect(shown.length).toBe(1 + 3 + 2 + 3 + 1);
  });
});
