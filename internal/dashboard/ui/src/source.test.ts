/** What must never be in the source: ways for text to become markup or script, and addresses of others. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = new URL("..", import.meta.url).pathname;
const files = [
  join(root, "index.html"),
  ...readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(tsx?|css)$/.test(name) && !/\.test\.tsx?$/.test(name))
    .map((name) => join(root, "src", name)),
];

const forbidden: [string, RegExp][] = [
  ["markup from text", /dangerouslySetInnerHTML|\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc/],
  ["script from text", /\beval\(|new Function\(|setTimeout\(\s*["'`]|javascript:/],
  ["a style or handler in an attribute", /setAttribute\(\s*["'](style|on)/],
  ["an address of others", /https?:\/\/(?!localhost|www\.w3\.org)/],
  ["a token that outlives the request", /localStorage[^;]*token|sessionStorage/],
];

describe("the source", () => {
  it("is looked at", () => expect(files.length).toBeGreaterThan(60));
  it.each(forbidden)("has no %s", (_, pattern) => {
    const found = files.filter((file) => pattern.test(readFileSync(file, "utf8")));
    expect(found).toEqual([]);
  });
  it("leaves links out of the page to nobody: none has a target", () => {
    expect(files.filter((file) => /target=["{]/.test(readFileSync(file, "utf8")))).toEqual([]);
  });
});
