// Imported before everything that makes a schema: the page's rules forbid making code from text, which zod would otherwise try once
// when its first object schema is made.
import { config } from 'zod'

config({ jitless: true })
