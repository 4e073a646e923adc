import { useMemo } from "preact/hooks";
import { diff, hunks } from "../lib/diff";
import type { Line } from "../lib/diff";
import { bytes, count, visible } from "../lib/format";
import { layoutLimit, pretty } from "../lib/json";
import { hexdump, textOf } from "./payload";

/** Lines that are shown at most: with all that a sender can write the page would freeze. */
const mostLines = 2000;

interface Props {
  before: Uint8Array;
  after: Uint8Array;
}

/** Two bodies, line by line. */
export function Difference(both: Props) {
  const size = Math.max(both.before.length, both.after.length);
  if (size <= layoutLimit) return <Lines {...both} />;
  return (
    <p class="muted">
      Bodies of more than {bytes(layoutLimit)} are not compared here, and one of these has {bytes(size)}. Download both.
    </p>
  );
}

function Lines({ before, after }: Props) {
  const lines = useMemo(() => changes(before, after), [before, after]);
  if (lines.length === 0) return <p class="muted">No difference, byte for byte.</p>;
  return (
    <>
      <div class="code wrap diff">
        <pre tabIndex={0} role="group" aria-label="difference">
          {lines.slice(0, mostLines).map((line, i) =>
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
      {lines.length > mostLines && <p class="muted small">{count(lines.length - mostLines)} more lines are not shown. Download both.</p>}
    </>
  );
}

/** What is near a change; nothing where all bytes are the same. */
function changes(before: Uint8Array, after: Uint8Array): (Line | null)[] {
  const lines = diff(...alike(before, after));
  return lines.every((l) => l.sign === " ") ? [] : hunks(lines);
}

/** Both in the same form, in which they differ if any byte does: laid out, else as they came, else as bytes. */
function alike(before: Uint8Array, after: Uint8Array): [string, string] {
  const [a, b] = [textOf(before), textOf(after)];
  if (a === null || b === null) return [hexdump(before, before.length), hexdump(after, after.length)];
  const [laidA, laidB] = [pretty(a), pretty(b)];
  return laidA === null || laidB === null || laidA === laidB ? [a, b] : [laidA, laidB];
}
