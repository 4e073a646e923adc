import { signal } from "@preact/signals";

/** The list of keys is shown. */
export const helpOpen = signal(false);
