import type { Overview } from "../../api/types";
import { count, plural } from "../../lib/format";
import { withParams } from "../../router";
import { status } from "../../state/status";
import { Panel } from "../../components/panel";
import { Shares } from "../../components/shares";
import { Bones } from "../../components/states";
import { StoreLine } from "../../components/gateway";
import { Moment } from "../../components/moment";

interface Props {
  overview: Overview | undefined;
}

export function Layers({ overview }: Props) {
  return (
    <Panel title="Which layer caught them">
      {overview ? (
        <Shares
          label="Duplicates by the layer that caught them"
          parts={[
            { name: "Redis", hint: "The window still held the event: answered without the database.", tone: "violet", value: overview.reasons.window_hit ?? 0 },
            { name: "In flight", hint: "Its twin was being decided at the same moment.", tone: "teal", value: overview.reasons.race_lost ?? 0 },
            { name: "Database only", hint: "Redis no longer knew it, or was away: the unique index caught it.", tone: "amber", value: overview.reasons.ledger_hit ?? 0 },
          ]}
        >
          <p class="muted small">
            {overview.duplicates === 0 ? "No duplicates in this range." : <TTLHint late={overview.reasons.ledger_hit ?? 0} />}
          </p>
        </Shares>
      ) : (
        <Bones lines={4} height={124} />
      )}
    </Panel>
  );
}

function TTLHint({ late }: { late: number }) {
  if (late === 0) return <>Redis' window is long enough for all of them.</>;
  return (
    <>
      {plural(late, "repeat")} reached the database. <a href="/ttl">Would a longer window help?</a>
    </>
  );
}

export function Repeats({ overview }: Props) {
  const twins = overview?.advice.find((a) => a.kind === "twins");
  return (
    <Panel title="Kinds of repeats">
      {overview ? (
        <Shares
          label="Duplicates by kind of repeat"
          parts={[
            { name: "Retry", hint: "The same dispatch again: the sender did not hear an answer.", tone: "blue", value: overview.repeats.retry },
            { name: "Twin", hint: "Another webhook told the same event.", tone: "amber", value: overview.repeats.twin },
            { name: "Unknown", hint: "The sender gave no dispatch id.", tone: "grey", value: overview.repeats.unknown },
          ]}
        >
          <p class={twins ? "small" : "muted small"}>{twins ? twins.text : "Retries are the same dispatch again; twins come from a second webhook."}</p>
        </Shares>
      ) : (
        <Bones lines={4} height={124} />
      )}
    </Panel>
  );
}

export function Health({ overview: o }: Props) {
  return (
    <Panel title="Health and forwarding">
      {o ? (
        <div class="shares">
          <table aria-label="Health and forwarding">
            <tbody>
              <StoreLine store={status.value?.redis ?? o.redis} />
              <StoreLine store={status.value?.database ?? o.database} />
              <tr>
                <th scope="row" title="Duplicates that Redis has answered and the database does not hold yet.">
                  Hits on their way
                </th>
                <td>{o.hits_waiting < 0 ? "not known" : count(o.hits_waiting)}</td>
              </tr>
              <tr>
                <th scope="row">
                  <a href="/deliveries">Deliveries waiting</a>
                </th>
                <td>
                  {count(o.forwarding.waiting)}
                  {o.forwarding.oldest_at && (
                    <span class="muted">
                      , oldest <Moment at={o.forwarding.oldest_at} as="ago" />
                    </span>
                  )}
                </td>
              </tr>
              <tr>
                <th scope="row">
                  <a href="/deliveries?state=dead">Dead letters</a>
                </th>
                <td>{o.forwarding.dead > 0 ? <span class="badge red">{count(o.forwarding.dead)}</span> : "0"}</td>
              </tr>
              {o.forwarding.held > 0 && (
                <tr>
                  <th scope="row">
                    <a href="/deliveries?state=held">Held</a>
                  </th>
                  <td>{count(o.forwarding.held)}</td>
                </tr>
              )}
            </tbody>
          </table>
          {o.unrecorded > 0 && (
            <p class="small">
              {plural(o.unrecorded, "duplicate")} could be recorded nowhere since this process started. <a href={withParams({ by: "reason" })}>See the reasons</a>
            </p>
          )}
        </div>
      ) : (
        <Bones lines={4} height={124} />
      )}
    </Panel>
  );
}
