/** A text with numbered lines; where something is wrong the number says so. */
import { useRef } from "preact/hooks";
import type { ConfigMark } from "../../src/admin/workReports.ts";

interface EditorProps {
  readonly label: string;
  readonly text: string;
  readonly marks: readonly ConfigMark[];
  readonly onText: (text: string) => void;
}

export function Editor({ label, text, marks, onText }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const wrong = new Set(marks.map(({ line }) => line));
  const lines = text.split("\n").length;
  const follow = () => {
    if (gutter.current !== null && area.current !== null) gutter.current.scrollTop = area.current.scrollTop;
  };
  const goTo = ({ line, column }: ConfigMark) => {
    const field = area.current;
    if (field === null || line === null) return;
    const all = text.split("\n");
    const start = all.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const end = start + (all[line - 1]?.length ?? 0);
    field.focus();
    field.setSelectionRange(Math.min(end, start + (column ?? 1) - 1), end);
    const lineHeight = Number.parseFloat(getComputedStyle(field).lineHeight);
    field.scrollTop = Math.max(0, (line - 4) * lineHeight);
  };
  return (
    <>
      <div class="editor">
        <div ref={gutter} class="gutter" aria-hidden="true">
          {Array.from({ length: lines }, (_, at) => (
            <span key={at} class={wrong.has(at + 1) ? "wrong" : undefined}>
              {at + 1}
            </span>
          ))}
        </div>
        <textarea
          ref={area}
          aria-label={label}
          aria-invalid={marks.length > 0 ? true : undefined}
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          wrap="off"
          rows={22}
          value={text}
          onInput={(event) => onText(event.currentTarget.value)}
          onScroll={follow}
        />
      </div>
      <ul class="marks" aria-label="What is wrong">
        {marks.map((mark) => (
          <li key={`${mark.line} ${mark.text}`}>
            {mark.line === null ? null : (
              <button type="button" class="quiet" onClick={() => goTo(mark)}>
                Line {mark.line}
              </button>
            )}{" "}
            <bdi class="data">{mark.text}</bdi>
          </li>
        ))}
      </ul>
    </>
  );
}
