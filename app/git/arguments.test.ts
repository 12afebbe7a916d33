import { describe, expect, it } from 'vitest'
import { commandLine } from './arguments.ts'

describe('commandLine', () => {
  it.each([
    [['rev-list', '--count'], {}, ['rev-list', '--count', '--end-of-options', '--']],
    [['log', '-1'], { revisions: ['HEAD'] }, ['log', '-1', '--end-of-options', 'HEAD', '--']],
    [['diff'], { revisions: ['a'], paths: ['-p'] }, ['diff', '--end-of-options', 'a', '--', '-p']],
    [['rev-parse', '--git-dir'], {}, ['rev-parse', '--git-dir']],
    [['rev-parse', '--verify'], { revisions: ['-x'] }, ['rev-parse', '--verify', '--end-of-options', '-x']],
    [['status', '-z'], {}, ['status', '-z', '--']],
    [['ls-files'], { paths: ['--all'] }, ['ls-files', '--', '--all']],
    [['fetch'], { operands: ['--upload-pack=x', 'y'] }, ['fetch', '--', '--upload-pack=x', 'y']],
    [['worktree', 'add', '-bx'], { operands: ['/p', 'c'] }, ['worktree', 'add', '-bx', '--', '/p', 'c']],
    [['check-ref-format'], { operands: ['refs/heads/x'] }, ['check-ref-format', 'refs/heads/x']],
  ])('%j with %j', (args, words, line) => {
    expect(commandLine(args, words)).toEqual(line)
  })

  it('puts what every command of a kind gets right behind the subcommand', () => {
    expect(commandLine(['log', '-1'], { revisions: ['a'] }, ['--no-textconv'])).toEqual([
      'log',
      '--no-textconv',
      '-1',
      '--end-of-options',
      'a',
      '--',
    ])
  })

  it.each([
    [['log', 'HEAD'], {}],
    [['log', '--', 'x'], {}],
    [['log', '--end-of-options'], {}],
    [['rev-list', '--count'], { operands: ['HEAD'] }],
    [['rev-parse', 'HEAD'], {}],
    [['rev-parse'], { revisions: ['HEAD'] }],
    [['rev-parse', '--verify'], { revisions: ['a', 'b'] }],
    [['status'], { revisions: ['HEAD'] }],
    [['config', 'user.name'], {}],
    [['worktree', 'prune'], {}],
    [['check-ref-format'], { operands: ['--branch'] }],
    [['filter-branch'], {}],
  ])('is a bug: %j with %j', (args, words) => {
    expect(() => commandLine(args, words)).toThrow(/^git /)
  })
})
