/** Times as people read them: local zone on the page, UTC on hover. Everything here is pure. */

const two = (n: number): string => String(n).padStart(2, "0");

/** 2026-11-23 22:38:56, local zone. */
export function local(at: Date): string {
  return `${localDay(at)} ${clock(at)}`;
}

export function localDay(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function clock(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The time of day; of another day than now's with its date: 11-22 22:38:56. */
export function clockOf(at: Date, now: number): string {
  const day = localDay(at);
  return day === localDay(new Date(now)) ? clock(at) : `${day.slice(5)} ${clock(at)}`;
}

/** 2026-11-23 21:38:56.123 UTC */
export function utc(at: Date): string {
  return at.toISOString().replace("T", " ").replace("Z", " UTC");
}

const units: [number, string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
];

/** A length of time with at most two units: 43 h 12 min, 1.5 s, 12 ms. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 1000) return `${ms < 10 && ms > 0 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
  if (ms < 10_000) return `${Math.round(ms / 100) / 10} s`;
  ms = Math.round(ms / 1000) * 1000;
  const at = units.findIndex(([size]) => ms >= size);
  const [size, name] = units[at] ?? [1000, "s"];
  const whole = Math.floor(ms / size);
  const next = units[at + 1];
  const rest = next ? Math.round((ms - whole * size) / next[0]) : 0;
  if (!next || rest === 0 || whole >= 100) return `${whole} ${name}`;
  if (rest * next[0] >= size) return `${whole + 1} ${name}`;
  return `${whole} ${name} ${rest} ${next[1]}`;
}

/** The same as one word that Go and the configuration read: 72h, 90m, 15s. */
export function goDuration(ms: number): string {
  const s = Math.max(1, Math.round(ms / 1000));
  if (s % 3600 === 0) return `${s / 3600}h`;
  if (s % 60 === 0) return s > 3600 ? `${Math.floor(s / 3600)}h${(s % 3600) / 60}m` : `${s / 60}m`;
  if (s > 3600) return `${Math.floor(s / 3600)}h${Math.floor((s % 3600) / 60)}m${s % 60}s`;
  return s > 60 ? `${Math.floor(s / 60)}m${s % 60}s` : `${s}s`;
}

const goUnit: Record<string, number> = { ns: 1e-6, us: 1e-3, "µs": 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads what Go's durations look like, plus days; null when it is none. */
export function parseGoDuration(text: string): number | null {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join("") !== text) return null;
  return parts.reduce((sum, p) => sum + Number(p[1]) * (goUnit[p[2] ?? ""] ?? 0), 0);
}

/** How long ago, in the coarsest honest unit. */
export function ago(at: Date, now: number): string {
  const ms = now - at.getTime();
  if (ms < 0) return ms > -5000 ? "now" : `in ${coarse(-ms)}`;
  if (ms < 1500) return "now";
  return `${coarse(ms)} ago`;
}

/** A length of time in its coarsest unit. */
export function coarse(ms: number): string {
  for (const [size, name] of units) if (ms >= size) return `${Math.floor(ms / size)} ${name}`;
  return "1 s";
}
