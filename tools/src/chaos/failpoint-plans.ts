import fs from 'node:fs';
import path from 'node:path';

/** A folder through which failpoints of processes that start later are planned, and that says which were passed. */
export class FailpointPlans {
  constructor(private readonly folder: string) {
    fs.mkdirSync(folder, { recursive: true });
  }

  /** For the environment of the services. */
  get env(): Readonly<Record<'MILLRACE_FAILPOINTS', string>> {
    return { MILLRACE_FAILPOINTS: `folder:${this.folder}` };
  }

  /** Plans failpoints for the next process of a service. */
  plan(service: string, text: string): void {
    fs.writeFileSync(this.planOf(service), text);
  }

  /** Whether a process of the service has what was planned. */
  isTaken(service: string): boolean {
    return !fs.existsSync(this.planOf(service));
  }

  /** What failpoints did so far, those of one service or all, as `service/place action`. */
  done(service?: string): string[] {
    return fs
      .readdirSync(this.folder)
      .filter((name) => (service === undefined ? name.endsWith('.done') : name === `${service}.done`))
      .flatMap((name) => fs.readFileSync(path.join(this.folder, name), 'utf8').split('\n'))
      .filter((line) => line !== '');
  }

  /** Forgets plans that no process has taken yet. */
  disarm(): void {
    for (const name of fs.readdirSync(this.folder))
      if (name.endsWith('.plan')) fs.rmSync(path.join(this.folder, name), { force: true });
  }

  private planOf(service: string): string {
    return path.join(this.folder, `${service}.plan`);
  }
}
