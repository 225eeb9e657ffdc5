/** Where the token service listens, inside and in front of its pods; fixed in its code. */
export const TOKEN_SERVICE_PORT = 9001
