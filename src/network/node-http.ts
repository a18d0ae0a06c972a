/**
 * Of Node's HTTP module. An import of node:http reads every one of its exports, and to read the one called WebSocket loads all
 * of undici: 65 ms and up to 14 MB (Node 24.21), of which neither a loader nor a webhook has any use.
 */
export const { get, request, STATUS_CODES } = process.getBuiltinModule('node:http')
