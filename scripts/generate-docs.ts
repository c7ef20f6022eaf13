/** Writes the reference pages: those made from doc comments, and the tables of settings and errors. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { referencePages } from './docs/reference.ts'

const docs = join(import.meta.dirname, '..', 'docs')
mkdirSync(join(docs, 'reference'), { recursive: true })
for (const [name, text] of referencePages()) writeFileSync(join(docs, 'reference', name), text)
