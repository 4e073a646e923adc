import type { Changed } from "../api/types";
import { count } from "./format";

/** What a change says of those that it has held instead; empty where there are none. */
export function heldInstead(c: Changed): string {
  return c.held ? ` Held of these: ${count(c.held)}. Apify has not confirmed the event; release what is to go all the same.` : "";
}
