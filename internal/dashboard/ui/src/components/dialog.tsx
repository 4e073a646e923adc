import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icon";

interface Props {
  title: string;
  large?: boolean;
  onClose(): void;
  children: ComponentChildren;
}

/** A modal dialog: the browser keeps focus inside and gives it back, Escape closes. It is open as long as it is rendered. */
export function Dialog({ title, large = false, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={large ? "large" : ""}
      aria-labelledby={id}
      onCancel={(e) => (e.preventDefault(), onClose())}
      onClick={(e) => e.target === dialog.current && onClose()}
    >
      <div class="head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="button bare icon" aria-label="Close" onClick={onClose}>
          <Icon name="close" size={14} />
        </button>
      </div>
      <div class="inner">{children}</div>
    </dialog>
  );
}
