/** Pages by cursor. The cursor is in the URL, so the way back is the browser's own. */
import { params, setParams } from "../router";
import { Icon } from "./icon";

interface Props {
  next: string | undefined;
  shown: number;
  note?: string;
}

export function Pager({ next, shown, note }: Props) {
  const here = params.value.get("cursor");
  if (!next && !here) return shown > 12 ? <div class="pager"><span class="note">{note ?? `All ${shown} shown`}</span></div> : null;
  return (
    <nav class="pager" aria-label="Pages">
      <span class="note">{note ?? (here ? "Further down the list" : `First ${shown} shown`)}</span>
      {here && (
        <button type="button" class="button small" onClick={() => setParams({ cursor: null })}>
          First page
        </button>
      )}
      {here && (
        <button type="button" class="button small" onClick={() => history.back()}>
          <Icon name="left" size={12} />
          Back
        </button>
      )}
      <button type="button" class="button small" disabled={!next} onClick={() => next && setParams({ cursor: next })}>
        Next
        <Icon name="right" size={12} />
      </button>
    </nav>
  );
}
