/** Names of the sources, for filters on many pages: asked for once in a while. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { address, getJSON } from "../api/http";
import type { Source } from "../api/types";

const names = signal<string[]>([]);
let asked = 0;

/** How long the names are good. */
const good = 60_000;

export function useSourceNames(): string[] {
  useEffect(() => {
    if (Date.now() - asked < good) return;
    asked = Date.now();
    getJSON<{ items: Source[] }>(address("/sources", { since: "24h" })).then(
      (list) => (names.value = list.items.map((s) => s.name)),
      () => (asked = 0),
    );
  }, []);
  return names.value;
}
