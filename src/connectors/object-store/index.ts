/** The public names of `kindling/connectors/object-store`. */

export { ObjectStore } from './object-store.ts'
export type {
  AzureCredentials,
  GcsCredentials,
  ObjectStoreCredentials,
  ObjectStoreOptions,
  S3Credentials,
} from './options.ts'
