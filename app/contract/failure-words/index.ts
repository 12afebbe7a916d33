// The words of every failure, one entry for each code, by subject: the table behind `sentenceOf`. It promises a message and a next
// step for each code, whatever its detail holds. It must not know where the words are shown.
import type { FailureCode } from '../../model/failure-detail.ts'
import { askedWords } from './asked.ts'
import { cleanupWords } from './cleanup.ts'
import type { WordsOf } from './facts.ts'
import { gitWords } from './git.ts'
import { machineWords } from './machine.ts'
import { publishWords } from './publish.ts'
import { runWords } from './run.ts'

/** What happened and what did not change, and what to do now, for every code. */
export const failureWords: WordsOf<FailureCode> = {
  ...askedWords,
  ...gitWords,
  ...runWords,
  ...publishWords,
  ...cleanupWords,
  ...machineWords,
}
