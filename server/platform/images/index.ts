import type { Change } from '../../kernel/change.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import { imageOperations, ownImageOperations, type ImageServices } from './operations.ts';
import { dissociateAll } from './store.ts';

export { imagesSchema } from './schema.ts';

/** Images, kept as records, and the workspaces that use them. */
export function createImages(options: ImageServices): { readonly module: Module; removeWorkspace(change: Change, workspaceId: number): Promise<void> } {
  return {
    module: {
      name: 'images',
      operations: [...declareOperations('dataworks-public', '2024-05-18', imageOperations(options)), ...declareOperations('open-platform', '2026-12-01', ownImageOperations())],
    },
    removeWorkspace: dissociateAll,
  };
}
