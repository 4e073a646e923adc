/** How long ago a sender was heard of, as a colour: pure. */
import type { Tone } from "../components/badge";

const hour = 3_600_000;
/** Within this a sender is lively; a schedule of once a day must not look like an outage. */
const lively = hour;
const silent = 48 * hour;

export interface Seen {
  tone: Tone;
  hint: string;
}

export function seen(lastSeen: string | undefined, configured: boolean, now: number): Seen {
  const at = Date.parse(lastSeen ?? "");
  if (Number.isNaN(at)) return { tone: "grey", hint: "Nothing has come from it yet." };
  if (!configured) return { tone: "grey", hint: "It is not in the configuration any more." };
  if (now - at < lively) return { tone: "green", hint: "Heard of within the last hour." };
  if (now - at < silent) return { tone: "grey", hint: "Quiet for more than an hour." };
  return { tone: "amber", hint: "Silent for more than two days. Is its webhook switched off, or its secret wrong? dedupgate doctor apify looks." };
}
