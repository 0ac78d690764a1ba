import { readPublishedOnce } from './contracts';

const [folder, index] = process.argv.slice(2);
void readPublishedOnce(folder, Number(index)).then((cost) => process.stdout.write(JSON.stringify(cost)));
