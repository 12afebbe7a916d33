// What vite gives for an import that is no script.
declare module '*.css'
