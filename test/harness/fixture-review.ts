// What the fixture shows on the review page: the patch of one run, cut into files and hunks as a host would, and marks that last as
// long as the fixture. It compares nothing: the patch is made up.
import { createHash } from 'node:crypto'
import type { CommandOutput } from '../../app/contract/commands/index.ts'
import type { ChangedFile, FilePatch, Hunk } from '../../app/model/diff.ts'

/** A patch of nothing but text, as `git diff` prints it. */
export const samplePatch = `diff --git a/docs/webhooks.md b/docs/webhooks.md
index 2f3a4b5..6c7d8e9 100644
--- a/docs/webhooks.md
+++ b/docs/webhooks.md
@@ -8,7 +8,8 @@ Deliveries
 Each event is sent once to every endpoint that is
 subscribed to it.
 
-A failed delivery is dropped.
+A failed delivery is retried five times, one minute
+to six hours apart.
 
 ## Signatures
 
diff --git a/package-lock.json b/package-lock.json
index 1111111..2222222 100644
--- a/package-lock.json
+++ b/package-lock.json
@@ -1,3 +1,3 @@
 {
-  "version": "1.4.0",
+  "version": "1.5.0",
   "lockfileVersion": 3
diff --git a/src/webhooks/deliver.ts b/src/webhooks/deliver.ts
index 8d2f1c3..9e4a7b1 100644
--- a/src/webhooks/deliver.ts
+++ b/src/webhooks/deliver.ts
@@ -14,5 +14,6 @@ imports
 import { db } from "../db/client";
 import { hmac } from "./sign";
-import { log } from "../log";
+import { log, redact } from "../log";
+import { nextAttempt } from "./backoff";
 import type { WebhookEvent } from "./types";
 
@@ -41,10 +42,11 @@ export async function deliver(event: WebhookEvent): Promise<Outcome> {
 export async function deliver(event: WebhookEvent): Promise<Outcome> {
   const target = await targets.get(event.tenant);
-  const res = await fetch(target.url, { body: event.body });
-  if (!res.ok) {
-    log.warn("webhook failed", { status: res.status });
-    return "dropped";
-  }
+  const res = await send(target, event).catch(asNetworkFailure);
+  if (res.status === 410) return stop(event, "receiver is gone");
+  if (res.status >= 500 || res.status === 0) {
+    const when = nextAttempt(event.attempt, res.retryAfter);
+    if (when === null) return stop(event, lastError(res));
+  }
   await deliveries.done(event.id, res.status);
   return "delivered";
 }
@@ -72,6 +73,7 @@ async function send(target: Target, event: WebhookEvent) {
 async function send(target: Target, event: WebhookEvent) {
   const headers = {
     "content-type": "application/json",
+    "x-delivery-id": event.id,
     "x-signature": hmac(target.key, event.body),
   };
   const timer = AbortSignal.timeout(10_000);
diff --git a/src/webhooks/retry.ts b/src/webhooks/retry.ts
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/src/webhooks/retry.ts
@@ -0,0 +1,7 @@
+/** Seconds until the next attempt, or null after the last one. */
+export function nextAttempt(attempt: number, asked?: number): number | null {
+  if (attempt >= delays.length) return null;
+  return asked ?? delays[attempt]!;
+}
+
+const delays = [60, 300, 1_800, 7_200, 21_600];
`

/** A fixture's review: the patch as files, and what was marked. */
export function createReview(patch = samplePatch) {
  const reviewed = new Set<string>()
  const head = '5'.repeat(40)
  let text = patch

  const parsed = (): { file: ChangedFile; patch: FilePatch }[] =>
    text
      .split(/^(?=diff --git )/m)
      .filter((part) => part !== '')
      .map((part) => {
        const path = /^\+\+\+ b\/(.*)$/m.exec(part)![1]!
        const parts = part.split(/^(?=@@ )/m).slice(1)
        const hunks = parts.map((lines): Hunk => {
          const numbers = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(lines)!
          const changed = lines.split('\n').filter((line) => /^[+-]/.test(line))
          const id = createHash('sha256')
            .update(`${path}\n${changed.join('\n')}`)
            .digest('hex')
            .slice(0, 24)
          const count = (at: number) => Number(numbers[at] ?? 1)
          return {
            id,
            kind: 'lines',
            header: lines.split('\n', 1)[0]!,
            oldStart: count(1),
            oldLines: count(2),
            newStart: count(3),
            newLines: count(4),
            reviewed: reviewed.has(id),
            seen: true,
          }
        })
        const made = part.includes('\nnew file mode')
        const lines = part.split('\n')
        const file: ChangedFile = {
          id: path,
          path,
          oldPath: null,
          status: made ? 'added' : 'modified',
          added: lines.filter((line) => /^\+(?!\+\+ b\/)/.test(line)).length,
          deleted: lines.filter((line) => /^-(?!-- (a\/|\/dev))/.test(line)).length,
          oldMode: made ? '000000' : '100644',
          newMode: '100644',
          oldId: made ? null : '1'.repeat(40),
          newId: createHash('sha1').update(part).digest('hex'),
          kind: 'text',
          generated: path === 'package-lock.json',
          where: made ? ['untracked'] : ['committed'],
          hunks: hunks.length,
          reviewed: hunks.filter((hunk) => hunk.reviewed).length,
          unseen: 0,
        }
        return { file, patch: { id: path, path, oldPath: null, patch: part, hunks, truncated: false } }
      })

  return {
    /** Another patch: what the agent did since. */
    replace(next: string) {
      text = next
    },
    changes(): CommandOutput<'review.changes'> {
      const files = parsed().map(({ file }) => file)
      const sum = (pick: (file: ChangedFile) => number | null) =>
        files.reduce((all, file) => all + (pick(file) ?? 0), 0)
      return {
        mergeBase: '4'.repeat(40),
        head,
        signature: createHash('sha256').update(text).digest('hex'),
        files,
        truncated: false,
        totals: {
          files: files.length,
          added: sum(({ added }) => added),
          deleted: sum(({ deleted }) => deleted),
          hunks: sum(({ hunks }) => hunks),
          reviewed: sum((file) => file.reviewed),
          unseen: 0,
        },
        seenAt: null,
      }
    },
    patch(paths: readonly string[]): CommandOutput<'review.patch'> {
      return { files: parsed().flatMap(({ patch: one }) => (paths.includes(one.id) ? [one] : [])), truncated: false }
    },
    mark(marks: readonly { readonly id: string; readonly hunks?: readonly string[] }[], value: boolean) {
      for (const { id, hunks } of marks)
        for (const hunk of hunks ??
          parsed()
            .find(({ file }) => file.id === id)!
            .patch.hunks.map((one) => one.id))
          if (value) reviewed.add(hunk)
          else reviewed.delete(hunk)
      return { hunks: marks.length }
    },
    commits: (): CommandOutput<'review.commits'> => ({
      commits: [
        {
          sha: head,
          subject: 'Retry failed webhooks',
          author: 'Ada',
          at: Date.now(),
          files: 4,
          parents: 1,
          fromBase: false,
        },
      ],
      more: false,
    }),
  }
}
