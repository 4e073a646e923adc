/** How the gateway is, for the shell and the empty states: asked for once in a while, not by each page. */
import { effect, signal } from "@preact/signals";
import { getJSON, address } from "../api/http";
import type { Status } from "../api/types";
import { signedIn } from "../session";

export const status = signal<Status | undefined>(undefined);

const every = 10_000;
let timer: ReturnType<typeof setTimeout> | undefined;

export async function refreshStatus(): Promise<void> {
  clearTimeout(timer);
  if (!signedIn.value) return;
  try {
    if (!document.hidden || status.value === undefined) status.value = await getJSON<Status>(address("/status"));
  } catch {
    // The page that is shown says what is wrong.
  }
  timer = setTimeout(() => void refreshStatus(), every);
}

effect(() => {
  if (signedIn.value) void refreshStatus();
});
