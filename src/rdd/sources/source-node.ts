/** Source nodes for what contexts read: files, ranges. */

import { KindlingError } from '../../base/errors.ts'
import type { ChunkSource } from '../../data/chunk.ts'
import type { LetterPlace } from '../dead-letters/dead-letter.ts'
import { capture } from '../functions/explicit.ts'
import { makeNode, type SourceNode } from '../nodes.ts'
import { listInputFiles } from './file-listing.ts'
import { LineLocator } from './line-locator.ts'
import { LongLineSource } from './long-lines.ts'
import { type NumberRange, openRange, rangeLength, sliceRange } from './number-range.ts'
import { ObjectFileSource } from './object-file.ts'
import type { OriginFinder } from './record-origin.ts'
import { openTextSplit, splitTextFiles, type TextSplit } from './text-file.ts'
import {
  groupFiles,
  openRecordSplit,
  openWholeFiles,
  type RecordSplit,
  splitRecordFiles,
} from './whole-files.ts'

/** A source whose partitions are described by `descriptors`. */
export function sourceNode<D>(
  name: string,
  className: string,
  descriptors: readonly D[],
  open: (descriptor: D) => ChunkSource,
  isEmpty: (descriptor: D) => boolean = () => false,
  origin?: OriginFinder,
): SourceNode {
  return makeNode<SourceNode>(
    {
      origin,
      kind: 'source',
      className,
      descriptors,
      open: open as (descriptor: unknown) => ChunkSource,
      isEmpty: isEmpty as (descriptor: unknown) => boolean,
      numPartitions: descriptors.length,
      partitioner: undefined,
    },
    name,
  )
}

export function rangeNode(range: NumberRange, n: number): SourceNode {
  const parts = sliceRange(range, n)
  return sourceNode('range', 'ParallelCollectionRDD', parts, openRange, part => rangeLength(part) === 0)
}

/** How lines of text files are read. */
export interface TextFileSettings {
  readonly maxLineBytes: number
  /** Whether longer ones are passed over; `longLinesNode` has them. */
  readonly passesLong: boolean
}

export function textFileNode(path: string, minPartitions: number, settings: TextFileSettings): SourceNode {
  const splits = splitTextFiles(listInputFiles(path), minPartitions)
  const { maxLineBytes } = settings
  const longest = settings.passesLong ? maxLineBytes : Number.POSITIVE_INFINITY
  const options = settings.passesLong ? { maxLineBytes, onTooLong: () => {} } : { maxLineBytes }
  return sourceNode(
    'textFile',
    'TextFileRDD',
    splits,
    capture({ openTextSplit, options }, (split: TextSplit) => openTextSplit(split, options)),
    split => split.start === split.end,
    { describe: split => split, locate: split => new LineLocator(split as TextSplit, longest) },
  )
}

/** Letters of the lines that are longer than `maxLineBytes`, by the same partitions. */
export function longLinesNode(
  path: string,
  minPartitions: number,
  maxLineBytes: number,
  place: Omit<LetterPlace, 'partition'>,
): SourceNode {
  const splits = splitTextFiles(listInputFiles(path), minPartitions)
  return sourceNode(
    'deadLetters',
    'TextFileRDD',
    splits.map((split, partition) => ({ split, partition })),
    capture(
      { LongLineSource, place, maxLineBytes },
      ({ split, partition }: { split: TextSplit; partition: number }) =>
        new LongLineSource(split, { ...place, partition }, maxLineBytes),
    ),
    ({ split }) => split.start === split.end,
  )
}

/** `[path, contents]` for each file. */
export function wholeFilesNode(path: string, minPartitions: number, as: 'text' | 'bytes'): SourceNode {
  const groups = groupFiles(listInputFiles(path), minPartitions)
  return sourceNode(
    as === 'text' ? 'wholeTextFiles' : 'binaryFiles',
    'WholeFileRDD',
    groups,
    capture({ openWholeFiles, as }, (group: readonly string[]) => openWholeFiles(group, as)),
  )
}

export function binaryRecordsNode(path: string, recordBytes: number): SourceNode {
  checkRecordBytes(recordBytes)
  return sourceNode(
    'binaryRecords',
    'BinaryFileRDD',
    splitRecordFiles(listInputFiles(path), recordBytes),
    capture({ openRecordSplit, recordBytes }, (split: RecordSplit) => openRecordSplit(split, recordBytes)),
    split => split.start === split.end,
  )
}

/** @throws INVALID_ARGUMENT unless it is a whole number of bytes, at least 1 */
export function checkRecordBytes(recordBytes: number): void {
  if (Number.isSafeInteger(recordBytes) && recordBytes >= 1) return
  throw new KindlingError('INVALID_ARGUMENT', {
    what: 'the length of a record',
    value: recordBytes,
    expected: 'a whole number of bytes, at least 1',
  })
}

export function objectFileNode(path: string): SourceNode {
  const files = listInputFiles(path).map(file => file.path)
  return sourceNode(
    'objectFile',
    'ObjectFileRDD',
    files,
    capture({ ObjectFileSource }, (file: string) => new ObjectFileSource(file)),
  )
}
