/** What a checkpoint directory holds, as a text of at most 80 columns. Pure: data in, text out. */
import type { InspectedOperator, Inspection, SavedProgram } from '../../streaming/checkpoint/inspect.ts'
import type { ReceivedInput } from '../../streaming/checkpoint/inspect-received.ts'
import { grouped } from '../../ui/draw-table.ts'
import { ageText, countText, sizeText, table, timeText, wrap } from './text.ts'

const LABEL = 12
/** Batches that are named one by one. */
const MOST_BATCHES = 5

/** @param now in ms */
export function drawInspection(inspection: Inspection, now: number): string {
  const { directory, manifests, saved, damaged, received, unneeded, files, bytes } = inspection
  const parts = [wrap(directory, '', 'checkpoint ')]
  if (saved === undefined) {
    parts.push(
      '\n',
      wrap(
        'No manifest can be read, so a program that goes on from here is refused. Bring one back from a ' +
          'backup; or begin anew in another directory, or in this one with createOnError: true.',
        '',
      ),
    )
  } else parts.push(drawProgram(saved, manifests, now))
  received.forEach((input, i) => {
    parts.push(line(i === 0 ? 'received' : '', receivedText(input)))
  })
  parts.push(line('size', `${sizeText(bytes)} in ${countText(files, 'file')}${unneededText(unneeded)}`))
  if (saved !== undefined) parts.push('\n', drawOperators(saved.operators, now))
  if (damaged.length > 0) {
    parts.push(`\n${countText(damaged.length, 'damaged file')}\n`)
    for (const { file, reason, meaning } of damaged)
      parts.push(wrap(`${file}: ${reason}`, '    ', '  '), wrap(`→ ${meaning}`, '      ', '    '))
  }
  return parts.join('')
}

function line(label: string, text: string): string {
  const indent = ' '.repeat(LABEL + 2)
  return wrap(text, indent, `  ${label.padEnd(LABEL)}`)
}

function unneededText(unneeded: Inspection['unneeded']): string {
  if (unneeded.length === 0) return ''
  const bytes = unneeded.reduce((sum, file) => sum + file.bytes, 0)
  return `; ${countText(unneeded.length, 'file')} of them (${sizeText(bytes)}) not needed`
}

function drawProgram(saved: SavedProgram, manifests: readonly number[], now: number): string {
  const { writer, zeroTime, batchMs, earlier, ended, pending, inputs, log } = saved
  const by = writer === undefined ? '' : `, by process ${writer.pid} on ${writer.host}`
  return [
    line('manifests', `${manifests.toReversed().join(', ')}; started ${startsText(saved)}${by}`),
    line('zero time', `${timeText(zeroTime)} (${zeroTime} ms), batch interval ${batchMs} ms`),
    ...earlier.map(({ batchMs: then, upTo }) =>
      line('', `batches up to ${timeText(upTo)} (${upTo} ms) were of ${then} ms`),
    ),
    line('ended', `all batches up to ${timeText(ended)} (${ended} ms), ${ageText(now - ended)} ago`),
    line('waiting', pending.length === 0 ? 'no batch runs again' : pendingText(pending)),
    line(
      'log',
      `${countText(log.plans, 'plan')}, ${countText(log.commits, 'commit')}, ${sizeText(log.bytes)}`,
    ),
    ...inputs.map(({ id, since }, i) => line(i === 0 ? 'inputs' : '', `${id}, since ${timeText(since)}`)),
  ].join('')
}

/** By the number of its first manifest people recognise a process. */
function startsText({ epoch }: SavedProgram): string {
  return `with manifest ${epoch}`
}

function pendingText(pending: SavedProgram['pending']): string {
  const named = pending.slice(0, MOST_BATCHES).map(({ time }) => String(time))
  const more = pending.length > MOST_BATCHES ? ', …' : ''
  const records = pending.reduce((sum, batch) => sum + batch.records, 0)
  const counted = records === 0 ? '' : `, with ${grouped(records)} records`
  return `${countText(pending.length, 'batch', 'batches')} to run again: ${named.join(', ')}${more} ms${counted}`
}

function receivedText({ id, segments, bytes, records, waitingRecords, cut }: ReceivedInput): string {
  const waiting =
    waitingRecords === 0
      ? 'all of them in batches'
      : `${grouped(waitingRecords)} of them for the first batch after a restart`
  const ends = cut.length === 0 ? '' : `; ${countText(cut.length, 'segment')} not whole at the end`
  return (
    `${id}: ${countText(records, 'record')} in ${countText(segments, 'segment')} (${sizeText(bytes)}), ` +
    `${waiting}${ends}`
  )
}

function drawOperators(operators: readonly InspectedOperator[], now: number): string {
  if (operators.length === 0) return 'no operators with state\n'
  return table(
    [
      { head: 'operator', most: 34 },
      { head: 'parts', most: 6, isNumber: true },
      { head: 'keys', most: 13, isNumber: true },
      { head: 'size', most: 10, isNumber: true },
      { head: 'age', most: 8, isNumber: true },
    ],
    operators.map(({ id, newest, bytes }) => [
      id,
      newest === undefined ? '–' : String(newest.partitions),
      newest === undefined ? '–' : newest.keys === undefined ? '?' : grouped(newest.keys),
      sizeText(bytes),
      newest === undefined ? '–' : ageText(now - newest.time),
    ]),
    row => drawDetails(operators[row]!),
  )
}

function drawDetails({ id, kind, layout, images, version }: InspectedOperator): string {
  const settings = Object.entries(layout).map(([name, value]) =>
    typeof value === 'number' ? `${name} ${value} ms` : value === true ? name : '',
  )
  const times = images.map(({ time, isIncrement }) => `${time}${isIncrement ? '+' : ''}`)
  const saved = times.length === 0 ? 'no image yet' : `images of ${times.join(', ')} ms`
  const increments = images.some(({ isIncrement }) => isIncrement) ? ' (+ increments)' : ''
  const whole = [...id].length > 34 ? wrap(id, '    ', '  ') : ''
  const versioned = version === undefined ? [] : [`version ${version}`]
  const about = [kind, ...versioned, ...settings.filter(text => text !== '')].join(', ')
  return whole + wrap(`${about}; ${saved}${increments}`, '    ', '  ')
}
