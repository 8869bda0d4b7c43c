import { eventByCode } from '../../../contract/events.ts';
import type { ContractOperations } from '../../../contract/generated/index.ts';
import { ApiError, invalid, notFound } from '../../kernel/errors.ts';
import { inTenant, type Call, type Handlers } from '../../kernel/operation.ts';
import type { WorkspaceDirectory } from '../../identity/directory.ts';
import { existingWorkspace, forbidden, type Authority } from '../authority.ts';
import { findChecks, findHold, findHoldIdByMessage, findSnapshot, listHolds, countHolds, type HoldFilter } from '../hold-store.ts';
import { enabledExtensions } from '../holds.ts';
import { optionsInForce } from '../options.ts';
import { processStatus, type HoldState } from '../states.ts';
import { findOptionValue } from '../attachment-store.ts';
import { countExtensions, findExtension, listExtensions } from '../store.ts';
import { pageCounters, readPage } from '../../kernel/page.ts';

type Legacy = ContractOperations['dataworks-public/2020-05-18'];

/** What the vendor's dialects ask about extensions and held operations. */
export function queryOperations(authority: Authority, directory: WorkspaceDirectory) {
  const getIdeEventDetail: NonNullable<Handlers<Legacy>['GetIDEEventDetail']> = {
    access: inTenant('member'),
    /** The snapshot as it was when the operation was held. An event that held nothing has none. */
    async handle(call, request) {
      const holdId = await findHoldIdByMessage(call.db, call.tenantId, request.MessageId);
      const hold = holdId === undefined ? undefined : await findHold(call.db, call.tenantId, holdId);
      if (hold === undefined || (hold.workspace_id !== null && hold.workspace_id !== request.ProjectId)) {
        throw notFound('Message', request.MessageId, `held operation in workspace ${request.ProjectId} for the message`);
      }
      const checks = await findChecks(call.db, hold.id);
      const mine = checks.some((check) => check.owner_id === call.caller.userId) || hold.operator_id === call.caller.userId;
      if (!mine && !authority.tenant(call, 'write-open-platform') && !(await authority.workspace(call, request.ProjectId, 'read'))) {
        throw forbidden(call, 'to own an extension that checks the operation, the right read in its workspace, or the right write-open-platform');
      }
      return { EventDetail: (await findSnapshot(call.db, hold.id)) ?? {} };
    },
  };

  return {
    /** The same in both versions. */
    getIdeEventDetail,
    legacy: {
      GetIDEEventDetail: getIdeEventDetail,

      GetExtension: {
        access: inTenant('member'),
        async handle(call, request) {
          const extension = await findExtension(call.db, call.tenantId, request.ExtensionCode);
          if (extension === undefined) throw notFound('Extension', request.ExtensionCode);
          return {
            Extension: {
              ExtensionCode: extension.code,
              ExtensionName: extension.name,
              ExtensionDesc: extension.description,
              Status: extension.status,
              BindEventList: boundEvents(call, extension.events),
              EventCategoryList: categories(extension.events),
              ...(extension.project_testing === null ? {} : { ProjectTesting: extension.project_testing }),
              DetailUrl: extension.detail_url,
              HelpDocUrl: extension.help_doc_url,
              ParameterSetting: extension.parameter_setting,
              OptionSetting: extension.option_setting,
            },
          };
        },
      },

      ListExtensions: {
        access: inTenant('member'),
        async handle(call, request) {
          const page = readPage(request);
          const extensions = await listExtensions(call.db, call.tenantId, page.size, page.offset);
          return {
            PagingInfo: {
              Extensions: extensions.map((extension) => ({
                ExtensionCode: extension.code,
                ExtensionName: extension.name,
                ExtensionDesc: extension.description,
                Owner: String(extension.owner_id),
                Status: extension.status,
                BindEventList: boundEvents(call, extension.events),
              })),
              ...pageCounters(page, await countExtensions(call.db, call.tenantId)),
            },
          };
        },
      },

      ListEnabledExtensionsForProject: {
        access: { level: 'workspace', right: 'read', find: (request) => request.ProjectId },
        async handle(call, request) {
          const event = eventByCode.get(request.EventCode);
          if (event?.class !== 'X') throw invalid('EventCode', `${request.EventCode} is not an extension point.`);
          const workspaceId = event.level === 'tenant' ? null : call.workspace.id;
          const fileType = request.FileType === undefined || request.FileType === '' ? undefined : Number(request.FileType);
          if (fileType !== undefined && !Number.isSafeInteger(fileType)) throw invalid('FileType', 'it must be a number.');
          const extensions = await enabledExtensions(call.db, call.tenantId, request.EventCode, workspaceId, call.caller.userId, fileType, call.workspace.id);
          return {
            Extensions: extensions.map((extension) => ({
              ExtensionCode: extension.code,
              ExtensionName: extension.name,
              ExtensionDesc: extension.description,
              Owner: String(extension.owner_id),
              CreateUser: String(extension.created_by),
              ModifyUser: String(extension.modified_by),
              ParameterSetting: extension.parameter_setting,
              TenantId: extension.tenant_id,
            })),
          };
        },
      },

      GetOptionValueForProject: {
        access: inTenant('member'),
        /** The values in force as JSON text: those set in the workspace, completed by the defaults of the form; `{}` when there are neither. No workspace, or -1: the tenant level. */
        async handle(call, request) {
          if (!request.ExtensionCode) throw new ApiError('MissingParameter', { name: 'ExtensionCode' });
          const extension = await findExtension(call.db, call.tenantId, request.ExtensionCode);
          if (extension === undefined) throw notFound('Extension', request.ExtensionCode);
          let workspaceId: number | null = null;
          if (request.ProjectId && request.ProjectId !== '-1') {
            workspaceId = await existingWorkspace(directory, call.tenantId, /^\d+$/.test(request.ProjectId) ? Number(request.ProjectId) : request.ProjectId);
            if (extension.owner_id !== call.caller.userId && !authority.tenant(call, 'write-open-platform') && !(await authority.workspace(call, workspaceId, 'read'))) {
              throw forbidden(call, 'to own the extension, the right read in the workspace, or the right write-open-platform');
            }
          }
          return { OptionValue: JSON.stringify(optionsInForce(await findOptionValue(call.db, extension.id, workspaceId), extension.option_setting)) };
        },
      },

      ListCheckProcesses: {
        access: inTenant('member'),
        async handle(call, request) {
          const page = readPage(request);
          const filter: HoldFilter = {
            tenantId: call.tenantId,
            point: request.EventCode,
            workspaceId: request.ProjectId,
            statuses: readStatuses(request.Status),
            operatorId: readOperator(request.Operator),
            extensionCode: undefined,
            messageId: request.MessageId,
            from: undefined,
            to: undefined,
            onlyOf: await viewer(authority, call, request.ProjectId),
          };
          const event = eventByCode.get(request.EventCode);
          const holds = await listHolds(call.db, filter, page.size, page.offset);
          return {
            PagingInfo: {
              CheckProcesses: holds.map((hold) => ({
                ProcessId: hold.process_id,
                ProcessName: hold.title,
                EventCode: hold.point,
                EventName: event?.nameZh ?? hold.point,
                EventNameEn: event?.name ?? hold.point,
                MessageId: hold.message_id,
                Operator: String(hold.operator_id),
                ...(hold.workspace_id === null ? {} : { ProjectId: hold.workspace_id }),
                Status: processStatus(hold.status),
              })),
              ...pageCounters(page, await countHolds(call.db, filter)),
            },
          };
        },
      },
    } satisfies Handlers<Legacy>,
  };
}

/**
 * Whose holds a caller sees: all (undefined) in a workspace that the caller can read and with the right write-open-platform; else those of the own
 * operations and of the own extensions.
 */
export async function viewer(authority: Authority, call: Call, workspaceId: number | undefined): Promise<number | undefined> {
  if (authority.tenant(call, 'write-open-platform')) return undefined;
  if (workspaceId !== undefined && (await authority.workspace(call, workspaceId, 'read'))) return undefined;
  return call.caller.userId;
}

/** A user id as text. */
export function readOperator(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw invalid('Operator', 'it must be the id of a user.');
  return Number(text);
}

const everyState: readonly HoldState[] = ['CHECKING', 'APPROVING', 'PASSED', 'BLOCKED', 'CANCELED'];

/** The states that the vendor's dialect shows as this one. */
function readStatuses(text: string | undefined): HoldState[] | undefined {
  if (text === undefined || text === '') return undefined;
  const states = everyState.filter((state) => processStatus(state) === text);
  if (states.length === 0) throw invalid('Status', 'it must be CHECKING, PASSED or BLOCKED.');
  return states;
}

function boundEvents(call: Call, codes: readonly string[]): { EventCode: string; EventName: string }[] {
  return codes.map((code) => {
    const event = eventByCode.get(code);
    return { EventCode: code, EventName: (call.language === 'zh' ? event?.nameZh : event?.name) ?? code };
  });
}

function categories(codes: readonly string[]): { CategoryCode: string; CategoryName: string }[] {
  const distinct = new Set(codes.flatMap((code) => eventByCode.get(code)?.category ?? []));
  return [...distinct].map((code) => ({ CategoryCode: code, CategoryName: code.charAt(0).toUpperCase() + code.slice(1).replaceAll('-', ' ') }));
}
