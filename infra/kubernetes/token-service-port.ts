/** Where the token service listens, inside and in front of its pods: for clients, and for metrics. */
export const TOKEN_SERVICE_PORT = 9001
export const METRICS_PORT = 9002
