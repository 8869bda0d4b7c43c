import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import { ChooseWorkspace } from './choose-workspace.tsx';

export default function StudioEntry() {
  const t = useTexts(platform);
  return <ChooseWorkspace title={t('studio')} text={t('studio-text')} to="/platform/studio" />;
}
