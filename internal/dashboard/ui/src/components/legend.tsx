import type { Overview } from "../api/types";
import { outcomes, reasons } from "../api/types";
import { count } from "../lib/format";
import { tone, word } from "./badge";
import type { By } from "./outcomechart";

export function Legend({ overview, by }: { overview: Overview; by: By }) {
  const all: [string, number][] =
    by === "outcome" ? outcomes.map((o) => [o, overview.outcomes[o] ?? 0]) : reasons.map((r) => [r, overview.reasons[r] ?? 0]);
  return (
    <ul class="legend">
      {all
        .filter(([name, n]) => n > 0 || name === "new" || name === "duplicate")
        .map(([name, n]) => (
          <li key={name}>
            <span class={`swatch ${tone(name)}`} />
            {word(name)} <span class="muted">{count(n)}</span>
          </li>
        ))}
    </ul>
  );
}
