/** Receipts over time, stacked. Dragging over it chooses the time range of the page. */
import { useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Overview } from "../api/types";
import { outcomes, reasons } from "../api/types";
import { count, short } from "../lib/format";
import { clock, duration, local, localDay } from "../lib/time";
import { stacked } from "../lib/stack";
import { tone, word } from "./badge";
import { axis, Chart } from "./chart";
import type { Ink } from "./chart";
import { tip } from "./tip";

export type By = "outcome" | "reason";

interface Props {
  overview: Overview;
  by: By;
  height: number;
  onZoom(since: number, until: number): void;
}

export function OutcomeChart({ overview, by, height, onZoom }: Props) {
  const { names, layers } = useMemo(() => layersOf(overview, by), [overview, by]);
  const { times } = overview.series;
  const data = useMemo((): uPlot.AlignedData => [times, ...stacked(layers).reverse()], [times, layers]);
  const live = useRef<Live>({ names, layers, times, step: 60, onZoom });
  live.current = { names, layers, times, step: overview.step_seconds, onZoom };
  return (
    <Chart
      shape={`${by} ${names.join()}`}
      height={height}
      data={data}
      label={`Receipts by ${by} over time`}
      options={(ink) => options(ink, live, [...names].reverse())}
    />
  );
}

/** What the chart's callbacks read: they are made once, the figures change. */
interface Live {
  names: string[];
  layers: number[][];
  times: number[];
  step: number;
  onZoom(since: number, until: number): void;
}

function layersOf(overview: Overview, by: By): { names: string[]; layers: number[][] } {
  const all: [string, number[]][] =
    by === "outcome"
      ? outcomes.map((o) => [o, overview.series.outcomes[o] ?? []])
      : reasons.map((r) => [r, overview.series.reasons[r] ?? []]);
  const some = all.filter(([name, values]) => values.some((v) => v > 0) || name === "new" || name === "duplicate" || name === "first_seen");
  return { names: some.map(([name]) => name), layers: some.map(([, values]) => overview.series.times.map((_, i) => values[i] ?? 0)) };
}

function options(ink: Ink, live: { current: Live }, names: string[]): Omit<uPlot.Options, "width" | "height"> {
  const bars = uPlot.paths.bars?.({ size: [0.82, 40], align: 1 });
  return {
    padding: [10, 20, 0, 0], // half a label of the axis
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { time: true, range: (_u, min, max) => [min, max + live.current.step] },
      y: { range: (_u, _min, max) => [0, Math.max(4, max * 1.08)] },
    },
    axes: [
      axis(ink, { size: 26, space: 64, grid: { show: false }, values: (_u, splits) => ticks(splits) }),
      axis(ink, { size: 46, space: 36, values: (_u, splits) => splits.map((v) => (Number.isInteger(v) ? short(v) : "")) }),
    ],
    series: [
      {},
      ...names.map((name) => {
        const fill = ink(`--${tone(name)}-fill`);
        return { label: word(name), fill, stroke: fill, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) };
      }),
    ],
    hooks: {
      setSelect: [
        (u) => {
          const { left, width } = u.select;
          if (width < 4) return;
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          zoom(u.posToVal(left, "x"), u.posToVal(left + width, "x"), live.current);
        },
      ],
    },
    plugins: [
      tip((i) => {
        const l = live.current;
        const at = l.times[i];
        if (at === undefined) return null;
        const rows = l.names
          .map((name, n) => ({ name: word(name), value: count(l.layers[n]?.[i] ?? 0), tone: tone(name), is: l.layers[n]?.[i] ?? 0 }))
          .filter((row) => row.is > 0)
          .reverse();
        const whole = rows.reduce((sum, row) => sum + row.is, 0);
        return { title: `${local(new Date(at * 1000)).slice(0, 16)} + ${duration(l.step * 1000)}`, rows: [...rows, { name: "all", value: count(whole) }] };
      }),
    ],
  };
}

/** A zoom covers whole steps, and no less than one. */
function zoom(from: number, to: number, live: Live): void {
  const step = Math.max(60, live.step);
  const since = Math.floor(from / step) * step;
  const until = Math.max(since + step, Math.ceil(to / step) * step);
  live.onZoom(since * 1000, until * 1000);
}

/** Time of day, and the date where a day begins. */
function ticks(splits: number[]): string[] {
  return splits.map((s) => {
    const at = new Date(s * 1000);
    const midnight = at.getHours() === 0 && at.getMinutes() === 0;
    return midnight ? localDay(at).slice(5) : clock(at).slice(0, 5);
  });
}
