import { QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { queryClient } from './api/queries.ts';
import { Frame } from './app/frame.tsx';
import { SessionProvider } from './app/session.tsx';
import { SignIn } from './app/sign-in.tsx';
import { AppearanceProvider } from './app/theme.tsx';
import { Failure, Waiting } from './parts/states.tsx';
import { LanguageProvider } from './text/language.tsx';
import './app/console.css';

const root = document.querySelector('#root');
if (root === null) throw new Error('the page has no root');
createRoot(root).render(
  <QueryClientProvider client={queryClient}>
    <LanguageProvider>
      <AppearanceProvider>
        <SessionProvider waiting={<Waiting />} signIn={<SignIn />} failed={(error, again) => <Failure error={error} again={again} />}>
          <Frame />
        </SessionProvider>
      </AppearanceProvider>
    </LanguageProvider>
  </QueryClientProvider>,
);
