import type { ComponentChildren } from "preact";
import type { Overview } from "../../api/types";
import { count, percent, rate, short } from "../../lib/format";
import { duration } from "../../lib/time";

export function Figures({ overview: o }: { overview: Overview | undefined }) {
  const seconds = o ? Math.max(1, (Date.parse(o.until) - Date.parse(o.since)) / 1000) : 1;
  return (
    <dl class="figures">
      <Figure name="Received" value={o && short(o.receipts)} title={o && count(o.receipts)} sub={o && rate(o.receipts / seconds)} />
      <Figure name="Let through" value={o && short(o.let_through)} title={o && count(o.let_through)} sub={o && `${percent(o.let_through, o.receipts)} of all`} />
      <Figure name="Duplicates" value={o && short(o.duplicates)} title={o && count(o.duplicates)} sub={o && rate(o.duplicates / seconds)} />
      <Figure
        name="Saved"
        value={o && percent(o.duplicates, o.receipts)}
        sub="spared to your application"
      />
      <Figure
        name="Answer, median"
        value={o && (o.latency.answers > 0 ? duration(o.latency.p50_ms) : "–")}
        sub={o && (o.latency.answers > 0 ? `p99 ${duration(o.latency.p99_ms)}, last ${duration(o.latency.window_seconds * 1000)}` : `none in ${duration(o.latency.window_seconds * 1000)}`)}
        title={o?.latency.scope}
      />
    </dl>
  );
}

function Figure({ name, value, sub, title }: { name: string; value: string | undefined; sub: ComponentChildren; title?: string | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={title}>{value ?? <span class="bone" style={{ width: "60%", height: "18px" }} />}</dd>
      <dd class="sub">{value === undefined ? <span class="bone" style={{ width: "40%" }} /> : sub}</dd>
    </div>
  );
}
