import { useRef, useState } from "preact/hooks";
import { ApiError, address } from "../api/http";
import type { Attempt, Delivery, DeliveryHistory, Page as Listing, Timeline } from "../api/types";
import { params, withParams } from "../router";
import { plural } from "../lib/format";
import { entries } from "../lib/timeline";
import { useEach } from "../state/each";
import { useQuery } from "../state/query";
import { Badge } from "../components/badge";
import { Copyable } from "../components/copy";
import { ActorLink } from "../components/links";
import { Moment } from "../components/moment";
import { Operators } from "../components/operators";
import { Page, Refresh } from "../components/page";
import { Bones, Broken, Empty } from "../components/states";
import { ReplayDialog } from "../components/replay";
import { TimelineView } from "./run/timeline";

/** Deliveries whose attempts are shown; a run has a handful. */
const mostDeliveries = 20;

export function RunPage({ id }: { id: string }) {
  const source = params.value.get("source");
  const kind = params.value.get("kind");
  const run = useQuery<Timeline>(address(`/runs/${encodeURIComponent(id)}`, { source, kind }), { every: 10_000 });
  const deliveries = useDeliveries(run.data);
  const [replaying, setReplaying] = useState(false);
  // Attempts stand between the events: the timeline waits for them once, and is not pushed apart.
  const was = useRef(false);
  const shown = (was.current ||= deliveries.settled);
  const reload = (): void => {
    run.reload();
    deliveries.reload();
  };
  return (
    <Page
      title={id}
      heading={
        <span class="row run-heading">
          <a href="/runs" class="muted">
            Runs
          </a>
          <span class="muted">/</span>
          <Copyable text={id} />
          {run.data && <Badge of={run.data.run.status} />}
        </span>
      }
      tools={
        <>
          {run.data && (
            <Operators>
              <button type="button" class="button" onClick={() => setReplaying(true)}>
                Replay…
              </button>
            </Operators>
          )}
          <Refresh query={{ loading: run.loading, reload }} />
        </>
      }
    >
      {run.error && (isMany(run.error) ? <Which id={id} /> : isGone(run.error) ? <Gone id={id} /> : <Broken error={run.error} retry={run.reload} />)}
      {run.data ? (
        <>
          <Facts timeline={run.data} />
          {shown ? <TimelineView timeline={run.data} entries={entries(run.data, deliveries.list, deliveries.attempts)} /> : <Waiting />}
        </>
      ) : (
        !run.error && <Waiting />
      )}
      {replaying && run.data && (
        <ReplayDialog
          title={`Replay ${id}`}
          selection={{ run_id: id, source: run.data.run.source }}
          onDone={deliveries.reload}
          onClose={() => setReplaying(false)}
        />
      )}
    </Page>
  );
}

function Waiting() {
  return (
    <section class="panel">
      <div class="inner" style={{ paddingTop: "14px" }}>
        <Bones lines={9} />
      </div>
    </section>
  );
}

const isGone = (e: Error): boolean => e instanceof ApiError && e.status === 404;
const isMany = (e: Error): boolean => e instanceof ApiError && e.status === 409;

interface Deliveries {
  list: Delivery[];
  attempts: Map<string, Attempt[]>;
  /** All that could be loaded is there. */
  settled: boolean;
  reload(): void;
}

function useDeliveries(timeline: Timeline | undefined): Deliveries {
  const run = timeline?.run;
  const list = useQuery<Listing<Delivery>>(run ? address("/deliveries", { run_id: run.run_id, source: run.source, limit: 100 }) : null, { every: 10_000 });
  const ids = (list.data?.items ?? []).slice(0, mostDeliveries);
  const histories = useEach<DeliveryHistory>(ids.map((d) => ({ url: address(`/deliveries/${d.id}`), version: `${d.updated_at} ${d.attempts}` })));
  const attempts = new Map(histories.list.map((h) => [h.delivery.id, h.attempts]));
  const settled = list.error !== undefined || (list.data !== undefined && histories.settled);
  return { list: list.data?.items ?? [], attempts, settled, reload: list.reload };
}

function Facts({ timeline: { run, events, receipts } }: { timeline: Timeline }) {
  const repeats = receipts.filter((r) => r.outcome === "duplicate").length;
  return (
    <section class="panel" aria-label="The run">
      <dl class="facts run-facts">
        <div>
          <dt>Source</dt>
          <dd>
            {run.source}, {run.kind}
          </dd>
        </div>
        <div>
          <dt>Actor</dt>
          <dd>
            <ActorLink id={run.actor_id} />
          </dd>
        </div>
        {run.task_id && (
          <div>
            <dt>Task</dt>
            <dd>
              <a class="mono" href={`/runs?task_id=${encodeURIComponent(run.task_id)}`}>
                {run.task_id}
              </a>
            </dd>
          </div>
        )}
        <div>
          <dt>First seen</dt>
          <dd>
            <Moment at={run.first_seen_at} />
          </dd>
        </div>
        <div>
          <dt>Last event</dt>
          <dd>
            <Moment at={run.updated_at} />
          </dd>
        </div>
        <div>
          <dt>Resurrected</dt>
          <dd>{run.life === 0 ? "never" : plural(run.life, "time")}</dd>
        </div>
        <div>
          <dt>Told</dt>
          <dd>
            {plural(events.length, "event")}, {plural(repeats, "duplicate")}
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Gone({ id }: { id: string }) {
  return (
    <section class="panel">
      <Empty title="No such run">
        <p>
          Nothing was received about <code>{id}</code>, or it is older than the retention.
        </p>
        <a class="button" href="/runs">
          Search runs
        </a>
      </Empty>
    </section>
  );
}

/** The same id is known from several sources, or as a run and a build. */
function Which({ id }: { id: string }) {
  const found = useQuery<Listing<Timeline["run"]>>(address("/runs", { run_id: id, limit: 20 }));
  return (
    <section class="panel">
      <Empty title="Several runs have this id">
        <ul class="stack">
          {(found.data?.items ?? []).map((r) => (
            <li key={`${r.source}/${r.kind}`}>
              <a href={withParams({ source: r.source, kind: r.kind })}>
                {r.kind} of {r.source}
              </a>{" "}
              <Badge of={r.status} />
            </li>
          ))}
        </ul>
      </Empty>
    </section>
  );
}
