import fs from 'node:fs';
import path from 'node:path';
import { SERVICES, WORKSPACE_ROOT } from '../start/services';
import { planPorts } from '../start/ports';
import { readDataSet } from '../demo/data-set';
import { textFiles } from '../tidy/workspace';
import { anchors, fencedBlocks, links, tables } from './markdown';

const pages = textFiles().filter(({ file }) => file.endsWith('.md'));
const page = (name: string): string => {
  const found = pages.find(({ file }) => file === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found.text;
};
const readme = page('README.md');
const scripts = (JSON.parse(fs.readFileSync(path.join(WORKSPACE_ROOT, 'package.json'), 'utf8')) as { scripts: object })
  .scripts;

it('links lead to files and headings that are there', () => {
  const dead = pages.flatMap(({ file, text }) =>
    links(text)
      .filter(({ target }) => !/^[a-z][a-z+.-]*:/i.test(target))
      .filter(({ target }) => {
        const [to, anchor] = target.split('#') as [string, string | undefined];
        const absolute = to
          ? path.resolve(WORKSPACE_ROOT, path.dirname(file), decodeURI(to))
          : path.join(WORKSPACE_ROOT, file);
        if (!absolute.startsWith(WORKSPACE_ROOT) || !fs.existsSync(absolute)) return true;
        return anchor !== undefined && !anchors(fs.readFileSync(absolute, 'utf8')).has(anchor);
      })
      .map(({ target, line }) => `${file}:${line} ${target}`),
  );
  expect(dead).toEqual([]);
  expect(pages.flatMap(({ text }) => links(text)).length).toBeGreaterThan(10);
});

it('npm commands that README and docs name are there', () => {
  const unknown = pages
    .filter(({ file }) => file === 'README.md' || file.startsWith('docs/'))
    .flatMap(({ file, text }) =>
      [...text.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)]
        .map(([command, name]) => ({ command, name: name as string }))
        .filter(({ command, name }) => command.startsWith('npm run') || ['start', 'test'].includes(name))
        .filter(({ name }) => !(name in scripts))
        .map(({ command }) => `${file}: ${command}`),
    );
  expect(unknown).toEqual([]);
});

it('blocks of code are closed and name their language where they are commands', () => {
  const unnamed = pages.flatMap(({ file, text }) =>
    fencedBlocks(text)
      .filter(({ language, text: block }) => language === '' && /^\s*(npm|npx|node|curl|docker|git) /m.test(block))
      .map(({ line }) => `${file}:${line}`),
  );
  expect(unnamed).toEqual([]);
});

describe('README', () => {
  it('names every service with the port that it has', () => {
    const services = tables(readme).find(({ columns }) => columns.includes('service') && columns.includes('port'));
    const { frontDoor, services: ports } = planPorts({}, { workers: 1 });
    expect(services?.rows.map(({ service, port }) => [service, Number(port)])).toEqual([
      ['front door', frontDoor.port],
      ...SERVICES.map(({ name }) => [name, ports[name][0]?.port]),
    ]);
    expect(services?.rows.filter(({ does }) => !does)).toEqual([]);
  });

  it('names no other port', () => {
    const { frontDoor } = planPorts({}, { workers: 1 });
    const named = [...readme.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
    expect(named.length).toBeGreaterThan(0);
    expect(new Set(named)).toEqual(new Set([frontDoor.port]));
  });

  it('states the size of the data set as it is', () => {
    const { lines, known } = readDataSet();
    const { received, landed, duplicate, quarantined, shipments } = known.counts;
    const number = (value: number): string => value.toLocaleString('en-US');
    expect(lines).toHaveLength(received);
    expect(readme).toContain(`${number(received)} lines of real and dirty data`);
    expect(readme).toContain(`${number(shipments)} shipments`);
    expect(readme).toContain(
      `received ${number(received)} = landed ${number(landed)} + duplicate ${number(duplicate)} + quarantined ${number(quarantined)} + pending 0`,
    );
  });

  it('names the Node version that the project asks for', () => {
    const { engines } = JSON.parse(fs.readFileSync(path.join(WORKSPACE_ROOT, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    expect(readme).toContain(`Node ${engines.node.replace('>=', '')} or newer`);
  });
});

describe('docs/architecture.md', () => {
  it('has a row for every service that runs', () => {
    const services = tables(page('docs/architecture.md')).find(({ columns }) => columns.includes('service'));
    expect(services?.rows.map(({ service }) => service)).toEqual(SERVICES.map(({ name }) => name));
  });
});

describe('docs/performance.md', () => {
  it('explains every part that npm run bench has', () => {
    const source = fs.readFileSync(path.join(WORKSPACE_ROOT, 'tools/src/bench/main.ts'), 'utf8');
    const parts = [...source.matchAll(/wanted\.has\('(\w+)'\)/g)].map(([, part]) => part);
    const explained = tables(page('docs/performance.md')).find(({ columns }) => columns[0] === 'part');
    expect(parts.length).toBeGreaterThan(0);
    expect(explained?.rows.map(({ part }) => part?.replaceAll('`', ''))).toEqual(parts);
  });
});

describe('decisions', () => {
  const decisions = pages.filter(({ file }) => file.startsWith('docs/decisions/'));

  it('are numbered without gaps, once each', () => {
    expect(decisions.map(({ file }) => path.basename(file).slice(0, 4))).toEqual(
      decisions.map((_, i) => String(i + 1).padStart(4, '0')),
    );
  });

  it('have a question and a choice, and carry their number', () => {
    const unfit = decisions
      .filter(({ file, text }) => {
        const number = Number(path.basename(file).slice(0, 4));
        return !text.startsWith(`# ${number}. `) || !text.includes('**Question.**') || !text.includes('**Choice.**');
      })
      .map(({ file }) => file);
    expect(unfit).toEqual([]);
  });
});
