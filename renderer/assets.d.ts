// What vite provides for an import that is not a script.
declare module '*.css'
