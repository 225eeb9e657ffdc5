/** A point in time as the API writes it, with Django's six digits of a second. */
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z')
