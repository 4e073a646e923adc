import type { ComponentChildren } from "preact";
import { address } from "../api/http";
import type { TTL, TTLLine } from "../api/types";
import { params, setParams, withParams } from "../router";
import { atLeast, count, eventType, plural } from "../lib/format";
import { apiRange } from "../lib/range";
import { coarse, duration } from "../lib/time";
import { useQuery } from "../state/query";
import { Badge } from "../components/badge";
import { useFew } from "../components/few";
import { ShortID } from "../components/links";
import { Moment } from "../components/moment";
import { Page, Refresh } from "../components/page";
import { Panel } from "../components/panel";
import { RangePicker, useRange } from "../components/rangepicker";
import { Banner, Bones, Empty, Loaded } from "../components/states";
import { Table } from "../components/table";
import type { Column } from "../components/table";
import { Tuner } from "./ttl/tuner";

const usualRange = "30d";

export function TTLPage() {
  const range = useRange(usualRange);
  const list = useQuery<{ items: TTLLine[] }>(address("/ttl", apiRange(range)));
  const source = params.value.get("source") ?? list.data?.items[0]?.source ?? "";
  const type = params.value.get("type") ?? "";
  return (
    <Page
      title="TTL"
      tools={
        <>
          <RangePicker fallback={usualRange} />
          <Refresh query={list} />
        </>
      }
    >
      <p class="lead">
        The window is how long Redis remembers an event. A repeat that comes later is still caught, by the database's unique index; a longer window saves the
        database the question, and costs Redis memory.
      </p>
      <Loaded query={list} bones={<section class="panel"><Bones lines={5} height={160} /></section>}>
        {(data) =>
          data.items.length === 0 ? (
            <Nothing />
          ) : (
            <One source={source} type={type}>
              <Lines items={data.items} source={source} type={type} />
            </One>
          )
        }
      </Loaded>
    </Page>
  );
}

function Nothing() {
  return (
    <section class="panel">
      <Empty title="No repeats in this time range">
        <p>
          The advice comes from how long after the first a repeat arrives. Without repeats there is nothing to tune: keep the default of three days, which outlasts
          Apify's last retry.
        </p>
        <a class="button" href={withParams({ range: "365d", since: null, until: null })}>
          Look back a year
        </a>
      </Empty>
    </section>
  );
}

/** The window of one source or type, with what there is to choose from between its curve and its late hits. */
function One({ source, type, children }: { source: string; type: string; children: ComponentChildren }) {
  const range = useRange(usualRange);
  const window = params.value.get("window") ?? "";
  const ttl = useQuery<TTL>(address(`/ttl/${encodeURIComponent(source)}`, { ...apiRange(range), type, window }), { keep: `${source} ${type}` });
  return (
    <Loaded query={ttl} bones={<section class="panel"><Bones lines={6} height={420} /></section>}>
      {(data) => (
        <>
          {data.repeats === 0 ? (
            <Nothing />
          ) : (
            <>
              <Advice ttl={data} />
              <Tuner key={`${source} ${type}`} ttl={data} loading={ttl.loading} />
            </>
          )}
          {children}
          <LateHits key={`late ${source} ${type}`} ttl={data} />
        </>
      )}
    </Loaded>
  );
}

function Advice({ ttl }: { ttl: TTL }) {
  const { suggested } = ttl;
  const right = ttl.verdict === "right";
  return (
    <Banner tone={right ? "green" : "blue"} icon={right ? "check" : "info"}>
      <p>{ttl.text}</p>
      {suggested && (
        <button type="button" class="button small" onClick={() => setParams({ window: suggested })}>
          Try {suggested}
        </button>
      )}
    </Banner>
  );
}

const lateColumns: Column<TTL["late_hits"][number]>[] = [
  { head: "Received", cell: (r) => <Moment at={r.received_at} /> },
  { head: "Event", cell: (r) => eventType(r.type) },
  { head: "After the first", num: true, cell: (r) => (r.lag_ms === undefined ? "–" : duration(r.lag_ms)) },
  { head: "Repeat", rank: 2, cell: (r) => (r.repeat ? <Badge of={r.repeat} /> : "–") },
  { head: "Dispatch", rank: 3, cell: (r) => <ShortID id={r.dispatch_id} /> },
  { head: "Redis", rank: 2, cell: (r) => <span class="muted">{r.degraded ? "left out" : "did not know it"}</span> },
];

function LateHits({ ttl }: { ttl: TTL }) {
  const { rows, more } = useFew(ttl.late_hits);
  return (
    <Panel title="Late hits" note="repeats that only the database caught, newest first" flush>
      {ttl.late_hits.length === 0 ? (
        <div class="nothing muted">None: Redis knew every repeat of this time range, or saw it in flight.</div>
      ) : (
        <>
          <Table label="Late hits" columns={lateColumns} rows={rows} id={(r) => r.id} />
          {more}
        </>
      )}
    </Panel>
  );
}

function Suggested({ line: l }: { line: TTLLine }) {
  switch (l.verdict) {
    case "change":
      return <strong>{l.suggested}</strong>;
    case "right":
      return <>keep</>;
    case "too_early":
      return (
        <span class="muted" title={`Whether a shorter window would do is said once repeats were watched for ${duration(l.watch_for_ms)}.`}>
          too early to say
        </span>
      );
    case "unknown":
      return (
        <span class="muted" title={l.text}>
          –
        </span>
      );
  }
}

function Lines({ items, source, type }: { items: TTLLine[]; source: string; type: string }) {
  const columns: Column<TTLLine>[] = [
    {
      head: "Source and event type",
      cell: (l) => (
        <a href={withParams({ source: l.source, type: l.type, window: null })} aria-current={l.source === source && l.type === type ? "true" : undefined}>
          {l.source} <span class={l.type === "" ? "muted" : ""}>{l.type === "" ? "all types" : eventType(l.type)}</span>
        </a>
      ),
    },
    { head: "Repeats", num: true, cell: (l) => count(l.repeats) },
    { head: "Window", num: true, cell: (l) => <span title={`${l.setting.key}${l.setting.own ? "" : ", inherited"}`}>{l.setting.window}</span> },
    { head: "Caught", num: true, cell: (l) => (l.repeats > 0 ? atLeast(l.caught) : <span class="muted">–</span>) },
    { head: "Watched for", rank: 3, num: true, cell: (l) => (l.repeats > 0 ? coarse(l.watched_ms) : <span class="muted">–</span>) },
    { head: "Suggested", rank: 2, num: true, cell: (l) => <Suggested line={l} /> },
    { head: "In force since", rank: 3, cell: (l) => <Moment at={l.setting.since} /> },
  ];
  return (
    <Panel title="Windows in force" note={plural(items.length, "line")} flush>
      <Table label="Windows in force" columns={columns} rows={items} id={(l) => `${l.source}/${l.type}`} />
    </Panel>
  );
}
