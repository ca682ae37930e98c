/** The `Prefer` header (RFC 7240): how long a caller would wait for its job. */
export { appliedOf, longestWaitS, type Preferences, readPrefer } from '../../core/prefer.ts'
