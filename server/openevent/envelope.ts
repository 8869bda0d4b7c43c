import type { WorkspaceDirectory } from '../identity/directory.ts';
import type { LogEvent } from './log.ts';

/** An event as programs receive it: CloudEvents 1.0 in JSON with DataWorks' extension attributes. */
export interface Envelope {
  readonly id: string;
  readonly source: 'acs.dataworks';
  readonly specversion: '1.0';
  readonly type: string;
  readonly subject: '';
  readonly time: string;
  readonly datacontenttype: typeof CONTENT_TYPE;
  readonly data: Readonly<Record<string, unknown>>;
  readonly aliyunaccountid: string;
  readonly aliyunpublishtime: string;
  readonly aliyuneventbusname: string;
  readonly aliyunregionid: string;
  readonly aliyunpublishaddr: string;
  /** The id of the replay that sends it once more; absent otherwise. */
  readonly millracereplay?: string;
}

/** What an envelope says of the way by which the event comes. */
export interface EnvelopeMarks {
  /** The bus; `default` when absent. */
  readonly bus?: string | undefined;
  readonly replayId?: number | undefined;
}

/**
 * The content type of the data, and of a delivery too. `application/cloudevents+json` would be the proper name of the whole, but receivers
 * written for DataWorks read plain JSON, and common web frameworks refuse a type that they were not told of.
 */
export const CONTENT_TYPE = 'application/json;charset=utf-8';

/** The bus of whatever comes by no other. */
const BUS = 'default';

export interface EnvelopeOptions {
  readonly directory: WorkspaceDirectory;
  /** The region of events that belong to no workspace. */
  readonly defaultRegion: string;
  /** Address that this server publishes from. */
  readonly publishAddress: string;
}

/** Wraps events. The region is that of the workspace, also of a deleted one. */
export type WrapEvent = (event: LogEvent, publishedAt: Date, marks?: EnvelopeMarks) => Promise<Envelope>;

export function createEnvelopes(options: EnvelopeOptions): WrapEvent {
  return async (event, publishedAt, marks = {}) => {
    const workspace = event.workspaceId === undefined ? undefined : await options.directory.byId(event.workspaceId);
    return {
      id: event.eventId,
      source: 'acs.dataworks',
      specversion: '1.0',
      type: event.type,
      subject: '',
      time: event.occurredAt.toISOString(),
      datacontenttype: CONTENT_TYPE,
      data: event.data,
      aliyunaccountid: String(event.tenantId),
      aliyunpublishtime: publishedAt.toISOString(),
      aliyuneventbusname: marks.bus ?? BUS,
      aliyunregionid: workspace?.region ?? options.defaultRegion,
      aliyunpublishaddr: options.publishAddress,
      ...(marks.replayId === undefined ? {} : { millracereplay: String(marks.replayId) }),
    };
  };
}
