/** The curve "a window of X would have caught Y % of the repeats" on a logarithmic axis, with what else matters drawn on it. */
import { useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { TTL } from "../api/types";
import { atLeast, count } from "../lib/format";
import { duration } from "../lib/time";
import { caught, longest, shortest } from "../lib/windows";
import { axis, Chart } from "./chart";
import type { Ink } from "./chart";
import { tip } from "./tip";

/** Where the plot begins and ends within the chart, so that the slider can lie under it. */
const plotInset = 46;
const plotEnd = 16;

interface Props {
  ttl: TTL;
  chosen: number | null;
  height: number;
  onChoose(windowMs: number): void;
}

const marks = [1e3, 1e4, 6e4, 6e5, 3.6e6, 6 * 3.6e6, 8.64e7, 3 * 8.64e7, 7 * 8.64e7, 30 * 8.64e7, 90 * 8.64e7];

export function TTLChart({ ttl, chosen, height, onChoose }: Props) {
  const live = useRef({ ttl, chosen, onChoose });
  live.current = { ttl, chosen, onChoose };
  const data = useMemo(() => columns(ttl, chosen), [ttl, chosen]);
  return (
    <Chart
      shape="ttl"
      height={height}
      data={data}
      label={`Share of repeats caught by the length of the window: the present ${ttl.now.window} catches at least ${atLeast(ttl.now.caught)}`}
      options={(ink) => options(ink, live)}
    />
  );
}

/** The curve from end to end of the axis, and the repeats' lags as bars under it, in shares of the highest. */
function columns(ttl: TTL, chosen: number | null): uPlot.AlignedData {
  const xs = new Set<number>([shortest, longest]);
  for (const w of ttl.curve.windows_ms) if (w >= shortest && w <= longest) xs.add(w);
  for (const b of ttl.histogram) if (b.from_ms >= shortest && b.from_ms <= longest) xs.add(b.from_ms);
  if (chosen !== null) xs.add(chosen);
  const sorted = [...xs].sort((a, b) => a - b);
  const most = Math.max(1, ...ttl.histogram.map((b) => b.count));
  return [
    sorted,
    sorted.map((x) => caught(ttl.curve, x) * 100),
    sorted.map((x) => {
      const bar = ttl.histogram.find((b) => b.from_ms <= x && x < b.to_ms);
      return bar ? (bar.count / most) * 28 : 0;
    }),
  ];
}

type Latest = { current: { ttl: TTL; chosen: number | null; onChoose(windowMs: number): void } };

function options(ink: Ink, live: Latest): Omit<uPlot.Options, "width" | "height"> {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const line = ink("--accent");
  return {
    padding: [26, plotEnd, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, distr: 3, range: [shortest, longest] }, y: { range: [0, 104] } },
    axes: [
      axis(ink, {
        size: 26,
        grid: { show: false },
        splits: (u) => (u.width < 520 ? marks.filter((_, i) => i % 2 === 0) : marks),
        filter: (_u, splits) => splits,
        values: (_u, splits) => splits.map((ms) => duration(ms)),
      }),
      axis(ink, { size: plotInset, splits: () => [0, 25, 50, 75, 100], values: (_u, splits) => splits.map((v) => `${v} %`) }),
    ],
    series: [
      {},
      { label: "caught", stroke: line, width: 2, points: { show: false }, ...(stepped ? { paths: stepped } : {}) },
      { label: "repeats", fill: ink("--grey-soft"), stroke: ink("--line-strong"), width: 1, points: { show: false }, ...(stepped ? { paths: stepped } : {}) },
    ],
    hooks: {
      drawClear: [(u) => schedule(u, ink, live.current.ttl)],
      draw: [
        (u) => rule(u, live.current.ttl.now.window_ms, ink("--ink-2"), `now ${live.current.ttl.now.window}`, []),
        (u) => {
          const { chosen, ttl } = live.current;
          if (chosen !== null && chosen !== ttl.now.window_ms) rule(u, chosen, line, "", [5, 4]);
        },
      ],
      ready: [
        (u) =>
          u.over.addEventListener("click", () => {
            if (u.cursor.left !== undefined && u.cursor.left >= 0) live.current.onChoose(u.posToVal(u.cursor.left, "x"));
          }),
      ],
    },
    plugins: [
      tip((i, u) => {
        const { ttl } = live.current;
        const x = u.data[0][i];
        if (x === undefined) return null;
        const bar = ttl.histogram.find((b) => b.from_ms <= x && x < b.to_ms);
        return {
          title: `window ${duration(x)}`,
          rows: [
            { name: "caught, at least", value: atLeast(caught(ttl.curve, x)) },
            { name: "repeats after about this long", value: count(bar?.count ?? 0) },
          ],
        };
      }),
    ],
  };
}

/** Apify's retries: a band from the earliest to the latest, a line where it is nominally. */
function schedule(u: uPlot, ink: Ink, ttl: TTL): void {
  const { ctx, bbox } = u;
  const band = ink("--amber-soft");
  const mark = ink("--amber-fill");
  const text = ink("--amber");
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = "center";
  let free = -Infinity; // where the last number ends: on a narrow screen they would run into each other
  for (const retry of ttl.schedule) {
    const from = u.valToPos(retry.earliest_ms, "x", true);
    const to = u.valToPos(retry.latest_ms, "x", true);
    const at = u.valToPos(retry.nominal_ms, "x", true);
    ctx.fillStyle = band;
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.fillStyle = mark;
    ctx.fillRect(at, bbox.top, Math.max(1, devicePixelRatio), bbox.height);
    ctx.fillStyle = text;
    const number = String(retry.retry);
    const half = ctx.measureText(number).width / 2;
    if (at - half < free) continue;
    ctx.fillText(number, at, bbox.top - 14 * devicePixelRatio);
    free = at + half + 2 * devicePixelRatio;
  }
  ctx.restore();
}

function rule(u: uPlot, windowMs: number, color: string, text: string, dash: number[]): void {
  const { ctx, bbox } = u;
  const x = Math.round(u.valToPos(windowMs, "x", true));
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(dash.map((d) => d * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x, bbox.top - 8 * devicePixelRatio);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  if (text !== "") {
    ctx.font = `600 ${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.fillStyle = color;
    const right = x > bbox.left + bbox.width * 0.8;
    ctx.textAlign = right ? "right" : "left";
    ctx.fillText(text, x + (right ? -5 : 5) * devicePixelRatio, bbox.top + bbox.height - 8 * devicePixelRatio);
  }
  ctx.restore();
}
