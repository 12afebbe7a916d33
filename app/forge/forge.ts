// What a hosting service can do for a run. What none of them can do the person does on the forge's own page
// (compare-page.ts). A new forge is a file beside this one and a line in forges.ts (docs/adding-a-forge.md).

export interface PullRequestDraft {
  /** The remote's URL as git has it (https, ssh or scp-like). */
  readonly remoteUrl: string
  readonly branch: string
  /** The branch to merge into, without a remote's name; null: the forge's default. */
  readonly base: string | null
  readonly title: string
  readonly body: string
}

/** With what a forge may start a program: where, and in which environment. It never prompts. */
export interface ForgePlace {
  /** The worktree. */
  readonly directory: string
  /** The person's environment: the forge's own command line finds its login there. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends its programs. */
  readonly signal?: AbortSignal
}

export type PullRequestAnswer =
  | { readonly kind: 'opened' | 'existing'; readonly url: string }
  /** Its program is absent, not logged in, or does not serve this host: the compare page is the way. */
  | { readonly kind: 'unavailable'; readonly why: string }
  | { readonly kind: 'refused'; readonly message: string }

export interface Forge {
  /** "github": what it is called in code and logs. */
  readonly name: string
  /** Whether it is the one to try for a remote's URL. */
  serves(remoteUrl: string): boolean
  /** Opens a pull request, or finds the one that the branch has already: safe to repeat. */
  openPullRequest(place: ForgePlace, draft: PullRequestDraft): Promise<PullRequestAnswer>
}
