/** Time ranges as they stand in a page's URL: ?range=24h, or ?since=…&until=… once somebody has zoomed. */
import { local, parseGoDuration } from "./time";

export interface Span {
  since: number;
  until: number;
}

export interface Preset {
  word: string;
  label: string;
}

export const presets: Preset[] = [
  { word: "15m", label: "Last 15 minutes" },
  { word: "1h", label: "Last hour" },
  { word: "6h", label: "Last 6 hours" },
  { word: "24h", label: "Last 24 hours" },
  { word: "7d", label: "Last 7 days" },
  { word: "30d", label: "Last 30 days" },
];

export const defaultRange = "24h";

/** A range as chosen: relative ones move with the clock, absolute ones stay. */
export type Range = { kind: "last"; word: string; ms: number } | ({ kind: "between" } & Span);

export function readRange(params: URLSearchParams, fallback = defaultRange): Range {
  const since = Date.parse(params.get("since") ?? "");
  const until = Date.parse(params.get("until") ?? "");
  if (since < until) return { kind: "between", since, until };
  const word = params.get("range") ?? fallback;
  const ms = parseGoDuration(word);
  if (ms !== null && ms >= 60_000 && ms <= 400 * 86_400_000) return { kind: "last", word, ms };
  return { kind: "last", word: fallback, ms: parseGoDuration(fallback) ?? 86_400_000 };
}

export function span(range: Range, now: number): Span {
  return range.kind === "last" ? { since: now - range.ms, until: now } : { since: range.since, until: range.until };
}

/** The range as parameters of a page's URL; null takes one out. */
export function rangeParams(range: Range | Span | string): Record<string, string | null> {
  if (typeof range === "string") return { range, since: null, until: null };
  if ("kind" in range && range.kind === "last") return rangeParams(range.word);
  const between = range as Span;
  return { range: null, since: new Date(between.since).toISOString(), until: new Date(between.until).toISOString() };
}

/** The range as the API reads it: it counts relative times back from its own clock. */
export function apiRange(range: Range): { since: string; until?: string } {
  if (range.kind === "last") return { since: range.word };
  return { since: new Date(range.since).toISOString(), until: new Date(range.until).toISOString() };
}

export function label(range: Range): string {
  if (range.kind === "last") {
    return presets.find((p) => p.word === range.word)?.label ?? `Last ${range.word}`;
  }
  const since = local(new Date(range.since));
  const until = local(new Date(range.until));
  const shown = since.slice(0, 10) === until.slice(0, 10) ? until.slice(11) : until;
  return `${since} to ${shown}`;
}

/** The range moved by its own length, never past now. */
export function shifted(range: Range, by: -1 | 1, now: number): Span {
  const { since, until } = span(range, now);
  const length = until - since;
  const end = Math.min(now, until + by * length);
  return { since: end - length, until: end };
}

/** The range twice as long around its middle, never past now. */
export function widened(range: Range, now: number): Span {
  const { since, until } = span(range, now);
  const end = Math.min(now, until + (until - since) / 2);
  return { since: end - 2 * (until - since), until: end };
}
