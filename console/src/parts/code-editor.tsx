import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { python } from '@codemirror/lang-python';
import { sql } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, StreamLanguage, syntaxHighlighting } from '@codemirror/language';
import { shell } from '@codemirror/legacy-modes/mode/shell';
import { MergeView } from '@codemirror/merge';
import { Annotation, EditorState, type Extension } from '@codemirror/state';
import { EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';

export type CodeLanguage = 'sql' | 'shell' | 'python' | 'json' | 'text';

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--code-keyword)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-number)' },
  { tag: [tags.propertyName, tags.definition(tags.variableName)], color: 'var(--code-name)' },
]);

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', backgroundColor: 'var(--paper)', color: 'var(--ink)' },
  '.cm-scroller': { fontFamily: "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace", lineHeight: '1.55' },
  '.cm-gutters': { backgroundColor: 'var(--ground)', color: 'var(--ink-soft)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--line-soft)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft) !important' },
});

/** Marks a change that the page made, which is not an edit of the user. */
const takenOver = Annotation.define<boolean>();

function languageOf(name: CodeLanguage): Extension {
  switch (name) {
    case 'sql':
      return sql();
    case 'python':
      return python();
    case 'json':
      return json();
    case 'shell':
      return StreamLanguage.define(shell);
    case 'text':
      return [];
  }
}

function basics(language: CodeLanguage, label: string): Extension[] {
  return [lineNumbers(), bracketMatching(), syntaxHighlighting(colours), look, languageOf(language), EditorView.contentAttributes.of({ 'aria-label': label })];
}

interface CodeEditorProps {
  label: string;
  language: CodeLanguage;
  /** The text at the beginning; later changes of it are taken over as well. */
  text: string;
  readOnly: boolean;
  onChange(text: string): void;
}

/** An editor of code. Escape then Tab leaves it by keyboard. */
export default function CodeEditor({ label, language, text, readOnly, onChange }: CodeEditorProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useRef(onChange);
  changed.current = onChange;
  useEffect(() => {
    if (box.current === null) return undefined;
    const editor = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: text,
        extensions: [
          history(),
          highlightActiveLine(),
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
          ...basics(language, label),
          EditorState.readOnly.of(readOnly),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !update.transactions.some((one) => one.annotation(takenOver) === true)) changed.current(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
    // The text is taken over by the next effect; making the editor anew would lose the cursor.
  }, [label, language, readOnly]);
  useEffect(() => {
    const editor = view.current;
    if (editor !== undefined && editor.state.doc.toString() !== text) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text }, annotations: takenOver.of(true) });
  }, [text]);
  return <div ref={box} className="code-editor" />;
}

/** Two texts side by side with their differences. */
export function CodeDifference({ label, language, before, after }: { label: string; language: CodeLanguage; before: string; after: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current === null) return undefined;
    const extensions = [...basics(language, label), EditorState.readOnly.of(true), EditorView.editable.of(true)];
    const merge = new MergeView({ parent: box.current, a: { doc: before, extensions }, b: { doc: after, extensions }, gutter: true });
    return () => merge.destroy();
  }, [label, language, before, after]);
  return <div ref={box} className="code-difference" role="group" aria-label={label} />;
}
