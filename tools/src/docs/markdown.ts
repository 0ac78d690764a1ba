/** A fenced block: its language (`sh`, empty if unnamed), its text without the fences, and the line it begins on. */
export interface Fenced {
  readonly language: string;
  readonly text: string;
  readonly line: number;
}

/** A table with its rows by column; cells are as written. */
export interface MarkdownTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, string>>[];
}

export interface Link {
  readonly text: string;
  readonly target: string;
  readonly line: number;
}

const FENCE = /^\s*(`{3,}|~{3,})\s*([\w-]*)/;

/** The fenced blocks of a page, in order. Throws for one that is not closed: what follows it would be taken for its text. */
export function fencedBlocks(page: string): Fenced[] {
  const blocks: Fenced[] = [];
  let open: { fence: string; language: string; line: number; lines: string[] } | null = null;
  page.split('\n').forEach((text, i) => {
    const match = FENCE.exec(text);
    if (!open) {
      if (match) open = { fence: match[1] as string, language: match[2] as string, line: i + 1, lines: [] };
    } else if (match && match[2] === '' && match[1]?.startsWith(open.fence)) {
      blocks.push({ language: open.language, text: open.lines.join('\n'), line: open.line });
      open = null;
    } else open.lines.push(text);
  });
  if (open) throw new Error(`the block that begins on line ${(open as { line: number }).line} is not closed`);
  return blocks;
}

/** The page with its fenced blocks blanked, line for line: `#` and brackets in them are no headings and no links. */
function withoutFenced(page: string): string[] {
  let inside: string | null = null;
  return page.split('\n').map((text) => {
    const match = FENCE.exec(text);
    if (inside === null && match) inside = match[1] as string;
    else if (inside === null) return text;
    else if (match && match[2] === '' && match[1]?.startsWith(inside)) inside = null;
    return '';
  });
}

/** Every inline link and image, `[text](target)`, outside of code. */
export function links(page: string): Link[] {
  return withoutFenced(page)
    .map((text) => text.replace(/(`+)(?!`).*?\1(?!`)/g, ''))
    .flatMap((text, i) =>
      [...text.matchAll(/\[([^\]]*)\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)].map((match) => ({
        text: match[1] as string,
        target: match[2] as string,
        line: i + 1,
      })),
    );
}

/** The anchors of a page's headings, as GitHub makes them: lower case, blanks to hyphens, punctuation dropped, repeats numbered. */
export function anchors(page: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading] of withoutFenced(page)
    .join('\n')
    .matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const base = (heading as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');
    let anchor = base;
    for (let n = 1; found.has(anchor); n++) anchor = `${base}-${n}`;
    found.add(anchor);
  }
  return found;
}

/** The tables of a page. A `\|` is part of its cell. */
export function tables(page: string): MarkdownTable[] {
  const found: MarkdownTable[] = [];
  const lines = page.split('\n');
  for (let i = 0; i + 1 < lines.length; i++) {
    const columns = cells(lines[i] as string);
    if (!columns || !/^\s*\|(\s*:?-+:?\s*\|)+\s*$/.test(lines[i + 1] as string)) continue;
    const rows: Record<string, string>[] = [];
    for (i += 2; i < lines.length; i++) {
      const row = cells(lines[i] as string);
      if (!row) break;
      rows.push(Object.fromEntries(columns.map((column, at) => [column, row[at] ?? ''])));
    }
    found.push({ columns, rows });
  }
  return found;
}

function cells(line: string): string[] | null {
  if (!/^\s*\|.*\|\s*$/.test(line)) return null;
  return line
    .trim()
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}
