import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { WORKSPACE_ROOT } from '../start/services';

const MILLRACE = path.join(WORKSPACE_ROOT, 'tools', 'millrace.cjs');
const CATALOG = path.join(WORKSPACE_ROOT, 'libs', 'contracts', 'catalog', 'shipment_status_changed.odcs.yaml');

describe('millrace contracts', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-contracts-'));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  const millrace = (...args: string[]) =>
    spawnSync(process.execPath, [MILLRACE, 'contracts', ...args], { cwd: folder, encoding: 'utf8' });
  const changed = (name: string, change: (yaml: string) => string): string => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, change(fs.readFileSync(CATALOG, 'utf8')));
    return name;
  };

  it('writes types of the caller’s files into the file that the caller names', () => {
    const { status, stdout, stderr } = millrace('types', CATALOG, '--out', 'generated/events.ts');
    expect([status, stdout, stderr.replace(/^compiled .*\n/, '')]).toEqual([0, '', '']);
    const types = fs.readFileSync(path.join(folder, 'generated', 'events.ts'), 'utf8');
    const tsc = path.join(WORKSPACE_ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const tsconfig = { compilerOptions: { strict: true, noEmit: true, types: [] }, files: ['generated/events.ts'] };
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    const compiled = spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: folder, encoding: 'utf8' });
    expect([compiled.status, compiled.stdout]).toEqual([0, '']);
    expect(types).toContain('"shipment.status.changed": ShipmentStatusChanged');
  });

  it('writes to standard output nothing but what was asked for', () => {
    const { status, stdout, stderr } = millrace('avro', CATALOG);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'record', name: 'shipment_status_changed' });
    expect(stderr).toContain('$.status: the list of values is not said');
  });

  it('tells whether a version goes together with an earlier one', () => {
    const next = changed('next.odcs.yaml', (yaml) =>
      yaml.replace('version: 1.0.0', 'version: 2.0.0').replace('delivered, exception]', 'delivered]'),
    );
    const { status, stdout } = millrace('check', next, CATALOG);
    expect(status).toBe(1);
    expect(stdout).toContain('shipment_status_changed 2.0.0 is not compatible (BACKWARD) with 1.0.0');
    expect(stdout).toContain('$.payload.status (value_refused)');
    expect(stdout).toContain('"status":"exception"');
    expect(millrace('check', next, CATALOG, '--mode', 'FORWARD').status).toBe(0);
  });

  it('says what is wrong with a file, and where', () => {
    const broken = changed('broken.odcs.yaml', (yaml) => yaml.replace('logicalType: date', 'logicalType: day'));
    const { status, stderr } = millrace('docs', broken);
    expect(status).toBe(1);
    expect(stderr).toContain('broken.odcs.yaml: schema[0].properties[2].logicalType: must be one of');
  });

  it('is `npx millrace`', () => {
    const { bin } = JSON.parse(fs.readFileSync(path.join(WORKSPACE_ROOT, 'tools', 'package.json'), 'utf8')) as {
      bin: Record<string, string>;
    };
    expect(bin).toEqual({ millrace: 'millrace.cjs' });
    expect(fs.statSync(MILLRACE).mode & 0o111).not.toBe(0);
  });
});
