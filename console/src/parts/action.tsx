import { Button, Popconfirm, Tooltip, type ButtonProps } from 'antd';
import { useId, type ReactNode } from 'react';
import { common } from '../text/common.ts';
import { useTexts } from '../text/language.tsx';

interface ActionButtonProps extends Omit<ButtonProps, 'onClick' | 'disabled'> {
  /** Why the action cannot be taken; undefined when it can. */
  reason?: string | undefined;
  onAct?: (() => void) | undefined;
  /** Asked before acting. */
  confirm?: string | undefined;
  children: ReactNode;
}

/**
 * A button that stays visible when its action is not allowed, and then says why: by a tooltip, and to a screen reader by its
 * description. It can be reached by keyboard in both cases.
 */
export function ActionButton({ reason, onAct, confirm, children, ...rest }: ActionButtonProps) {
  const t = useTexts(common);
  const id = useId();
  if (reason !== undefined) {
    return (
      <Tooltip title={reason}>
        <Button {...rest} htmlType="button" aria-disabled="true" aria-describedby={id} className="refused">
          {children}
          <span id={id} className="visually-hidden">
            {reason}
          </span>
        </Button>
      </Tooltip>
    );
  }
  if (confirm !== undefined) {
    return (
      <Popconfirm title={confirm} onConfirm={() => onAct?.()} okText={t('yes')} cancelText={t('cancel')}>
        <Button {...rest}>{children}</Button>
      </Popconfirm>
    );
  }
  return (
    <Button {...rest} onClick={() => onAct?.()}>
      {children}
    </Button>
  );
}
