/** Where the pods listen, and the Services in front of them. */
export const TOKEN_SERVICE_PORT = 9001
/** Metrics and probes of the token service. */
export const METRICS_PORT = 9002
export const REGISTRY_PORT = 5000
/** Metrics of the registry; whoever reaches it also reaches Go's profiler. */
export const REGISTRY_METRICS_PORT = 5001
/** Where the registry's notifications go, on the loopback interface of its pod. */
export const EVENTS_PORT = 5002
