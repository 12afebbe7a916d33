// A text that depends on the time, in a component of its own: the clock re-renders this and nothing around it.
import type { ReactNode } from 'react'
import { useNow } from './clock.ts'

export function Ticking({ children }: { children: (now: number) => ReactNode }) {
  return <>{children(useNow())}</>
}
