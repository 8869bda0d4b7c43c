/** Alert rules as both dialects mean them, and the words of each. */

/** When a rule alerts: by a change of an instance, by the clock, or by the load of a resource group. `legacy` is the word of API 2020-05-18, where it has one. */
export const ruleTypes = {
  Finished: { by: 'change', legacy: 'FINISHED' },
  Error: { by: 'change', legacy: 'ERROR' },
  ExhaustedError: { by: 'change', legacy: undefined },
  InstanceKeyword: { by: 'change', legacy: undefined },
  InstanceErrorCount: { by: 'change', legacy: undefined },
  InstanceErrorPercentage: { by: 'change', legacy: undefined },
  Timeout: { by: 'clock', legacy: 'TIMEOUT' },
  UnFinished: { by: 'clock', legacy: 'UNFINISHED' },
  CycleUnfinished: { by: 'clock', legacy: 'CYCLE_UNFINISHED' },
  InstanceTransferComplete: { by: 'clock', legacy: undefined },
  InstanceTransferFluctuate: { by: 'clock', legacy: undefined },
  ResourceGroupPercentage: { by: 'load', legacy: undefined },
  ResourceGroupWaitCount: { by: 'load', legacy: undefined },
} as const satisfies Record<string, { by: 'change' | 'clock' | 'load'; legacy: string | undefined }>;

export type RuleType = keyof typeof ruleTypes;

export const ruleTypeNames = Object.keys(ruleTypes) as RuleType[];

/** What a rule watches. `legacy` is the word of API 2020-05-18, `event` that of events. */
export const targetTypes = {
  Task: { legacy: 'NODE' },
  Baseline: { legacy: 'BASELINE' },
  Project: { legacy: 'PROJECT' },
  BizProcess: { legacy: 'BIZPROCESS' },
} as const;

export type TargetType = keyof typeof targetTypes;

export interface CycleTime {
  readonly cycle: number;
  /** `HH:mm`; beyond 24:00 on the next day. */
  readonly time: string;
}

export interface RuleSettings {
  readonly time?: string | undefined;
  readonly cycles?: readonly CycleTime[] | undefined;
  readonly timeoutSeconds?: number | undefined;
  /** Each failed attempt alerts, not only the last. */
  readonly reruns?: boolean | undefined;
  readonly streamTasks?: readonly number[] | undefined;
  readonly count?: number | undefined;
  readonly percentage?: number | undefined;
  readonly trend?: 'abs' | 'increase' | 'decrease' | undefined;
}

/** Users and addresses that are told. */
export const userReceivers = ['AliUid', 'TaskOwner', 'Owner'] as const;
export const addressReceivers = ['WebhookUrl', 'DingdingUrl', 'FeishuUrl', 'WeixinUrl'] as const;
export type AddressKind = (typeof addressReceivers)[number];
export type ReceiverType = (typeof userReceivers)[number] | AddressKind;

export interface Receiver {
  readonly type: ReceiverType;
  /** Ids of users, or addresses; none for owners. */
  readonly values: readonly string[];
  /** A robot calls for everybody's attention. */
  readonly atAll: boolean;
}

/** A rule as somebody decides it. */
export interface RuleDraft {
  readonly name: string;
  readonly enabled: boolean;
  readonly ownerId: number;
  readonly type: RuleType;
  readonly settings: RuleSettings;
  readonly targetType: TargetType;
  readonly targetIds: readonly number[];
  readonly allowTasks: readonly number[];
  readonly receivers: readonly Receiver[];
  readonly channels: readonly string[];
  readonly intervalSeconds: number;
  readonly maximum: number;
  readonly silenceStart: string | null;
  readonly silenceEnd: string | null;
}

/** How users are told; nothing of it leaves this server. */
export const userMethods = ['MAIL', 'SMS', 'PHONE'] as const;

/** Words in which the log of a run tells that something went wrong; the contract has no place where a rule could name its own. */
export const logKeywords = /\b(?:ERROR|FATAL|Exception|Traceback)\b/;

/** The number of a baseline's status in events. */
export const baselineStatusCodes = { ERROR: -1, SAFE: 1, DANGEROUS: 2, OVER: 3 } as const;
export type BaselineStatus = keyof typeof baselineStatusCodes;
