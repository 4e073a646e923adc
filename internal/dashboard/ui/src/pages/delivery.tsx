import { useState } from "preact/hooks";
import { ApiError, address, postJSON } from "../api/http";
import type { Attempt, Changed, DeliveryHistory } from "../api/types";
import { eventType, visible } from "../lib/format";
import { heldInstead } from "../lib/held";
import { duration } from "../lib/time";
import { useQuery } from "../state/query";
import { toast } from "../state/toasts";
import { Badge } from "../components/badge";
import { Confirm } from "../components/confirm";
import { Copyable } from "../components/copy";
import { RunLink } from "../components/links";
import { Moment } from "../components/moment";
import { Operators } from "../components/operators";
import { Page, Refresh } from "../components/page";
import { Panel } from "../components/panel";
import { Code } from "../components/payload";
import { ReplayDialog } from "../components/replay";
import { Bones, Broken, Empty } from "../components/states";
import { NextAttempt } from "../components/waits";
import { actions } from "./deliveries/actions";

const titles = { retry: "Retry", cancel: "Cancel", release: "Release" };
const says = {
  retry: "It is sent again from its first attempt on; held again where Apify has not confirmed its event.",
  cancel: "Nothing more is sent for it. It can be retried later.",
  release: "It is sent as soon as its turn comes.",
};

export function DeliveryPage({ id }: { id: string }) {
  const query = useQuery<DeliveryHistory>(address(`/deliveries/${encodeURIComponent(id)}`), { every: 5000 });
  const [asked, setAsked] = useState<keyof typeof titles | "replay" | null>(null);
  const d = query.data?.delivery;
  const close = (): void => setAsked(null);
  return (
    <Page
      title={d ? `${eventType(d.event_type)} to ${d.destination}` : "Delivery"}
      heading={
        <span class="row">
          <a href="/deliveries" class="muted">
            Deliveries
          </a>
          <span class="muted">/</span>
          {d ? `${eventType(d.event_type)} to ${d.destination}` : "…"}
          {d && <Badge of={d.state} />}
        </span>
      }
      tools={
        <>
          {d && (
            <Operators>
              {actions(d.state).map((a) => (
                <button key={a} type="button" class={`button${a === "cancel" ? " danger" : ""}`} onClick={() => setAsked(a)}>
                  {titles[a]}…
                </button>
              ))}
              <button type="button" class="button" onClick={() => setAsked("replay")}>
                Replay…
              </button>
            </Operators>
          )}
          <Refresh query={query} />
        </>
      }
    >
      {query.error &&
        (query.error instanceof ApiError && [404, 422].includes(query.error.status) ? (
          <section class="panel">
            <Empty title="No such delivery">
              <p>It is older than the retention, or the address is not whole.</p>
            </Empty>
          </section>
        ) : (
          <Broken error={query.error} retry={query.reload} />
        ))}
      {query.data ? <History history={query.data} /> : !query.error && <section class="panel"><Bones lines={6} height={240} /></section>}
      {d && asked === "replay" && (
        <ReplayDialog title={`Replay ${eventType(d.event_type)}`} selection={{ event_ids: [d.event_id] }} onDone={query.reload} onClose={close} />
      )}
      {d && asked && asked !== "replay" && (
        <Confirm
          title={`${titles[asked]} this delivery`}
          action={titles[asked]}
          reason
          danger={asked === "cancel"}
          onClose={close}
          onConfirm={async (reason) => {
            const said = await postJSON<Changed>(address(`/deliveries/${d.id}/${asked}`), { reason });
            toast("good", `${titles[asked]}: done.${heldInstead(said)}`);
            query.reload();
          }}
        >
          <p>{says[asked]}</p>
        </Confirm>
      )}
    </Page>
  );
}

function History({ history: { delivery: d, attempts, attempts_cut } }: { history: DeliveryHistory }) {
  return (
    <>
      <section class="panel" aria-label="The delivery">
        <dl class="facts run-facts">
          <div>
            <dt>Run</dt>
            <dd>
              <RunLink run={d} />
            </dd>
          </div>
          <div>
            <dt>Event</dt>
            <dd>
              <Copyable text={d.event_id} />
            </dd>
          </div>
          <div>
            <dt>Source</dt>
            <dd>{d.source}</dd>
          </div>
          <div>
            <dt>Created</dt>
            <dd>
              <Moment at={d.created_at} /> {d.replay > 0 ? <span class="muted">as replay {d.replay}</span> : ""}
            </dd>
          </div>
          <div>
            <dt>Attempts</dt>
            <dd>{d.attempts}</dd>
          </div>
          {(d.waits_for || d.next_attempt_at) && (
            <div>
              <dt>Next attempt</dt>
              <dd>
                <NextAttempt delivery={d} />
              </dd>
            </div>
          )}
        </dl>
      </section>
      <Panel title="Attempts" note={attempts_cut ? "the newest are listed" : undefined} flush>
        {attempts.length === 0 ? (
          <div class="nothing muted">None yet.</div>
        ) : (
          <ol class="attempts">
            {[...attempts].reverse().map((a) => (
              <One key={a.number} attempt={a} />
            ))}
          </ol>
        )}
      </Panel>
    </>
  );
}

function One({ attempt: a }: { attempt: Attempt }) {
  const good = a.status !== undefined && a.status >= 200 && a.status < 300;
  return (
    <li>
      <div class="row">
        <span class={`badge ${good ? "green" : "red"}`}>{a.status ?? "no answer"}</span>
        <span>attempt {a.number}</span>
        <span class="muted">
          <Moment at={a.started_at} /> · {duration(a.took_ms)}
        </span>
        {a.error && <span>{visible(a.error)}</span>}
      </div>
      {a.answer && <Code text={visible(a.answer)} wrap label={`answer to attempt ${a.number}`} />}
    </li>
  );
}
