import { describe, expect, it } from "vitest";
import { apiRange, label, rangeParams, readRange, shifted, span, widened } from "./range";

const now = Date.parse("2026-11-23T12:00:00Z");
const read = (query: string) => readRange(new URLSearchParams(query));

describe("a range in the URL", () => {
  it("is the last day when nothing is said", () => expect(read("")).toEqual({ kind: "last", word: "24h", ms: 86_400_000 }));
  it.each(["nonsense", "1x", "0s", "9999d", "-1h"])("falls back from %j", (word) => expect(read(`range=${word}`)).toMatchObject({ word: "24h" }));
  it("may be any length", () => expect(read("range=90m")).toMatchObject({ word: "90m", ms: 5_400_000 }));
  it("lies between two times after a zoom", () => {
    const range = read("range=7d&since=2026-11-23T10:00:00Z&until=2026-11-23T11:00:00Z");
    expect(range.kind).toBe("between");
    expect(apiRange(range)).toEqual({ since: "2026-11-23T10:00:00.000Z", until: "2026-11-23T11:00:00.000Z" });
  });
  it("ignores times in the wrong order", () => expect(read("since=2026-11-23T11:00:00Z&until=2026-11-23T10:00:00Z").kind).toBe("last"));
  it("survives the way into the URL and back", () => {
    for (const query of ["range=7d", "since=2026-11-23T10:00:00.000Z&until=2026-11-23T11:00:00.000Z"]) {
      const range = read(query);
      const params = new URLSearchParams();
      for (const [k, v] of Object.entries(rangeParams(range))) if (v !== null) params.set(k, v);
      expect(readRange(params)).toEqual(range);
    }
  });
  it("is counted back by the API's own clock when it is relative", () => expect(apiRange(read("range=7d"))).toEqual({ since: "7d" }));
});

describe("moving a range", () => {
  it("back moves by its length", () => {
    expect(shifted(read("range=1h"), -1, now)).toEqual({ since: now - 2 * 3_600_000, until: now - 3_600_000 });
  });
  it("never goes past now", () => {
    expect(shifted(read("range=1h"), 1, now)).toEqual({ since: now - 3_600_000, until: now });
    expect(widened(read("range=1h"), now)).toEqual({ since: now - 2 * 3_600_000, until: now });
  });
  it("keeps its span", () => expect(span(read("range=1h"), now)).toEqual({ since: now - 3_600_000, until: now }));
});

describe("its label", () => {
  it("has the words of the presets", () => expect(label(read("range=15m"))).toBe("Last 15 minutes"));
  it("says what was typed otherwise", () => expect(label(read("range=90m"))).toBe("Last 90m"));
  it("names the day once", () => {
    const noon = new Date(2026, 10, 23, 12).getTime();
    expect(label({ kind: "between", since: noon, until: noon + 60_000 })).toBe("2026-11-23 12:00:00 to 12:01:00");
  });
});
