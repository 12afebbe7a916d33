export interface StubRequest {
  readonly kind: 'anthropic' | 'responses' | 'chat' | 'gemini'
  readonly path: string
  readonly scenario: string
  readonly prompt: string
  readonly offered: readonly string[]
  readonly body: unknown
}
export interface ModelStub {
  readonly port: number
  url(scenario?: string): string
  readonly requests: StubRequest[]
  close(): Promise<void>
}
export function startModelStub(options?: { readonly port?: number }): Promise<ModelStub>
