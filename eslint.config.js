import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** Strict linting with type information; the numbers are budgets on how much a reader has to hold in mind. */
export default defineConfig(
  { ignores: ['dist/', 'node_modules/', '.cache/', '.tap/'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js', 'deploy/chart/files/*.mjs'] } },
    },
    rules: {
      complexity: ['error', 10],
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: 'error',
      curly: ['error', 'multi-line'],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/strict-boolean-expressions': [
        'error',
        { allowNullableBoolean: true, allowNullableString: true },
      ],
    },
  },
  {
    files: ['test/**', 'bench/**'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      // client-node wants instances of its classes where the API takes plain objects.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
    },
  },
  // Scripts of the chart are plain JavaScript: Helm copies them into the cluster, and no compiler runs in between.
  { files: ['deploy/chart/files/*.mjs'], ...tseslint.configs.disableTypeChecked },
  { files: ['deploy/chart/files/*.mjs'], rules: { 'no-console': 'off' } },
  { files: ['eslint.config.js'], rules: { 'no-restricted-exports': 'off' } },
)
