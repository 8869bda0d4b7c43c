import { Tag } from '../../parts/page.tsx';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';

const known = ['Available', 'Forbidden', 'Deleting', 'Deleted'] as const;

export function WorkspaceState({ status }: { status: string | undefined }) {
  const t = useTexts(platform);
  const found = known.find((one) => one === status);
  return <Tag tone={found === 'Available' ? 'good' : 'warn'}>{found === undefined ? (status ?? '–') : t(`workspace-${found}`)}</Tag>;
}
