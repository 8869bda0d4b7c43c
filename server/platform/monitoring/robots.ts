import type { OutboundAnswer } from '../../kernel/outbound.ts';
import type { ClaimedMessage } from './alert-store.ts';
import type { AddressKind } from './model.ts';

/** How alerts are written for the robots of group chats, as these publish it, and for addresses of one's own. */

interface Robot {
  body(message: ClaimedMessage): object;
  /** What the robot found wrong though it answered; undefined when it took the message. */
  fault(answer: Readonly<Record<string, unknown>>): string | undefined;
}

const coded = (name: string, text: string) => (answer: Readonly<Record<string, unknown>>) => {
  const code = answer[name] ?? 0;
  return code === 0 ? undefined : `it answered ${name} ${String(code)}: ${String(answer[text] ?? '')}`;
};

const robots: Readonly<Record<AddressKind, Robot>> = {
  WebhookUrl: {
    body: ({ content, alert }) => ({
      alertId: alert.alert_id,
      alarmType: alert.source,
      content,
      alertTime: alert.at.getTime(),
      projectId: alert.workspace_id,
      ...(alert.source === 'REMIND_ALERT' ? { remindId: alert.source_id } : alert.source === 'SLA_ALERT' ? { baselineId: alert.source_id } : { topicId: alert.source_id }),
      nodeIds: alert.detail.nodes,
      taskIds: alert.detail.instances,
    }),
    fault: () => undefined,
  },
  DingdingUrl: {
    body: ({ content, target }) => ({ msgtype: 'text', text: { content }, at: { isAtAll: target.atAll } }),
    fault: coded('errcode', 'errmsg'),
  },
  FeishuUrl: {
    body: ({ content, target }) => ({ msg_type: 'text', content: { text: target.atAll ? `<at user_id="all"></at> ${content}` : content } }),
    fault: (answer) => coded('code', 'msg')(answer) ?? coded('StatusCode', 'StatusMessage')(answer),
  },
  WeixinUrl: {
    body: ({ content, target }) => ({ msgtype: 'text', text: { content, ...(target.atAll ? { mentioned_list: ['@all'] } : {}) } }),
    fault: coded('errcode', 'errmsg'),
  },
};

export function messageBody(message: ClaimedMessage): string {
  return JSON.stringify(robots[message.target.kind].body(message));
}

/** Why an answer does not mean that the message was taken; undefined when it was. */
export function answerFault(kind: AddressKind, answer: Pick<OutboundAnswer, 'status' | 'text'>): string | undefined {
  if (answer.status < 200 || answer.status > 299) return `it answered ${answer.status}`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.text);
  } catch {
    return undefined;
  }
  return typeof parsed === 'object' && parsed !== null ? robots[kind].fault({ ...parsed }) : undefined;
}
