// Limits an error to one part of the page. The rest keeps working; the part says that it failed and can be drawn again.
import { Component, type ReactNode } from 'react'
import './error-boundary.css'

interface Props {
  /** "This tile": the beginning of the sentence. */
  readonly what: string
  readonly children: ReactNode
}

export class ErrorBoundary extends Component<Props, { readonly message: string | null }> {
  override state = { message: null }

  static getDerivedStateFromError(error: unknown): { message: string } {
    return { message: error instanceof Error ? error.message : String(error) }
  }

  override render() {
    if (this.state.message === null) return this.props.children
    return (
      <div className="broken" role="alert">
        <p className="strong">{this.props.what} could not be drawn.</p>
        <p className="muted">Nothing else is affected, and the agents go on. {this.state.message}</p>
        <button type="button" className="btn" onClick={() => this.setState({ message: null })}>
          Reload this view
        </button>
      </div>
    )
  }
}
