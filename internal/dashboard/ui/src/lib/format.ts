/** Figures as people read them. Everything here is pure. */

const grouped = new Intl.NumberFormat("en-US");

/** 1,234,567 */
export function count(n: number): string {
  return Number.isFinite(n) ? grouped.format(Math.round(n)) : "–";
}

/** 999, 12.3k, 4.56M: at most four characters and a unit. */
export function short(n: number): string {
  const size = Math.abs(n);
  if (size < 1000) return size < 10 && !Number.isInteger(n) ? n.toFixed(1) : String(Math.round(n));
  for (const [limit, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (size >= limit * 0.9995) {
      const scaled = n / limit;
      return trimmed(scaled, Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2) + unit;
    }
  }
  return String(n);
}

function trimmed(n: number, digits: number): string {
  const text = n.toFixed(digits);
  return digits > 0 ? text.replace(/\.?0+$/, "") : text;
}

/** How often, in the unit that gives a figure of one or more: 2.7 a second, 14 an hour. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "none";
  if (perSecond >= 1) return `${short(perSecond)} a second`;
  if (perSecond * 60 >= 1) return `${short(perSecond * 60)} a minute`;
  return perSecond * 3600 >= 1 ? `${short(perSecond * 3600)} an hour` : `${short(perSecond * 86_400)} a day`;
}

/** A share as a percentage that never rounds to all or nothing: 99.98 %, < 0.01 %. */
export function percent(part: number, whole: number): string {
  if (!(whole > 0)) return "–";
  const p = (part / whole) * 100;
  if (p === 0 || p === 100) return `${p} %`;
  if (p < 0.01) return "< 0.01 %";
  if (p > 99.99) return "> 99.99 %";
  return `${trimmed(p, p < 1 || p > 99 ? 2 : 1)} %`;
}

/** A share that is a lower bound, as the advice says it: never rounded up. */
export function atLeast(share: number): string {
  if (share <= 0) return "0 %";
  return share >= 1 ? "100 %" : `${(Math.floor(share * 1000 + 1e-9) / 10).toFixed(1)} %`;
}

/** 1.5 MiB */
export function bytes(n: number): string {
  if (n < 0) return "unknown";
  if (n < 1024) return `${n} B`;
  for (const [limit, unit] of [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]] as const) {
    if (n >= limit) return `${trimmed(n / limit, n / limit >= 100 ? 0 : 1)} ${unit}`;
  }
  return `${n} B`;
}

/** The end of an id, enough to tell rows apart; the whole id is in the title. */
export function shortID(id: string): string {
  return id.length > 13 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** What can't be seen but changes how text reads, made visible: control characters and those that turn its direction. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Event types of Apify without their common prefix: RUN.SUCCEEDED. */
export function eventType(type: string | undefined): string {
  return type ? visible(type.replace(/^ACTOR\./, "")) : "no type";
}
