import { scramVerifier } from './roles';

it('makes the verifier that Postgres makes', () => {
  // Password, salt and iterations of RFC 7677, section 3.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  expect(scramVerifier('pencil', salt)).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

it('takes a new salt each time', () => {
  expect(scramVerifier('pencil')).not.toBe(scramVerifier('pencil'));
});

it.each(['', 'pässword', 'a\nb'])('refuses %j, which SASLprep might change', (password) => {
  expect(() => scramVerifier(password)).toThrow('printable ASCII');
});
