// The words for requests that cannot be carried out.
import { run, type WordsOf } from './facts.ts'

type Code = 'bad-input' | 'not-found' | 'id-taken' | 'prompt-too-long' | 'wrong-phase' | 'unauthorised'

export const askedWords: WordsOf<Code> = {
  'bad-input': (d) => [
    `${d.text('field') ? `The ${asWords(d.text('field')!)}` : 'That'} cannot be used${d.end} ${d.unchanged}`,
    'Correct it and try again',
  ],
  'not-found': (d) => [
    `There is no ${d.text('what') ?? 'run'}${d.text('id') ? ` called ${d.text('id')}` : ' like that'}${d.end} Nothing was changed.`,
    'Check the name in the list of runs',
  ],
  'id-taken': (d) => [
    `A run called ${d.text('id') ?? 'that'} already exists. Nothing was created.`,
    d.text('suggestion') ? `Use ${d.text('suggestion')}` : 'Choose another name',
  ],
  'prompt-too-long': (d) => [
    `The prompt is ${d.number('bytes') === null ? 'too long' : `${d.size('bytes')} long`}; at most ${d.size('limit') ?? d.size('max') ?? '1.0 MB'} can be passed on. Nothing was created.`,
    'Put the text in a file in the repository and name that file in the prompt',
  ],
  'wrong-phase': (d) => [
    `${run(d)} is ${d.text('phase') ?? 'in another phase'}${d.text('wanted') ? `, and this needs it ${d.text('wanted')}` : ''}${d.end} Nothing was changed.`,
    wayFrom(d.text('phase'), d.text('wanted')),
  ],
  unauthorised: (d) => [
    `This client cannot connect: its token is missing, wrong or already used${d.end} Nothing was changed.`,
    'Run "coppice serve" and open the address it prints',
  ],
}

/** "commandLine" as a person says it: "command line"; of "change.worktreeRoot" the part that was meant. */
function asWords(field: string): string {
  const meant = field.split('.').findLast((part) => !/^\d*$/.test(part)) ?? field
  return meant.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
}

function wayFrom(phase: string | null, wanted: string | null): string {
  if (wanted === 'removed' && phase !== 'purged')
    return 'It is not in the trash, so there is nothing to restore or delete'
  switch (phase) {
    case 'queued':
    case 'preparing':
    case 'starting':
      return 'Stop it, which cancels it, or wait until it has started'
    case 'running':
      return 'Stop it first, or wait until it ends'
    case 'removed':
      return 'Restore it first'
    case 'purged':
      return 'It was deleted permanently: start a new run'
    case 'exited':
    case 'stopped':
    case 'failed':
    case 'cancelled':
    case 'interrupted':
      return 'Resume it first'
    default:
      return 'Wait until it has settled'
  }
}
