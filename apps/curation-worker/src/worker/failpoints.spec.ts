import { systemTimers } from '../machine.client';
import { InjectedFailure, noFailpoints, parseFailpoints } from './failpoints';

test('an error is thrown at the pass asked for, and at no other', async () => {
  const failpoint = parseFailpoints('after-claims=error@2,other-service=crash', systemTimers);
  await failpoint('after-claims');
  await failpoint('after-raw');
  await expect(async () => failpoint('after-claims')).rejects.toThrow(InjectedFailure);
  await failpoint('after-claims');
});

test('nothing is planned by default', () => expect(parseFailpoints('', systemTimers)).toBe(noFailpoints));

test.each(['after-claims', 'after-claims=explode', 'after-claims=delay', 'after-claims=crash@x'])(
  '%s is refused',
  (text) => {
    expect(() => parseFailpoints(text, systemTimers)).toThrow('not an action');
  },
);
