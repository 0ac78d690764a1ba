/** One step of a JSONPath (RFC 9535), in the short form where the name allows it. */
export function pathStep(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** A step of which only the text is known: digits are taken for an index. */
export function pathStepOf(text: string): string {
  return pathStep(/^\d+$/.test(text) ? Number(text) : text);
}

/** JSON Pointer (RFC 6901) → JSONPath below `root`. */
export function pathOfPointer(pointer: string, root = '$'): string {
  const steps = pointer.split('/').slice(1);
  return root + steps.map((step) => pathStepOf(step.replaceAll('~1', '/').replaceAll('~0', '~'))).join('');
}
