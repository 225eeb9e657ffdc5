/** The user name with which a client says that its password is a CI token. The published token service has the same. */
export const JWT_USER_NAME = 'JWT'
