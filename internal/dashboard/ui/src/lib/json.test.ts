import { describe, expect, it } from "vitest";
import { pieces, pretty } from "./json";

describe("laying out", () => {
  it("keeps tokens as they are", () => {
    expect(pretty('{"a":1.0e5,"a":12345678901234567890,"b":[],"c":{},"d":["x",null]}')).toBe(
      '{\n  "a": 1.0e5,\n  "a": 12345678901234567890,\n  "b": [],\n  "c": {},\n  "d": [\n    "x",\n    null\n  ]\n}',
    );
  });
  it("does not look into strings", () => {
    const text = '{"k":"a, {b: [1]} \\" </script> \\\\"}';
    expect(pretty(text)).toBe('{\n  "k": "a, {b: [1]} \\" </script> \\\\"\n}');
  });
  it.each(["", "{", "<html>", "{'a':1}", "undefined"])("leaves %j alone", (text) => expect(pretty(text)).toBeNull());
  it("does not grow with the square of the depth: a page could not hold what a sender nests", () => {
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    const out = pretty(deep) ?? "";
    expect(out.replaceAll(/\s/g, "")).toBe(deep);
    expect(out.length).toBeLessThan(100 * deep.length);
  });
  it("gives up on what is huge", () => expect(pretty(`"${"x".repeat(600_000)}"`)).toBeNull());
});

describe("cutting into pieces", () => {
  const hostile = ['{"a":"<img src=x onerror=alert(1)>"}', "<svg/onload=1>", '"unterminated', "{]", "\u0000\u2028", '{"a":tru', "𝒳🙂"];
  it.each(hostile)("loses nothing of %j", (text) => {
    expect(pieces(text).map((p) => p.text).join("")).toBe(text);
  });
  it("tells keys from values", () => {
    expect(pieces('{"a": "b", "c": -1.5, "d": true}').map((p) => p.kind)).toEqual([
      "mark", "key", "mark", "string", "mark", "key", "mark", "number", "mark", "key", "mark", "word", "mark",
    ]);
  });
});
