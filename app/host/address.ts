// Where clients in other rooms find the host's socket. Only the host's room may ask the keeper's, which names both sockets.
import { socketCandidates } from '../keeper/client.ts'

/** The paths at which the host of a data directory may listen, the likeliest first. The directory need not exist. */
export const hostSocketPaths = (dataDir: string): string[] => socketCandidates(dataDir, 'host')
