import { call } from '../../api/client.ts';
import { legacy, own } from '../../api/contract.ts';
import type { overview } from '../../text/overview.ts';
import type { Translate } from '../../text/language.tsx';
import type { TourName } from './overview.tsx';

type Key = keyof typeof overview & string;

/** What a tour is given, and what its steps hand on to each other. */
export interface TourState {
  readonly workspace: number;
  readonly receiver: string;
  /** The business date of today's instances, `yyyy-MM-dd`. */
  readonly businessDate: string;
  readonly t: Translate<typeof overview>;
  extensionCode?: string;
  subscriptionId?: number;
  fileId?: number;
  nodeId?: number;
}

export interface TourStep {
  readonly title: Key;
  /** The operation that the step calls, for whoever wants to do the same. */
  readonly operation: string;
  run(state: TourState): Promise<void>;
}

export interface Tour {
  readonly receiver: 'none' | 'optional' | 'needed';
  steps(state: Pick<TourState, 'receiver'>): readonly TourStep[];
  /** Where to go on. */
  links(state: TourState): readonly (readonly [text: Key, to: string])[];
}

const waitMs = 60_000;
const lookMs = 400;

const register = (name: Key, points: readonly string[], properties: (state: TourState) => object, parameters: (state: TourState) => string): TourStep => ({
  title: 'step-register',
  operation: 'CreateExtension',
  async run(state) {
    const answer = await call(own, 'CreateExtension', {
      ExtensionName: `${state.t(name)} ${new Date().toISOString().slice(0, 16).replace('T', ' ')}`,
      ExtensionDesc: state.t(name.replace('-title', '-text') as Key),
      BindEventList: [...points],
      ProjectTesting: state.workspace,
      ParameterSetting: parameters(state),
      OptionSetting: JSON.stringify({ type: 'object', properties: properties(state) }),
    });
    state.extensionCode = answer.ExtensionCode ?? '';
  },
});

const enable = (values: object): TourStep => ({
  title: 'step-enable',
  operation: 'EnableExtension',
  async run(state) {
    await call(own, 'EnableExtension', { ExtensionCode: state.extensionCode ?? '', ProjectId: state.workspace, OptionValue: JSON.stringify(values) });
  },
});

const subscribe = (codes: readonly string[]): TourStep => ({
  title: 'step-subscribe',
  operation: 'CreateSubscription',
  async run(state) {
    const { EventTypes = [] } = await call(own, 'ListEventTypes', {});
    const Types = EventTypes.filter((one) => codes.includes(one.EventCode ?? '')).map((one) => one.Type ?? '');
    const answer = await call(own, 'CreateSubscription', { Name: `${codes[0]} ${state.workspace}`, Url: state.receiver, Types, ProjectId: state.workspace });
    if (answer.SubscriptionId !== undefined) state.subscriptionId = answer.SubscriptionId;
  },
});

const reaction = (t: TourState['t']) => ({
  type: 'string',
  title: t('reaction-option'),
  default: 'FAIL',
  'x-decorator': 'FormItem',
  'x-component': 'Radio.Group',
  'x-component-props': { dataSource: [{ value: 'WARN', label: t('warn') }, { value: 'FAIL', label: t('block') }] },
});

const manualPass = 'extension.manualPass.enabled=true';
const nextYear = new Date().getFullYear() + 1;

const extensionLinks = (state: TourState): readonly (readonly [Key, string])[] => [
  ['to-extension', `/extensions/list/${state.extensionCode}`],
  ['to-checks', `/extensions/checks?extension=${state.extensionCode}`],
  ...(state.subscriptionId === undefined ? [] : [['to-subscription', `/openevent/subscriptions/${state.subscriptionId}`] as const]),
];

/** The settings of the published scenarios, each as a list of calls. */
export const tourOf: Readonly<Record<TourName, Tour>> = {
  lockdown: {
    receiver: 'optional',
    steps: ({ receiver }) => [
      register(
        'lockdown-title',
        ['deploy-file'],
        ({ t }) => ({ days: { type: 'string', title: t('days-option'), default: `${nextYear}-06-18,${nextYear}-11-11`, 'x-decorator': 'FormItem', 'x-component': 'Input' } }),
        () => manualPass,
      ),
      enable({ days: `${nextYear}-06-18,${nextYear}-11-11` }),
      ...(receiver === '' ? [] : [subscribe(['deploy-file'])]),
    ],
    links: extensionLinks,
  },
  forbid: {
    receiver: 'optional',
    steps: ({ receiver }) => [
      // Only the deployment is checked: the commit is left out by a parameter.
      register('forbid-title', ['commit-file', 'deploy-file'], ({ t }) => ({ checkStatus: reaction(t) }), (state) => `${manualPass}\nextension.project.commit-file.disabled=${state.workspace}`),
      enable({ checkStatus: 'FAIL' }),
      ...(receiver === '' ? [] : [subscribe(['deploy-file', 'commit-file'])]),
    ],
    links: extensionLinks,
  },
  board: {
    receiver: 'needed',
    steps: () => [subscribe(['instance-status-changes'])],
    links: (state) => [
      ['to-subscription', `/openevent/subscriptions/${state.subscriptionId}`],
      ['to-events', `/openevent/events?workspace=${state.workspace}&type=dataworks:InstanceStatusChanges:InstanceStatusChanges`],
    ],
  },
  develop: {
    receiver: 'none',
    steps: () => developSteps,
    links: (state) => [
      ['to-file', `/platform/studio/${state.workspace}/${state.fileId}`],
      ['to-instances', `/platform/operations/${state.workspace}?date=${state.businessDate}`],
    ],
  },
};

const stamp = () => Date.now().toString(36);

const developSteps: readonly TourStep[] = [
  {
    title: 'step-folder',
    operation: 'CreateBusiness',
    async run(state) {
      const existing = await call(legacy, 'ListBusiness', { ProjectId: state.workspace, Keyword: 'tour', PageNumber: 1, PageSize: 10 });
      if ((existing.Data?.Business ?? []).some((one) => one.BusinessName === 'tour')) return;
      await call(legacy, 'CreateBusiness', { ProjectId: state.workspace, BusinessName: 'tour' });
    },
  },
  {
    title: 'step-create',
    operation: 'CreateFile',
    async run(state) {
      const name = `hello_${stamp()}`;
      const answer = await call(legacy, 'CreateFile', {
        ProjectId: state.workspace,
        FileName: name,
        FileType: 6,
        Content: 'echo "Hello from Millrace. Business date: $1"\n',
        FileFolderPath: '业务流程/tour/General',
        CreateFolderIfNotExists: true,
        ParaValue: '$bizdate',
        CronExpress: '00 30 00 * * ?',
        CycleType: 'DAY',
        OutputList: `tour.${state.workspace}.${name}`,
        InputList: await rootOf(state.workspace),
      });
      state.fileId = answer.Data ?? 0;
    },
  },
  { title: 'step-submit', operation: 'SubmitFile', run: async (state) => settle(state.workspace, (await call(legacy, 'SubmitFile', { ProjectId: state.workspace, FileId: state.fileId ?? 0 })).Data) },
  { title: 'step-deploy', operation: 'DeployFile', run: async (state) => settle(state.workspace, (await call(legacy, 'DeployFile', { ProjectId: state.workspace, FileId: state.fileId })).Data) },
  {
    title: 'step-run',
    operation: 'RunSmokeTest',
    async run(state) {
      const { Data } = await call(legacy, 'GetFile', { ProjectId: state.workspace, FileId: state.fileId });
      await call(legacy, 'RunSmokeTest', { ProjectEnv: 'PROD', NodeId: Data?.File?.NodeId ?? 0, Name: 'tour', Bizdate: `${state.businessDate} 00:00:00` });
    },
  },
];

/** The output of a workspace's root node, which everything can stand behind. */
async function rootOf(workspace: number): Promise<string> {
  const { PagingInfo } = await call('dataworks-public/2024-05-18', 'ListProjects', { Ids: [workspace], PageNumber: 1, PageSize: 10 });
  return `${PagingInfo?.Projects?.find((one) => one.Id === workspace)?.Name ?? ''}_root`;
}

/** Waits for the end of a commit or a deployment, which extensions may hold. */
async function settle(ProjectId: number, DeploymentId: number | undefined): Promise<void> {
  const end = Date.now() + waitMs;
  for (;;) {
    const { Data } = await call(legacy, 'GetDeployment', { ProjectId, DeploymentId: DeploymentId ?? 0 });
    if (Data?.Deployment?.Status === 1) return;
    if (Data?.Deployment?.Status === 2) throw new Error(Data.Deployment.ErrorMessage ?? 'DeploymentFailed');
    if (Date.now() > end) throw new Error(Data?.Deployment?.CheckingStatus === undefined ? 'Timeout' : 'CHECKING');
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
