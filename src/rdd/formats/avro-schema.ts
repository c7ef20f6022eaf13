/** What a schema of Avro looks like. */

/** A schema as JSON has it: the name of a primitive type, an object with `type`, or an array for a union. */
export type AvroSchema =
  | string
  | { readonly type: AvroSchema; readonly [attribute: string]: unknown }
  | readonly AvroSchema[]
