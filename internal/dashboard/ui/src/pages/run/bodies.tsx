import { useState } from "preact/hooks";
import { address } from "../../api/http";
import type { EventRow, OtherBody } from "../../api/types";
import { eventType } from "../../lib/format";
import { ofEvent, ofRepeat, own } from "../../lib/told";
import type { Told } from "../../lib/told";
import { useBytes } from "../../state/bytes";
import { useQuery } from "../../state/query";
import { Difference } from "../../components/difference";
import { PayloadView } from "../../components/payload";
import { Bones, Broken } from "../../components/states";

interface Repeats {
  list: Told[];
  error: Error | undefined;
  /** The list is there, or there is none. */
  known: boolean;
  reload(): void;
}

/** What repeats of an event told in other words, read as often as the run, whose events count them. */
function useRepeats(event: EventRow): Repeats {
  const kept = useQuery<{ items: OtherBody[] }>(event.other_bodies > 0 ? address(`/events/${event.id}/other-bodies`) : null, { every: 10_000 });
  const list = (kept.data?.items ?? []).map((o) => ofRepeat(event, o));
  return { list, error: kept.error, known: event.other_bodies === 0 || kept.data !== undefined, reload: kept.reload };
}

/** An event's body; where repeats told something else, any of them. */
export function Bodies({ event }: { event: EventRow }) {
  const repeats = useRepeats(event);
  const all = [own(event), ...repeats.list];
  const [chosen, choose] = useState("");
  const shown = all.find((t) => t.url === chosen) ?? all[0]!;
  const body = useBytes(shown.url);
  return (
    <div class="stack" style={{ gap: "8px" }}>
      {event.other_bodies > 0 && <Choice label="Which body" groups={[{ name: "", of: all }]} chosen={shown} choose={choose} />}
      {repeats.error && <Broken error={repeats.error} retry={repeats.reload} />}
      {body.error ? <Broken error={body.error} retry={body.reload} /> : body.data ? <PayloadView payload={body.data} name={shown.file} /> : <Bones lines={6} />}
    </div>
  );
}

/** What an event's own body says other than another one, of a repeat or of another event of the run. */
export function Compare({ event, others }: { event: EventRow; others: EventRow[] }) {
  const repeats = useRepeats(event);
  const groups = [
    { name: "Other bodies of this event", of: repeats.list },
    { name: "Other events of the run", of: others.map(ofEvent) },
  ].filter((g) => g.of.length > 0);
  const all = groups.flatMap((g) => g.of);
  const [chosen, choose] = useState("");
  const other = all.find((t) => t.url === chosen) ?? (repeats.known || repeats.error ? all[0] : undefined);
  const mine = useBytes(own(event).url);
  const theirs = useBytes(other?.url ?? "");
  const error = repeats.error ?? mine.error ?? theirs.error;
  return (
    <div class="stack" style={{ gap: "8px" }}>
      <Choice label={`What ${eventType(event.type)} says other than`} groups={groups} chosen={other} choose={choose} />
      {error && <Broken error={error} retry={() => (repeats.reload(), mine.reload(), theirs.reload())} />}
      {mine.data && theirs.data ? <Difference before={theirs.data.bytes} after={mine.data.bytes} /> : !error && <Bones lines={6} />}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  /** One without a name stands alone. */
  groups: { name: string; of: Told[] }[];
  chosen: Told | undefined;
  choose(url: string): void;
}

function Choice({ label, groups, chosen, choose }: ChoiceProps) {
  const options = (of: Told[]) =>
    of.map((t) => (
      <option key={t.url} value={t.url}>
        {t.title}
      </option>
    ));
  return (
    <label class="field" style={{ maxWidth: "420px" }}>
      <span>{label}</span>
      <select class="input" value={chosen?.url ?? ""} onChange={(e) => choose(e.currentTarget.value)}>
        {groups.map((g) =>
          g.name === "" ? (
            options(g.of)
          ) : (
            <optgroup key={g.name} label={g.name}>
              {options(g.of)}
            </optgroup>
          ),
        )}
      </select>
    </label>
  );
}
