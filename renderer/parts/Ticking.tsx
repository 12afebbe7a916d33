// A text that depends on the time, in its own component, so that the clock renders only this text.
import type { ReactNode } from 'react'
import { useNow } from './clock.ts'

export function Ticking({ children }: { children: (now: number) => ReactNode }) {
  return <>{children(useNow())}</>
}
