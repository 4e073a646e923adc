import { address } from "../api/http";
import type { Page as Listing, Run } from "../api/types";
import { runStatuses } from "../api/types";
import { params } from "../router";
import { count } from "../lib/format";
import { apiRange } from "../lib/range";
import { useQuery } from "../state/query";
import { useSourceNames } from "../state/sources";
import { status } from "../state/status";
import { Badge } from "../components/badge";
import { ConnectFirst } from "../components/connect";
import { Choice, TextFilter } from "../components/fields";
import { ActorLink, RunLink } from "../components/links";
import { Moment } from "../components/moment";
import { Page, Refresh } from "../components/page";
import { Pager } from "../components/pager";
import { RangePicker, useRange } from "../components/rangepicker";
import { Empty, Loaded } from "../components/states";
import { Table } from "../components/table";
import type { Column } from "../components/table";

const usualRange = "30d";
const filters = ["source", "kind", "run_id", "status", "actor_id", "task_id"];

const columns: Column<Run>[] = [
  { head: "Run", class: "fill-s", cell: (r) => <RunLink run={r} /> },
  { head: "Status", cell: (r) => <Badge of={r.status} /> },
  { head: "Actor", rank: 2, cell: (r) => <ActorLink id={r.actor_id} /> },
  { head: "Task", rank: 3, cell: (r) => <Task id={r.task_id} /> },
  { head: "Kind", rank: 3, cell: (r) => <span class="muted">{r.kind}</span> },
  { head: "Source", rank: 3, cell: (r) => <span class="muted">{r.source}</span> },
  { head: "Events", rank: 2, num: true, cell: (r) => count(r.events) },
  { head: "First seen", rank: 2, cell: (r) => <Moment at={r.first_seen_at} /> },
  { head: "Last event", cell: (r) => <Moment at={r.updated_at} as="ago" /> },
];

function Task({ id }: { id: string | undefined }) {
  if (!id) return <span class="muted">–</span>;
  return (
    <a class="mono ellipsis" href={`/runs?task_id=${encodeURIComponent(id)}`} title={id}>
      {id}
    </a>
  );
}

export function RunsPage() {
  const range = useRange(usualRange);
  const sources = useSourceNames();
  const chosen = Object.fromEntries(filters.map((name) => [name, params.value.get(name) ?? ""]));
  // Somebody who looks for a run by its id wants it whenever it was, unless a time was chosen as well.
  const anytime = chosen["run_id"] !== "" && !["range", "since"].some((p) => params.value.has(p));
  const query = { ...(anytime ? {} : apiRange(range)), ...chosen, cursor: params.value.get("cursor"), limit: 50 };
  const runs = useQuery<Listing<Run>>(address("/runs", query), { every: params.value.has("cursor") ? undefined : 15_000 });
  const filtered = filters.some((name) => chosen[name] !== "");
  return (
    <Page
      title="Runs"
      tools={
        <>
          <RangePicker fallback={usualRange} />
          <Refresh query={runs} />
        </>
      }
    >
      <div class="filters" role="search">
        <TextFilter name="run_id" label="Run" placeholder="Run or build id" search wide />
        <TextFilter name="actor_id" label="Actor" placeholder="Actor id" />
        <TextFilter name="task_id" label="Task" placeholder="Task id" />
        <Choice name="status" label="Status" options={runStatuses} />
        <Choice name="kind" label="Kind" options={["run", "build"]} />
        {sources.length > 1 && <Choice name="source" label="Source" options={sources} />}
      </div>
      <Loaded query={runs} bones={<Rows rows={undefined} />}>
        {(page) =>
          page.items.length === 0 ? (
            <Nothing filtered={filtered} onSent={runs.reload} />
          ) : (
            <Rows rows={page.items} next={page.next} old={runs.loading && !!runs.error} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Rows({ rows, next, old = false }: { rows: Run[] | undefined; next?: string | undefined; old?: boolean }) {
  return (
    <section class="panel" aria-label="Runs and builds">
      <Table label="Runs and builds" columns={columns} rows={rows} id={(r) => `${r.source}/${r.kind}/${r.run_id}`} old={old} />
      {rows && <Pager next={next} shown={rows.length} />}
    </section>
  );
}

function Nothing({ filtered, onSent }: { filtered: boolean; onSent: () => void }) {
  if (!filtered && status.value?.receipts === false) return <ConnectFirst onSent={onSent} />;
  return (
    <section class="panel">
      <Empty title="No runs found">
        <p>{filtered ? "No run or build matches all of the filters. Ids must be given in full." : "No run or build was first seen in this time range."}</p>
        <div class="row">
          <a class="button" href="/runs">
            Clear the filters
          </a>
          <a class="button" href="/runs?range=365d">
            Look back a year
          </a>
        </div>
      </Empty>
    </section>
  );
}
