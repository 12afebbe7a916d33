// Follows the size of an element, in whole pixels, so that a flickering fraction renders nothing.
import { type RefObject, useLayoutEffect, useState } from 'react'

export function useRoom(element: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [room, setRoom] = useState({ width: 0, height: 0 })
  useLayoutEffect(() => {
    const target = element.current
    if (!target) return
    const look = () => {
      const next = { width: target.clientWidth, height: target.clientHeight }
      setRoom((last) => (last.width === next.width && last.height === next.height ? last : next))
    }
    look()
    const observer = new ResizeObserver(look)
    observer.observe(target)
    return () => observer.disconnect()
  }, [element])
  return room
}
