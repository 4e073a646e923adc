import { useState } from "preact/hooks";
import type { Dispatch, StateUpdater } from "preact/hooks";
import { address } from "../api/http";
import type { Delivery, Destination, Page as Listing } from "../api/types";
import { deliveryStates } from "../api/types";
import { params } from "../router";
import { eventType, plural } from "../lib/format";
import { apiRange } from "../lib/range";
import { useQuery } from "../state/query";
import { mayChange } from "../session";
import { useSourceNames } from "../state/sources";
import { Badge } from "../components/badge";
import { ChangeDialog } from "../components/change";
import { Choice, TextFilter } from "../components/fields";
import { RunLink } from "../components/links";
import { Moment } from "../components/moment";
import { Page, Refresh } from "../components/page";
import { Pager } from "../components/pager";
import { RangePicker, useRange } from "../components/rangepicker";
import { Empty, Loaded } from "../components/states";
import { Table } from "../components/table";
import { NextAttempt, Waits } from "../components/waits";
import type { Column } from "../components/table";
import { Destinations } from "./deliveries/destinations";
import { bulkActions } from "./deliveries/actions";
import type { BulkAction } from "./deliveries/actions";

const usualRange = "7d";
const filters = ["destination", "state", "source", "run_id", "event_id"];

const columns: Column<Delivery>[] = [
  {
    head: "State",
    cell: (d) => (
      <>
        <a href={`/deliveries/${d.id}`} title={d.id}>
          <Badge of={d.state} />
        </a>
        <Waits delivery={d} narrow />
      </>
    ),
  },
  { head: "Destination", rank: 2, cell: (d) => d.destination },
  {
    head: "Event",
    cell: (d) => (
      <>
        <a href={`/deliveries/${d.id}`}>
          {eventType(d.event_type)}
          {d.replay > 0 && <span class="muted"> replay {d.replay}</span>}
        </a>
        <span class="narrow small muted">to {d.destination}</span>
      </>
    ),
  },
  { head: "Run", rank: 2, cell: (d) => <RunLink run={d} /> },
  { head: "Attempts", rank: 2, num: true, cell: (d) => d.attempts },
  { head: "Last answer", rank: 3, cell: (d) => <LastAnswer delivery={d} /> },
  { head: "Next attempt", rank: 2, cell: (d) => <NextAttempt delivery={d} /> },
  { head: "Created", cell: (d) => <Moment at={d.created_at} as="ago" /> },
];

function LastAnswer({ delivery: d }: { delivery: Delivery }) {
  if (d.attempts === 0) return <span class="muted">–</span>;
  const text = [d.last_status, d.last_error].filter(Boolean).join(" ");
  return (
    <span class="ellipsis" title={text}>
      {text || "–"}
    </span>
  );
}

export function DeliveriesPage() {
  const range = useRange(usualRange);
  const destinations = useQuery<{ items: Destination[] }>(address("/destinations"), { every: 10_000 });
  const sources = useSourceNames();
  const chosen = Object.fromEntries(filters.map((name) => [name, params.value.get(name) ?? ""]));
  const cursor = params.value.get("cursor");
  const list = useQuery<Listing<Delivery>>(address("/deliveries", { ...apiRange(range), ...chosen, cursor, limit: 50 }), { every: cursor ? undefined : 10_000 });
  const [asked, setAsked] = useState<BulkAction | null>(null);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const listed = list.data?.items ?? [];
  const chosenIDs = listed.map((d) => d.id).filter((id) => picked.has(id));
  const can = mayChange.value ? bulkActions(chosen["state"] ?? "") : [];
  const shown = can.length > 0 ? [pickColumn(listed, picked, setPicked), ...columns] : columns;
  const reload = (): void => {
    setPicked(new Set());
    list.reload();
    destinations.reload();
  };
  const selection = { ...apiRange(range), ...Object.fromEntries(Object.entries(chosen).filter(([, v]) => v !== "")) };
  return (
    <Page
      title="Deliveries"
      tools={
        <>
          <a class="button" href="/river" title="The queue's own pages, read only">
            Jobs
          </a>
          <RangePicker fallback={usualRange} />
          <Refresh query={{ loading: list.loading, reload }} />
        </>
      }
    >
      <Destinations query={destinations} />
      <div class="filters" role="search">
        <Choice name="destination" label="Destination" options={(destinations.data?.items ?? []).map((d) => d.destination)} />
        <Choice name="state" label="State" options={deliveryStates} />
        {sources.length > 1 && <Choice name="source" label="Source" options={sources} />}
        <TextFilter name="run_id" label="Run" placeholder="Run id" search wide />
        <span class="grow" />
        {can.map((action) => (
          <button key={action.path} type="button" class={`button${action.danger ? " danger" : ""}`} disabled={listed.length === 0} onClick={() => setAsked(action)}>
            {action.verb} {chosenIDs.length > 0 ? chosenIDs.length : "all"}…
          </button>
        ))}
      </div>
      <section class="panel" aria-label="Deliveries">
        <Loaded query={list} bones={<Table label="Deliveries" columns={columns} rows={undefined} id={(d) => d.id} />}>
          {(page) =>
            page.items.length === 0 ? (
              <Nothing configured={(destinations.data?.items.length ?? 1) > 0} filtered={filters.some((name) => chosen[name] !== "")} />
            ) : (
              <>
                <Table label="Deliveries" columns={shown} rows={page.items} id={(d) => d.id} />
                <Pager next={page.next} shown={page.items.length} />
              </>
            )
          }
        </Loaded>
      </section>
      {asked && (
        <ChangeDialog
          title={chosenIDs.length > 0 ? `${asked.verb} ${plural(chosenIDs.length, "delivery", "deliveries")}` : `${asked.verb} all that the filters select`}
          action={asked.verb}
          path={asked.path}
          done={asked.done}
          danger={asked.danger}
          selection={chosenIDs.length > 0 ? { ids: chosenIDs, state: chosen["state"] } : selection}
          onDone={reload}
          onClose={() => setAsked(null)}
        />
      )}
    </Page>
  );
}

/** Boxes to pick deliveries of this page with, one by one or all. */
function pickColumn(listed: Delivery[], picked: ReadonlySet<string>, pick: Dispatch<StateUpdater<ReadonlySet<string>>>): Column<Delivery> {
  const all = listed.length > 0 && listed.every((d) => picked.has(d.id));
  const toggle = (id: string): void => pick((old) => new Set(old.has(id) ? [...old].filter((p) => p !== id) : [...old, id]));
  return {
    head: "Pick",
    class: "pick",
    headCell: <input type="checkbox" aria-label="Pick all of this page" checked={all} onChange={() => pick(all ? new Set() : new Set(listed.map((d) => d.id)))} />,
    cell: (d) => <input type="checkbox" aria-label={`Pick ${eventType(d.event_type)} to ${d.destination}`} checked={picked.has(d.id)} onChange={() => toggle(d.id)} />,
  };
}

function Nothing({ configured, filtered }: { configured: boolean; filtered: boolean }) {
  if (!configured) {
    return (
      <Empty title="Nothing is forwarded yet">
        <p>
          Name your application under <code>destinations</code> in the configuration file, with a URL and a secret: each event then goes there once, signed, retried
          until it is taken.
        </p>
        <a class="button" href="/sources">
          Configuration in force
        </a>
      </Empty>
    );
  }
  return (
    <Empty title="No deliveries found">
      <p>{filtered ? "No delivery of this time range matches all of the filters." : "No event was handed on in this time range."}</p>
    </Empty>
  );
}
