/** Arithmetic about windows, for the slider: what the API computes when asked, computed again while a finger is on it. Pure. */
import type { TTL } from "../api/types";

export const shortest = 1000;
export const longest = 90 * 86_400_000;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Places on the slider. */
export const steps = 600;

/** The window at a place of the slider (0 to {@link steps}), logarithmic, rounded to what a person would write. */
export function windowAt(place: number): number {
  const raw = shortest * (longest / shortest) ** (place / steps);
  const grain = raw < 10_000 ? 1000 : raw < minute ? 5000 : raw < 10 * minute ? 30_000 : raw < hour ? minute : raw < 12 * hour ? 10 * minute : raw < 3 * day ? hour : raw < 14 * day ? 6 * hour : day;
  return Math.min(longest, Math.max(shortest, Math.round(raw / grain) * grain));
}

export function placeOf(windowMs: number): number {
  const inside = Math.min(longest, Math.max(shortest, windowMs));
  return Math.round((Math.log(inside / shortest) / Math.log(longest / shortest)) * steps);
}

/** A window as the configuration writes it: 90s, 36h, 3d, 1d12h. */
export function configDuration(ms: number): string {
  const whole = Math.max(1, Math.round(ms / 1000));
  const d = Math.floor(whole / 86_400);
  const h = Math.floor((whole % 86_400) / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = whole % 60;
  if (d > 0 && d < 3 && m === 0 && s === 0 && h > 0) return `${d * 24 + h}h`;
  return [d ? `${d}d` : "", h ? `${h}h` : "", m ? `${m}m` : "", s ? `${s}s` : ""].join("");
}

/** Share of the repeats that a window would have caught, at least: the last step of the curve that is not past it. */
export function caught(curve: TTL["curve"], windowMs: number): number {
  let low = 0;
  let high = curve.windows_ms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((curve.windows_ms[middle] ?? 0) <= windowMs) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? 0 : (curve.caught[low - 1] ?? 0);
}

export interface Estimate {
  caught: number;
  databaseHitsPerDay: number;
  redisBytes: number;
}

export function estimate(ttl: TTL, windowMs: number): Estimate {
  const share = caught(ttl.curve, windowMs);
  const days = (Date.parse(ttl.until) - Date.parse(ttl.since)) / day;
  const missedNow = 1 - ttl.now.caught;
  const perDay = missedNow > 0 ? (ttl.now.database_hits_per_day * (1 - share)) / missedNow : days > 0 ? (ttl.repeats / days) * (1 - share) : 0;
  return {
    caught: share,
    databaseHitsPerDay: perDay,
    redisBytes: ttl.cost.bytes_per_key * ttl.cost.events_per_second * (windowMs / 1000),
  };
}
