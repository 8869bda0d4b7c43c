import { common } from '../text/common.ts';
import { useTexts } from '../text/language.tsx';
import { tell, tellFailure } from './toast.tsx';

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const t = useTexts(common);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      tell(t('copied'));
    } catch (error) {
      tellFailure(error);
    }
  };
  return (
    <button type="button" className="linkish" onClick={() => void copy()}>
      {label ?? t('copy')}
    </button>
  );
}

/** Text to read and copy, in fixed width. */
export function CodeBlock({ title, text }: { title: string; text: string }) {
  return (
    <div>
      <div className="code-head">
        <span className="quiet">{title}</span>
        <CopyButton text={text} />
      </div>
      <pre className="code-block" tabIndex={0} aria-label={title}>
        {text}
      </pre>
    </div>
  );
}
