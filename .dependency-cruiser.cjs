/** The design's import rules: services meet over gRPC only, core knows none of them, nothing imports a main.ts. */
const services = ['router', 'sidecar', 'xds-control-plane', 'loader'];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...services.map((service) => ({
      name: `${service}-stands-alone`,
      comment: 'Services import core and the contracts, never one another.',
      severity: 'error',
      from: { path: `^${service}/` },
      to: { path: `^(${services.filter((other) => other !== service).join('|')}|modules|cli|bench)/` },
    })),
    {
      name: 'unit-tests-use-support-alone',
      severity: 'error',
      from: { path: `^(${services.join('|')})/.*\\.test\\.ts$` },
      to: { path: '^test/(?!support/)' },
    },
    {
      name: 'core-knows-no-service',
      severity: 'error',
      from: { path: '^core/' },
      to: { path: `^(${services.join('|')}|modules|cli|bench|test)/` },
    },
    {
      name: 'modules-know-no-service',
      severity: 'error',
      from: { path: '^modules/' },
      to: { path: `^(${services.join('|')}|cli|bench|test)/` },
    },
    { name: 'no-main-imports', severity: 'error', from: {}, to: { path: '(^|/)main\\.ts$' } },
    {
      name: 'no-test-imports',
      severity: 'error',
      from: { pathNot: '(^(test|bench)/|\\.test\\.ts$)' },
      to: { path: '^test/' },
    },
    {
      name: 'grpc-at-the-bindings',
      comment: 'grpc-js appears only where bytes meet the wire.',
      severity: 'error',
      from: {
        path: `^(${services.join('|')})/`,
        pathNot: '(server|main|-client|-service|-stream|-channel|-adapter|ads-[a-z-]+)\\.ts$|\\.test\\.ts$',
      },
      to: { path: 'node_modules/@grpc/grpc-js/', dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules|modules/node_modules)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.cjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
