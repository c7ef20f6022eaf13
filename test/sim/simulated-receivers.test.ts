/** Programs over receivers, in worlds where everything fails: what was acknowledged is never lost. */
import { runs } from '../support/runs.ts'
import { itSimulates } from '../support/simulate-all.ts'

const total = Math.ceil((runs * 4) / 3)
const part = Math.min(total, 100)

for (let first = 1; first <= total; first += part)
  itSimulates(
    'each record counts at least once, whatever happens',
    ['receiver'],
    { first, seeds: part },
    // A receiver is not asked for its plans; there are fewer simulations of them.
    {
      faultsWithout: ['source-failure', 'damaged-file'],
      circumstancesWithout: ['files were read', 'a batch could not be given up, since a sink had it'],
    },
  )
