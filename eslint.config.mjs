import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Time and chance come in through core/clock and core/rng, so that a test can drive them. */
const effects = [
  { object: 'Date', property: 'now', message: 'Take a Clock (core/clock.ts) instead.' },
  { object: 'Math', property: 'random', message: 'Take an Rng (core/rng.ts) instead.' },
];
const timers = ['setTimeout', 'setInterval'].map((name) => ({
  name,
  message: 'Take a Clock (core/clock.ts) instead.',
}));

export default tseslint.config(
  { ignores: ['**/node_modules/', 'gen/', 'dist/', 'coverage/', 'bench/go/', 'docs/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-properties': ['error', ...effects],
      'no-restricted-globals': ['error', ...timers],
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        fetch: 'readonly',
        Buffer: 'readonly',
      },
    },
  },
  {
    // Tests and benchmarks measure real time; core/clock.ts and core/rng.ts are where it comes in.
    files: ['core/clock.ts', 'core/rng.ts', 'test/**', 'bench/**', '**/*.test.ts'],
    rules: { 'no-restricted-properties': 'off', 'no-restricted-globals': 'off' },
  },
  {
    // @jest/globals types its matchers with `any`.
    files: ['**/*.test.ts', 'test/**'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
