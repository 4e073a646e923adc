import { useState } from "preact/hooks";
import { address } from "../api/http";
import type { Delivery, Run, StuckReport } from "../api/types";
import { params } from "../router";
import { eventType } from "../lib/format";
import { useQuery } from "../state/query";
import { Badge } from "../components/badge";
import { ChangeDialog } from "../components/change";
import { useFew } from "../components/few";
import { Choice } from "../components/fields";
import { ActorLink, RunLink } from "../components/links";
import { Moment } from "../components/moment";
import { Operators } from "../components/operators";
import { Page, Refresh } from "../components/page";
import { Panel } from "../components/panel";
import { Loaded } from "../components/states";
import { Table } from "../components/table";
import { NextAttempt, Waits } from "../components/waits";
import type { Column } from "../components/table";

const ages: [string, string][] = [
  ["15m", "15 minutes"],
  ["1h", "1 hour"],
  ["6h", "6 hours"],
  ["24h", "1 day"],
  ["3d", "3 days"],
  ["7d", "7 days"],
];

const runColumns: Column<Run>[] = [
  { head: "Run", class: "fill-s", cell: (r) => <RunLink run={r} /> },
  { head: "Status", cell: (r) => <Badge of={r.status} /> },
  { head: "Actor", rank: 2, cell: (r) => <ActorLink id={r.actor_id} /> },
  { head: "Source", rank: 3, cell: (r) => <span class="muted">{r.source}</span> },
  { head: "First seen", rank: 2, cell: (r) => <Moment at={r.first_seen_at} /> },
  { head: "Last event", cell: (r) => <Moment at={r.updated_at} as="ago" /> },
];

const deliveryColumns: Column<Delivery>[] = [
  {
    head: "State",
    cell: (d) => (
      <>
        <a href={`/deliveries/${d.id}`}>
          <Badge of={d.state} />
        </a>
        <Waits delivery={d} narrow />
      </>
    ),
  },
  { head: "Destination", cell: (d) => d.destination },
  { head: "Event", rank: 2, cell: (d) => <a href={`/deliveries/${d.id}`}>{eventType(d.event_type)}</a> },
  { head: "Run", rank: 3, cell: (d) => <RunLink run={d} /> },
  { head: "Attempts", rank: 2, num: true, cell: (d) => d.attempts },
  { head: "Next attempt", rank: 2, cell: (d) => <NextAttempt delivery={d} /> },
  { head: "Created", cell: (d) => <Moment at={d.created_at} as="ago" /> },
  { head: "Last change", rank: 3, cell: (d) => <Moment at={d.updated_at} as="ago" /> },
];

export function StuckPage() {
  const get = (name: string): string => params.value.get(name) ?? "";
  const asked = { runs: get("runs"), deliveries: get("deliveries"), delivering: get("delivering") };
  const report = useQuery<StuckReport>(address("/stuck", { ...asked, limit: 100 }), { every: 30_000 });
  const [clearing, setClearing] = useState(false);
  const jobs = (report.data?.deliveries.length ?? 0) + (report.data?.orphaned.length ?? 0);
  return (
    <Page title="Stuck" tools={<Refresh query={report} />}>
      <p class="lead">What has not moved for too long: runs that were never told to have ended, deliveries that are not over, attempts without an end.</p>
      <div class="filters">
        <Choice name="runs" label="Runs after" all="1 day" options={ages} />
        <Choice name="deliveries" label="Deliveries after" all="1 day" options={ages} />
        <Choice name="delivering" label="Attempts after" all="15 minutes" options={ages} />
        <span class="grow" />
        <Operators>
          <button type="button" class="button" disabled={jobs === 0} onClick={() => setClearing(true)}>
            Clear stuck deliveries…
          </button>
        </Operators>
      </div>
      <Loaded query={report} bones={<Oldest report={undefined} />}>
        {(data) => <Lists report={data} />}
      </Loaded>
      {clearing && (
        <ChangeDialog
          title="Clear stuck deliveries"
          action="Clear"
          path="/stuck/clear"
          done="cleared"
          selection={Object.fromEntries(Object.entries(asked).filter(([name, v]) => name !== "runs" && v !== ""))}
          onDone={report.reload}
          onClose={() => setClearing(false)}
        >
          <p>
            Each gets a new job and goes out as soon as its destination lets it. A receiver may get an event twice when an attempt was under way after all. Runs stay as they
            are: only a further event ends a run.
          </p>
        </ChangeDialog>
      )}
    </Page>
  );
}

/** The first list, which stands for all of them while they are loaded: what came below it would move. */
function Oldest({ report: r }: { report: StuckReport | undefined }) {
  return <List title="Deliveries that are not over" columns={deliveryColumns} rows={r?.deliveries} cut={r?.deliveries_cut} id={(d) => d.id} />;
}

function Lists({ report: r }: { report: StuckReport }) {
  return (
    <>
      <Oldest report={r} />
      <List title="Attempts without an end" columns={deliveryColumns} rows={r.orphaned} cut={r.orphaned_cut} id={(d) => d.id} />
      <List
        title="Runs without an end"
        hint="Apify may not have told it, or no webhook covers it; dedupgate reconcile asks Apify."
        columns={runColumns}
        rows={r.runs}
        cut={r.runs_cut}
        id={(x) => `${x.source}/${x.kind}/${x.run_id}`}
      />
    </>
  );
}

interface ListProps<T> {
  title: string;
  hint?: string;
  columns: Column<T>[];
  rows: T[] | undefined;
  cut: boolean | undefined;
  id(row: T): string;
}

function List<T>({ title, hint, columns, rows, cut, id }: ListProps<T>) {
  const few = useFew(rows);
  if (rows?.length === 0) {
    return (
      <Panel title={title} tools={<span class="badge green">none</span>}>
        {null}
      </Panel>
    );
  }
  return (
    <Panel title={title} note={cut ? `the oldest ${rows?.length}, there are more` : (hint ?? "oldest first")} flush>
      <Table label={title} columns={columns} rows={few.rows} id={id} bones={2} />
      {few.more}
    </Panel>
  );
}
