import { address } from "../api/http";
import type { AuditEntry, Page as Listing } from "../api/types";
import { params } from "../router";
import { visible } from "../lib/format";
import { apiRange } from "../lib/range";
import { useQuery } from "../state/query";
import { TextFilter } from "../components/fields";
import { Moment } from "../components/moment";
import { Page, Refresh } from "../components/page";
import { Pager } from "../components/pager";
import { RangePicker, useRange } from "../components/rangepicker";
import { Empty, Loaded } from "../components/states";
import { Table } from "../components/table";
import type { Column } from "../components/table";

const usualRange = "30d";

const columns: Column<AuditEntry>[] = [
  { head: "Time", cell: (e) => <Moment at={e.at} /> },
  { head: "Who", cell: (e) => visible(e.actor) },
  { head: "What", cell: (e) => <code>{e.action}</code> },
  {
    head: "On",
    rank: 2,
    cell: (e) => (
      <span class="mono ellipsis" title={visible(e.target)}>
        {visible(e.target)}
      </span>
    ),
  },
  { head: "Why", cell: (e) => <span class="wrapped">{visible(e.reason)}</span> },
  { head: "Detail", rank: 3, cell: (e) => <span class="muted wrapped">{visible(e.detail ?? "")}</span> },
];

export function AuditPage() {
  const range = useRange(usualRange);
  const get = (name: string): string => params.value.get(name) ?? "";
  const query = { ...apiRange(range), actor: get("actor"), action: get("action"), target: get("target"), cursor: get("cursor"), limit: 50 };
  const list = useQuery<Listing<AuditEntry>>(address("/audit", query));
  const filtered = ["actor", "action", "target"].some((name) => get(name) !== "");
  const table = (rows: AuditEntry[] | undefined) => <Table label="Audit" columns={columns} rows={rows} id={(e) => e.id} />;
  return (
    <Page
      title="Audit"
      tools={
        <>
          <RangePicker fallback={usualRange} />
          <Refresh query={list} />
        </>
      }
    >
      <p class="lead">What operators changed, who it was and why. Entries are never altered.</p>
      <div class="filters" role="search">
        <TextFilter name="actor" label="Who" placeholder="Token or person" search />
        <TextFilter name="action" label="What" placeholder="quarantine.replay" />
        <TextFilter name="target" label="On" placeholder="Id or name" />
      </div>
      <section class="panel" aria-label="Audit">
        <Loaded query={list} bones={table(undefined)}>
          {(page) =>
            page.items.length === 0 ? (
              <Empty title={filtered ? "Nothing matches the filters" : "Nothing was changed in this time range"}>
                <p>Replays, retries, pauses and a bumped epoch leave an entry here, from this dashboard, the command line and the API alike.</p>
              </Empty>
            ) : (
              <>
                {table(page.items)}
                <Pager next={page.next} shown={page.items.length} />
              </>
            )
          }
        </Loaded>
      </section>
    </Page>
  );
}
