import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { ChooseWorkspace } from './choose-workspace.tsx';

export default function OperationsEntry() {
  const t = useTexts(platform);
  return <ChooseWorkspace title={t('operations')} text={t('operations-text')} to="/platform/operations" />;
}
