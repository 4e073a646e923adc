import { address } from "../api/http";
import type { Overview } from "../api/types";
import { params, setParams } from "../router";
import { apiRange } from "../lib/range";
import { useQuery } from "../state/query";
import { useSourceNames } from "../state/sources";
import { status } from "../state/status";
import { ConnectFirst, SampleButtons } from "../components/connect";
import { OutcomeChart } from "../components/outcomechart";
import type { By } from "../components/outcomechart";
import { Page, Refresh } from "../components/page";
import { Panel } from "../components/panel";
import { chooseRange, RangePicker, useRange } from "../components/rangepicker";
import { Banner, Bones, Broken } from "../components/states";
import { StormBanner } from "../components/storms";
import { Legend } from "../components/legend";
import { Figures } from "./overview/figures";
import { Layers, Repeats, Health } from "./overview/shares";
import { TopPanel } from "./overview/top";

const refreshEvery = 10_000;
const chartHeight = 220;

export function OverviewPage() {
  const range = useRange();
  const source = params.value.get("source") ?? "";
  const overview = useQuery<Overview>(address("/overview", { ...apiRange(range), source }), {
    every: range.kind === "last" ? refreshEvery : undefined,
  });
  const by: By = params.value.get("by") === "reason" ? "reason" : "outcome";
  const nothingYet = status.value?.receipts === false && overview.data?.receipts === 0;
  return (
    <Page
      title="Overview"
      tools={
        <>
          <SourceFilter />
          <RangePicker />
          <Refresh query={overview} />
        </>
      }
    >
      {overview.error && <Broken error={overview.error} retry={overview.reload} />}
      <StormBanner />
      {nothingYet ? (
        <ConnectFirst onSent={overview.reload} />
      ) : (
        <>
          <Advice overview={overview.data} />
          <section class="panel" aria-label="Figures of the time range">
            <Figures overview={overview.data} />
          </section>
          <Panel
            title="Receipts"
            note="drag to zoom"
            tools={
              <div class="joined" role="group" aria-label="Cut by">
                {(["outcome", "reason"] as const).map((b) => (
                  <button key={b} type="button" class="button small" aria-pressed={by === b} onClick={() => setParams({ by: b === "outcome" ? null : b })}>
                    {b}
                  </button>
                ))}
              </div>
            }
          >
            {overview.data ? (
              <>
                <OutcomeChart overview={overview.data} by={by} height={chartHeight} onZoom={(since, until) => chooseRange({ since, until })} />
                <Legend overview={overview.data} by={by} />
              </>
            ) : (
              <Bones height={chartHeight + 24} />
            )}
          </Panel>
          <div class="grid3">
            <Layers overview={overview.data} />
            <Repeats overview={overview.data} />
            <Health overview={overview.data} />
          </div>
          <div class="grid2">
            <TopPanel by="actor" range={range} source={source} />
            <TopPanel by="run" range={range} source={source} />
          </div>
          {status.value?.embedded && (
            <div class="row">
              <SampleButtons onSent={overview.reload} />
              <span class="muted small">Goes through the gateway's own door, as one of Apify's would.</span>
            </div>
          )}
        </>
      )}
    </Page>
  );
}

/** Advice that a banner above or a panel below does not give already. */
function Advice({ overview }: { overview: Overview | undefined }) {
  const shown = (overview?.advice ?? []).filter((a) => a.kind !== "redis_down" && a.kind !== "database_down" && a.kind !== "twins");
  return (
    <>
      {shown.map((a) => (
        <Banner key={a.kind + a.source} tone="blue">
          <p>{a.text}</p>
        </Banner>
      ))}
    </>
  );
}

function SourceFilter() {
  const chosen = params.value.get("source") ?? "";
  const known = useSourceNames();
  const names = chosen === "" || known.includes(chosen) ? known : [...known, chosen];
  if (names.length < 2) return null;
  return (
    <select class="input" style={{ width: "auto" }} aria-label="Source" value={chosen} onChange={(e) => setParams({ source: e.currentTarget.value, cursor: null })}>
      <option value="">All sources</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
