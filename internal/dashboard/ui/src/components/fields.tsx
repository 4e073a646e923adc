/** Filters of a list. Each is a parameter of the page's URL. */
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { params, setParams } from "../router";

/** A text is taken over this long after the last key. */
const typingPause = 350;

interface TextProps {
  name: string;
  label: string;
  placeholder?: string;
  search?: boolean;
  wide?: boolean;
}

export function TextFilter({ name, label, placeholder, search = false, wide = false }: TextProps) {
  const inURL = params.value.get(name) ?? "";
  const [text, setText] = useState(inURL);
  useLayoutEffect(() => setText(inURL), [inURL]); // at once: later it would take back what was typed meanwhile
  useEffect(() => {
    if (text.trim() === inURL) return;
    const timer = setTimeout(() => setParams({ [name]: text.trim(), cursor: null }, inURL !== ""), typingPause);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <label class={`field${wide ? " wide" : ""}`}>
      <span>{label}</span>
      <input
        class="input"
        type="search"
        value={text}
        placeholder={placeholder}
        maxLength={128}
        spellcheck={false}
        autocomplete="off"
        data-search={search ? "" : undefined}
        onInput={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter") setParams({ [name]: text.trim(), cursor: null });
          else if (e.key === "Escape") e.currentTarget.blur();
        }}
      />
    </label>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  all?: string;
  options: (string | [value: string, shown: string])[];
}

export function Choice({ name, label, all = "All", options }: ChoiceProps) {
  const value = params.value.get(name) ?? "";
  const pairs = options.map((o) => (typeof o === "string" ? ([o, o] as const) : o));
  return (
    <label class="field">
      <span>{label}</span>
      <select class="input" value={value} onChange={(e) => setParams({ [name]: e.currentTarget.value, cursor: null })}>
        <option value="">{all}</option>
        {value !== "" && !pairs.some(([v]) => v === value) && <option value={value}>{value}</option>}
        {pairs.filter(([v, shown]) => shown !== all || v === value).map(([v, shown]) => (
          <option key={v} value={v}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
}

