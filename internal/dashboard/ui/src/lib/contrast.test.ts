/** The palette's text colours, measured as WCAG 2 does, on the surfaces they stand on, in both themes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../styles/tokens.css", import.meta.url), "utf8");
const colors = new Map(
  [...css.matchAll(/--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));/g)].map((m) => [m[1], { light: m[2] ?? m[4], dark: m[3] ?? m[4] }]),
);

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const surfaces = ["ground", "panel", "raised", "sunken", "hover"];
const tones = ["green", "blue", "violet", "amber", "red", "teal", "grey"];
const text: [string, string, number][] = [
  ...["ink", "ink-2", "ink-3", "accent"].flatMap((ink) => surfaces.map((on): [string, string, number] => [ink, on, 4.5])),
  ...tones.flatMap((tone): [string, string, number][] => [
    [tone, `${tone}-soft`, 4.5],
    [tone, "panel", 4.5],
    ["ink", `${tone}-soft`, 4.5],
  ]),
  ["accent", "accent-soft", 4.5],
  ["ink-3", "grey-soft", 4.5],
  ["on-accent", "accent-fill", 4.5],
  ["focus", "ground", 3],
];

describe.each(["light", "dark"] as const)("in the %s theme", (theme) => {
  it.each(text)("%s on %s has %d:1", (ink, on, least) => {
    const a = colors.get(ink)?.[theme];
    const b = colors.get(on)?.[theme];
    if (!a || !b) throw new Error(`no such colour: ${ink} or ${on}`);
    expect(contrast(a, b)).toBeGreaterThanOrEqual(least);
  });
});
