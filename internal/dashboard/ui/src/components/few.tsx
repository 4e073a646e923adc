/** The first rows of a list that others stand below, and a button for the rest. */
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { count } from "../lib/format";

const few = 10;

export function useFew<T>(rows: T[] | undefined): { rows: T[] | undefined; more: ComponentChildren } {
  const [all, setAll] = useState(false);
  if (!rows || rows.length <= few + 2) return { rows, more: null };
  return {
    rows: all ? rows : rows.slice(0, few),
    more: (
      <div class="pager">
        <span class="note">{all ? `All ${count(rows.length)} shown` : `First ${few} of ${count(rows.length)} shown`}</span>
        <button type="button" class="button small" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : "Show all"}
        </button>
      </div>
    ),
  };
}
