import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';

/** The layers of the design, inner ones first: a project may import its own layer and those inside it. */
const layers = [
  { sourceTag: 'type:core', onlyDependOnLibsWithTags: ['type:core'] },
  { sourceTag: 'type:platform', onlyDependOnLibsWithTags: ['type:platform', 'type:core'] },
  { sourceTag: 'type:port', onlyDependOnLibsWithTags: ['type:port', 'type:platform', 'type:core'] },
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:port', 'type:platform', 'type:core'] },
  // Of an app a tool may have what it offers as `@millrace/<app>/simulation`; tools/src/tidy/imports.ts sees to that.
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['type:app', 'type:port', 'type:platform', 'type:core'] },
];

export default [
  ...nx.configs['flat/base'],
  ...nx.configs['flat/typescript'],
  { ignores: ['**/dist', '**/generated', '**/coverage', '**/*.cjs', '**/*.mjs'] },
  {
    files: ['**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: false, allow: [], depConstraints: layers },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  { files: ['tools/**/*.ts'], rules: { 'no-console': 'off' } },
  prettier,
];
