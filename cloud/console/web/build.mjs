// Builds the console into dist/, or with --tests its unit tests into dist-test/.
// --watch rebuilds on change.
import { build, context } from 'esbuild';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const watch = process.argv.includes('--watch');
const common = {
  bundle: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  target: 'es2022',
  logLevel: 'warning',
};

async function filesBelow(dir, suffix) {
  const out = [];
  for (const e of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, e.name);
    if (e.isDirectory()) out.push(...(await filesBelow(path, suffix)));
    else if (e.name.endsWith(suffix)) out.push(path);
  }
  return out;
}

async function buildTests() {
  await rm('dist-test', { recursive: true, force: true });
  await build({
    ...common,
    entryPoints: await filesBelow('src', '.test.ts'),
    outdir: 'dist-test',
    outbase: 'src',
    format: 'esm',
    platform: 'node',
  });
}

async function emptyDist() {
  await mkdir('dist', { recursive: true });
  for (const name of await readdir('dist')) {
    if (name !== '.keep') await rm(join('dist', name), { recursive: true });
  }
}

async function buildPages() {
  await emptyDist();
  const options = {
    ...common,
    entryPoints: { app: 'src/main.tsx', style: 'src/style/index.css' },
    outdir: 'dist',
    entryNames: '[name]',
    assetNames: 'assets/[name]-[hash]',
    format: 'esm',
    minify: !watch,
    sourcemap: watch,
    metafile: true,
    loader: { '.woff2': 'file' },
  };
  await cp('src/static', 'dist', { recursive: true });
  if (watch) {
    await (await context(options)).watch();
    return;
  }
  await build(options);
  // Written last: make sees a finished build by it.
  await cp('src/index.html', 'dist/index.html');
}

if (process.argv.includes('--tests')) await buildTests();
else await buildPages();
if (watch) await cp('src/index.html', 'dist/index.html');
