/** Chooses the time range of a page; the choice is in the URL. Presets, back and forth, wider, or two times by hand. */
import { useEffect, useRef, useState } from "preact/hooks";
import { params, setParams } from "../router";
import { defaultRange, label, presets, rangeParams, readRange, shifted, span, widened } from "../lib/range";
import type { Range } from "../lib/range";
import { Icon } from "./icon";

export function useRange(fallback = defaultRange): Range {
  return readRange(params.value, fallback);
}

/** Changes the range and starts lists from their top. */
export function chooseRange(to: Parameters<typeof rangeParams>[0]): void {
  setParams({ ...rangeParams(to), cursor: null });
}

export function RangePicker({ fallback = defaultRange }: { fallback?: string }) {
  const range = useRange(fallback);
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (e: Event): void => {
      if (!box.current?.contains(e.target as Node)) setOpen(false);
    };
    const escape = (e: KeyboardEvent): void => {
      if (e.key === "Escape") setOpen(false);
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", escape);
    };
  }, [open]);
  const atNow = range.kind === "last" || range.until >= Date.now() - 1000;
  return (
    <div class="pop" ref={box}>
      <div class="joined" role="group" aria-label="Time range">
        <button type="button" class="button icon" aria-label="Earlier" title="Earlier" onClick={() => chooseRange(shifted(range, -1, Date.now()))}>
          <Icon name="left" size={13} />
        </button>
        <button type="button" class="button" aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(!open)}>
          {label(range)}
          <Icon name="down" size={12} />
        </button>
        <button type="button" class="button icon" aria-label="Later" title="Later" disabled={atNow} onClick={() => chooseRange(shifted(range, 1, Date.now()))}>
          <Icon name="right" size={13} />
        </button>
      </div>
      {open && <Sheet range={range} close={() => setOpen(false)} />}
    </div>
  );
}

function Sheet({ range, close }: { range: Range; close: () => void }) {
  const now = span(range, Date.now());
  const [since, setSince] = useState(forInput(now.since));
  const [until, setUntil] = useState(forInput(now.until));
  const from = Date.parse(since);
  const to = Date.parse(until);
  const good = from < to;
  const pick = (to: Parameters<typeof rangeParams>[0]): void => {
    chooseRange(to);
    close();
  };
  return (
    <div class="sheet rangesheet" role="dialog" aria-label="Time range">
      <ul>
        {presets.map((p) => (
          <li key={p.word}>
            <button type="button" class="button bare" aria-pressed={range.kind === "last" && range.word === p.word} onClick={() => pick(p.word)}>
              {p.label}
            </button>
          </li>
        ))}
        <li>
          <button type="button" class="button bare" onClick={() => pick(widened(range, Date.now()))}>
            Twice as long
          </button>
        </li>
      </ul>
      <form
        class="stack"
        onSubmit={(e) => {
          e.preventDefault();
          if (good) pick({ since: from, until: to });
        }}
      >
        <label class="field">
          <span>From</span>
          <input class="input" type="datetime-local" step={1} value={since} onInput={(e) => setSince(e.currentTarget.value)} />
        </label>
        <label class="field">
          <span>To</span>
          <input class="input" type="datetime-local" step={1} value={until} aria-invalid={!good} onInput={(e) => setUntil(e.currentTarget.value)} />
        </label>
        <button type="submit" class="button primary" disabled={!good}>
          Show
        </button>
      </form>
    </div>
  );
}

/** A time as <input type="datetime-local"> wants it: local zone, to the second. */
function forInput(at: number): string {
  const zone = new Date(at).getTimezoneOffset() * 60_000;
  return new Date(at - zone).toISOString().slice(0, 19);
}
