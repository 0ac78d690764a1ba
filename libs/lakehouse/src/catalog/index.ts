export { CatalogLog } from './catalog-log';
