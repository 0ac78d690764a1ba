export { Issuer, type SigningKey, signingKey } from './issuer';
