import { useMemo } from "preact/hooks";
import { diff, hunks } from "../lib/diff";
import { visible } from "../lib/format";

/** Two texts, line by line. */
export function Difference({ before, after }: { before: string; after: string }) {
  const lines = useMemo(() => diff(before, after), [before, after]);
  if (lines.every((l) => l.sign === " ")) return <p class="muted">No difference, byte for byte after laying out.</p>;
  return (
    <div class="code wrap diff">
      <pre tabIndex={0} role="group" aria-label="difference">
        {hunks(lines).map((line, i) =>
          line === null ? (
            <span key={i} class="gap">
              …
            </span>
          ) : (
            <span key={i} class={line.sign === "+" ? "add" : line.sign === "-" ? "cut" : ""}>
              {line.sign} {visible(line.text)}
            </span>
          ),
        )}
      </pre>
    </div>
  );
}
