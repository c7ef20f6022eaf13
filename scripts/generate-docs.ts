/** Writes the reference pages: those made from doc comments, the tables of settings and errors, and the table of parity. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { referencePages } from './docs/reference.ts'
import { parityPage } from './parity/page.ts'

const docs = join(import.meta.dirname, '..', 'docs')
mkdirSync(join(docs, 'reference'), { recursive: true })
for (const [name, text] of referencePages()) writeFileSync(join(docs, 'reference', name), text)
writeFileSync(join(docs, 'parity.md'), parityPage())
