// Must be imported before anything that makes a schema. The page's policy forbids making code from text, and zod would try that
// once when it makes its first object schema.
import { config } from 'zod'

config({ jitless: true })
