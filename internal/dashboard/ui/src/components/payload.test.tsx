// @vitest-environment happy-dom
import { render } from "preact";
import { describe, expect, it } from "vitest";
import { Difference } from "./difference";
import { hexdump, PayloadView, textOf } from "./payload";
import { visible } from "../lib/format";

const show = (node: preact.ComponentChild): HTMLElement => {
  const root = document.createElement("div");
  render(node, root);
  return root;
};
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a body on the page", () => {
  it.each([
    '<img src=x onerror="alert(1)">',
    '{"a":"<script>alert(1)</script>","<b>k</b>":1}',
    "</pre><iframe src=javascript:alert(1)>",
    "&lt;b&gt; &amp;",
  ])("is text: %s", (text) => {
    const root = show(<PayloadView name="x" payload={{ bytes: encode(text), contentType: "text/html" }} />);
    expect(root.querySelector("img, script, iframe, b")).toBeNull();
    expect(root.querySelector("pre")?.textContent?.replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
  });
  it("is shown as bytes when it is no text", () => {
    const root = show(<PayloadView name="x" payload={{ bytes: new Uint8Array([0xff, 0xfe, 0x41]), contentType: "" }} />);
    expect(root.querySelector("pre")?.textContent).toContain("ff fe 41");
  });
  it("is text only when all of it is", () => {
    expect(textOf(new Uint8Array([0x61, 0xc3]))).toBeNull();
    expect(textOf(encode("ü"))).toBe("ü");
  });
  it("hides nothing that changes how text reads", () => {
    expect(visible("a\u202eb\u0000c\u200bd\ufeff\n\te")).toBe("a\\u202eb\\u0000c\\u200bd\\ufeff\n\te");
  });
  it("has a dump with offsets", () => expect(hexdump(encode("0123456789abcdefXYZ")).split("\n")[1]).toMatch(/^000010 {2}58 59 5a +XYZ$/));
});

describe("a difference on the page", () => {
  const compare = (before: string | Uint8Array, after: string | Uint8Array): HTMLElement => {
    const body = (b: string | Uint8Array): Uint8Array => (typeof b === "string" ? encode(b) : b);
    return show(<Difference before={body(before)} after={body(after)} />);
  };
  it("is text", () => {
    const root = compare("<b>a</b>\nsame", "<i>c</i>\nsame");
    expect(root.querySelector("b, i")).toBeNull();
    expect(root.textContent).toContain("- <b>a</b>");
    expect(root.textContent).toContain("+ <i>c</i>");
  });
  it("is in the laid out JSON", () => expect(compare('{"a":1,"b":2}', '{ "a": 1, "b": 3 }').querySelector(".cut")?.textContent).toBe('-   "b": 2'));
  it("is seen in bytes where one of them is no text", () => {
    const root = compare(new Uint8Array([0xff, 0x41]), new Uint8Array([0xfe, 0x41]));
    expect(root.querySelector(".cut")?.textContent).toContain("ff 41");
    expect(root.querySelector(".add")?.textContent).toContain("fe 41");
  });
  it("may be in the white space alone", () => expect(compare('{"a":1}', '{"a": 1}').querySelector(".cut")?.textContent).toBe('- {"a":1}'));
  it("is none where all bytes are the same", () => expect(compare("a", "a").textContent).toBe("No difference, byte for byte."));
  it("of what is huge is left to other programs", () => {
    const root = compare("x".repeat(600_000), "y");
    expect(root.querySelector("pre")).toBeNull();
    expect(root.textContent).toContain("Download both");
  });
  it("has a bounded number of lines", () => {
    const root = compare("\n".repeat(5000), "x");
    expect(root.querySelectorAll("pre > span").length).toBe(2000);
    expect(root.textContent).toContain("more lines");
  });
});
