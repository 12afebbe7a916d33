// Loaded before electron's install.js (node --import). Tells the parent process how many bytes of each download have arrived, so
// that it can show progress, tell a stalled download from a slow one, and say why one failed. Does not change the download.
const plainFetch = globalThis.fetch

globalThis.fetch = async (...request) => {
  let response
  try {
    response = await plainFetch(...request)
  } catch (error) {
    // install.js shows "fetch failed" and keeps the cause to itself.
    process.send?.({ failed: error.cause?.message ?? error.message })
    throw error
  }
  if (!response.ok || !response.body) return response
  const length = Number(response.headers.get('content-length'))
  const total = Number.isFinite(length) && length > 0 ? length : null
  let had = 0
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        had += chunk.length
        process.send?.({ had, total })
        controller.enqueue(chunk)
      },
    }),
  )
  const watched = new Response(counted, {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
  })
  Object.defineProperty(watched, 'url', { value: response.url })
  return watched
}
