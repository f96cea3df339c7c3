// SPDX-License-Identifier: Apache-2.0
// Fields with their labels: a choice, a date, a text, a tick.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";

export interface Choice {
  readonly value: string;
  readonly text: string;
}

export function Select({ label, value, choices, onChange, help, given = false,
                         disabled = false }: {
  label: string;
  value: string;
  choices: readonly Choice[];
  onChange: (value: string) => void;
  help?: string;
  // Shown as chosen, where most are not.
  given?: boolean;
  disabled?: boolean;
}) {
  const id = useId();
  const known = choices.some((choice) => choice.value === value);
  return (
    <div class="field">
      <label for={id} title={help}>{label}</label>
      <select id={id} value={value} class={given ? "given" : ""} disabled={disabled}
              onChange={(event) => onChange(event.currentTarget.value)}>
        {!known && <option value={value}>{value}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>{choice.text}</option>
        ))}
      </select>
    </div>
  );
}

// A text that counts when Enter is pressed or the field is left.
export function TextField({ label, value, onChange, type = "text", help, example, list }: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  type?: "text" | "date" | "number" | "search";
  help?: string;
  example?: string;
  list?: readonly string[];
}) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const give = (): void => {
    if (text.trim() !== value) onChange(text.trim());
  };
  return (
    <div class="field">
      <label for={id} title={help}>{label}</label>
      <input id={id} type={type} value={text} placeholder={example ?? ""}
             {...(list === undefined ? {} : { list: `${id}-list` })}
             onInput={(event) => setText(event.currentTarget.value)}
             onKeyDown={(event) => { if (event.key === "Enter") give(); }} onBlur={give} />
      {list !== undefined && (
        <datalist id={`${id}-list`}>
          {list.map((each) => <option key={each} value={each} />)}
        </datalist>
      )}
    </div>
  );
}

export function Tick({ label, value, onChange, help }: {
  label: string;
  value: boolean;
  onChange: (value: boolean) => void;
  help?: string;
}) {
  return (
    <label class="tick" title={help}>
      <input type="checkbox" checked={value}
             onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

// A button that shows more beneath it; Esc and a click elsewhere close it.
export function Popover({ button, label, children, given = false }: {
  button: ComponentChildren;
  label: string;
  children: (close: () => void) => ComponentChildren;
  given?: boolean;
}) {
  const [open, setOpen] = useState(false);
  const id = useId();
  useEffect(() => {
    if (!open) return undefined;
    const box = document.getElementById(id);
    const onPointer = (event: PointerEvent): void => {
      if (event.target instanceof Node && box?.contains(event.target) === false) setOpen(false);
    };
    document.addEventListener("pointerdown", onPointer);
    return () => document.removeEventListener("pointerdown", onPointer);
  }, [open]);
  const close = (): void => {
    setOpen(false);
    document.getElementById(id)?.querySelector("button")?.focus();
  };
  return (
    <div class="popover" id={id}
         onKeyDown={(event) => {
           if (event.key === "Escape" && open) {
             event.stopPropagation();
             close();
           }
         }}>
      <span class="popover-label">{label}</span>
      <button type="button" aria-expanded={open} class={given ? "given" : ""}
              aria-label={typeof button === "string" ? `${label}: ${button}` : label}
              onClick={() => setOpen(!open)}>
        {button}
      </button>
      {open && <div class="popover-box" role="group" aria-label={label}>{children(close)}</div>}
    </div>
  );
}
