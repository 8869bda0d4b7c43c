import { CodeBlock } from '../../parts/copy.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { common } from '../../text/common.ts';
import { extensions } from '../../text/extensions.ts';
import { useTexts } from '../../text/language.tsx';

/** Shows a signing secret that exists in this answer only. */
export function SigningSecret({ title, secret, close }: { title: string; secret: string; close(): void }) {
  const t = useTexts(extensions);
  const c = useTexts(common);
  return (
    <FormDialog title={title} submitText={c('close')} close={close} fields={[]} submit={async () => {}}>
      <CodeBlock title={t('signing-secret')} text={secret} />
    </FormDialog>
  );
}
