import { useState } from "preact/hooks";
import { address, postJSON } from "../../api/http";
import type { Destination } from "../../api/types";
import { withParams } from "../../router";
import { count } from "../../lib/format";
import { duration } from "../../lib/time";
import type { Query } from "../../state/query";
import { mayChange } from "../../session";
import { toast } from "../../state/toasts";
import { Badge, word } from "../../components/badge";
import { Confirm } from "../../components/confirm";
import { Panel } from "../../components/panel";
import { Loaded } from "../../components/states";
import { Table } from "../../components/table";
import type { Column } from "../../components/table";

export function Destinations({ query }: { query: Query<{ items: Destination[] }> }) {
  const [asked, setAsked] = useState<Destination | null>(null);
  const columns = columnsOf(setAsked);
  const table = (rows: Destination[] | undefined) => <Table label="Destinations" columns={columns} rows={rows} id={(d) => d.destination} bones={1} />;
  if (query.data?.items.length === 0) return null;
  return (
    <Panel title="Destinations" flush>
      <Loaded query={query} bones={table(undefined)}>
        {(data) => table(data.items)}
      </Loaded>
      {asked && (
        <Confirm
          title={asked.paused ? `Resume ${asked.destination}` : `Pause ${asked.destination}`}
          action={asked.paused ? "Resume" : "Pause"}
          reason
          onClose={() => setAsked(null)}
          onConfirm={async (reason) => {
            const verb = asked.paused ? "resume" : "pause";
            await postJSON(address(`/destinations/${encodeURIComponent(asked.destination)}/${verb}`), { reason });
            toast("good", `${asked.destination} is ${asked.paused ? "sent to again" : "paused"}`);
            query.reload();
          }}
        >
          <p>
            {asked.paused
              ? "What waits is sent, at the destination's own pace."
              : "Within a few seconds nothing more is sent to it, by any replica. Events go on coming in and wait; attempts under way end as they do."}
          </p>
        </Confirm>
      )}
    </Panel>
  );
}

function columnsOf(ask: (d: Destination) => void): Column<Destination>[] {
  const states: [keyof Destination & ("pending" | "delivering" | "retrying" | "held" | "dead"), 1 | 2 | 3][] = [
    ["pending", 1],
    ["delivering", 3],
    ["retrying", 2],
    ["held", 3],
    ["dead", 1],
  ];
  return [
    {
      head: "Destination",
      cell: (d) => (
        <>
          <a href={withParams({ destination: d.destination, cursor: null })}>{d.destination}</a>
          {d.url && (
            <span class="muted small ellipsis p2" title={d.url}>
              {d.url}
            </span>
          )}
        </>
      ),
    },
    { head: "Breaker", cell: (d) => <Breaker destination={d} /> },
    ...states.map(([state, rank]): Column<Destination> => ({
      head: word(state),
      num: true,
      rank,
      cell: (d) => {
        const text = count(d[state]);
        if (d[state] === 0) return <span class="muted">0</span>;
        return <a href={withParams({ destination: d.destination, state, cursor: null })}>{state === "dead" ? <span class="badge red">{text}</span> : text}</a>;
      },
    })),
    { head: "Oldest waits", rank: 2, num: true, cell: (d) => (d.backlog_age_ms > 0 ? duration(d.backlog_age_ms) : <span class="muted">–</span>) },
    {
      head: "Pause",
      unseenHead: true,
      class: "actions",
      cell: (d) =>
        d.configured &&
        mayChange.value && (
          <button type="button" class="button small" onClick={() => ask(d)}>
            {d.paused ? "Resume…" : "Pause…"}
          </button>
        ),
    },
  ];
}

function Breaker({ destination: d }: { destination: Destination }) {
  if (!d.configured) return <span class="badge" title="Not in the configuration any more: its deliveries wait until it is back, or are cancelled.">not configured</span>;
  return (
    <span class="row" style={{ gap: "4px" }}>
      {d.paused && <span class="badge amber">paused</span>}
      {d.breaker ? <Badge of={d.breaker} title="In the process that answers" /> : !d.paused && <span class="muted">–</span>}
      {d.ordered && (
        <span class="badge plain" title="The events of a run go out one after the other">
          ordered
        </span>
      )}
    </span>
  );
}
