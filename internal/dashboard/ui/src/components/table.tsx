/** Tables with the same look and behaviour everywhere: skeleton rows, detail rows, a focusable scroll area. */
import { Fragment } from "preact";
import type { ComponentChildren } from "preact";

export interface Column<T> {
  head: string;
  /** Shown instead of the name. */
  headCell?: ComponentChildren;
  /** Not shown, but read: for columns of buttons. */
  unseenHead?: boolean;
  num?: boolean;
  /** 1 stays, 2 goes on phones, 3 goes on tablets as well. */
  rank?: 1 | 2 | 3;
  cell(row: T): ComponentChildren;
  class?: string;
}

interface Props<T> {
  label: string;
  columns: Column<T>[];
  rows: T[] | undefined;
  id(row: T): string;
  /** Rows are of an earlier request. */
  old?: boolean;
  /** Shown under the row of this id. */
  open?: { id: string; detail: (row: T) => ComponentChildren } | undefined;
  bones?: number;
}

function classOf<T>(c: Column<T>): string {
  return [c.num ? "num" : "", c.rank && c.rank > 1 ? `p${c.rank}` : "", c.class ?? ""].filter(Boolean).join(" ");
}

export function Table<T>({ label, columns, rows, id, old = false, open, bones = 8 }: Props<T>) {
  return (
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      <table class={`table${old ? " old" : ""}`} aria-busy={rows === undefined || old}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.head} scope="col" class={classOf(c)}>
                {c.headCell ?? (c.unseenHead ? <span class="unseen">{c.head}</span> : c.head)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === undefined
            ? Array.from({ length: bones }, (_, i) => (
                <tr key={i}>
                  {columns.map((c) => (
                    <td key={c.head} class={classOf(c)}>
                      <span class="bone" style={{ width: `${40 + ((i * 7 + c.head.length * 11) % 50)}%` }} />
                    </td>
                  ))}
                </tr>
              ))
            : rows.map((row) => (
                <Fragment key={id(row)}>
                  <tr>
                    {columns.map((c) => (
                      <td key={c.head} class={classOf(c)}>
                        {c.cell(row)}
                      </td>
                    ))}
                  </tr>
                  {open?.id === id(row) && (
                    <tr class="detail">
                      <td colSpan={columns.length}>{open.detail(row)}</td>
                    </tr>
                  )}
                </Fragment>
              ))}
        </tbody>
      </table>
    </div>
  );
}
