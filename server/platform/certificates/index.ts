import { limits } from '../../kernel/limits.ts';
import type { Module } from '../../kernel/module.ts';
import { declareOperations } from '../../kernel/operation.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import type { Uploads } from '../studio/index.ts';
import type { Certificates } from './interface.ts';
import { certificateOperations, purposes } from './operations.ts';
import { certificateById, countEnding, credentialOf, deleteAllOf } from './store.ts';

export type { Certificates, OpenedCertificate } from './interface.ts';
export { certificatesSchema } from './schema.ts';

/** Certificate files and credentials of workspaces: they go in, encrypted, and come out only to code that runs here. */
export function createCertificates(options: { secrets: SecretBox; files: Uploads }): { readonly module: Module; readonly certificates: Certificates } {
  const { secrets } = options;
  return {
    module: {
      name: 'certificates',
      operations: declareOperations('dataworks-public', '2024-05-18', certificateOperations(options)),
      gauges: [
        {
          name: 'millrace_certificates_ending',
          help: `Certificates of workspaces that end within ${limits.certificateNoticeDays.value} days, or have ended.`,
          read: async (db, now) => [{ value: await countEnding(db, new Date(now.getTime() + limits.certificateNoticeDays.value * 86_400_000)) }],
        },
      ],
    },
    certificates: {
      async open(db, workspaceId, id) {
        const row = await certificateById(db, workspaceId, id);
        if (row === undefined) return undefined;
        return { name: row.name, content: Buffer.from(secrets.open(row.sealed, purposes.certificate(workspaceId, row.name)), 'base64'), expiresAt: row.expires_at ?? undefined };
      },
      async credential(db, workspaceId, engine, userId) {
        const row = await credentialOf(db, workspaceId, engine, userId);
        if (row === undefined) return undefined;
        return { userName: row.user_name, role: row.role, password: secrets.open(row.sealed, purposes.credential(workspaceId, row.engine_type, row.instance_id, row.user_id)) };
      },
      removeWorkspace: deleteAllOf,
    },
  };
}
