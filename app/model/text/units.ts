// Numbers as a person reads them, the same in the window and in the CLI: counts, sizes, durations, dates. Pure. What is unknown is
// called unknown, never zero.

/** "1 run", "3 runs"; "2 repositories" with `many` given; null is "unknown runs". */
export function counted(n: number | null, one: string, many = `${one}s`): string {
  return n === null ? `unknown ${many}` : `${n} ${n === 1 ? one : many}`
}

/** A span of time in its two largest units: "4 m 12 s", "2 d 3 h". Milliseconds in; a negative one is "0 s", none is "unknown". */
export function ageText(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return 'unknown'
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return pair(minutes, 'm', seconds % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return pair(hours, 'h', minutes % 60, 'm')
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

/** The largest unit of a span only, for narrow places: "4 m". */
export function shortAge(ms: number | null): string {
  return ageText(ms).split(' ').slice(0, 2).join(' ')
}

/** A size in steps of 1000: "1.2 GB", "412 MB". Null is "unknown", never 0. */
export function bytesText(bytes: number | null): string {
  if (bytes === null || !Number.isFinite(bytes)) return 'unknown'
  if (bytes < 1000) return `${Math.max(0, Math.round(bytes))} B`
  let value = bytes
  for (const unit of ['kB', 'MB', 'GB', 'TB', 'PB']) {
    value /= 1000
    const text = value < (unit === 'kB' || unit === 'MB' ? 10 : 100) ? value.toFixed(1) : value.toFixed(0)
    if (Number(text) < 1000 || unit === 'PB') return `${text} ${unit}`
  }
  return 'unknown'
}

/** A moment in the reader's own time zone: "29 Nov 2026, 14:04". Milliseconds since 1970. */
export function dateText(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return 'an unknown day'
  const two = (value: number) => String(value).padStart(2, '0')
  return `${date.getDate()} ${months[date.getMonth()]} ${date.getFullYear()}, ${two(date.getHours())}:${two(date.getMinutes())}`
}

/** 1st, 2nd, 3rd, 4th … */
export function ordinal(n: number): string {
  const tens = n % 100
  const suffix = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${suffix}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const pair = (a: number, aUnit: string, b: number, bUnit: string): string =>
  b === 0 ? `${a} ${aUnit}` : `${a} ${aUnit} ${b} ${bUnit}`
