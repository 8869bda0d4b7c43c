import { useEffect, useState, type ComponentType } from 'react';
import { Waiting } from './states.tsx';

/**
 * A component whose code comes when it is first drawn; until then the sign of waiting stands in its place. React's own `lazy` is not used, since
 * what has once shown such a sign is held back for 300 ms by it, on the first visit of each view.
 */
export function later<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>): ComponentType<Props> {
  let found: ComponentType<Props> | undefined;
  return function Later(props: Props) {
    const [, setArrived] = useState(false);
    const [failure, setFailure] = useState<unknown>();
    useEffect(() => {
      if (found !== undefined) return undefined;
      let left = false;
      const bring = async () => {
        try {
          found = (await load()).default;
          if (!left) setArrived(true);
        } catch (error) {
          if (!left) setFailure(error);
        }
      };
      void bring();
      return () => {
        left = true;
      };
    }, []);
    // The frame says that a view broke, and offers to load it anew.
    if (failure !== undefined) throw failure;
    const Found = found;
    return Found === undefined ? <Waiting /> : <Found {...props} />;
  };
}
