import { now } from "../state/clock";
import { ago, clockOf, coarse, duration, local, utc } from "../lib/time";

interface Props {
  at: string | null | undefined;
  /** full: date and time; clock: time of day, with the day when it was another; ago: 5 min ago; for: 5 min. */
  as?: "full" | "clock" | "ago" | "for";
}

/** A time in the reader's zone, with UTC on hover. */
export function Moment({ at, as = "full" }: Props) {
  const date = at ? new Date(at) : null;
  if (date === null || Number.isNaN(date.getTime())) return <span class="muted">–</span>;
  const text = as === "ago" ? ago(date, now.value) : as === "for" ? coarse(Math.max(1000, now.value - date.getTime())) : as === "clock" ? clockOf(date, now.value) : local(date);
  const title = as === "full" ? utc(date) : `${local(date)} here\n${utc(date)}`;
  return (
    <time class="nowrap" dateTime={at ?? ""} title={title}>
      {text}
    </time>
  );
}

export function Lag({ ms }: { ms: number | null | undefined }) {
  if (ms === null || ms === undefined) return <span class="muted">–</span>;
  return (
    <span class="nowrap" title={`${ms.toLocaleString("en-US")} ms`}>
      {duration(ms)}
    </span>
  );
}
