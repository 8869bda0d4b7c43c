import { useEffect, useState } from 'react';
import type { DocumentedOperation } from '../../api/document.ts';
import { canSign, curlOf, signCall, type SigningKey } from '../../api/sign.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { Panel } from '../../parts/page.tsx';
import { useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';
import { snippetLanguages, snippetOf, type SnippetLanguage } from './snippets.ts';

interface SameCallProps {
  operation: DocumentedOperation;
  parameters: Record<string, string>;
  keyPair: SigningKey;
}

/** The call of the form as code. The command for curl is signed with the key of the form, so that it can be run as it stands. */
export function SameCall({ operation, parameters, keyPair }: SameCallProps) {
  const t = useTexts(openapi);
  const [language, setLanguage] = useState<SnippetLanguage | 'curl'>('typescript');
  const call = { origin: window.location.origin, product: operation.product, version: operation.version, action: operation.action, parameters };
  return (
    <Panel title={t('code-tab')}>
      <div className="choices" role="group" aria-label={t('code-tab')}>
        {[...snippetLanguages, ['curl', 'curl'] as const].map(([name, title]) => (
          <button key={name} type="button" aria-pressed={language === name} onClick={() => setLanguage(name)}>
            {title}
          </button>
        ))}
      </div>
      {language === 'curl' ? (
        <Curl operation={operation} parameters={parameters} keyPair={keyPair} />
      ) : (
        <>
          <CodeBlock title={snippetLanguages.find(([name]) => name === language)?.[1] ?? ''} text={snippetOf(language, call)} />
          <p className="quiet">{t('code-note')}</p>
        </>
      )}
    </Panel>
  );
}

function Curl({ operation, parameters, keyPair }: SameCallProps) {
  const t = useTexts(openapi);
  const [text, setText] = useState<string>();
  const { accessKeyId, accessKeySecret } = keyPair;
  useEffect(() => {
    let current = true;
    const sign = async () => {
      const request = await signCall(window.location.origin, { accessKeyId, accessKeySecret }, { ...operation, parameters }, { now: new Date(), nonce: crypto.randomUUID() });
      if (current) setText(curlOf(request));
    };
    setText(undefined);
    if (accessKeyId !== '' && accessKeySecret !== '' && canSign()) void sign();
    return () => {
      current = false;
    };
  }, [operation, parameters, accessKeyId, accessKeySecret]);
  if (text === undefined) return <p className="quiet">{canSign() ? t('curl-needs-key') : t('key-insecure')}</p>;
  return (
    <>
      <CodeBlock title="curl" text={text} />
      <p className="quiet">{t('curl-signed')}</p>
    </>
  );
}
