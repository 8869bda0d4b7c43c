import type { Operations } from '../../../contract/generated/dataworks-public-2024-05-18.ts';
import { isUniqueViolation } from '../../kernel/database.ts';
import { ApiError, invalid, missing, notFound } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { inProject, type Handlers } from '../../kernel/operation.ts';
import type { SecretBox } from '../../kernel/secrets.ts';
import { checkText, pageCounters, readId, readMoment, readPage, readSortOrder, readWord } from '../dialect.ts';
import type { Uploads } from '../studio/index.ts';
import { readCertificate } from './read.ts';
import { certificateById, certificateOrders, deleteCertificate, insertCertificate, listCertificates, lockCertificates, putCredential, type CertificateRow } from './store.ts';

/** Certificates and credentials in 2024-05-18. What was given is never answered again. */

/** What the sealed texts are bound to. */
export const purposes = {
  certificate: (workspaceId: number, name: string) => `certificate:${workspaceId}:${name}`,
  credential: (workspaceId: number, engine: string, instanceId: string, userId: string) => `credential:${workspaceId}:${engine}:${instanceId}:${userId}`,
};

function toCertificate(row: CertificateRow) {
  return { Id: row.id, Name: row.name, Description: row.description, FileSizeInBytes: row.bytes, CreateTime: row.created_at.getTime(), CreateUser: String(row.created_by) };
}

function certificateNotFound(id: number): ApiError {
  return notFound('Certificate', id);
}

function requiredWord(name: string, value: string | undefined, known: readonly string[]): string {
  if (value === undefined || value === '') throw missing(name);
  return readWord(name, value, known);
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw missing(name);
  return checkText(name, value, 256);
}

export function certificateOperations(options: { secrets: SecretBox; files: Uploads }): Handlers<Operations> {
  const { secrets, files } = options;
  return {
    ImportCertificate: {
      access: inProject('operate'),
      async handle(call, request) {
        const name = checkText('Name', request.Name, 128);
        if (!/^[\p{L}\p{N}_][\p{L}\p{N}_. -]*$/u.test(name)) throw invalid('Name', 'it must begin with a letter or digit and have letters, digits, blanks, dots, hyphens and underscores only');
        const description = checkText('Description', request.Description ?? '', 1_024);
        const { content, encoding } = await files.read(call.tenantId, 'CertificateFile', request.CertificateFile);
        const file = Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8');
        if (file.length === 0) throw invalid('CertificateFile', 'the file is empty');
        if (file.length > limits.certificateBytes.value) throw invalid('CertificateFile', `the file may have at most ${limits.certificateBytes.value} bytes`);
        const facts = readCertificate(file);
        if (facts === 'broken') throw invalid('CertificateFile', 'the file says that it is a certificate, and cannot be read as one');
        if (facts !== undefined && facts.expiresAt <= call.clock.now()) throw invalid('CertificateFile', `the certificate has expired on ${facts.expiresAt.toISOString().slice(0, 10)}`);
        const workspaceId = call.workspace.id;
        const sealed = secrets.seal(file.toString('base64'), purposes.certificate(workspaceId, name));
        return call.change(async (change) => {
          const most = limits.certificatesPerWorkspace.value;
          if ((await lockCertificates(change, workspaceId)) >= most) throw new ApiError('TooMany', { kind: 'Certificate', limit: most, label: 'certificates of a workspace' });
          try {
            const Id = await insertCertificate(
              change,
              {
                tenant_id: call.tenantId,
                workspace_id: workspaceId,
                name,
                description,
                sealed,
                bytes: file.length,
                subject: facts?.subject ?? null,
                fingerprint: facts?.fingerprint ?? null,
                valid_from: facts?.validFrom ?? null,
                expires_at: facts?.expiresAt ?? null,
              },
              change.actor.userId,
              change.now,
            );
            change.touch(`certificate:${Id}`);
            return { Id };
          } catch (error) {
            if (isUniqueViolation(error, 'certificate_name')) throw new ApiError('AlreadyExists', { kind: 'Certificate', label: 'certificate', id: name });
            throw error;
          }
        });
      },
    },
    GetCertificate: {
      access: inProject('read'),
      async handle(call, request) {
        const row = await certificateById(call.db, call.workspace.id, request.Id);
        if (row === undefined) throw certificateNotFound(request.Id);
        return { Certificate: { ...toCertificate(row), ProjectId: row.workspace_id } };
      },
    },
    ListCertificates: {
      access: inProject('read'),
      async handle(call, request) {
        const page = readPage(request);
        const order = readSortOrder(request, certificateOrders, { sortBy: 'Id', order: 'Asc' });
        const filter = {
          workspaceId: call.workspace.id,
          name: request.Name === undefined ? undefined : checkText('Name', request.Name, 128),
          createdBy: request.CreateUser === undefined || request.CreateUser === '' ? undefined : readId('CreateUser', request.CreateUser),
          from: request.StartCreateTime === undefined ? undefined : readMoment('StartCreateTime', request.StartCreateTime),
          until: request.EndCreateTime === undefined ? undefined : readMoment('EndCreateTime', request.EndCreateTime),
        };
        const { rows, total } = await listCertificates(call.db, filter, order, page);
        return { PagingInfo: { Certificates: rows.map(toCertificate), ...pageCounters(page, total) } };
      },
    },
    DeleteCertificate: {
      access: inProject('operate'),
      async handle(call, request) {
        await call.change(async (change) => {
          if (!(await deleteCertificate(change, call.workspace.id, request.Id))) throw certificateNotFound(request.Id);
          change.touch(`certificate:${request.Id}`);
        });
        return { Success: true };
      },
    },
    CreateIdentifyCredential: {
      access: {
        level: 'workspace',
        right: 'administer',
        find(request) {
          const text = request.IdentifyCredential?.ProjectId;
          if (text === undefined || text === '') throw missing('IdentifyCredential.ProjectId');
          return readId('IdentifyCredential.ProjectId', text);
        },
      },
      async handle(call, request) {
        const { UserId, UserType, DataSource = {} } = request.IdentifyCredential ?? {};
        const at = (name: string) => `IdentifyCredential.${name}`;
        const engine = requiredWord(at('DataSource.Type'), DataSource.Type, ['hive', 'lindorm_for_engine', 'starrocks']);
        const instanceId = required(at('DataSource.InstanceId'), DataSource.InstanceId);
        const userId = required(at('UserId'), UserId);
        const password = required(at('DataSource.Password'), DataSource.Password);
        const credential = {
          tenant_id: call.tenantId,
          workspace_id: call.workspace.id,
          user_id: userId,
          user_type: requiredWord(at('UserType'), UserType, ['PrimaryAccount', 'SubAccount', 'Role']),
          engine_type: engine,
          instance_id: instanceId,
          instance_name: checkText(at('DataSource.InstanceName'), DataSource.InstanceName ?? '', 256),
          role: requiredWord(at('DataSource.Role'), DataSource.Role, ['Admin', 'RegularUser']),
          user_name: required(at('DataSource.UserName'), DataSource.UserName),
          sealed: secrets.seal(password, purposes.credential(call.workspace.id, engine, instanceId, userId)),
        };
        return call.change(async (change) => {
          const id = await putCredential(change, credential, change.actor.userId, change.now);
          change.touch(`credential:${id}`);
          return { Data: JSON.stringify({ Id: String(id), UserId: userId, UserType: credential.user_type, Type: engine, InstanceId: instanceId, UserName: credential.user_name, Role: credential.role }) };
        });
      },
    },
  };
}
