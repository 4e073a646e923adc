/** Several small things loaded side by side and kept by key: what was loaded once is not asked for again. */
import { useEffect, useState } from "preact/hooks";
import { getJSON } from "../api/http";

export interface Item {
  /** Changes when the thing has changed. */
  key: string;
  url: string;
}

export function useEach<T>(items: Item[]): T[] {
  const [have, setHave] = useState<ReadonlyMap<string, T>>(new Map());
  const keys = items.map((i) => i.key).join("\n");
  useEffect(() => {
    const stop = new AbortController();
    for (const item of items.filter((i) => !have.has(i.key))) {
      getJSON<T>(item.url, stop.signal).then(
        (value) => setHave((old) => new Map([...old, [item.key, value]])),
        () => undefined, // shown without it
      );
    }
    return () => stop.abort();
  }, [keys]);
  return items.map((i) => have.get(i.key)).filter((v) => v !== undefined);
}
