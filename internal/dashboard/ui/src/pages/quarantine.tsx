import { useState } from "preact/hooks";
import { address, postJSON } from "../api/http";
import type { Page as Listing, Quarantined } from "../api/types";
import { params, setParams } from "../router";
import { bytes, count, visible } from "../lib/format";
import { apiRange } from "../lib/range";
import { useBytes } from "../state/bytes";
import { useQuery } from "../state/query";
import { useSourceNames } from "../state/sources";
import { toast } from "../state/toasts";
import { Badge } from "../components/badge";
import { Confirm } from "../components/confirm";
import { Copyable } from "../components/copy";
import { Choice } from "../components/fields";
import { Headers } from "../components/headers";
import { Icon } from "../components/icon";
import { Moment } from "../components/moment";
import { Operators } from "../components/operators";
import { Page, Refresh } from "../components/page";
import { Pager } from "../components/pager";
import { PayloadView } from "../components/payload";
import { RangePicker, useRange } from "../components/rangepicker";
import { Bones, Broken, Empty, Loaded } from "../components/states";
import { Table } from "../components/table";
import type { Column } from "../components/table";

const usualRange = "30d";
const reasonsHere: [string, string][] = [
  ["not_json", "not JSON"],
  ["no_identity", "no identity"],
  ["too_large", "too large"],
  ["rejected_by_database", "rejected by database"],
  ["unverified", "unverified"],
];

export function QuarantinePage() {
  const range = useRange(usualRange);
  const get = (name: string): string => params.value.get(name) ?? "";
  const [replaying, setReplaying] = useState<Quarantined | null>(null);
  const query = { ...apiRange(range), source: get("source"), reason: get("reason"), replayed: get("replayed"), cursor: get("cursor"), limit: 50 };
  const list = useQuery<Listing<Quarantined>>(address("/quarantine", query), { every: get("cursor") ? undefined : 30_000 });
  const sources = useSourceNames();
  const filtered = ["source", "reason", "replayed"].some((name) => get(name) !== "");
  const columns = columnsOf(get("open"), setReplaying);
  const table = (rows: Quarantined[] | undefined) => (
    <Table
      label="Quarantined requests"
      columns={columns}
      rows={rows}
      id={(q) => q.id}
      open={get("open") === "" ? undefined : { id: get("open"), detail: (q) => <Detail entry={q} /> }}
    />
  );
  return (
    <Page
      title="Quarantine"
      tools={
        <>
          <RangePicker fallback={usualRange} />
          <Refresh query={list} />
        </>
      }
    >
      <p class="lead">Requests of known senders that could not become events, or that Apify does not confirm. They were answered 200, so that nobody repeats them, and are kept whole.</p>
      <div class="filters">
        <Choice name="reason" label="Reason" options={reasonsHere} />
        <Choice
          name="replayed"
          label="Replayed"
          options={[
            ["false", "not yet"],
            ["true", "replayed"],
          ]}
        />
        {sources.length > 1 && <Choice name="source" label="Source" options={sources} />}
      </div>
      <section class="panel" aria-label="Quarantined requests">
        <Loaded query={list} bones={table(undefined)}>
          {(page) =>
            page.items.length === 0 ? (
              <Empty title={filtered ? "Nothing matches the filters" : "Nothing is in quarantine"}>
                <p>{filtered ? "Other reasons or another time range may have something." : "Every request of this time range could be read."}</p>
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
      {replaying && (
        <Confirm
          title="Replay this request"
          action="Replay"
          reason
          onClose={() => setReplaying(null)}
          onConfirm={async (reason) => {
            const said = await postJSON<{ outcome: string }>(address(`/quarantine/${replaying.id}/replay`), { reason });
            toast("good", `Replayed: ${said.outcome}`);
            list.reload();
          }}
        >
          <p>It goes through the gate again as if it had just come in. Do this after what was wrong is put right, the source's identity for example.</p>
        </Confirm>
      )}
    </Page>
  );
}

function columnsOf(open: string, replay: (q: Quarantined) => void): Column<Quarantined>[] {
  return [
    {
      head: "Reason",
      cell: (q) => (
        <button type="button" class="opener" aria-expanded={open === q.id} onClick={() => setParams({ open: open === q.id ? null : q.id }, true)}>
          <Icon name={open === q.id ? "down" : "right"} size={12} />
          <Badge of={q.reason} />
        </button>
      ),
    },
    { head: "What is wrong", rank: 2, class: "fill", cell: (q) => <span class="ellipsis" title={visible(q.message)}>{visible(q.message)}</span> },
    { head: "Source", rank: 3, cell: (q) => <span class="muted">{q.source}</span> },
    { head: "Times", num: true, cell: (q) => count(q.hits) },
    { head: "Size", rank: 3, num: true, cell: (q) => bytes(q.body_bytes) },
    { head: "First seen", rank: 2, cell: (q) => <Moment at={q.first_seen_at} /> },
    { head: "Last seen", cell: (q) => <Moment at={q.last_seen_at} as="ago" /> },
    {
      head: "Replay",
      unseenHead: true,
      class: "actions",
      cell: (q) =>
        q.replayed_at ? (
          <span class="muted small">
            replayed <Moment at={q.replayed_at} as="ago" />
          </span>
        ) : (
          <Operators>
            <button type="button" class="button small" disabled={q.truncated} title={q.truncated ? "Only the start of the body is kept" : ""} onClick={() => replay(q)}>
              Replay…
            </button>
          </Operators>
        ),
    },
  ];
}

function Detail({ entry: q }: { entry: Quarantined }) {
  const body = useBytes(address(`/quarantine/${q.id}/body`));
  return (
    <div class="stack">
      <p>{visible(q.message)}</p>
      <dl class="facts">
        <dt>Entry</dt>
        <dd>
          <Copyable text={q.id} />
        </dd>
        {q.dispatch_id && (
          <>
            <dt>Dispatch</dt>
            <dd>
              <Copyable text={visible(q.dispatch_id)} />
            </dd>
          </>
        )}
        {q.replay_event_id && (
          <>
            <dt>Became event</dt>
            <dd>
              <Copyable text={q.replay_event_id} />
            </dd>
          </>
        )}
      </dl>
      <Headers headers={q.headers} />
      {q.truncated && <p class="muted small">Only the start of the body is kept: it was {bytes(q.body_bytes)} long.</p>}
      {body.error ? <Broken error={body.error} retry={body.reload} /> : body.data ? <PayloadView payload={body.data} name={`${q.id}.bin`} /> : <Bones lines={5} />}
    </div>
  );
}
