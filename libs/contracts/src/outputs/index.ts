/** What a contract is the source of, beside its validator: table definitions, types, its page. */
export { tableDdl, type Warehouse, WAREHOUSES, warehouseType } from './ddl';
export { contractPage } from './markdown';
export { contractTypes } from './typescript';
