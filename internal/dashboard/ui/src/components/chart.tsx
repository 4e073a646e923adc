/** uPlot in a Preact component: made once, fed with new data, redrawn when the theme or the width changes. */
import { effect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { dark } from "../state/theme";

export type Ink = (variable: string) => string;

interface Props {
  /** Made anew when this changes: series, axes, height. */
  shape: string;
  options: (ink: Ink) => Omit<uPlot.Options, "width" | "height">;
  data: uPlot.AlignedData;
  height: number;
  label: string;
}

/** The colour that a variable of the palette has now; a canvas can't read light-dark(). */
function inkOf(element: HTMLElement): Ink {
  return (variable) => {
    element.style.color = `var(${variable})`;
    const color = getComputedStyle(element).color;
    element.style.color = "";
    return color;
  };
}

export function Chart({ shape, options, data, height, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef({ options, data });
  latest.current = { options, data };

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const width = (): number => Math.max(120, element.clientWidth);
    const make = (): void => {
      plot.current?.destroy();
      const made = { ...latest.current.options(inkOf(element)), width: width(), height };
      plot.current = new uPlot(made, latest.current.data, element);
    };
    const watcher = new ResizeObserver(() => {
      if (plot.current && plot.current.width !== width()) plot.current.setSize({ width: width(), height });
    });
    watcher.observe(element);
    const stop = effect(() => {
      void dark.value;
      requestAnimationFrame(make); // after the new colours are in force
    });
    return () => {
      stop();
      watcher.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, height]);

  useLayoutEffect(() => plot.current?.setData(data), [data]);

  return <div class="chart" ref={box} role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

/** Axes as quiet as the rest of the page. */
export function axis(ink: Ink, more: uPlot.Axis = {}): uPlot.Axis {
  return {
    stroke: ink("--ink-3"),
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: ink("--line"), width: 1 },
    ticks: { show: false },
    gap: 6,
    ...more,
  };
}
