import { useEffect, useMemo } from "preact/hooks";
import type { LiveReceipt } from "../api/types";
import { outcomes } from "../api/types";
import { params } from "../router";
import { count, eventType, plural, short } from "../lib/format";
import { Live } from "../state/live";
import type { LiveState } from "../state/live";
import { useSourceNames } from "../state/sources";
import { status } from "../state/status";
import { Badge, word } from "../components/badge";
import { ConnectFirst } from "../components/connect";
import { Choice, TextFilter } from "../components/fields";
import { Icon } from "../components/icon";
import { ActorLink, RunLink } from "../components/links";
import { Lag, Moment } from "../components/moment";
import { Page } from "../components/page";
import { Banner, Empty } from "../components/states";
import { Table } from "../components/table";
import type { Column } from "../components/table";

const columns: Column<LiveReceipt>[] = [
  { head: "Time", cell: (r) => <Moment at={r.received_at} as="clock" /> },
  { head: "Outcome", cell: (r) => <Badge of={r.outcome} /> },
  { head: "Why", rank: 2, cell: (r) => <Caught receipt={r} /> },
  { head: "Event", cell: (r) => <span class="nowrap">{eventType(r.type)}</span> },
  { head: "Run", class: "fill-s", cell: (r) => <RunLink run={r} /> },
  { head: "Actor", rank: 3, cell: (r) => <ActorLink id={r.actor_id} /> },
  { head: "Source", rank: 3, cell: (r) => <span class="muted">{r.source}</span> },
  { head: "After", rank: 2, num: true, cell: (r) => <Lag ms={r.lag_ms} /> },
];

function Caught({ receipt: r }: { receipt: LiveReceipt }) {
  const text = r.outcome === "duplicate" ? [word(r.reason), r.repeat].filter(Boolean).join(", ") : r.outcome === "quarantined" ? word(r.reason) : "";
  return (
    <span class="muted nowrap">
      {text === "" && !r.degraded ? "–" : text}{" "}
      {r.degraded && (
        <span class="badge amber plain" title="Redis was left out">
          degraded
        </span>
      )}
    </span>
  );
}

export function LivePage() {
  const live = useMemo(() => new Live(), []);
  const get = (name: string): string => params.value.get(name) ?? "";
  const filter = { source: get("source"), outcome: get("outcome"), actor_id: get("actor_id"), run_id: get("run_id") };
  const key = JSON.stringify(filter);
  useEffect(() => {
    live.begin(filter);
    return () => live.end();
  }, [key]);
  const state = live.state.value;
  const paused = live.paused.value;
  const filtered = Object.values(filter).some((v) => v !== "");
  return (
    <Page
      title="Live"
      tools={
        <>
          <Connection state={state} paused={paused} />
          <button type="button" class="button" data-key="space" aria-pressed={paused} title="space" onClick={() => live.togglePause()}>
            <Icon name={paused ? "play" : "pause"} size={13} />
            {paused ? (state.held > 0 ? `Resume, ${count(state.held)} new` : "Resume") : "Pause"}
          </button>
          <button type="button" class="button" onClick={() => live.clear()}>
            Clear
          </button>
        </>
      }
    >
      <Filters />
      <Notes state={state} />
      {status.value?.receipts === false && state.rows.length === 0 ? (
        <ConnectFirst onSent={() => undefined} />
      ) : (
        <section class="panel" aria-label="Receipts as they come in">
          {state.rows.length === 0 ? (
            <Empty title={state.connection === "open" ? "Waiting for receipts" : "Connecting"}>
              <p>{filtered ? "None of the latest receipts matches the filters. New ones that do are shown as they come." : "What comes in at any replica is shown here within a second or two."}</p>
            </Empty>
          ) : (
            <Table label="Receipts as they come in" columns={columns} rows={state.rows} id={(r) => r.id} />
          )}
        </section>
      )}
    </Page>
  );
}

function Filters() {
  const sources = useSourceNames();
  return (
    <div class="filters" role="search">
      <Choice name="source" label="Source" options={sources} />
      <Choice name="outcome" label="Outcome" options={outcomes} />
      <TextFilter name="actor_id" label="Actor" placeholder="Actor id" />
      <TextFilter name="run_id" label="Run" placeholder="Run id" search />
    </div>
  );
}

function Connection({ state, paused }: { state: LiveState; paused: boolean }) {
  const [tone, text] =
    state.connection === "open"
      ? paused
        ? ["amber", "paused"]
        : ["green", `${short(state.perSecond)} a second`]
      : state.connection === "lost"
        ? ["red", "reconnecting"]
        : ["grey", "connecting"];
  return (
    <span class={`badge ${tone}`} role="status" title={state.why}>
      {text}
    </span>
  );
}

function Notes({ state }: { state: LiveState }) {
  return (
    <>
      {state.connection === "lost" && (
        <Banner tone="amber" icon="alert">
          <p>{state.why} The page goes on by itself.</p>
        </Banner>
      )}
      {state.sampled && (
        <Banner tone="blue">
          <p>
            <strong>Sampled.</strong> {plural(state.sampled.per_second, "receipt")} a second is more than anybody reads: {count(state.sampled.shown)} of the last{" "}
            {count(state.sampled.of)} are shown. Overview counts all of them.
          </p>
        </Banner>
      )}
      {state.note !== "" && (
        <Banner tone="amber">
          <p>{state.note}</p>
        </Banner>
      )}
    </>
  );
}
