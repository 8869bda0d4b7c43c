import type { Operations } from '../../../contract/generated/dataworks-public-2020-05-18.ts';
import type { Operations as CurrentOperations } from '../../../contract/generated/dataworks-public-2024-05-18.ts';
import { notFound } from '../../kernel/errors.ts';
import { inProject, type Call, type Handlers } from '../../kernel/operation.ts';
import { checkText, pageCounters, readId, readMoment, readPage, success } from '../dialect.ts';
import type { Deployments } from './deploy.ts';
import { deploymentStates, statesListedAs } from './states.ts';
import { deploymentById, itemsOf, listDeployments, type DeploymentRow } from './store.ts';

/** Deployments in both API versions: the later one only renamed them. */

function reachesProduction(kind: DeploymentRow['kind']): boolean {
  return kind === 'deploy' || kind === 'online' || kind === 'offline';
}

async function getDeployment(call: Call, request: { DeploymentId: number }) {
  const row = await deploymentById(call.db, call.workspace.id, request.DeploymentId);
  if (row === undefined) throw notFound('Deployment', request.DeploymentId);
  const state = deploymentStates[row.status];
  const items = await itemsOf(call.db, row.id);
  return {
    ...success,
    Data: {
      DeployedItems: items.map((item) => ({ FileId: item.file_id, FileVersion: item.file_version, Status: state.item })),
      Deployment: {
        Name: row.name,
        Status: state.status,
        ...(state.checking === undefined ? {} : { CheckingStatus: state.checking }),
        ErrorMessage: row.error_text,
        CreatorId: String(row.created_by),
        CreateTime: row.created_at.getTime(),
        ...(row.executed_by === null ? {} : { HandlerId: String(row.executed_by) }),
        ...(row.executed_at === null ? {} : { ExecuteTime: row.executed_at.getTime() }),
        FromEnvironment: reachesProduction(row.kind) ? 1 : 0,
        ToEnvironment: reachesProduction(row.kind) ? 2 : 1,
      },
    },
  };
}

async function listAll(call: Call, request: Operations['ListDeployments']['request']) {
  const page = readPage(request);
  const user = (name: string, text: string | undefined) => (text === undefined || text === '' ? undefined : readId(name, text));
  const moment = (name: string, value: number | undefined) => (value === undefined ? undefined : readMoment(name, value));
  const { rows, total } = await listDeployments(
    call.db,
    {
      workspaceId: call.workspace.id,
      creator: user('Creator', request.Creator),
      executor: user('Executor', request.Executor),
      keyword: request.Keyword === '' ? undefined : request.Keyword,
      states: request.Status === undefined ? undefined : statesListedAs(request.Status),
      createdBefore: moment('EndCreateTime', request.EndCreateTime),
      executedBefore: moment('EndExecuteTime', request.EndExecuteTime),
    },
    page,
  );
  return {
    Data: {
      ...pageCounters(page, total),
      Deployments: rows.map((row) => ({
        Id: row.id,
        Name: row.name,
        Status: deploymentStates[row.status].listed,
        ErrorMessage: row.error_text,
        Creator: String(row.created_by),
        CreateTime: row.created_at.getTime(),
        ...(row.executed_by === null ? {} : { Executor: String(row.executed_by) }),
        ...(row.executed_at === null ? {} : { ExecuteTime: row.executed_at.getTime() }),
      })),
    },
  };
}

function deployWith(deployments: Deployments) {
  return (call: Call, request: Operations['DeployFile']['request']) =>
    call.change(async (change) => ({
      ...success,
      Data: await deployments.deploy(change, call.workspace.id, { fileId: request.FileId, nodeId: request.NodeId }, checkText('Comment', request.Comment ?? '', 2_000)),
    }));
}

export function legacyOperations(deployments: Deployments): Handlers<Operations> {
  return {
    DeployFile: { access: inProject('deploy'), handle: deployWith(deployments) },
    GetDeployment: { access: inProject('read'), handle: getDeployment },
    ListDeployments: { access: inProject('read'), handle: listAll },
  };
}

export function currentOperations(deployments: Deployments): Handlers<CurrentOperations> {
  return {
    DeployFile: { access: inProject('deploy'), handle: deployWith(deployments) },
    GetDeploymentPackage: { access: inProject('read'), handle: getDeployment },
    ListDeploymentPackages: { access: inProject('read'), handle: listAll },
  };
}
