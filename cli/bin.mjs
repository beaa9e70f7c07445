#!/usr/bin/env node
/** The `frontier` command: makes sure of Node 24 and the packages, then runs cli/main.ts on it. */
process.argv.splice(2, 0, 'cli');
await import('./bootstrap/run.mjs');
