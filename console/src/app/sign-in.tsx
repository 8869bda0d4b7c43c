import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { call, CallError, setCircumstances } from '../api/client.ts';
import { own } from '../api/contract.ts';
import { frame } from '../text/frame.ts';
import { useTexts } from '../text/language.tsx';
import { Mark, Switches } from './frame.tsx';

/** The sign-in page. The address stays, so that a link leads to its view after signing in. */
export function SignIn() {
  const t = useTexts(frame);
  const client = useQueryClient();
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = `${t('sign-in')} · Millrace`;
  }, [t]);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    setBusy(true);
    setFailure(undefined);
    try {
      setCircumstances({ region: '', csrfToken: '' });
      const answer = await call(own, 'Login', { UserName: String(data.get('user')), Password: String(data.get('password')) });
      setCircumstances({ csrfToken: answer.CsrfToken ?? '' });
      await client.invalidateQueries({ queryKey: ['caller'] });
    } catch (error) {
      setFailure(error instanceof CallError ? `${error.message} ${error.recommend}` : String(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="sign-in">
      <aside>
        <Mark />
        <p className="slogan">{t('slogan')}</p>
        <ul>
          <li>{t('slogan-openapi')}</li>
          <li>{t('slogan-openevent')}</li>
          <li>{t('slogan-extensions')}</li>
        </ul>
      </aside>
      <main>
        <div className="sign-in-switches">
          <Switches />
        </div>
        <form onSubmit={(event) => void submit(event)}>
          <h1>{t('sign-in-title')}</h1>
          <label>
            {t('user-name')}
            <input name="user" autoComplete="username" required autoFocus maxLength={64} />
          </label>
          <label>
            {t('password')}
            <input name="password" type="password" autoComplete="current-password" required />
          </label>
          {failure === undefined ? null : (
            <p className="form-failure" role="alert">
              {failure}
            </p>
          )}
          <button type="submit" className="primary-button" disabled={busy}>
            {t('sign-in')}
          </button>
          <p className="hint">{t('sign-in-hint')}</p>
        </form>
      </main>
    </div>
  );
}
