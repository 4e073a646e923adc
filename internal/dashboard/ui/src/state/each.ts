/** Several small things loaded side by side. One that has changed is loaded again, and shown as it was until then. */
import { useEffect, useState } from "preact/hooks";
import { getJSON } from "../api/http";

export interface Item {
  url: string;
  /** Changes when the thing has changed. */
  version: string;
}

interface Kept<T> {
  version: string;
  value: T | undefined; // could not be loaded
}

export interface Each<T> {
  list: T[];
  /** Each was loaded once, or could not be. */
  settled: boolean;
}

export function useEach<T>(items: Item[]): Each<T> {
  const [have, setHave] = useState<ReadonlyMap<string, Kept<T>>>(new Map());
  const wanted = items.map((i) => `${i.url} ${i.version}`).join("\n");
  useEffect(() => {
    const stop = new AbortController();
    const keep = (item: Item, value?: T): void => {
      if (!stop.signal.aborted) setHave((old) => new Map([...old, [item.url, { version: item.version, value: value ?? old.get(item.url)?.value }]]));
    };
    for (const item of items.filter((i) => have.get(i.url)?.version !== i.version)) {
      getJSON<T>(item.url, stop.signal).then(
        (value) => keep(item, value),
        () => keep(item), // shown without it
      );
    }
    return () => stop.abort();
  }, [wanted]);
  return {
    list: items.map((i) => have.get(i.url)?.value).filter((v) => v !== undefined),
    settled: items.every((i) => have.has(i.url)),
  };
}
