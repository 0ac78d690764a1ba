export { BYTES, parseQuantity } from './quantity';
